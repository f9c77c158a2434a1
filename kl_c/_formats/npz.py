"""What ``numpy.savez`` and ``numpy.savez_compressed`` write: a zip archive of .npy files.

A stored member is mapped like a file of its own. A compressed one is read as a stream, in flat
memory: forwards at the speed of inflating, backwards from its beginning again.
"""

import math
import weakref
import zipfile
import zlib
from collections.abc import Sequence
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from kl_c._errors import InputError
from kl_c._formats.arrays import ArrayFile
from kl_c._formats.npy import read_header
from kl_c._formats.rows import RowFile, describe

__all__ = ["MAGIC", "open_npz"]

MAGIC = b"PK"

# The header before a member's data (section 4.3.7 of PKWARE's APPNOTE): its fixed part, and where
# in it the lengths of name and extra field stand.
LOCAL_HEADER = 30
LOCAL_LENGTHS = slice(26, 30)

# Inflated at one time: reading much at once would hold it several times over.
PIECE = 1 << 20

_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


def open_npz(path: str, file: str, name: str | None) -> RowFile:
    """The array of that name; without one, the only array of the archive."""
    try:
        with zipfile.ZipFile(file) as archive:
            member = _member(path, archive, name)
            with archive.open(member) as stream:
                shape, fortran_order, dtype = read_header(path, cast(BinaryIO, stream))
                header = stream.tell()
    except _DAMAGED as error:
        raise InputError(f"{path}: expected a whole .npz, found: {error}") from error
    expected = header + math.prod(shape) * dtype.itemsize
    if member.file_size < expected:
        raise InputError(
            f"{path}: expected {expected} bytes for {describe(shape, dtype)}, found "
            f"{member.file_size} in the archive"
        )
    if member.compress_type == zipfile.ZIP_STORED:
        offset = _data_offset(file, member) + header
        return ArrayFile(path, file, "npz", shape, dtype, offset, fortran_order)
    if fortran_order:
        raise InputError(
            f"{path}: expected a compressed array in C order, found one in Fortran order, whose "
            "rows cannot be read one after another"
        )
    return _CompressedArray(path, file, member.filename, shape, dtype, header)


class _CompressedArray(RowFile):
    format = "npz"

    def __init__(
        self,
        path: str,
        file: str,
        member: str,
        shape: Sequence[int],
        dtype: np.dtype[Any],
        header: int,
    ) -> None:
        super().__init__(path, [file], shape, dtype)
        # Open as long as this object, so that reading on does not start over.
        archive = zipfile.ZipFile(file)
        self._stream = archive.open(member)
        weakref.finalize(self, _close, archive, self._stream)
        self._header = header

    def read(self, start: int, stop: int) -> NDArray[Any]:
        block = np.empty((stop - start, self.shape[-1]), self.dtype)
        places = block.view(np.uint8).reshape(-1)
        filled = 0
        try:
            self._stream.seek(self._header + start * self.row_bytes)
            while filled < places.size:
                piece = self._stream.read(min(PIECE, places.size - filled))
                if not piece:
                    raise EOFError(f"{filled} bytes of {places.size}")
                places[filled : filled + len(piece)] = np.frombuffer(piece, np.uint8)
                filled += len(piece)
        except _DAMAGED as error:
            raise InputError(f"{self.path}: expected a whole .npz, found: {error}") from None
        return block


def _close(*streams: Any) -> None:
    for stream in streams:
        stream.close()


def _member(path: str, archive: zipfile.ZipFile, name: str | None) -> zipfile.ZipInfo:
    members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
    listed = ", ".join(members) or "none"
    if name is None:
        if len(members) != 1:
            raise InputError(
                f"{path}: expected one array, or {path}:NAME; found the arrays {listed}"
            )
        (name,) = members
    if name not in members:
        raise InputError(f"{path}: expected an array named {name}, found {listed}")
    return members[name]


def _data_offset(file: str, member: zipfile.ZipInfo) -> int:
    """Where the bytes of a stored member begin; its local header has a length of its own."""
    with open(file, "rb") as stream:
        stream.seek(member.header_offset)
        lengths = np.frombuffer(stream.read(LOCAL_HEADER)[LOCAL_LENGTHS], "<u2")
    return member.header_offset + LOCAL_HEADER + int(lengths.sum())
