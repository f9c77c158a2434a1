"""KL divergence and cross-entropy of all pairs as one matrix product, where that keeps the digits.

With any reference r, KL(p || q) = KL(p || r) - sum p log(q/r): the sum over all pairs is a matrix
product of the rows p and of log(q/r), and KL(p || r) is one score of the row kernel per row. r is a
mean of rows q, so that the logarithms are small where the rows are alike.

*What the product loses.* All is float64, of unit roundoff u. Let p' and L be the computed p and
log(q/r), and D = KL(p || q). The outcomes are cut in halves until at most CHUNK are left, whose
product BLAS may sum in any order; the halves are then added. So the sum is off by at most
(CHUNK + levels) u sum p |L|. p' is off by its own rounding and that of its mass, a pairwise sum:
together MASS u p, which also acts on sum p |L|. L is off by 4 u |L| in a logarithm of 2 ulp, and
absolutely by the mass of q and a quotient, (MASS + 2) u; where q is given as a logarithm by
2 u (|log q| + |log r|), which comes to at most 4 u (log n + D + KL(p || r)) for n outcomes, as the
cross-entropy of p is its entropy, at most log n, plus its KL. KL(p || r) is off by 2e-14 of itself
and by the mass of r, MASS u.

What is left is sum p |L| <= sum p |log(p/q)| + sum p |log(p/r)| <= G(D) + G(KL(p || r)), with the
G(D) = D + sqrt(2 D) of ``magnitude``: nothing but what is known anyway.

*The floor.* The product has log max(q, eps), the row kernel log max(q, min(p, eps)). They differ
where p < eps alone, by at most sum over 0 < p < eps of p log(eps/p), which is taken for each row p.
Floored rows sum to at most 1 + n eps, which adds to G(D) at most 3 n eps + sqrt(2 n eps).

So |error| <= a_i + g (D + sqrt(2 D)), and a pair is left to the row kernel unless that is below
``SHARE`` of its score D, or H(p) + D. That is a bound on D for each row p: one comparison a pair.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kl_c import _kernels
from kl_c._normalised import (
    KERNEL,
    MASS,
    RANGE,
    SHARE,
    Kept,
    U,
    in_range,
    log_softmax,
    magnitude,
    mean_row,
    probabilities,
    to_reference,
)
from kl_c._pair_scores import Keywords, Measure, RowScores
from kl_c._row_sets import DenseRows
from kl_c.reference import DEFAULT_EPS

__all__ = ["ProductScores"]

CHUNK = 128


class First(NamedTuple):
    """A block of rows p: what the product and the test of its result need of it."""

    p: NDArray[np.float64]
    support: NDArray[np.float32] | None  # 1 where p > 0; only where the floor is 0
    offset: NDArray[np.float64]  # KL(p || r), and H(p) more for a cross-entropy
    least: NDArray[np.float64]  # scores below are left to the row kernel


class Second(NamedTuple):
    """A block of rows q."""

    logs: NDArray[np.float64]  # log(q/r), 0 where q = 0 and there is no floor
    holes: NDArray[np.float32] | None  # 1 there
    careful: NDArray[np.bool_]  # rows out of range, left to the row kernel


class ProductScores:
    """Fills blocks of the matrix of KL(p || q) or H(p, q)."""

    def __init__(
        self,
        measure: Measure,
        first: DenseRows,
        second: DenseRows,
        keywords: Keywords,
    ) -> None:
        self._first, self._second = first, second
        self._is_entropy = measure.name == "cross_entropy"
        self._temperature = keywords.temperature
        self._eps = DEFAULT_EPS[second.form] if keywords.eps is None else float(keywords.eps)
        self._unit = 1.0 if keywords.base is None else math.log(keywords.base)
        self._share = SHARE[first.is_narrow or second.is_narrow]
        self._single = RowScores(measure, first, second, keywords, {})
        self._mean = mean_row(second, self._temperature)
        self._firsts = Kept(self._make_first, first.outcomes)
        self._seconds = Kept(self._make_second, second.outcomes)

    def fill(self, rows: slice, columns: slice, out: NDArray[Any]) -> None:
        first, second = self._firsts[rows], self._seconds[columns]
        with np.errstate(invalid="ignore", over="ignore"):
            scores = _product(first.p, second.logs)
            np.subtract(first.offset[:, None], scores, out=scores)
        left = ~(scores >= first.least[:, None])  # NaN too
        left[:, second.careful] = True
        if self._unit != 1:
            scores /= self._unit
        if first.support is not None and second.holes is not None:
            endless = first.support @ second.holes.T > 0
            endless[:, second.careful] = False
            scores[endless] = math.inf if self._unit > 0 else -math.inf
            left &= ~endless
        out[...] = scores
        self._single.correct(rows, columns, left, out)

    def _make_first(self, rows: slice) -> First:
        n, eps = self._first.outcomes, self._eps
        with np.errstate(all="ignore"):
            p, mass, support = probabilities(self._first, rows, self._temperature)
        to_mean = to_reference(p, self._mean)
        entropy = np.zeros(len(p))
        if self._is_entropy:
            entropy = np.asarray(_kernels.entropy(p, form="counts", invalid="nan"))
        levels = max(0, math.ceil(math.log2(max(1, n) / CHUNK)))
        per_log = 8 * U  # |log q| and |log r| where q is given by its logarithm
        g = (CHUNK + levels + MASS + 4) * U + per_log
        spread = magnitude(to_mean) + 3 * n * eps + math.sqrt(2 * n * eps)
        a = g * spread + KERNEL * (to_mean + entropy) + (2 * MASS + 8) * U + per_log * math.log(n)
        if eps > 0:
            low = np.where((p > 0) & (p < eps), p, eps)
            a += (low * (math.log(eps) - np.log(low))).sum(axis=1)
        least = _least(a - self._share * entropy, g, self._share) + entropy
        least[~in_range(mass)] = np.nan
        ones = support.astype(np.float32) if eps == 0 else None
        return First(p, ones, to_mean + entropy, least)

    def _make_second(self, columns: slice) -> Second:
        eps = self._eps
        with np.errstate(all="ignore"):
            if self._second.form in ("probs", "counts"):
                logs, mass, support = probabilities(self._second, columns, 1.0)
                absent = ~support
                careful = ~in_range(mass)
                if eps < 1 / RANGE:
                    careful |= ((logs < 1 / RANGE) & support).any(axis=1)
                np.maximum(logs, eps, out=logs)
                logs /= self._mean
                np.log(logs, out=logs)
            else:
                logs = log_softmax(self._second, columns, self._temperature)
                absent = np.isneginf(logs)
                careful = np.zeros(len(logs), bool)
                if eps > 0:
                    np.maximum(logs, math.log(eps), out=logs)
                logs -= np.log(self._mean)
        holes = None
        if eps == 0 and absent.any():
            logs[absent] = 0
            holes = absent.astype(np.float32)
        return Second(logs, holes, careful)


def _least(a: NDArray[np.float64], g: float, share: float) -> NDArray[np.float64]:
    """The D from which on a + g (D + sqrt(2 D)) <= share D: the root of a quadratic in sqrt(D)."""
    inner = 2 * g * g + 4 * (share - g) * a
    root = (math.sqrt(2) * g + np.sqrt(np.maximum(inner, 0))) / (2 * (share - g))
    return np.asarray(np.where(inner < 0, -np.inf, root * root), np.float64)


def _product(p: NDArray[np.float64], logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """p @ logs.T, summed in halves down to CHUNK outcomes."""
    n = p.shape[1]
    if n <= CHUNK:
        return np.asarray(p @ logs.T)
    half = math.ceil(n / 2 / CHUNK) * CHUNK
    total = _product(p[:, :half], logs[:, :half])
    total += _product(p[:, half:], logs[:, half:])
    return total
