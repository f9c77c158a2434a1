"""The furthest completion of a pair of incomplete rows; ``_completions`` says why it is that."""

from typing import Any, NamedTuple

import numpy as np

from kl_c._completions import Flags, Floats, Pair, logarithm
from kl_c._sparse_rows import NOISE, Aligned

__all__ = ["furthest", "spread"]


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
    log_x = logarithm(rising.at(_rank(-rows.log_p, only_p)))
    log_y = logarithm(falling.at(others[:, None] + _rank(rows.log_q, only_q)))
    many, of_p, of_q = falling.beside(rising, number_x, others)
    return Pair(
        np.hstack([np.where(only_q, log_y, rows.log_p), logarithm(many * of_p)]),
        np.hstack([np.where(only_p, log_x, rows.log_q), logarithm(many * of_q)]),
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
