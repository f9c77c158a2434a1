"""Counting two columns of labels: how often each pair of them occurs.

Whole numbers of a small range are their own codes, and `numpy.bincount` counts x * ny + y block by
block, in the cache. Anything else is first coded by `numpy.unique`. A table that would be larger
than the columns themselves is not made: then the pairs that occur are sorted and counted.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Cells", "ContingencyTable", "contingency_table", "counted"]

Integers = NDArray[np.int64]

BLOCK = 1 << 16  # labels counted at one time: their codes stay in the cache
SMALL = 1 << 20  # cells of a table that is made however few labels there are
LARGEST = 1 << 30  # cells of a table that is made at all: 8 GB


class ContingencyTable(NamedTuple):
    """How often each pair of labels occurs, and which labels its rows and columns are."""

    counts: Integers
    x: NDArray[Any]
    y: NDArray[Any]


class Cells(NamedTuple):
    """The pairs that occur: the codes of their labels, their counts, how many labels there are."""

    x: Integers
    y: Integers
    counts: Integers
    shape: tuple[int, int]


class Column(NamedTuple):
    """Labels as codes 0 ... size - 1: whole numbers less the lowest, or places in `values`."""

    labels: NDArray[Any]
    low: NDArray[Any]  # 0-D: arrays wrap around where numbers raise
    size: int
    values: NDArray[Any] | None  # None where the codes are the labels themselves

    def codes(self, part: slice) -> Integers:
        found: Integers = self.labels[part].astype(np.int64)
        found -= self.low
        return found

    def named(self, codes: Integers) -> NDArray[Any]:
        """The labels that have these codes."""
        if self.values is not None:
            return self.values[codes]
        named: NDArray[Any] = (codes + self.low).astype(self.labels.dtype)
        return named

    def compact(self) -> "Column":
        """The same labels without codes that do not occur."""
        if self.values is not None:
            return self
        codes = self.codes(slice(None))
        occurs = np.bincount(codes, minlength=self.size) > 0
        place = np.cumsum(occurs) - 1
        values = self.named(np.flatnonzero(occurs))
        return Column(place[codes], np.asarray(0), len(values), values)


def contingency_table(x: ArrayLike, y: ArrayLike) -> ContingencyTable:
    """Count how often each pair of labels occurs in two columns.

    Parameters
    ----------
    x, y : array_like
        One label per row: whole numbers, strings, anything that `numpy.unique` orders.

    Returns
    -------
    ContingencyTable
        ``counts``, an array of int64 with one row for each label of x and one column for each of
        y, and these labels in their order, ``x`` and ``y``. Every label occurs.

    Raises
    ------
    ValueError
        If the columns differ in length or are empty, a label is missing (NaN, NaT), or the table
        would have more than 2**30 cells.
    TypeError
        If labels cannot be ordered.

    See Also
    --------
    mutual_information : takes columns as ``labels=(x, y)``, and then no table of any size is made.

    Notes
    -----
    Whole numbers of a small range cost a few passes of `numpy.bincount`; other labels are sorted.
    scikit-learn's ``contingency_matrix`` gives the same counts, SciPy's ``crosstab`` them and the
    labels.

    Examples
    --------
    >>> table = kl_c.contingency_table(["a", "b", "a", "b"], [1, 1, 3, 1])
    >>> table.counts
    array([[1, 1],
           [2, 0]])
    >>> table.x.tolist(), table.y.tolist()
    (['a', 'b'], [1, 3])
    """
    columns = _columns(x, y)
    if not _fits(*columns):
        columns = columns[0].compact(), columns[1].compact()
        cells = columns[0].size * columns[1].size
        if cells > LARGEST:
            raise ValueError(
                f"a table of {columns[0].size} x {columns[1].size} labels takes {8 * cells:.3g} "
                "bytes; expected at most 2**30 cells (labels=(x, y) makes no table)"
            )
    return _table(*columns)


def counted(x: ArrayLike, y: ArrayLike) -> Integers | Cells:
    """The table of two columns, or where it would be larger than these the pairs that occur."""
    columns = _columns(x, y)
    if not _fits(*columns):
        columns = columns[0].compact(), columns[1].compact()
        if not _fits(*columns):
            return _cells(*columns)
    return _table(*columns).counts


def _fits(x: Column, y: Column) -> bool:
    return x.size * y.size <= max(SMALL, len(x.labels))


def _table(x: Column, y: Column) -> ContingencyTable:
    cells = x.size * y.size
    block = max(BLOCK, cells)  # adding up the tables must not cost more than counting
    counts = np.bincount(_pairs(x, y, slice(block)), minlength=cells)
    for start in range(block, len(x.labels), block):
        counts += np.bincount(_pairs(x, y, slice(start, start + block)), minlength=cells)
    table = counts.reshape(x.size, y.size)
    in_x, in_y = (np.flatnonzero(table.any(axis)) for axis in (1, 0))
    if len(in_x) < x.size or len(in_y) < y.size:
        table = table[np.ix_(in_x, in_y)]
    return ContingencyTable(table, x.named(in_x), y.named(in_y))


def _pairs(x: Column, y: Column, part: slice) -> Integers:
    """One code for each pair of labels."""
    codes = x.codes(part)
    codes *= y.size
    codes += y.codes(part)
    return codes


def _cells(x: Column, y: Column) -> Cells:
    pairs, counts = np.unique(_pairs(x, y, slice(None)), return_counts=True)
    return Cells(*np.divmod(pairs, y.size), counts, (x.size, y.size))


def _columns(x: ArrayLike, y: ArrayLike) -> tuple[Column, Column]:
    arrays = _labels("x", x), _labels("y", y)
    shapes = arrays[0].shape, arrays[1].shape
    if shapes[0] != shapes[1] or len(shapes[0]) != 1:
        raise ValueError(
            f"x and y must be two columns of one length, got shapes {shapes[0]} and {shapes[1]}"
        )
    if shapes[0] == (0,):
        raise ValueError("x and y hold no labels; expected at least one row")
    return _coded("x", arrays[0]), _coded("y", arrays[1])


def _labels(name: str, labels: ArrayLike) -> NDArray[Any]:
    if isinstance(labels, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array, whose mask would be ignored; drop these rows")
    return np.asarray(labels)


def _coded(name: str, labels: NDArray[Any]) -> Column:
    if labels.dtype.kind in "biu":
        low, high = labels.min(), labels.max()
        size = int(high) - int(low) + 1
        if size <= max(BLOCK, len(labels)):
            return Column(labels, np.asarray(low).astype(np.int64), size, None)
    _refuse_missing(name, labels)
    try:
        values, places = np.unique(labels, return_inverse=True)
    except TypeError as error:
        raise TypeError(f"{name} holds labels that cannot be ordered: {error}") from None
    return Column(places, np.asarray(0), len(values), values)


def _refuse_missing(name: str, labels: NDArray[Any]) -> None:
    """NaN and NaT are no labels: whether two of them are the same nobody knows."""
    if labels.dtype.kind not in "fcmMO":
        return
    try:
        missing = np.asarray(labels != labels, bool)
    except TypeError:  # as of pandas.NA, which is neither equal to itself nor not
        missing = np.array([type(label).__name__ == "NAType" for label in labels])
    if missing.any():
        row = int(missing.argmax())
        raise ValueError(
            f"row {row} of {name} holds {labels[row]} ({missing.sum()} in all); expected a label "
            "in every row"
        )
