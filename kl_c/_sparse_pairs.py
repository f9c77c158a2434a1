"""Rows of which only the outcomes that occur are stored (CSR), and the scores of their pairs.

Design note. No formula stands here. An outcome that neither row holds adds nothing to any measure,
so a pair is scored by the row kernel over the outcomes that either holds. For one row p and some
rows q these are laid out as q's own outcomes, with p read there from a scratch row of V numbers,
followed by p's own, in which those already taken are set to 0. That takes one look per non-zero,
and no sorting or merging; absent outcomes meet the floor as zeros, as they do in dense rows.
"""

import re
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kl_c import _kernels
from kl_c._pair_scores import Keywords, Measure
from kl_c._row_sets import BLOCK_BYTES

__all__ = ["Piece", "SparseRows", "SparseScores", "is_sparse"]

TILE = 1 << 16  # numbers of each row set that are laid out at one time: half a MiB
CHECKED = 1 << 17  # stored numbers that are looked at at one time


def is_sparse(values: Any) -> bool:
    """A SciPy array or matrix in CSR, or (data, indices, indptr, shape) with data an array."""
    if isinstance(values, tuple) and len(values) == 4:
        return isinstance(values[0], np.ndarray) and isinstance(values[3], tuple)
    # In this order: arrays of some dtypes raise when they are asked for their data.
    names = ("indptr", "indices", "data", "shape")
    return hasattr(values, "tocsr") or all(hasattr(values, name) for name in names)


class Piece(NamedTuple):
    """Some rows side by side, filled up with 0 to the length of the longest."""

    values: NDArray[Any]
    outcomes: NDArray[np.intp]  # as many as there are outcomes where a row is filled up


class SparseRows:
    """Rows in CSR, with each row's outcomes in rising order.

    Parameters
    ----------
    values : sparse array or tuple
        What ``is_sparse`` takes.
    name : {"X", "Y"}
        What the caller calls them, for errors.
    form : {"probs", "counts"}
        How they are given.
    """

    row_bytes = BLOCK_BYTES // 256  # so that a block of scores has 256 x 256, which is 512 KiB

    def __init__(self, values: Any, name: Literal["X", "Y"], form: Any) -> None:
        self.name, self.form = name, form
        if form not in ("probs", "counts"):
            raise ValueError(
                f"sparse rows are of form 'probs' or 'counts', in which an absent outcome is 0, "
                f"got {form!r} for {name}"
            )
        if getattr(values, "format", "csr") != "csr":
            raise TypeError(
                f"{name} is a sparse array of format {values.format!r}; pass {name}.tocsr()"
            )
        if not isinstance(values, tuple):
            values = values.data, values.indices, values.indptr, values.shape
        self._data, self._indices, self._indptr = (np.asarray(x) for x in values[:3])
        shape = values[3]
        if len(shape) != 2:
            raise ValueError(f"{name} must be rows by outcomes, of 2 axes, got the shape {shape}")
        self.count, self.outcomes = int(shape[0]), int(shape[1])
        self.is_narrow = self._data.dtype in (np.float32, np.float16)
        self._check_arrays()
        for rows in self.cuts(slice(0, self.count), 1, CHECKED):
            self._check_outcomes(rows)

    def arrays(self) -> list[NDArray[Any]]:
        """The memory that they lie in."""
        return [self._data, self._indices, self._indptr]

    def cuts(self, rows: slice, more: int, numbers: int = TILE) -> Iterator[slice]:
        """Cut rows so that a piece, ``more`` wider than its longest row, has so many numbers."""
        lengths = np.diff(self._indptr[rows.start : rows.stop + 1])
        start, widest = rows.start, 0
        for row, length in enumerate(lengths.tolist(), rows.start):
            widest = max(widest, length)
            if row > start and (row + 1 - start) * (widest + more) > numbers:
                yield slice(start, row)
                start, widest = row, length
        if start < rows.stop:
            yield slice(start, rows.stop)

    def piece(self, rows: slice) -> Piece:
        ends = self._indptr[rows.start : rows.stop + 1].astype(np.intp)
        lengths = np.diff(ends)
        shape = len(lengths), max(1, int(lengths.max(initial=0)))
        stored = np.arange(shape[1]) < lengths[:, None]
        values = np.zeros(shape, self._data.dtype)
        outcomes = np.full(shape, self.outcomes, np.intp)
        values[stored] = self._data[ends[0] : ends[-1]]
        outcomes[stored] = self._indices[ends[0] : ends[-1]]
        return Piece(values, outcomes)

    def row(self, row: int) -> tuple[NDArray[np.float64], NDArray[Any]]:
        """What a row stores, and of which outcomes."""
        stored = slice(int(self._indptr[row]), int(self._indptr[row + 1]))
        return self._data[stored].astype(np.float64), self._indices[stored]

    def invalid_rows(self) -> NDArray[np.bool_]:
        """Which rows break a rule of their form."""
        codes = np.zeros(self.count, np.uint8)
        for rows in self.cuts(slice(0, self.count), 1, CHECKED):
            codes[rows] = _kernels.check_rows(self.piece(rows).values, form=self.form)
        return np.asarray(codes != 0)

    def blame(self, invalid: NDArray[np.bool_]) -> None:
        """Raise for the lowest of the rows that break a rule, if there are any."""
        if not invalid.any():
            return
        row = int(invalid.argmax())
        values, outcomes = self.piece(slice(row, row + 1))
        try:
            _kernels.entropy(values[0], form=self.form)
        except _kernels.InvalidRowsError as error:
            reason = re.sub(
                r"(?<=at outcome )\d+", lambda x: str(outcomes[0, int(x.group())]), error.reason
            )
            raise _kernels.InvalidRowsError(self.name, row, int(invalid.sum()), reason) from None

    def _check_arrays(self) -> None:
        name, data, indices, indptr = self.name, self._data, self._indices, self._indptr
        if self.outcomes == 0:
            raise ValueError(f"{name} has 0 outcomes, its shape is {(self.count, 0)}")
        for what, array in (("indices", indices), ("indptr", indptr)):
            if array.ndim != 1 or array.dtype.kind not in "iu":
                raise TypeError(
                    f"{what} of {name} must be integers along one axis, got {array.dtype} of the "
                    f"shape {array.shape}"
                )
        if data.ndim != 1 or data.shape != indices.shape:
            raise ValueError(
                f"data and indices of {name} must be as long as each other, along one axis, got "
                f"the shapes {data.shape} and {indices.shape}"
            )
        if data.dtype.kind not in "fiub" or data.dtype.itemsize > 8:
            raise TypeError(f"data of {name} has dtype {data.dtype}; expected a real number type")
        if indptr.shape != (self.count + 1,) or indptr[0] != 0 or indptr[-1] != len(data):
            raise ValueError(
                f"indptr of {name} must go from 0 to {len(data)}, the numbers stored, in "
                f"{self.count + 1} entries for {self.count} rows, got {len(indptr)} entries"
                + (f" from {indptr[0]} to {indptr[-1]}" if len(indptr) else "")
            )
        falls = indptr[1:] < indptr[:-1]
        if falls.any():
            row = int(falls.argmax())
            raise ValueError(
                f"indptr of {name} must not decrease, got {indptr[row]} and then "
                f"{indptr[row + 1]} for row {row}"
            )

    def _check_outcomes(self, rows: slice) -> None:
        first, last = int(self._indptr[rows.start]), int(self._indptr[rows.stop])
        outcomes = self._indices[first:last]
        far = (outcomes < 0) | (outcomes >= self.outcomes)
        if far.any():
            at = int(far.argmax())
            raise ValueError(
                f"row {self._row_of(first + at)} of {self.name} has an outcome out of range: "
                f"expected 0 ... {self.outcomes - 1}, got {outcomes[at]}"
            )
        falls = outcomes[1:] <= outcomes[:-1]
        starts = self._indptr[rows.start + 1 : rows.stop] - first
        falls[starts[(starts > 0) & (starts < len(outcomes))] - 1] = False
        if falls.any():
            at = int(falls.argmax())
            row = self._row_of(first + at)
            if outcomes[at] == outcomes[at + 1]:
                raise ValueError(
                    f"row {row} of {self.name} holds outcome {outcomes[at]} twice; add them up by "
                    f"{self.name}.sum_duplicates()"
                )
            raise ValueError(
                f"row {row} of {self.name} holds outcome {outcomes[at + 1]} after {outcomes[at]}; "
                f"sort them by {self.name}.sum_duplicates(), which adds up those that stand twice"
            )

    def _row_of(self, place: int) -> int:
        return int(np.searchsorted(self._indptr, place, "right")) - 1


class SparseScores:
    """Fills blocks of the matrix by the row kernel, over the outcomes that either row holds."""

    def __init__(
        self,
        measure: Measure,
        first: SparseRows,
        second: SparseRows,
        keywords: Keywords,
        parameters: dict[str, Any],
    ) -> None:
        self._measure, self._first, self._second = measure, first, second
        self._given = {**keywords.given("form", "invalid"), **parameters}

    def fill(self, rows: slice, columns: slice, out: NDArray[Any]) -> None:
        firsts = [self._first.row(row) for row in range(rows.start, rows.stop)]
        longest = max((len(values) for values, _ in firsts), default=0)
        scratch = np.zeros(self._second.outcomes + 1)
        place = np.full(self._second.outcomes + 1, -1, np.intp)  # -1: the spare number at the end
        for some in self._second.cuts(columns, longest + 1):
            values, outcomes = self._second.piece(some)
            length = values.shape[1]
            p = np.empty((len(values), length + longest + 1))
            q = np.zeros(p.shape)
            q[:, :length] = values
            target = out[:, some.start - columns.start : some.stop - columns.start]
            for row, (own, where) in enumerate(firsts):
                end = length + len(own) + 1
                scratch[where], place[where] = own, np.arange(len(own))
                p[:, :length] = scratch[outcomes]
                rest = p[:, length:end]
                rest[:, :-1] = own
                rest[:, -1] = 0
                np.put_along_axis(rest, place[outcomes], 0, axis=1)
                scratch[where], place[where] = 0, -1
                self.score(p[:, :end], q[:, :end], target[row])

    def score(self, p: NDArray[np.float64], q: NDArray[np.float64], out: NDArray[Any]) -> None:
        """Rows that are known to be valid, of probs or counts alike."""
        self._measure.function(p, q, form="counts", invalid="ignore", out=out, **self._given)
