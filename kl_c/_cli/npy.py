"""Arrays in .npy files, read in blocks of rows, in flat memory.

Design note. Every block is mapped anew and its map dropped before the next, so that the pages of a
file count as this process's memory only while their block is scored. One map of the whole file
would grow with every page touched.
"""

import math
import os
import stat
import tokenize
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from kl_c._cli.errors import InputError

__all__ = ["NpyFile"]

# What is mapped, or for a file in Fortran order copied, at one time.
BLOCK_BYTES = 32 << 20


class NpyFile(NamedTuple):
    """What the header of a .npy file says, checked against the file."""

    path: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran_order: bool
    offset: int

    @classmethod
    def open(cls, path: str) -> Self:
        """Read the header.

        Raises
        ------
        InputError
            When the path is no regular file that can be read, or holds no complete .npy array of
            numbers.
        """
        try:
            with open(path, "rb", opener=_regular_file_only) as file:
                size = os.fstat(file.fileno()).st_size
                shape, fortran_order, dtype = _header(path, file)
                offset = file.tell()
        except OSError as error:
            raise InputError(f"{path}: expected a .npy file, found: {error.strerror}") from error
        if min(shape, default=0) < 0:
            raise InputError(f"{path}: expected a shape of whole numbers, found {shape}")
        expected = offset + math.prod(shape) * dtype.itemsize
        if size < expected:
            raise InputError(
                f"{path}: expected {expected} bytes for {describe(shape, dtype)}, found {size} "
                "(the file is truncated)"
            )
        return cls(path, shape, _number_type(path, dtype), fortran_order, offset)

    @property
    def rows(self) -> int:
        """The number of distributions."""
        return math.prod(self.shape[:-1])

    @property
    def row_bytes(self) -> int:
        return self.shape[-1] * self.dtype.itemsize

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start`` to ``stop`` of the array flattened to rows x outcomes."""
        if not self.fortran_order:
            shape = (stop - start, self.shape[-1])
            return self._map(shape, "C", start * self.row_bytes)
        # Consecutive rows lie one in each column: collect them from a few columns at a time.
        block = np.empty((stop - start, self.shape[-1]), self.dtype)
        columns = max(1, BLOCK_BYTES // max(1, self.rows * self.dtype.itemsize))
        for first in range(0, self.shape[-1], columns):
            group_shape = (*self.shape[:-1], min(columns, self.shape[-1] - first))
            group = self._map(group_shape, "F", first * self.rows * self.dtype.itemsize)
            block[:, first : first + columns] = group.reshape(self.rows, -1)[start:stop]
        return block

    def _map(self, shape: tuple[int, ...], order: Any, skip: int) -> NDArray[Any]:
        if 0 in shape:  # nothing to map
            return np.empty(shape, self.dtype)
        return np.memmap(self.path, self.dtype, "r", self.offset + skip, shape, order)

    def __str__(self) -> str:
        return f"{self.path} ({describe(self.shape, self.dtype)})"


def describe(shape: tuple[int, ...], dtype: np.dtype[Any]) -> str:
    """Shape and type as a reader says them: ``1000 x 32000 float32``."""
    return f"{' x '.join(map(str, shape)) or '0-D'} {dtype}"


def _regular_file_only(path: str, flags: int) -> int:
    # Without O_NONBLOCK opening a pipe that nobody writes to would wait for ever.
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        found = "a directory" if stat.S_ISDIR(mode) else "a pipe or device, which has no end to map"
        raise InputError(f"{path}: expected a .npy file, found {found}")
    return descriptor


def _header(path: str, file: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    magic = file.read(len(npy_format.MAGIC_PREFIX))
    if magic != npy_format.MAGIC_PREFIX:
        raise InputError(
            f"{path}: expected a .npy file, found "
            + ("an empty file" if not magic else f"a file that begins with {magic!r}")
        )
    file.seek(0)
    readers = {
        (1, 0): npy_format.read_array_header_1_0,
        (2, 0): npy_format.read_array_header_2_0,
    }
    try:
        version = npy_format.read_magic(file)
        if version not in readers:  # 3.0 exists for names of fields, which no array of numbers has
            raise InputError(f"{path}: expected .npy version 1.0 or 2.0, found {version}")
        return readers[version](file)
    except (ValueError, SyntaxError, tokenize.TokenError, RecursionError, MemoryError) as error:
        raise InputError(f"{path}: expected a .npy header, found: {error}") from error


def _number_type(path: str, dtype: np.dtype[Any]) -> np.dtype[Any]:
    if dtype.hasobject or dtype.names:
        raise InputError(f"{path}: expected an array of real numbers, found dtype {dtype}")
    if dtype.str != "|V2":
        return dtype
    # numpy.save writes bfloat16 as two bytes without a name.
    try:
        import ml_dtypes
    except ImportError:
        raise InputError(
            f"{path}: expected a dtype that NumPy knows, found 2-byte values without one; if they "
            "are bfloat16: pip install ml_dtypes"
        ) from None
    bfloat16: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
    return bfloat16
