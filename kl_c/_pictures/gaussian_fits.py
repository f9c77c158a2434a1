"""The Gaussian nearest to a target of two humps, in each direction of KL."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kl_c._kernels import kl_divergence

__all__ = ["Fit", "best_fits", "target"]

POINTS = np.linspace(-10, 10, 1001)  # the outcomes: fine, and as wide as the widest fit
# Weight, mean and deviation of each hump: unequal, so that the one to pick is no matter of chance.
HUMPS = ((0.6, -1.8, 0.7), (0.4, 2.0, 0.6))
MEANS, DEVIATIONS = (-4.0, 4.0), (0.2, 4.0)  # among which the best is sought
STEPS = 33  # of each, in every round
ROUNDS = 6  # each 8 times finer than the one before: to 1e-6


class Fit(NamedTuple):
    """A Gaussian on the points, and its divergences from the target in nats."""

    is_forward: bool
    mean: float
    deviation: float
    forward: float
    reverse: float
    row: NDArray[np.float64]


def target() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The points and the probability of each."""
    p = np.zeros_like(POINTS)
    for weight, mean, deviation in HUMPS:
        p += weight * np.exp(_logits(mean, deviation)) / deviation
    return POINTS, p / p.sum()


def best_fits() -> tuple[Fit, Fit]:
    """By the least KL(p || q), and by the least KL(q || p)."""
    return _best(True), _best(False)


def _logits(mean: Any, deviation: Any) -> NDArray[np.float64]:
    """Of one Gaussian, or of as many as means and deviations broadcast to."""
    distances: NDArray[np.float64] = (POINTS - mean) / deviation
    return -(distances**2) / 2


def _best(is_forward: bool) -> Fit:
    """The least of a grid, then of finer ones around it."""
    log_p = np.log(target()[1])
    mean, deviation = (sum(x) / 2 for x in (MEANS, DEVIATIONS))
    reach = [(x[1] - x[0]) / 2 for x in (MEANS, DEVIATIONS)]
    for _ in range(ROUNDS):
        means = np.linspace(mean - reach[0], mean + reach[0], STEPS)
        deviations = np.linspace(deviation - reach[1], deviation + reach[1], STEPS)
        deviations = np.maximum(deviations, DEVIATIONS[0])
        q = _logits(means[:, None, None], deviations[:, None])
        pair = (log_p, q) if is_forward else (q, log_p)
        scores = np.asarray(kl_divergence(*pair, form="logits"))
        at = np.unravel_index(scores.argmin(), scores.shape)
        mean, deviation = float(means[at[0]]), float(deviations[at[1]])
        reach = [x / 8 for x in reach]  # two steps to each side of the best
    logits = _logits(mean, deviation)
    row = np.exp(logits)
    return Fit(
        is_forward,
        mean,
        deviation,
        float(kl_divergence(log_p, logits, form="logits")),
        float(kl_divergence(logits, log_p, form="logits")),
        row / row.sum(),
    )
