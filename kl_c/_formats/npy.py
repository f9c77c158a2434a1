"""What ``numpy.save`` writes."""

import tokenize
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy_format

from kl_c._errors import InputError
from kl_c._formats.arrays import ArrayFile
from kl_c._formats.rows import bfloat16

__all__ = ["MAGIC", "open_npy", "read_header"]

MAGIC = npy_format.MAGIC_PREFIX


def open_npy(path: str, file: str) -> ArrayFile:
    """Read the header.

    Raises
    ------
    InputError
        When the file holds no complete array of numbers.
    """
    with open(file, "rb") as stream:
        shape, fortran_order, dtype = read_header(path, stream)
        return ArrayFile(path, file, "npy", shape, dtype, stream.tell(), fortran_order)


def read_header(path: str, stream: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether in Fortran order, and dtype; the stream then stands at the data."""
    readers = {
        (1, 0): npy_format.read_array_header_1_0,
        (2, 0): npy_format.read_array_header_2_0,
    }
    try:
        version = npy_format.read_magic(stream)
        if version not in readers:  # 3.0 exists for names of fields, which no array of numbers has
            raise InputError(f"{path}: expected .npy version 1.0 or 2.0, found {version}")
        shape, fortran_order, dtype = readers[version](stream)
    except (ValueError, SyntaxError, tokenize.TokenError, RecursionError, MemoryError) as error:
        raise InputError(f"{path}: expected a .npy header, found: {error}") from error
    return shape, fortran_order, _number_type(path, dtype)


def _number_type(path: str, dtype: np.dtype[Any]) -> np.dtype[Any]:
    if dtype.hasobject or dtype.names:
        raise InputError(f"{path}: expected an array of real numbers, found dtype {dtype}")
    if dtype.str != "|V2":
        return dtype
    # numpy.save writes bfloat16 as two bytes without a name.
    return bfloat16(path, "2-byte values without one; if they are bfloat16")
