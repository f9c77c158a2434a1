"""How far a mean may be from the mean that more of the same data would have.

Rows come in groups (the tokens of one text) that are independent of each other, while rows of one
group need not be. A standard error is taken from the sums of the groups,

    sqrt(G / (G - 1) sum_g (sum_{i in g} (x_i - mean))^2) / n,

for G groups and n rows. With every row a group of its own this is s / sqrt(n), so that one formula
serves both. What is no mean but a function of means, such as a perplexity, has the standard error
of its influence values (the delta method): of each row's share in its first-order change.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ENOUGH",
    "FEWEST",
    "Groups",
    "Interval",
    "percentile_interval",
    "quantile",
    "t_interval",
]

FEWEST = 5  # groups: below, no error is given for them
ENOUGH = 30  # below, it is flagged

Values = NDArray[Any]


class Interval(NamedTuple):
    """An estimate with the interval that holds the truth as often as its confidence says."""

    value: float
    standard_error: float
    low: float
    high: float
    p_value: float = math.nan  # of a true value of 0


class Groups(NamedTuple):
    """Which group each row is of, as numbers from 0."""

    codes: NDArray[np.intp]
    number: int  # of groups
    given: bool  # False where every row stands for itself

    @classmethod
    def of(cls, groups: Values | None, rows: int) -> "Groups":
        """Groups as they were given for so many rows, or each row by itself."""
        if groups is None:
            return cls(np.arange(rows), rows, False)
        names, codes = np.unique(groups, return_inverse=True)
        return cls(codes, names.size, True)

    @property
    def status(self) -> str:
        """ "refused", "few" or "enough"."""
        return "refused" if self.number < FEWEST else "few" if self.number < ENOUGH else "enough"

    def standard_error(self, values: Values) -> float:
        """Of the mean of the values; NaN for fewer than two groups and beside an infinite value."""
        if self.number < 2 or not np.isfinite(values).all():
            return math.nan
        if not self.given:
            return float(values.std(ddof=1)) / math.sqrt(values.size)
        sums = np.bincount(self.codes, values - values.mean(), self.number)
        spread = self.number / (self.number - 1) * float(sums @ sums)
        return math.sqrt(spread) / values.size

    def refuse_too_few(self) -> None:
        """Raise where no interval can be had from so few groups."""
        if self.number < FEWEST:
            what = "groups" if self.given else "rows"
            raise ValueError(
                f"expected at least {FEWEST} {what} for an interval, got {self.number}"
            )


def t_interval(value: float, error: float, groups: Groups, confidence: float) -> Interval:
    """By Student's t with one degree of freedom less than there are groups; needs SciPy."""
    groups.refuse_too_few()
    _check_confidence(confidence)
    try:
        from scipy.special import stdtr, stdtrit
    except ImportError:
        raise ImportError(
            "intervals and p-values need SciPy: pip install scipy, or the extra stats"
        ) from None
    freedom = groups.number - 1
    half = float(stdtrit(freedom, (1 + confidence) / 2)) * error
    if error > 0:
        p_value = 2 * float(stdtr(freedom, -abs(value) / error))
    else:
        p_value = math.nan if math.isnan(error) else float(value == 0)
    return Interval(value, error, value - half, value + half, p_value)


def percentile_interval(
    values: Values, fraction: float, groups: Groups, confidence: float, resamples: int, seed: int
) -> Interval:
    """By the bootstrap: groups are drawn with replacement, and a percentile of each draw is taken.

    The interval is the one between percentiles of those percentiles. `seed` makes it repeatable.
    """
    groups.refuse_too_few()
    _check_confidence(confidence)
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1, got {resamples}")
    order = np.argsort(values, kind="stable")
    ordered, codes = values[order], groups.codes[order]
    rng = np.random.default_rng(seed)
    found = np.empty(resamples)
    for draw in range(resamples):
        times = np.bincount(
            rng.integers(groups.number, size=groups.number), minlength=groups.number
        )
        found[draw] = _quantile_of_repeated(ordered, np.cumsum(times[codes]), fraction)
    found.sort()
    tail = (1 - confidence) / 2
    spread = float(found.std(ddof=1)) if resamples > 1 and np.isfinite(found).all() else math.nan
    return Interval(
        quantile(ordered, fraction), spread, quantile(found, tail), quantile(found, 1 - tail)
    )


def quantile(ordered: Values, fraction: float) -> float:
    """Linear interpolation at ``fraction * (n - 1)``; ``numpy.quantile`` gives NaN beside inf."""
    if not ordered.size:
        return math.nan
    place = fraction * (ordered.size - 1)
    below = int(place)
    above = min(below + 1, ordered.size - 1)
    return _between(float(ordered[below]), float(ordered[above]), place - below)


def _quantile_of_repeated(ordered: Values, ends: Values, fraction: float) -> float:
    """The same where value i stands ``ends[i] - ends[i - 1]`` times."""
    count = int(ends[-1])
    place = fraction * (count - 1)
    below = int(place)
    low, high = np.searchsorted(ends, [below, min(below + 1, count - 1)], side="right")
    return _between(float(ordered[low]), float(ordered[high]), place - below)


def _between(low: float, high: float, weight: float) -> float:
    return low if weight == 0 or low == high else low + weight * (high - low)


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, got {confidence}")
