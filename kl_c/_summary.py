"""What many rows come to: mean, uncertainty, percentiles."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["QUANTILES", "perplexity", "summarise"]

QUANTILES = {"median": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}


def summarise(values: NDArray[Any]) -> dict[str, float | int]:
    """Describe the values of one statistic; none of them is NaN, any may be infinite.

    The standard error is s / sqrt(n) with s the sample standard deviation, so it takes the rows as
    independent. It is NaN for fewer than two rows and beside an infinite mean.
    """
    count = values.size
    summary: dict[str, float | int] = {
        "mean": float(values.mean()) if count else math.nan,
        "standard_error": _standard_error(values),
    }
    if values.dtype != bool:  # the percentiles of a yes or no say nothing
        ordered = np.sort(values)
        summary |= {name: _quantile(ordered, f) for name, f in QUANTILES.items()}
        summary["maximum"] = float(ordered[-1]) if count else math.nan
    summary["count"] = count
    summary["infinite"] = int(np.count_nonzero(np.isinf(values)))
    return summary


def perplexity(mean_nll: float, base: float | None) -> float:
    """exp of the mean negative log-likelihood in nats, from a mean in the unit of ``base``."""
    nats = mean_nll if base is None else mean_nll * math.log(base)
    with np.errstate(over="ignore"):
        return float(np.exp(nats))


def _standard_error(values: NDArray[Any]) -> float:
    if values.size < 2 or not np.isfinite(values).all():
        return math.nan
    return float(values.std(ddof=1)) / math.sqrt(values.size)


def _quantile(ordered: NDArray[Any], fraction: float) -> float:
    """Linear interpolation at ``fraction * (n - 1)``; ``numpy.quantile`` gives NaN beside inf."""
    if not ordered.size:
        return math.nan
    place = fraction * (ordered.size - 1)
    below = int(place)
    weight = place - below
    low, high = float(ordered[below]), float(ordered[min(below + 1, ordered.size - 1)])
    return low if weight == 0 or low == high else low + weight * (high - low)
