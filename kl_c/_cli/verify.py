"""Rows scored once more in 50-digit arithmetic, from their definitions.

The formulas here are the textbook's, in as many digits as leave no doubt, and share nothing with
the kernels: a fault of the library, of its build or of the machine shows as a deviation.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kl_c._cli.progress import progress
from kl_c._cli.sides import Sides
from kl_c._errors import InputError
from kl_c._formats import RowFile
from kl_c.comparison import Comparison
from kl_c.reference import DEFAULT_EPS

__all__ = ["require_mpmath", "verify"]

DIGITS = 50
GUARD = 20  # digits that what cancels may take
LARGEST = 10  # rows of the largest KL, beside those drawn


def require_mpmath() -> Any:
    """The arithmetic, or an error that says how to get it."""
    try:
        import mpmath
    except ImportError:
        raise InputError("--verify: expected mpmath, found none: pip install mpmath") from None
    context = mpmath.mp.clone()
    context.dps = DIGITS + GUARD
    return context


def verify(
    comparison: Comparison, base: RowFile, other: RowFile, sides: Sides, count: int
) -> dict[str, Any]:
    """Score ``count`` rows drawn at random and those of the largest KL again.

    Returns
    -------
    dict
        ``rows``, ``digits``, and ``largest``: for each statistic the largest relative deviation,
        and the row that it is of. An exact 0 is deviated from by the value found.
    """
    context = require_mpmath()
    used = np.flatnonzero(comparison.valid)
    drawn = np.random.default_rng(0).permutation(used)[:count]
    kl = comparison.kl[used]
    rows = np.unique(np.concatenate([drawn, used[np.argsort(kl, kind="stable")[-LARGEST:]]]))
    largest: dict[str, dict[str, float]] = {}
    with progress(rows.size) as advance:
        for row in rows.tolist():
            label = None if sides.labels is None else int(sides.labels[row])
            p, q = (file.read(row, row + 1)[0] for file in (base, other))
            for name, exact in _exact(context, comparison, p, q, label).items():
                found = float(getattr(comparison, name)[row])
                deviation = _deviation(context, found, exact)
                if name not in largest or not deviation <= largest[name]["deviation"]:
                    largest[name] = {"deviation": deviation, "row": row}
            advance(1)
    return {"rows": rows.size, "digits": DIGITS, "largest": largest}


def _exact(
    context: Any,
    comparison: Comparison,
    p_row: NDArray[Any],
    q_row: NDArray[Any],
    label: int | None,
) -> dict[str, Any]:
    """The statistics of one pair by their definitions."""
    settings = comparison.settings
    forms = settings.forms()
    first = min(len(p_row), len(q_row))
    if isinstance(settings.outcomes, int):
        first = settings.outcomes
    p = _distribution(context, p_row[:first], forms["p"], settings.temperature)
    q = _distribution(context, q_row[:first], forms["q"], settings.temperature)
    eps = {s: DEFAULT_EPS[forms[s]] if settings.eps is None else settings.eps for s in ("p", "q")}
    halves = [(x + y) / 2 for x, y in zip(p, q, strict=True)]
    unit = context.log(settings.base) if settings.base is not None else context.mpf(1)

    def entropy(x: list[Any]) -> Any:
        return -context.fsum(value * context.log(value) for value in x if value)

    def divergence(x: list[Any], y: list[Any], floor: float) -> Any:
        terms = []
        for value, against in zip(x, y, strict=True):
            against = max(against, min(value, context.mpf(floor)))
            if value and not against:
                return context.inf
            if value:
                terms.append(value * context.log(value / against))
        return context.fsum(terms)

    kl, entropy_p = divergence(p, q, eps["q"]), entropy(p)
    exact = {
        "kl": kl,
        "reverse_kl": divergence(q, p, eps["p"]),
        "js": (divergence(p, halves, 0) + divergence(q, halves, 0)) / 2,
        "cross_entropy": kl + entropy_p,
        "entropy_p": entropy_p,
        "entropy_q": entropy(q),
    }
    if label is not None and settings.outcomes == "equal":
        for side, row, x in (("p", p_row, p), ("q", q_row, q)):
            value = context.mpf(float(row[label])) if forms[side] == "probs" else x[label]
            value = max(value, context.mpf(eps[side]))
            exact[f"nll_{side}"] = -context.log(value) if value else context.inf
    exact = {name: value / unit for name, value in exact.items()}
    change = context.fsum(abs(x - y) for x, y in zip(p, q, strict=True))
    return exact | {"total_variation": change / 2}


def _distribution(context: Any, row: NDArray[Any], form: str, temperature: float) -> list[Any]:
    numbers = [context.mpf(x) for x in row.astype(np.float64).tolist()]
    if form in ("log_probs", "logits"):
        top = max(numbers)
        divisor = context.mpf(temperature) if form == "logits" else 1
        numbers = [context.exp((x - top) / divisor) for x in numbers]
    mass = context.fsum(numbers)
    return [x / mass for x in numbers]


def _deviation(context: Any, found: float, exact: Any) -> float:
    if context.isinf(exact) or not math.isfinite(found):
        return 0.0 if found == float(exact) else math.inf
    gap = abs(context.mpf(found) - exact)
    if abs(exact) < context.mpf(10) ** -DIGITS:  # equal rows: what is left are the last digits
        return float(gap)
    return float(gap / abs(exact))
