"""What many rows come to: mean, uncertainty, percentiles, perplexities."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kl_c._likelihood import likelihood, rms, with_errors
from kl_c._statistics import STATISTICS, Columns, Settings
from kl_c._uncertainty import Groups, quantile

__all__ = ["QUANTILES", "summarise", "summarise_rows"]

QUANTILES = {
    "p0.1": 0.001,
    "p1": 0.01,
    "p5": 0.05,
    "p10": 0.1,
    "p25": 0.25,
    "median": 0.5,
    "p75": 0.75,
    "p90": 0.9,
    "p95": 0.95,
    "p99": 0.99,
    "p99.9": 0.999,
}


def summarise_rows(columns: Columns, settings: Settings) -> dict[str, Any]:
    """Summarise the used rows of some columns: all of a comparison, or of a stratum."""
    valid = columns["valid"]
    named = {s.name: s for s in STATISTICS if s.has_mean and s.name in columns}
    groups = Groups.of(columns["groups"][valid] if "groups" in columns else None, valid.sum())
    infinite = np.zeros(valid.size, bool)
    statistics: dict[str, Any] = {}
    for name in named:
        infinite |= np.isinf(columns[name])
        values = columns[name][valid]
        statistics[name] = summarise(values, groups)
        if name == "label_change":
            _, root, influence = rms(values)
            of_root = with_errors({"rms": root}, influence, groups)
            statistics[name] |= {"rms": of_root.pop("rms")}
            statistics[name] |= {f"rms_{error}": value for error, value in of_root.items()}
    masked = int(np.count_nonzero(columns["masked"]))
    used = int(np.count_nonzero(valid))
    summary: dict[str, Any] = {
        "rows": {
            "total": valid.size,
            "used": used,
            "left_out": valid.size - used - masked,
            "masked": masked,
            "infinite": int(np.count_nonzero(infinite)),
        },
        "statistics": statistics,
    }
    if groups.given:
        summary["clusters"] = {"count": groups.number, "status": groups.status}
    if "nll_p" in columns:
        nats = settings.nats
        found = likelihood(columns["nll_p"][valid] * nats, columns["nll_q"][valid] * nats, groups)
        summary["perplexity"] = {side: found[f"perplexity_{side}"]["value"] for side in ("p", "q")}
        summary["likelihood"] = found
    return summary


def summarise(values: NDArray[Any], groups: Groups) -> dict[str, float | int]:
    """Describe the values of one statistic; none of them is NaN, any may be infinite.

    The standard error takes the rows as independent; the clustered one, where groups are given,
    the groups. They are NaN for fewer than two rows, for too few groups, and beside an infinite
    mean.
    """
    count = values.size
    summary: dict[str, float | int] = {"mean": float(values.mean()) if count else math.nan}
    summary = with_errors(summary, values, groups)
    if values.dtype != bool:  # the percentiles of a yes or no say nothing
        ordered = np.sort(values)
        summary["minimum"] = float(ordered[0]) if count else math.nan
        summary |= {name: quantile(ordered, f) for name, f in QUANTILES.items()}
        summary["maximum"] = float(ordered[-1]) if count else math.nan
    summary["count"] = count
    summary["infinite"] = int(np.count_nonzero(np.isinf(values)))
    return summary
