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

Sources: Csiszár, "Information-type measures of difference of probability distributions and indirect
observations" (1967), for f-divergences and for what merging outcomes does to them; Marshall, Olkin
and Arnold, "Inequalities" (2011), chapter 6.D, for the rearrangement.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kl_c._sparse_rows import NOISE, Aligned

__all__ = ["TIE", "Pair", "closest", "furthest", "spread"]

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


def closest(rows: Aligned) -> Pair:
    """The completion of least divergence; its last outcome is all that neither row lists."""
    only_p, only_q = rows.in_p & ~rows.in_q, rows.in_q & ~rows.in_p
    p, q = _Free.of(rows.log_p, only_p), _Free.of(rows.log_q, only_q)
    of_p, of_q = (_Rest(x.rest[:, None], x.cap[:, None]) for x in (rows.p, rows.q))
    number = rows.others[:, None]
    found = _apart(p, q, of_p, of_q)
    if np.any(number):
        apart = found.holds | (number == 0)
        found = _Found.choose(apart, found, _common_ratio(p, q, of_p, of_q))
        with np.errstate(invalid="ignore"):  # any number of outcomes that can have nothing
            beyond = ~apart & (
                (found.p_others > number * of_p.cap + TIE)
                | (found.q_others > number * of_q.cap + TIE)
            )
        if beyond.any():
            number = np.where(beyond, number, 0)
            full_q = _others_full(p, q, of_p, of_q, number)
            full_p = _others_full(q, p, of_q, of_p, number).swapped()
            found = _Found.choose(beyond & full_q.holds, full_q, found)
            found = _Found.choose(beyond & ~full_q.holds, full_p, found)
    # Differences of the order of their rounding, of which one may be 0 and their ratio infinite.
    nothing = (found.p_others <= 2 * TIE) & (found.q_others <= 2 * TIE)
    p_others, q_others = (np.where(nothing, 0, x) for x in (found.p_others, found.q_others))
    return Pair(
        np.hstack([np.where(only_q, found.log_y, rows.log_p), _log(p_others)]),
        np.hstack([np.where(only_p, found.log_x, rows.log_q), _log(q_others)]),
    )


def furthest(rows: Aligned, floor: float) -> Pair:
    """The completion of most divergence; its last nine outcomes are all that neither row lists.

    Each is some number of outcomes with the same two values, as one of their masses.
    """
    only_p, only_q = rows.in_p & ~rows.in_q, rows.in_q & ~rows.in_p
    number_x, number_y = (only.sum(1).astype(np.float64) for only in (only_p, only_q))
    # Of any number of outcomes, so many that no two of those above 0 need meet; and as if of any
    # number where the order below is not known to be the best.
    loose = (rows.p.more | rows.q.more) & (rows.p.unlisted > 0) & (rows.q.unlisted > 0)
    p, q = _corners(rows, number_x, number_y, np.full(len(loose), floor))
    loose &= rows.others < p.places + q.places
    p, q = _corners(rows, number_x, number_y, np.where(loose, 0, floor))
    room = p.places + q.places
    others = np.where(np.isinf(rows.others) | loose, room, rows.others)
    # Places: largest p first, and smallest q; those of A \\ B come first, those of B \\ A last.
    falling = _Steps.of([p.full, p.part > 0], [p.cap, p.part, p.floor])
    lowest = number_x + others - q.places
    rising = _Steps.of([lowest, q.part > 0], [q.floor, q.part, q.cap])
    log_x = _log(rising.at(_rank(-rows.log_p, only_p)))
    log_y = _log(falling.at(others[:, None] + _rank(rows.log_q, only_q)))
    many, of_p, of_q = falling.beside(rising, number_x, others)
    return Pair(
        np.hstack([np.where(only_q, log_y, rows.log_p), _log(many * of_p)]),
        np.hstack([np.where(only_p, log_x, rows.log_q), _log(many * of_q)]),
    )


def _corners(rows: Aligned, number_x: Floats, number_y: Floats, floors: Floats) -> Any:
    return (
        spread(x.rest, x.cap, number + rows.others, floors).diminished()
        for x, number in ((rows.p, number_y), (rows.q, number_x))
    )


class _Steps(NamedTuple):
    """Three values, each over a stretch of places: where they end, and what they are."""

    ends: Floats  # rows x 2: the third goes on
    values: Floats  # rows x 3

    @classmethod
    def of(cls, lengths: list[Any], values: list[Floats]) -> "_Steps":
        return cls(np.cumsum(np.stack(lengths, 1), 1), np.stack(values, 1))

    def at(self, places: Floats) -> Floats:
        """The value of each place."""
        first, second = (end[:, None] for end in self.ends.T)
        low, middle, high = (value[:, None] for value in self.values.T)
        found: Floats = np.where(places < first, low, np.where(places < second, middle, high))
        return found

    def beside(self, other: "_Steps", skipped: Floats, number: Floats) -> tuple[Floats, ...]:
        """How many of so many places have each pair of values; those of ``other`` begin later."""
        none, limit = np.zeros((len(number), 1)), number[:, None]
        mine = np.clip(np.hstack([none, self.ends, limit]), 0, limit)
        theirs = np.clip(np.hstack([none, other.ends - skipped[:, None], limit]), 0, limit)
        begins = np.maximum(mine[:, :-1, None], theirs[:, None, :-1])
        ends = np.minimum(mine[:, 1:, None], theirs[:, None, 1:])
        many = np.maximum(ends - begins, 0)
        pairs = np.broadcast_arrays(many, self.values[:, :, None], other.values[:, None, :])
        return tuple(x.reshape(len(number), 9) for x in pairs)


def _rank(values: Floats, among: Flags) -> Floats:
    """The place of each value among those of its row, from the smallest; others come after."""
    order = np.lexsort((values, ~among), axis=1)  # a value may be infinite, and is among them
    ranks = np.empty(values.shape)
    np.put_along_axis(ranks, order, np.arange(values.shape[1], dtype=np.float64)[None], 1)
    return ranks


class Corner(NamedTuple):
    """A rest over many places, as unequally as it can be: one entry per row."""

    full: Floats  # places at the cap
    part: Floats  # what one more place has, 0 if there is none
    cap: Floats
    floor: Floats  # what all others have

    @property
    def places(self) -> Floats:
        """Above the floor."""
        return self.full + (self.part > 0)

    def diminished(self) -> "Corner":
        """With what is left as a difference at its least, as far as rounding goes."""
        return self._replace(part=np.maximum(self.part - 2 * NOISE, 0))


def spread(rest: Floats, cap: Floats, places: Floats, floor: Floats) -> Corner:
    """A corner: as many places as can be at the cap, one with what is left, the others at floor."""
    above = rest - np.where(floor > 0, places, 0) * floor
    step = cap - floor
    with np.errstate(divide="ignore", invalid="ignore"):
        full = np.where((step > 0) & (above > 0), np.floor(above / step), 0)
    full = np.minimum(full, places)
    left = np.maximum(above - full * step, 0)
    return Corner(full, np.where((left > 0) & (full < places), floor + left, 0), cap, floor)


class _Rest(NamedTuple):
    rest: Floats
    cap: Floats


class _Free(NamedTuple):
    """Outcomes that one row lists and the other does not."""

    logs: Floats  # -inf elsewhere
    values: Floats
    number: Floats

    @classmethod
    def of(cls, logs: Floats, free: Flags) -> "_Free":
        logs = np.where(free, logs, -np.inf)
        return cls(logs, np.exp(logs), free.sum(1, keepdims=True).astype(np.float64))


class _Rate(NamedTuple):
    """The least and the largest that do the same: where all is full, none is too large."""

    low: Floats
    high: Floats


class _Found(NamedTuple):
    log_x: Floats
    log_y: Floats
    p_others: Floats
    q_others: Floats
    holds: Any = True

    def swapped(self) -> "_Found":
        return _Found(self.log_y, self.log_x, self.q_others, self.p_others, self.holds)

    @staticmethod
    def choose(which: Flags, these: "_Found", those: "_Found") -> "_Found":
        return _Found(*(np.where(which, a, b) for a, b in zip(these, those, strict=True)))


def _common_ratio(p: _Free, q: _Free, of_p: _Rest, of_q: _Rest) -> _Found:
    """Where nothing limits what the others hold: y_j / q_j, p_i / x_i and P / Q are one ratio s.

    P - s Q = r_p - sum min(u_p, s q_j) - s r_q + sum min(s u_q, p_i) changes its slope where a
    minimum changes sides, and is above 0 below its root.
    """
    is_y, is_x = q.values > 0, p.values > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        breaks = np.hstack(
            [
                np.where(is_y, of_p.cap / q.values, np.inf),
                np.where(is_x, p.values / of_q.cap, np.inf),
            ]
        )
    order = np.argsort(breaks, axis=1)
    # What each break adds to the constant behind it, and takes from the slope before it.
    gained = np.take_along_axis(np.hstack([np.where(is_y, -of_p.cap, 0), p.values]), order, 1)
    before = np.take_along_axis(np.hstack([-q.values, np.where(is_x, of_q.cap, 0)]), order, 1)
    breaks = np.take_along_axis(breaks, order, 1)
    none = np.zeros((len(breaks), 1))
    constant = of_p.rest + np.hstack([none, np.cumsum(gained, 1)])
    slope = np.hstack([np.cumsum(before[:, ::-1], 1)[:, ::-1], none]) - of_q.rest
    with np.errstate(invalid="ignore"):
        passed = np.isfinite(breaks) & (constant[:, 1:] + slope[:, 1:] * breaks > 0)
    place = passed.sum(1, keepdims=True)
    constant, slope = (np.take_along_axis(x, place, 1) for x in (constant, slope))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(slope < 0, np.maximum(constant, 0) / -slope, np.inf)
        log_ratio = np.log(ratio)
        log_y = np.where(is_y, np.minimum(_log(of_p.cap), q.logs + log_ratio), -np.inf)
        log_x = np.where(is_x, np.minimum(_log(of_q.cap), p.logs - log_ratio), -np.inf)
        q_others = of_q.rest - np.exp(log_x).sum(1, keepdims=True)
        p_others = of_p.rest - np.exp(log_y).sum(1, keepdims=True)
        # Their ratio matters, and the smaller of two differences may have lost its digits.
        p_others = np.where(np.isfinite(ratio) & (q_others > 0), ratio * q_others, p_others)
    return _Found(log_x, log_y, p_others, q_others)


def _apart(p: _Free, q: _Free, of_p: _Rest, of_q: _Rest) -> _Found:
    """Where the others hold nothing: if there is room, and t <= s."""
    log_x, rate_x = _fill(p.logs, of_q.cap, of_q.rest)
    log_y, rate_y = _fill(q.logs, of_p.cap, of_p.rest)
    none = np.zeros_like(of_p.rest)
    room = p.number * of_q.cap >= of_q.rest - TIE
    room &= q.number * of_p.cap >= of_p.rest - TIE
    return _Found(log_x, log_y, none, none, room & (rate_y.low * rate_x.low <= 1))


def _others_full(p: _Free, q: _Free, of_p: _Rest, of_q: _Rest, number: Floats) -> _Found:
    """Where so many others each hold u_q: they are so many listed outcomes more to p.

    This holds if the rest allows it, and if x would rather give them more.
    """
    q_others = number * of_q.cap
    log_x, rate = _fill(p.logs, of_q.cap, np.maximum(of_q.rest - q_others, 0))
    logs = np.hstack([q.logs, np.where(number > 0, _log(of_q.cap), -np.inf)])
    times = np.hstack([np.ones_like(q.logs), number])
    log_y, _ = _fill(logs, of_p.cap, of_p.rest, times)
    p_others = number * np.exp(log_y[:, -1:])
    with np.errstate(invalid="ignore"):
        # Where all of x is at its cap no rate is too large, whatever the others have.
        holds = np.isinf(rate.high) | (rate.high * p_others >= q_others)
    holds &= q_others <= of_q.rest + TIE
    return _Found(log_x, log_y[:, :-1], p_others, q_others, holds)


def _fill(
    logs: Floats, cap: Floats, total: Floats, times: Floats | None = None
) -> tuple[Floats, _Rate]:
    """log min(cap, rate * exp(logs)) with the rate that makes their sum the total; and that rate.

    Filling only ever raises the rate, so what is full stays full. All are full if the total ties
    with what they can have, and then no rate is too large.
    """
    weights = np.exp(logs) if times is None else np.exp(logs) * times
    each = np.ones_like(logs) if times is None else times
    ends = np.minimum(TIE, cap / 2)  # of a cap as small as a tie: nearer to all than to one less
    tied = cap * np.where(weights > 0, each, 0).sum(1, keepdims=True) <= total + ends
    full = tied & (weights > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        while True:
            left = total - cap * np.where(full, each, 0).sum(1, keepdims=True)
            free = np.where(full, 0, weights).sum(1, keepdims=True)
            rate = np.where(free > 0, np.maximum(left, 0) / free, np.inf)
            found = np.where(logs > -np.inf, logs + np.log(rate), -np.inf)
            over = ~full & (found > np.log(cap)) & (free > 0)
            if not over.any():
                break
            full |= over
        least = np.where(weights > 0, logs, np.inf).min(1, keepdims=True, initial=np.inf)
        low = np.where(np.isinf(rate), np.exp(np.log(cap) - least), rate)
        return np.where(full, np.log(cap), np.minimum(found, np.log(cap))), _Rate(low, rate)


def _log(values: Any) -> Any:
    with np.errstate(divide="ignore"):
        return np.log(np.maximum(values, 0))  # what rounding left of a difference
