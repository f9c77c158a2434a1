"""The safetensors format: 8 bytes with the length of a JSON header, the header, the data.

Design note. The header is parsed here and not by the safetensors library: tensors are then mapped
block by block like any other array (the library copies every slice that it gives to NumPy), a
damaged file is told by what was expected and found, and the program needs no further package. The
rules are those of the format's description, https://github.com/huggingface/safetensors: names are
unique, the data are covered without holes or overlap, numbers are little-endian and in C order.
"""

import json
import math
import os
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from kl_c._errors import InputError
from kl_c._formats.arrays import ArrayFile
from kl_c._formats.rows import bfloat16

__all__ = ["DTYPES", "LENGTH_BYTES", "is_safetensors", "read_tensors"]

LENGTH_BYTES = 8
LARGEST_HEADER = 100_000_000  # bytes, the library's own limit

# The format's name of each dtype; BF16 is not NumPy's.
DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "|u1",
    "BOOL": "|b1",
    "BF16": "bfloat16",
}


class Tensor(NamedTuple):
    """One entry of the header."""

    dtype: str
    shape: list[int]
    begin: int  # from the end of the header
    end: int


def is_safetensors(beginning: bytes) -> bool:
    """Whether these first bytes can be a length and the brace that opens the header."""
    length = int.from_bytes(beginning[:LENGTH_BYTES], "little")
    return 1 < length <= LARGEST_HEADER and beginning[LENGTH_BYTES : LENGTH_BYTES + 1] == b"{"


def read_tensors(path: str, file: str) -> dict[str, Callable[[], ArrayFile]]:
    """What opens each tensor of the file, by its name.

    Raises
    ------
    InputError
        When the file is no whole safetensors file.
    """
    with open(file, "rb") as stream:
        length = int.from_bytes(stream.read(LENGTH_BYTES), "little")
        text = stream.read(length)
    if len(text) < length:
        raise InputError(
            f"{path}: expected a safetensors header of {length} bytes, found {len(text)} (the file "
            "is truncated)"
        )
    data = LENGTH_BYTES + length
    tensors = _entries(path, text)
    _check_cover(path, tensors, data, os.path.getsize(file))
    several = len(tensors) > 1
    return {
        name: partial(_open, f"{path}:{name}" if several else path, file, tensor, data)
        for name, tensor in tensors.items()
    }


def _open(path: str, file: str, tensor: Tensor, data: int) -> ArrayFile:
    if tensor.dtype not in DTYPES:  # smaller types come with scales
        raise InputError(f"{path}: expected one of {', '.join(DTYPES)}, found {tensor.dtype}")
    if tensor.dtype == "BF16":
        dtype = bfloat16(path, tensor.dtype)
    else:
        dtype = np.dtype(DTYPES[tensor.dtype])
    expected, found = math.prod(tensor.shape) * dtype.itemsize, tensor.end - tensor.begin
    if found != expected:
        raise InputError(
            f"{path}: expected {expected} bytes for {tensor.dtype} of shape {tensor.shape}, found "
            f"{found}"
        )
    return ArrayFile(path, file, "safetensors", tensor.shape, dtype, data + tensor.begin)


def _entries(path: str, text: bytes) -> dict[str, Tensor]:
    try:
        header = json.loads(text, object_pairs_hook=_unique)
        header.pop("__metadata__", None)
        return {name: _entry(entry) for name, entry in header.items()}
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise InputError(f"{path}: expected a safetensors header, found: {error}") from error


def _entry(entry: dict[str, Any]) -> Tensor:
    begin, end = entry["data_offsets"]
    tensor = Tensor(entry["dtype"], list(entry["shape"]), begin, end)
    for number in (*tensor.shape, begin, end):
        if type(number) is not int or number < 0:
            raise ValueError(f"{number!r} for a size or an offset")
    return tensor


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError("a name that stands there twice")
    return dict(pairs)


def _check_cover(path: str, tensors: dict[str, Tensor], data: int, size: int) -> None:
    """The tensors lie one behind the other and end where the file ends."""
    place, before = 0, "the header"
    for name, tensor in sorted(tensors.items(), key=lambda item: (item[1].begin, item[1].end)):
        if tensor.begin != place or tensor.end < tensor.begin:
            word = "overlap" if tensor.begin < place else "leave a hole"
            raise InputError(
                f"{path}: expected the data of {name} to begin at byte {place} of the data, found "
                f"{tensor.begin} to {tensor.end} ({before} and {name} {word})"
            )
        place, before = tensor.end, name
    if data + place != size:
        word = "truncated" if size < data + place else "longer than its header says"
        raise InputError(
            f"{path}: expected {data + place} bytes, found {size} (the file is {word})"
        )
