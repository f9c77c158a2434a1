"""The statistics of two rows that are compared, and how a block of rows is scored.

The list itself, its order and what kind of number each is stand in the compiled module, which takes
all of them in one call.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kl_c import _kernels

__all__ = [
    "STATISTICS",
    "Columns",
    "Rows",
    "Settings",
    "Statistic",
    "held",
    "score",
    "whole_number",
]

Columns = dict[str, NDArray[Any]]


class Kind(NamedTuple):
    """How a number per row is stored, what it needs, and what rows left out hold."""

    dtype: type
    left_out: float
    needs: str | None = None


KINDS = {
    "nats": Kind(np.float64, np.nan),
    "likelihood": Kind(np.float64, np.nan, "labels"),
    "probability": Kind(np.float64, np.nan),
    "flag": Kind(np.bool_, False),
    "outcome": Kind(np.int32, -1),  # a row of 2**31 outcomes is one of 4 GB at least
    "label_change": Kind(np.float64, np.nan, "labels"),
    "list_share": Kind(np.float64, np.nan, "k"),
    "list_flag": Kind(np.bool_, False, "k"),
    "beyond": Kind(np.float64, np.nan, "outcomes"),
}


class Statistic(NamedTuple):
    """One number per row: its name and its kind in the list of the compiled module."""

    name: str
    kind: str

    @property
    def needs(self) -> str | None:
        """What it cannot be taken without: "labels", "k", "outcomes" or nothing."""
        return KINDS[self.kind].needs

    @property
    def dtype(self) -> type:
        return KINDS[self.kind].dtype

    @property
    def left_out(self) -> float:
        return KINDS[self.kind].left_out

    @property
    def has_percentiles(self) -> bool:
        """Those of a yes or no say nothing."""
        return self.dtype is np.float64

    @property
    def has_mean(self) -> bool:
        """The number of an outcome is a name."""
        return self.kind != "outcome"


STATISTICS = tuple(Statistic(*item) for item in _kernels.STATISTICS.items())


class Settings(NamedTuple):
    """The keywords of ``compare`` that act on every block."""

    form: str | tuple[str, str] = "probs"
    temperature: float = 1.0
    eps: float | None = None
    invalid: str = "raise"
    base: float | None = None
    workers: int | None = None
    k: int | None = None
    outcomes: str | int = "equal"

    def checked(self) -> "Settings":
        """The same as plain numbers, once none is out of its range.

        Raises
        ------
        ValueError, TypeError
            What the measures raise for a keyword out of its range, and for k and outcomes.
        """
        no_rows = np.empty((0, 1))
        _kernels.compare_rows(no_rows, no_rows, None, **self.of_the_kernel())
        outcomes = self.outcomes
        if isinstance(outcomes, str):
            if outcomes not in ("equal", "common"):
                raise ValueError(
                    f"outcomes must be 'equal', 'common' or a number, got {outcomes!r}"
                )
        else:
            outcomes = whole_number("outcomes", outcomes)
        # NumPy's numbers would not fit into JSON.
        return self._replace(
            temperature=float(self.temperature),
            eps=None if self.eps is None else float(self.eps),
            base=None if self.base is None else float(self.base),
            k=None if self.k is None else whole_number("k", self.k),
            outcomes=outcomes,
        )

    def of_the_kernel(self) -> dict[str, Any]:
        """The keywords that the compiled module knows by these names, whatever the block."""
        return {name: value for name, value in self._asdict().items() if name not in OF_A_BLOCK}

    def forms(self) -> dict[str, str]:
        """The form of each side."""
        p, q = (self.form, self.form) if isinstance(self.form, str) else self.form
        return {"p": p, "q": q}

    @property
    def nats(self) -> float:
        """The unit of divergences, entropies and likelihoods, in nats."""
        return 1.0 if self.base is None else math.log(self.base)

    @property
    def unit(self) -> str:
        """Its name."""
        if self.base is None:
            return "nats"
        return "bits" if self.base == 2 else f"log base {self.base:g}"


OF_A_BLOCK = ("k", "outcomes")


class Rows(NamedTuple):
    """One block of rows once it agrees in itself: rows x outcomes, twice, and what goes with it."""

    p: Any
    q: Any
    labels: NDArray[Any] | None
    masked: NDArray[np.bool_]
    groups: NDArray[np.int64] | None
    groups_by_axis: bool
    first: int  # of the outcomes, how many are scored


def held(labels: bool, settings: Settings) -> list[Statistic]:
    """The statistics that are taken with these settings, with labels or without."""
    given = {
        None: True,
        "labels": labels,
        "k": settings.k is not None,
        "outcomes": settings.outcomes != "equal",
    }
    return [statistic for statistic in STATISTICS if given[statistic.needs]]


def score(rows: Rows, settings: Settings) -> Columns:
    """One array per statistic, ``valid`` and ``masked``.

    A row that has no value in one statistic (NaN) is left out of all of them, so that every mean
    is taken over the same rows.
    """
    masked = rows.masked
    table = _kernels.compare_rows(
        rows.p,
        rows.q,
        rows.labels,
        **settings.of_the_kernel(),
        first=rows.first,
        k=settings.k,
        skip=masked if masked.any() else None,
    )
    of = dict(zip(_kernels.STATISTICS, table.T, strict=True))
    wanted = held(rows.labels is not None, settings)
    valid = np.ones(len(table), bool)
    for statistic in wanted:  # one by one: the table is the largest thing in memory
        valid &= ~np.isnan(of[statistic.name])
    columns: Columns = {}
    for statistic in wanted:
        taken = np.where(valid, of[statistic.name], statistic.left_out)
        columns[statistic.name] = taken.astype(statistic.dtype, copy=False)
    return {**columns, "valid": valid, "masked": masked}


def whole_number(name: str, value: Any) -> int:
    """The value of a keyword as a plain int, once it is a whole number above 0."""
    if isinstance(value, (bool, np.bool_)) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be an integer, got {type(value).__name__}")
    if value.__index__() < 1:
        raise ValueError(f"{name} must be at least 1, got {value}")
    return int(value.__index__())
