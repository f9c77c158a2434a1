"""Jensen-Shannon divergence of all pairs with one logarithm a pair and outcome.

With any reference r, and m = w p + v q, v = 1 - w (the compensation identity):
JS(p, q) = w KL(p || r) + v KL(q || r) - KL(m || r). The first two are one score for each row, and
the third is a score of the row kernel of `kl_divergence` for m, which is added up in cache: less
than half the work of the kernel of `js_divergence`, and from logits no exponential for any pair. r
is a mean of the rows, so that what is subtracted is no larger than the rows are apart.

*What that loses.* Let A = w KL(p || r) + v KL(q || r), which is at least KL(m || r). The kernel is
off by at most 2e-14 of each, 2 * 2e-14 A together. The masses by which p and q were divided are off
by at most MASS u (u the unit roundoff), which shifts w by 2 MASS u w v, and so KL(m || r) by that
times sum (p - q) log(m/r), at most 2 MASS u sum m |log(m/r)|; the roundings of w p, v q and their
sum add 4 u of the same, for the kernel takes m with whatever mass it has. The sum is at most
G(KL(m || r)) <= G(A), G as in ``magnitude``. So

    |error| <= 4e-14 A + (2 MASS + 4) u G(A) + 2 u A,

and a pair for which that is above ``SHARE`` of its score is left to the kernel of `js_divergence`.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kl_c import _kernels
from kl_c._normalised import (
    KERNEL,
    MASS,
    SHARE,
    Kept,
    U,
    in_range,
    magnitude,
    mean_row,
    probabilities,
    to_reference,
)
from kl_c._pair_scores import Keywords, Measure, RowScores
from kl_c._row_sets import DenseRows

__all__ = ["MixtureScores"]

TILE_BYTES = 256 << 10  # of mixtures, beside as many rows q, in the second cache
THREADED_BYTES = 16 << 20  # with several threads, which have 1 MiB each at least


class Part(NamedTuple):
    """A block of rows, times their weight in the mixture."""

    weighted: NDArray[np.float64]
    offset: NDArray[np.float64]  # weight KL(p || r); NaN leaves a row to the row kernel


class MixtureScores:
    """Fills blocks of the matrix of JS(p, q) or its square root."""

    def __init__(
        self,
        measure: Measure,
        first: DenseRows,
        second: DenseRows,
        keywords: Keywords,
        weight: float,
    ) -> None:
        self._is_distance = measure.name == "js_distance"
        self._temperature, self._workers = keywords.temperature, keywords.workers
        self._unit = 1.0 if keywords.base is None else math.log(keywords.base)
        self._share = SHARE[first.is_narrow or second.is_narrow]
        self._single = RowScores(measure, first, second, keywords, {"weight": weight})
        self._mean = mean_row(second, self._temperature)
        self._firsts = Kept(lambda rows: self._part(first, rows, weight), first.outcomes)
        self._seconds = Kept(lambda rows: self._part(second, rows, 1 - weight), second.outcomes)

    def fill(self, rows: slice, columns: slice, out: NDArray[Any]) -> None:
        first, second = self._firsts[rows], self._seconds[columns]
        scores = self._mixtures(first.weighted, second.weighted)
        a = first.offset[:, None] + second.offset
        np.subtract(a, scores, out=scores)
        with np.errstate(invalid="ignore"):
            error = (2 * KERNEL + 2 * U) * a + (2 * MASS + 4) * U * magnitude(a)
            left = ~(self._share * scores >= error)
            scores /= self._unit
            out[...] = np.sqrt(scores, out=scores) if self._is_distance else scores
        self._single.correct(rows, columns, left, out)

    def _part(self, rows: DenseRows, some: slice, weight: float) -> Part:
        with np.errstate(all="ignore"):
            p, mass, _ = probabilities(rows, some, self._temperature)
        offset = weight * to_reference(p, self._mean)
        offset[~in_range(mass)] = np.nan
        p *= weight
        return Part(p, offset)

    def _mixtures(
        self, first: NDArray[np.float64], second: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """KL(m || r) of every pair, as many at a time as the cache holds."""
        out = np.empty((len(first), len(second)))
        n = first.shape[1]
        single = self._workers in (None, 1)
        at_once = max(1, (TILE_BYTES if single else THREADED_BYTES) // (8 * n))
        width = min(len(second), at_once)
        height = min(len(first), at_once // max(1, width)) or 1
        mixtures = np.empty((height, width, n))
        for start in range(0, len(second), width):
            q = second[None, start : start + width]
            for top in range(0, len(first), height):
                p = first[top : top + height, None]
                m = mixtures[: len(p), : q.shape[1]]
                np.add(p, q, out=m)
                _kernels.kl_divergence(
                    m,
                    self._mean,
                    invalid="ignore",
                    workers=self._workers,
                    out=out[top : top + height, start : start + width],
                )
        return out
