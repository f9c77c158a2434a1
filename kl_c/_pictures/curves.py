"""What pictures are drawn of: some numbers of each candidate, wherever they come from."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from kl_c._strata import strata_of
from kl_c._uncertainty import Groups, t_interval
from kl_c.comparison import Comparison

__all__ = ["Curve", "Point", "Run", "points_of"]

STRETCHES = 24  # of positions: enough to see a trend, few enough to have rows


class Point(NamedTuple):
    """The mean KL of some rows: from which key to which, with an interval where there is one."""

    start: float
    stop: float
    mean: float
    low: float
    high: float
    rows: int

    @classmethod
    def of(cls, part: dict[str, Any], confidence: float) -> Self:
        """Of a stratum: ``low``, ``high`` and its summary."""
        kl = part["statistics"]["kl"]
        mean = _number(kl["mean"])
        grouped = "clusters" in part
        number = part["clusters"]["count"] if grouped else kl["count"]
        error = _number(kl["clustered_error" if grouped else "standard_error"])
        try:
            found = t_interval(
                mean, error, Groups(np.empty(0, np.intp), number, grouped), confidence
            )
            low, high = found.low, found.high
        except (ImportError, ValueError):
            low = high = np.nan
        return cls(part["low"], part["high"], mean, low, high, kl["count"])


class Curve(NamedTuple):
    """One candidate, as far as is known of it."""

    name: str
    size: float | None
    mean: float
    low: float
    high: float
    kl: NDArray[np.float64] | None  # of every used row
    confidence: list[Point]
    position: list[Point]


class Run(NamedTuple):
    """What the pictures of a run have in common."""

    curves: list[Curve]
    unit: str
    unit_of_sizes: str  # as the axis calls it
    title: str = "How far each candidate is from the base"
    row: str = "row"

    @property
    def has_intervals(self) -> bool:
        return any(np.isfinite(curve.high) for curve in self.curves)


def points_of(comparison: Comparison, by: str, confidence: float) -> list[Point]:
    """The mean KL by the base's confidence or along position."""
    columns = comparison._columns()
    wanted = ("kl", "p_of_top_p", "valid", "masked", "groups")
    few = {name: columns[name] for name in wanted if name in columns}
    edges = None
    if by == "position":
        edges = _stretches(comparison)
        if edges is None:
            return []
    found = strata_of(few, comparison.settings, by, edges)
    return [
        Point.of({"low": part.low, "high": part.high, **part.summary}, confidence) for part in found
    ]


def _stretches(comparison: Comparison) -> Sequence[float] | None:
    """Edges of positions, of whole numbers and as equal as these allow."""
    columns = comparison._columns()
    if not columns["valid"].any():
        return None
    longest = columns["valid"].size
    if "groups" in columns:
        longest = int(np.unique(columns["groups"], return_counts=True)[1].max())
    edges = np.unique(np.linspace(0, longest, min(longest, STRETCHES) + 1).round())
    return edges.tolist() if edges.size > 1 else None


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)
