"""Rows written block by block: a header where the format has one, then the numbers."""

import json
import math
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from kl_c._formats.safetensors import DTYPES, LENGTH_BYTES

__all__ = ["ArrayWriter", "begin_npy", "begin_safetensors"]

ALIGNED = 8  # bytes, where the format wants the data of safetensors to begin


class ArrayWriter:
    """Appends the numbers of blocks, little-endian and in C order."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, block: NDArray[Any]) -> None:
        numbers = np.ascontiguousarray(block, block.dtype.newbyteorder("<"))
        self._file.write(numbers.view(np.uint8).data)


def begin_npy(file: BinaryIO, shape: Sequence[int], dtype: np.dtype[Any]) -> ArrayWriter:
    """Write the header of ``numpy.save``; bfloat16 is two bytes without a name there."""
    little = dtype.newbyteorder("<")
    descr = "|V2" if dtype.name == "bfloat16" else npy_format.dtype_to_descr(little)
    header = {"descr": descr, "fortran_order": False, "shape": tuple(shape)}
    npy_format.write_array_header_1_0(file, header)
    return ArrayWriter(file)


def begin_safetensors(
    file: BinaryIO, name: str, shape: Sequence[int], dtype: np.dtype[Any]
) -> ArrayWriter:
    """Write the header of a file with one tensor."""
    little = "bfloat16" if dtype.name == "bfloat16" else dtype.newbyteorder("<").str
    names = {numpy_name: name for name, numpy_name in DTYPES.items()}  # all that are rows
    end = math.prod(shape) * dtype.itemsize
    entry = {"dtype": names[little], "shape": list(shape), "data_offsets": [0, end]}
    header = json.dumps({name: entry}, separators=(",", ":")).encode()
    header += b" " * (-len(header) % ALIGNED)
    file.write(len(header).to_bytes(LENGTH_BYTES, "little") + header)
    return ArrayWriter(file)
