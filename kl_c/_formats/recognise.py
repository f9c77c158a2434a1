"""Which format a file is in, by its content."""

import functools
import glob
import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from kl_c._errors import InputError
from kl_c._formats import columns, llamacpp, npy, npz, safetensors, shards
from kl_c._formats.arrays import ArrayFile
from kl_c._formats.rows import RowFile, describe, regular_file_only

__all__ = ["RawLayout", "open_rows"]

RECOGNISED_BY = 16  # first bytes


class RawLayout(NamedTuple):
    """What numbers without a header are."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]


class Format(NamedTuple):
    """How a file begins, and what opens it; only a format of several arrays takes a name."""

    begins: Callable[[bytes], bool]
    open: Callable[[str, str, str | None], RowFile]


def _begins(magic: bytes) -> Callable[[bytes], bool]:
    return lambda beginning: beginning.startswith(magic)


def _one(open_file: Callable[[str, str], RowFile]) -> Callable[[str, str, str | None], RowFile]:
    def open_named(path: str, file: str, name: str | None) -> RowFile:
        if name is not None:
            raise InputError(f"{path}: expected {file} to hold arrays by name, found a single one")
        return open_file(path, file)

    return open_named


def _tensor(path: str, file: str, name: str | None) -> RowFile:
    return shards.choose(path, safetensors.read_tensors(file, file), name)


FORMATS = {
    ".npy": Format(_begins(npy.MAGIC), _one(npy.open_npy)),
    ".npz": Format(_begins(npz.MAGIC), npz.open_npz),
    "_logits_": Format(_begins(llamacpp.MAGIC), _one(llamacpp.open_logits)),
    "safetensors": Format(safetensors.is_safetensors, _tensor),
    "Parquet": Format(_begins(columns.PARQUET), columns.open_parquet),
    "Arrow": Format(_begins(columns.ARROW), columns.open_arrow),
    "index of shards": Format(_begins(b"{"), shards.open_index),
}


def open_rows(path: str, raw: RawLayout | None = None) -> RowFile:
    """Open a file of rows.

    Parameters
    ----------
    path : str
        A file; ``FILE:NAME`` for one array of several; a pattern such as ``dump-*.safetensors``
        for rows that go on from file to file.
    raw : RawLayout, optional
        How to read a file that is in none of the formats.

    Raises
    ------
    InputError
        When it cannot be read, is in no known format, or is damaged. The text begins with the path.
    """
    for file, name in _splits(path):
        if os.path.lexists(file):
            return _open(path, file, name, raw)
        files = glob.glob(file)
        if files:
            open_one = functools.partial(_open_member, name=name, raw=raw)
            return shards.open_several(path, files, open_one)
    return _open(path, path, None, raw)  # says why it cannot be read


def _splits(path: str) -> Iterator[tuple[str, str | None]]:
    """The path as a whole, then cut in two at each colon: names may hold colons too."""
    yield path, None
    for place, character in enumerate(path):
        if character == ":":
            yield path[:place], path[place + 1 :]


def _open_member(file: str, name: str | None, raw: RawLayout | None) -> RowFile:
    return _open(file if name is None else f"{file}:{name}", file, name, raw)


def _open(path: str, file: str, name: str | None, raw: RawLayout | None) -> RowFile:
    try:
        with open(file, "rb", opener=regular_file_only) as stream:
            beginning = stream.read(RECOGNISED_BY)
            size = os.fstat(stream.fileno()).st_size
        for known in FORMATS.values():
            if known.begins(beginning):
                return known.open(path, file, name)
    except OSError as error:
        place = path if error.filename in (None, file) else error.filename  # or a shard's
        raise InputError(f"{place}: expected a file of rows, found: {error.strerror}") from error
    if raw is not None and name is None:
        return _open_raw(path, file, size, raw)
    raise InputError(
        f"{path}: expected a file of rows ({', '.join(FORMATS)}; or --dtype and --shape), found "
        + (f"a file that begins with {beginning!r}" if beginning else "an empty file")
    )


def _open_raw(path: str, file: str, size: int, raw: RawLayout) -> RowFile:
    array = ArrayFile(path, file, "raw", raw.shape, raw.dtype, 0)
    expected = array.rows * array.row_bytes
    if size > expected:
        raise InputError(
            f"{path}: expected {expected} bytes for {describe(raw.shape, raw.dtype)}, found {size}"
        )
    return array
