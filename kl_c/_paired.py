"""Two candidates against one base: the differences of their rows, which share the base's noise."""

from typing import TYPE_CHECKING, Any

import numpy as np

from kl_c._likelihood import estimates
from kl_c._statistics import STATISTICS, Columns
from kl_c._uncertainty import Groups, Interval, t_interval

if TYPE_CHECKING:
    from kl_c.comparison import Comparison

__all__ = ["paired_differences"]

# What belongs to p and its labels alone, and says whether two bases are one.
OF_THE_BASE = ("nll_p", "entropy_p", "top_p", "tied_p", "p_of_top_p", "beyond_p")
# Beside another type of q the rows of p may be scored in other lanes, of an error below 3e-6.
SAME = 1e-5


def paired_differences(
    first: "Comparison", second: "Comparison", confidence: float
) -> dict[str, Interval]:
    """The mean of first - second for each statistic that can differ, over rows used in both."""
    mine, theirs = first._columns(), second._columns()
    _refuse_other_settings(first, second)
    _refuse_other_rows(mine, theirs)
    used = mine["valid"] & theirs["valid"]
    groups = Groups.of(mine["groups"][used] if "groups" in mine else None, int(used.sum()))
    found = {}
    for statistic in STATISTICS:
        name = statistic.name
        if name in mine and name in theirs and statistic.has_mean and name not in OF_THE_BASE:
            with np.errstate(invalid="ignore"):  # infinite less infinite is no number
                gap = mine[name][used].astype(np.float64) - theirs[name][used]
            value = float(gap.mean()) if gap.size else np.nan
            found[name] = t_interval(value, groups.standard_error(gap), groups, confidence)
    if "nll_p" in mine:
        nats = first.settings.nats
        lists = [
            {e.name: e for e in estimates(c["nll_p"][used] * nats, c["nll_q"][used] * nats)}
            for c in (mine, theirs)
        ]
        own, other = (estimate["perplexity_q"] for estimate in lists)
        assert own.influence is not None and other.influence is not None
        with np.errstate(invalid="ignore"):  # both infinite
            influence, gap_of_both = own.influence - other.influence, own.value - other.value
        error = groups.standard_error(influence)
        found["perplexity_q"] = t_interval(gap_of_both, error, groups, confidence)
    return found


def _refuse_other_settings(first: "Comparison", second: "Comparison") -> None:
    mine, theirs = first.settings, second.settings
    pairs: dict[str, tuple[Any, Any]] = {
        name: (getattr(mine, name), getattr(theirs, name))
        for name in ("temperature", "eps", "base", "k", "outcomes")
    }
    pairs["form of p"] = (mine.forms()["p"], theirs.forms()["p"])
    pairs["outcomes scored"] = (first._first, second._first)
    pairs["number of rows"] = (len(first), len(second))
    for name, (one, other) in pairs.items():
        if one != other:
            raise ValueError(f"{name} must be the same in both, got {one!r} and {other!r}")


def _refuse_other_rows(mine: Columns, theirs: Columns) -> None:
    for name in ("groups", "masked", *OF_THE_BASE):
        if (name in mine) != (name in theirs):
            raise ValueError(f"{name} must be the same in both, got it in one alone")
        if name not in mine:
            continue
        one, other = mine[name], theirs[name]
        if name in OF_THE_BASE:
            used = mine["valid"] & theirs["valid"]
            differ = used & ~np.isclose(one, other, rtol=SAME, atol=SAME)
        else:
            differ = one != other
        if differ.any():
            row = int(np.argmax(differ))
            raise ValueError(
                f"{name} must be the same in both, got {one[row]} and {other[row]} in row {row}"
            )
