"""What the likelihoods of labels come to: perplexities, how they compare, and their errors.

The quantities and their names are those that llama.cpp prints (tools/perplexity). Each is a
function of means; its influence values, one per row, give its standard error by the delta method,
which for rows as independent is what that program computes from variances and a covariance.
"""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kl_c._uncertainty import Groups

__all__ = ["Estimate", "likelihood", "perplexity", "rms"]


class Estimate(NamedTuple):
    """A function of means, and each row's influence on it."""

    name: str
    value: float
    influence: NDArray[np.float64] | None


def perplexity(mean_nll: float) -> float:
    """exp of the mean negative log-likelihood in nats."""
    with np.errstate(over="ignore"):
        return float(np.exp(mean_nll))


def estimates(nll_p: NDArray[np.float64], nll_q: NDArray[np.float64]) -> Iterator[Estimate]:
    """All of them, from likelihoods in nats."""
    with np.errstate(invalid="ignore", over="ignore"):  # infinite likelihoods: NaN says so
        gap = nll_q - nll_p
        of_p, of_q = perplexity(_mean(nll_p)), perplexity(_mean(nll_q))
        log_ratio = _mean(nll_q) - _mean(nll_p)
        ratio = perplexity(log_ratio)
        yield Estimate("perplexity_q", of_q, of_q * nll_q)
        yield Estimate("perplexity_p", of_p, of_p * nll_p)
        yield Estimate("correlation", _correlation(nll_p, nll_q), None)
        yield Estimate("log_ratio", log_ratio, gap)
        yield Estimate("ratio", ratio, ratio * gap)
        yield Estimate("difference", of_q - of_p, of_q * nll_q - of_p * nll_p)


def likelihood(
    nll_p: NDArray[np.float64], nll_q: NDArray[np.float64], groups: Groups
) -> dict[str, dict[str, float]]:
    """Value and standard errors of each, by name."""
    return {
        name: with_errors({"value": value}, influence, groups)
        for name, value, influence in estimates(nll_p, nll_q)
    }


def rms(change: NDArray[np.float64]) -> Estimate:
    """The root of the mean square of the change of the labels' probability."""
    with np.errstate(invalid="ignore", divide="ignore"):
        square = change * change
        root = math.sqrt(_mean(square)) if change.size else math.nan
        return Estimate("rms", root, square / (2 * root) if root else np.zeros_like(square))


def with_errors(
    found: dict[str, Any], influence: NDArray[Any] | None, groups: Groups
) -> dict[str, Any]:
    """The same with its standard error, taking rows as independent, and that of groups if given."""
    if influence is None:
        return found
    found["standard_error"] = Groups.of(None, influence.size).standard_error(influence)
    if groups.given:
        refused = groups.status == "refused"
        found["clustered_error"] = math.nan if refused else groups.standard_error(influence)
    return found


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else math.nan


def _correlation(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    if x.size < 2 or not (np.isfinite(x).all() and np.isfinite(y).all()):
        return math.nan
    x, y = x - x.mean(), y - y.mean()
    norm = math.sqrt(float(x @ x) * float(y @ y))
    return float(x @ y) / norm if norm else math.nan
