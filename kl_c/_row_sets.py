"""A set of rows whose pairs are to be scored: any two-dimensional array, taken in blocks.

What is wrong with the rows is said before any pair is scored, with the name and the index that the
caller gave them.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kl_c import _kernels

__all__ = ["BLOCK_BYTES", "DenseRows", "slices"]

BLOCK_BYTES = 32 << 20  # of float64 made from a set of rows at one time


class DenseRows:
    """Rows by outcomes, as the row kernels read them: arrays, memory maps, tensors, lists.

    Parameters
    ----------
    values : array_like
        Rows along the first axis, outcomes along the second.
    name : {"X", "Y"}
        What the caller calls them, for errors.
    form : str
        How they are given.
    """

    def __init__(self, values: Any, name: Literal["X", "Y"], form: Any) -> None:
        with _named(name):
            self.values = values if hasattr(values, "shape") else np.asarray(values)
            if len(self.values.shape) != 2:
                raise ValueError(
                    f"{name} must be rows by outcomes, of 2 axes, got the shape "
                    f"{tuple(self.values.shape)}"
                )
            _kernels.check_rows(self.values[:1], form=form)  # dtype, outcomes, form
        self.name, self.form = name, form
        self.count, self.outcomes = map(int, self.values.shape)
        self.row_bytes = 8 * self.outcomes  # of float64 made at one time
        dtype = str(self.values.dtype).removeprefix("torch.")
        self.is_narrow = dtype in ("float32", "float16", "bfloat16")

    def __getitem__(self, rows: Any) -> Any:
        return self.values[rows]

    def arrays(self) -> list[NDArray[Any]]:
        """The memory that they lie in, as far as NumPy has it."""
        return [self.values] if isinstance(self.values, np.ndarray) else []

    def block(self, rows: slice) -> NDArray[np.float64]:
        """Some rows in float64, as they are given."""
        block: Any = self.values[rows]
        if hasattr(block, "detach"):
            block = block.double().numpy()
        return np.asarray(block, np.float64)

    def invalid_rows(self) -> NDArray[np.bool_]:
        """Which rows break a rule of their form."""
        codes = np.zeros(self.count, np.uint8)
        for rows in slices(self.count, self.outcomes * 8):
            codes[rows] = _kernels.check_rows(self.values[rows], form=self.form)
        return np.asarray(codes != 0)

    def blame(self, invalid: NDArray[np.bool_]) -> None:
        """Raise for the lowest of the rows that break a rule, if there are any."""
        if not invalid.any():
            return
        row = int(invalid.argmax())
        try:
            _kernels.entropy(self.values[row], form=self.form)
        except _kernels.InvalidRowsError as error:
            raise _kernels.InvalidRowsError(
                self.name, row, int(invalid.sum()), error.reason
            ) from None


def slices(
    count: int, row_bytes: int, limit: int = BLOCK_BYTES, most: int = 1024
) -> Iterator[slice]:
    """Cut so many rows into blocks of at most so many bytes, or of one row."""
    size = max(1, min(most, limit // max(1, row_bytes)))
    return (slice(start, min(count, start + size)) for start in range(0, count, size))


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Let errors of the kernels speak of ``name`` where they say p."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise type(error)(re.sub(r"\bp\b", name, str(error))) from None
