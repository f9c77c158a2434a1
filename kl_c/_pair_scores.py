"""Scores of all pairs of two sets of rows, one block of the matrix at a time, by the row kernels.

Design note. A call of a row kernel goes through the rows of its first argument, for each through
those of the second. So a call gets few rows of the second, which stay in the second cache while
any number of rows of the first comes by; each of these is read from memory once per call, and from
the first cache after that. Nothing is copied, and threads split the rows of the first.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

import kl_c
from kl_c import _kernels
from kl_c._row_sets import DenseRows

__all__ = [
    "BlockScores",
    "Keywords",
    "Measure",
    "RowScores",
    "Swapped",
    "measure_of",
    "only_of_the_measure",
]

TILE_BYTES = 128 << 10  # of the second rows: half of a small second cache
REVERSE = "reverse_kl"
# Two pairs of distributions. A measure that gives both the same either way round does so for all,
# unless it was made to deceive.
PROBES = (([0.5, 0.3, 0.15, 0.05], [0.1, 0.22, 0.27, 0.41]), ([0.9, 0.06, 0.04], [0.2, 0.7, 0.1]))


class Keywords(NamedTuple):
    """What the caller asks of the measure; only what differs from these is passed on."""

    form: Any = "probs"
    base: float | None = None
    eps: float | None = None
    temperature: float = 1.0
    invalid: str = "raise"
    workers: int | None = None

    def given(self, *but: str) -> dict[str, Any]:
        """Those that are not the default, without some."""
        defaults = self._field_defaults
        return {
            name: value
            for name, value in self._asdict().items()
            if name not in but and (value is not defaults[name] and value != defaults[name])
        }

    def forms(self) -> tuple[Any, Any]:
        """The form of the first rows and that of the second."""
        if isinstance(self.form, (tuple, list)) and len(self.form) == 2:
            return self.form[0], self.form[1]
        return self.form, self.form


class Measure(NamedTuple):
    """A function of two distributions, and which argument is whose."""

    name: str
    function: Callable[..., Any]
    is_listed: bool  # one of the library, which takes ``out``, forms and checks
    is_reversed: bool = False


def measure_of(measure: Any) -> Measure:
    """The measure that a name or a function stands for, or an error that lists them."""
    pairs = [name for name, kind in _kernels.MEASURES.items() if kind == "pair"]
    if measure == REVERSE:
        return Measure("kl_divergence", kl_c.kl_divergence, True, True)
    for name in pairs:
        if measure == name or measure is getattr(kl_c, name):
            return Measure(name, getattr(kl_c, name), True)
    name = getattr(measure, "__name__", str(measure))
    if callable(measure) and name not in _kernels.MEASURES:
        return Measure(f"function {name}", measure, False)
    raise ValueError(
        f"measure must be a function of two distributions or one of "
        f"{', '.join(map(repr, [*pairs, REVERSE]))}, got {name!r}"
    )


def only_of_the_measure(parameters: dict[str, Any]) -> None:
    """Refuse keywords of arrays of any layout, where outcomes lie along the last of two axes."""
    for name in ("axis", "keepdims"):
        if name in parameters:
            raise TypeError(
                f"{name} is not taken: rows lie along the first axis, outcomes along the last"
            )


def is_symmetric(measure: Measure, parameters: dict[str, Any]) -> bool:
    """Whether the measure gives the same with its arguments exchanged, for these parameters."""
    if not measure.is_listed:
        return False
    for p, q in PROBES:
        there, back = measure.function(p, q, **parameters), measure.function(q, p, **parameters)
        if not (0 < there < np.inf and abs(there - back) <= 1e-13 * there):
            return False
    return True


class BlockScores(Protocol):
    """What fills blocks of the matrix of scores."""

    def fill(self, rows: slice, columns: slice, out: NDArray[Any]) -> None: ...


class Swapped:
    """The scores of (q, p) as those of (p, q)."""

    def __init__(self, scores: BlockScores) -> None:
        self._scores = scores

    def fill(self, rows: slice, columns: slice, out: NDArray[Any]) -> None:
        self._scores.fill(columns, rows, out.T)


class RowScores:
    """By the row kernel of the measure; bit for bit what a call for each pair gives."""

    def __init__(
        self,
        measure: Measure,
        first: DenseRows,
        second: DenseRows,
        keywords: Keywords,
        parameters: dict[str, Any],
    ) -> None:
        self._measure, self._first, self._second = measure, first, second
        self._given = {**keywords.given(), **parameters}
        row_bytes = second.outcomes * second.values.dtype.itemsize
        self._columns = max(1, TILE_BYTES // max(1, row_bytes))

    def fill(self, rows: slice, columns: slice, out: NDArray[Any]) -> None:
        p = self._first[rows][:, None]
        for start in range(columns.start, columns.stop, self._columns):
            stop = min(columns.stop, start + self._columns)
            target = out[:, start - columns.start : stop - columns.start]
            self._score(p, self._second[start:stop][None], target)

    def correct(
        self, rows: slice, columns: slice, left: NDArray[np.bool_], out: NDArray[Any]
    ) -> None:
        """Score the pairs of a block that another way left over."""
        number = np.count_nonzero(left)
        if number > left.size // 4:
            self.fill(rows, columns, out)
        elif number:
            i, j = np.nonzero(left)
            out[i, j] = self._pairs(i + rows.start, j + columns.start)

    def _pairs(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.float64]:
        """Single pairs, gathered a few at a time."""
        out = np.empty(len(rows))
        size = max(1, (8 * TILE_BYTES) // (8 * self._first.outcomes))
        for start in range(0, len(rows), size):
            some = slice(start, start + size)
            self._score(self._first[rows[some]], self._second[columns[some]], out[some])
        return out

    def _score(self, p: Any, q: Any, out: NDArray[Any]) -> None:
        if self._measure.is_listed:
            self._measure.function(p, q, out=out, **self._given)
            return
        scores = np.asarray(self._measure.function(p, q, **self._given))
        if scores.shape != out.shape:
            raise ValueError(
                f"{self._measure.name} must score rows along the last axis and broadcast the "
                f"others: expected scores of the shape {out.shape}, got {scores.shape}"
            )
        out[...] = scores
