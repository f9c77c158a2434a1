"""How each candidate differs from the one before it, row by row against the same base.

Candidates are given in some order, mostly from the largest to the smallest; whether a step of it
shows at all is what a reader asks. All pairs would be many, and those far apart are never in doubt.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from kl_c._cli.candidates import Candidate

__all__ = ["add_differences"]

CONFIDENCE = 0.95


def add_differences(facts: Sequence[dict[str, Any]], candidates: Sequence[Candidate]) -> None:
    """Add to the facts of each candidate but the first how it differs from the one before.

    ``paired``: ``with`` whom, and either ``confidence`` and ``differences``, for each statistic
    this mean less that of the other with its interval and p-value; or why there are none,
    ``refused``.
    """
    for (one, other), found in zip(pairwise(candidates), facts[1:], strict=True):
        paired: dict[str, Any] = {"with": one.name}
        try:
            intervals = other.comparison.paired(one.comparison, confidence=CONFIDENCE)
        except (ImportError, ValueError) as error:
            paired["refused"] = str(error)
        else:
            paired["confidence"] = CONFIDENCE
            paired["differences"] = {name: x._asdict() for name, x in intervals.items()}
        found["paired"] = paired
