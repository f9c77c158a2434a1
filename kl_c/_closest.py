"""The closest completion of a pair of incomplete rows; ``_completions`` says why it is that."""

from typing import Any, NamedTuple

import numpy as np

from kl_c._completions import TIE, Flags, Floats, Pair, logarithm
from kl_c._sparse_rows import Aligned

__all__ = ["closest"]


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
        np.hstack([np.where(only_q, found.log_y, rows.log_p), logarithm(p_others)]),
        np.hstack([np.where(only_p, found.log_x, rows.log_q), logarithm(q_others)]),
    )


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
        log_y = np.where(is_y, np.minimum(logarithm(of_p.cap), q.logs + log_ratio), -np.inf)
        log_x = np.where(is_x, np.minimum(logarithm(of_q.cap), p.logs - log_ratio), -np.inf)
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
    logs = np.hstack([q.logs, np.where(number > 0, logarithm(of_q.cap), -np.inf)])
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
