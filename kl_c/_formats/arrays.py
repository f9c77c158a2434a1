"""An array of numbers at an offset of a file: what most formats come to behind their header."""

import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kl_c._errors import InputError
from kl_c._formats.rows import BLOCK_BYTES, RowFile, describe, map_array

__all__ = ["ArrayFile"]


class ArrayFile(RowFile):
    """Mapped block by block; in Fortran order collected from blocks of columns."""

    def __init__(
        self,
        path: str,
        file: str,
        format_name: str,
        shape: Sequence[int],
        dtype: np.dtype[Any],
        offset: int,
        fortran_order: bool = False,
    ) -> None:
        super().__init__(path, [file], shape, dtype)
        self.format = format_name
        self._offset = offset
        self._fortran_order = fortran_order
        if min(shape, default=0) < 0:
            raise InputError(f"{path}: expected a shape of whole numbers, found {tuple(shape)}")
        expected, found = offset + math.prod(shape) * dtype.itemsize, os.path.getsize(file)
        if found < expected:
            raise InputError(
                f"{path}: expected {expected} bytes for {describe(shape, dtype)}, found {found} "
                "(the file is truncated)"
            )

    def read(self, start: int, stop: int) -> NDArray[Any]:
        if not self._fortran_order:
            return self._map((stop - start, self.shape[-1]), "C", start * self.row_bytes)
        # Consecutive rows lie one in each column: collect them from a few columns at a time.
        block = np.empty((stop - start, self.shape[-1]), self.dtype)
        columns = max(1, BLOCK_BYTES // max(1, self.rows * self.dtype.itemsize))
        for first in range(0, self.shape[-1], columns):
            group_shape = (*self.shape[:-1], min(columns, self.shape[-1] - first))
            group = self._map(group_shape, "F", first * self.rows * self.dtype.itemsize)
            block[:, first : first + columns] = group.reshape(self.rows, -1)[start:stop]
        return block

    def _map(self, shape: tuple[int, ...], order: Any, skip: int) -> NDArray[Any]:
        return map_array(self.path, self.files[0], self.dtype, self._offset + skip, shape, order)
