"""Rows as normalised float64, block by block, and what the sums over all pairs share.

The bounds of ``_product_scores`` and ``_mixture_scores`` stand on the constants here.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from kl_c import _kernels
from kl_c._row_sets import BLOCK_BYTES, DenseRows, slices

__all__ = [
    "KERNEL",
    "MASS",
    "RANGE",
    "SHARE",
    "Kept",
    "U",
    "in_range",
    "log_softmax",
    "magnitude",
    "mean_row",
    "probabilities",
    "to_reference",
]

U = 2.0**-53
MASS = 48  # u: NumPy adds in 8 lanes of 16, then in halves; three roundings more
KERNEL = 2e-14  # what the row kernels promise for float64
# What sums over all pairs may be off, as a share of the score: for float64, and for narrower rows,
# which the row kernels score to 3e-6.
SHARE = {False: 1e-12, True: 1e-8}
RANGE = 2.0**900  # masses between 1 / RANGE and RANGE lose nothing to over- and underflow
KEPT_BYTES = 2 * BLOCK_BYTES

_Block = TypeVar("_Block")


class Kept(Generic[_Block]):
    """Blocks of prepared rows, kept for the next use as far as there is room."""

    def __init__(self, make: Callable[[slice], _Block], outcomes: int) -> None:
        self._make, self._row_bytes = make, 8 * outcomes
        self._blocks: dict[tuple[int, int], _Block] = {}
        self._bytes = 0

    def __getitem__(self, rows: slice) -> _Block:
        key = rows.start, rows.stop
        if key not in self._blocks:
            size = self._row_bytes * (rows.stop - rows.start)
            if self._bytes + size > KEPT_BYTES:
                self._blocks.clear()
                self._bytes = 0
            self._blocks[key] = self._make(rows)
            self._bytes += size
        return self._blocks[key]


def magnitude(divergence: NDArray[np.float64]) -> NDArray[np.float64]:
    """At least sum p |log(p/q)|, from D = KL(p || q).

    The part with log q < log p comes to D plus the other part. That is at most sum (q - p)+, as
    log x <= x - 1, which is the total variation and so at most sqrt(D/2) (Pinsker).
    """
    return divergence + np.sqrt(2 * divergence)


def mean_row(rows: DenseRows, temperature: float) -> NDArray[np.float64]:
    """A positive distribution near the rows: the mean of the first of them."""
    n = rows.outcomes
    mean = np.full(n, 1 / n)
    some = next(slices(rows.count, 8 * n, most=256), None)
    if some is not None:
        with np.errstate(all="ignore"):
            p = probabilities(rows, some, temperature)[0]
        p = p[(p >= 0).all(axis=1) & np.isfinite(p).all(axis=1)]
        if len(p):
            mean = 0.999 * p.mean(axis=0) + 0.001 / n
    return np.asarray(mean / mean.sum(), np.float64)


def to_reference(p: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """KL of each row from the reference, NaN for a row that is none."""
    scores = _kernels.kl_divergence(p, mean, form="counts", invalid="nan")
    return np.asarray(scores, np.float64)


def in_range(mass: NDArray[np.float64]) -> NDArray[np.bool_]:
    return (mass > 1 / RANGE) & (mass < RANGE)


def probabilities(
    rows: DenseRows, some: slice, temperature: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Rows divided by their masses, the masses, and which outcomes are possible."""
    given = rows.block(some)
    if rows.form in ("probs", "counts"):
        mass, support = given.sum(axis=1), given > 0
        return given / mass[:, None], mass, support
    high, low = _below_top(given, temperature if rows.form == "logits" else 1.0)
    weights = np.exp(high)
    weights += weights * np.where(np.isfinite(low), low, 0)
    mass = weights.sum(axis=1)
    return weights / mass[:, None], mass, ~np.isneginf(given)


def log_softmax(rows: DenseRows, some: slice, temperature: float) -> NDArray[np.float64]:
    high, _ = _below_top(rows.block(some), temperature if rows.form == "logits" else 1.0)
    high -= np.log(np.exp(high).sum(axis=1))[:, None]
    return high


def _below_top(
    logits: NDArray[np.float64], temperature: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(a - max a) / T as the sum of two numbers, so that e to it keeps its last digits (Knuth)."""
    top = logits.max(axis=1)[:, None]
    high = logits - top
    back = logits - high
    low = (logits - (high + back)) + (back - top)
    return high / temperature, low / temperature
