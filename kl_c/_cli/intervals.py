"""Intervals of what a candidate comes to, and how it differs from the one before it.

Both are by Student's t over the groups, and take SciPy. Candidates are given in some order, mostly
from the largest to the smallest; whether a step of it shows at all is what a reader asks. All pairs
would be many, and those far apart are never in doubt.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from kl_c._cli.candidates import Candidate
from kl_c._uncertainty import Interval, t_interval
from kl_c.comparison import Comparison

__all__ = ["CONFIDENCE", "add_differences", "intervals_of"]

CONFIDENCE = 0.95


def intervals_of(comparison: Comparison, summary: dict[str, Any]) -> dict[str, Any]:
    """Of the mean of every statistic, and of what the labels' likelihoods come to.

    The same as ``Comparison.interval``, from the errors that the summary has: ``confidence`` and
    ``of``, by name; or ``refused``, why there are none.
    """
    groups = comparison._used_groups()
    error = "clustered_error" if groups.given else "standard_error"
    estimates = {name: (x["mean"], x[error]) for name, x in summary["statistics"].items()}
    for name, found in summary.get("likelihood", {}).items():
        if error in found:
            estimates[name] = (found["value"], found[error])
    change = summary["statistics"].get("label_change")
    if change is not None:
        estimates["rms"] = (change["rms"], change[f"rms_{error}"])
    return _or_refused(
        "of",
        lambda: {name: t_interval(*x, groups, CONFIDENCE) for name, x in estimates.items()},
    )


def add_differences(facts: Sequence[dict[str, Any]], candidates: Sequence[Candidate]) -> None:
    """Add to the facts of each candidate but the first how it differs from the one before.

    ``paired``: ``with`` whom, and either ``confidence`` and ``differences``, for each statistic
    this mean less that of the other with its interval and p-value; or why there are none,
    ``refused``.
    """
    for (one, other), found in zip(pairwise(candidates), facts[1:], strict=True):
        found["paired"] = {"with": one.name} | difference(one.comparison, other.comparison)


def difference(one: Comparison, other: Comparison) -> dict[str, Any]:
    """Of the means of the other less those of the one."""
    return _or_refused("differences", lambda: other.paired(one, confidence=CONFIDENCE))


def _or_refused(name: str, taken: Callable[[], dict[str, Interval]]) -> dict[str, Any]:
    try:
        intervals = taken()
    except (ImportError, ValueError) as error:
        return {"refused": str(error)}
    return {"confidence": CONFIDENCE, name: {x: found._asdict() for x, found in intervals.items()}}
