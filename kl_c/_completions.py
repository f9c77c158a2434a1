"""Whole distributions that a pair of incomplete rows may stand for: the closest and the furthest.

A row lists the probabilities of some outcomes. What it does not list shares its *rest* r, and each
of these outcomes has at most the *cap* u, the smallest probability that the list vouches for (the
k-th largest, or the rest if that is less). Write A and B for what p and q list, M for the number of
outcomes that neither lists. Then p is known on A; on B \\ A it is some y_j in [0, u_p], and on the
M others it takes what is left; q in the same way with x_i in [0, u_q] on A \\ B.

A divergence D = sum f(p_i, q_i) with f jointly convex and homogeneous, f(cp, cq) = c f(p, q), is an
f-divergence: KL both ways, Jensen-Shannon and total variation are. For all of them the same two
completions are the extremes, so that their bounds are their own values there, and no formula of a
measure is written here.

**The closest completion.** The M outcomes that neither lists may be taken as one of masses P and Q
(convexity and homogeneity: averaging over them cannot increase D), at most M u_p and M u_q. What is
left is a convex problem. The derivatives of f depend on p/q alone, so its optimality conditions
(Karush, Kuhn, Tucker) do not name f:

    x_i = min(u_q, p_i / s)  on A \\ B,    y_j = min(u_p, t q_j)  on B \\ A,    s <= P/Q <= t,

with P/Q = s unless Q = M u_q, P/Q = t unless P = M u_p, and any s >= t where P = Q = 0. Three
cases: one common ratio s = t = P/Q, the root of an equation that is linear between its breaks; P =
Q = 0; or one of P, Q at its limit, which parts the problem into two that are filled like vessels.
What they find is the minimum of D: the lower bound is tight (with a floor, which it does not use,
it holds and is not). M unknown is M without limit, and the bound holds for every M.

**The furthest completion.** D is convex in p and in q, so it is largest at corners, where all
values that are free but one are 0 (or the caller's floor) or the cap. As d^2 f / dp dq <= 0, over
all ways to pair given p with given q the sum is largest if they go in opposite order (the
rearrangement inequality for submodular functions). That pairing is allowed: what p lists is no less
than what is free of p, and so comes first, beside the smallest q, of which enough are free; and in
the same way what q lists comes last. So the upper bound is attained too, whatever the vocabulary.
Where lists hold more than their k likeliest and M leaves no room for both rests apart, that order
may not be the best; M is then taken as unknown and the floor as 0, which is valid and not tight. M
unknown is M so large that no two values above 0 need meet. With floor 0 the upper bound of KL(p ||
q) is infinite as soon as some outcome with p > 0 may have q = 0.

``_closest`` finds the one and ``_furthest`` the other.

Sources: Csiszár, "Information-type measures of difference of probability distributions and indirect
observations" (1967), for f-divergences and for what merging outcomes does to them; Marshall, Olkin
and Arnold, "Inequalities" (2011), chapter 6.D, for the rearrangement.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kl_c._sparse_rows import NOISE

__all__ = ["TIE", "Flags", "Floats", "Pair", "logarithm"]

# How far two ways to add up the same masses may differ: a rest and the sums of what shares it are
# off by NOISE each, and a comparison meets a few of them. What differs by less counts as equal.
# Where two cases of the closest completion meet, either has the least divergence but for such
# masses, while a case that is taken away from where it holds may have any.
TIE = 8 * NOISE

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Pair(NamedTuple):
    """Logarithms of two sets of whole rows, outcome by outcome."""

    log_p: Floats
    log_q: Floats


def logarithm(masses: Any) -> Any:
    """Of masses that may be what rounding left of a difference: -inf where nothing is."""
    with np.errstate(divide="ignore"):
        return np.log(np.maximum(masses, 0))
