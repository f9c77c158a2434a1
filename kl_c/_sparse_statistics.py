"""What is taken of every pair of incomplete rows: as a tail completes them, and between which
bounds.

The measures themselves are the compiled ones, of rows that are completed in one way or another.
Where a completion holds several outcomes as one of their common mass m, which changes no
divergence, it lowers entropies and cross-entropies by m log(their number); that is put back (the
chain rule).

Bounds beside the divergences', for which see ``_completions``:

- Entropy: concave, so least at the corner (as much as can be at the cap) and largest with the rest
  spread evenly, which takes the vocabulary. Both are attained.
- Cross-entropy = entropy(p) + KL(p || q), of which each part is bounded by itself: valid, not tight
  unless p is whole.
- -log p[label]: exact where the label is listed, else p[label] is at most the cap, and at least
  what
  the other unlisted outcomes cannot hold. Both are attained.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kl_c import _kernels
from kl_c._closest import closest
from kl_c._completions import TIE, Pair, logarithm
from kl_c._furthest import furthest, spread
from kl_c._sparse_rows import NOISE, UNSURE, Aligned, Side
from kl_c._statistics import Columns, Settings

__all__ = ["TAILS", "Completion", "score_bounds", "score_tail"]

DIVERGENCES = ("kl", "reverse_kl", "js", "total_variation")
OF_A_SIDE = ("entropy_p", "entropy_q")

# What is solved from sums of probabilities, and the measures' own rounding, as a share of 1 and of
# the value: bounds are moved outwards by it. Most of it is m log(1/m) for a mass m = TIE.
MARGIN = 2.0**-40


class Completion(NamedTuple):
    """How rows are completed."""

    tail: str
    floor: float
    settings: Settings


def score_tail(rows: Aligned, labels: NDArray[Any] | None, by: Completion) -> Columns:
    """Every statistic of the rows as the tail completes them."""
    pair, number = TAILS[by.tail](rows)
    names = (*DIVERGENCES, "cross_entropy", *OF_A_SIDE)
    columns = _measures_of_the_sure(pair, rows, names, by.settings)
    nats = by.settings.nats
    with np.errstate(invalid="ignore"):
        of_others = np.where(number > 1, np.log(number), 0) / nats
    for name, logs in (("entropy_p", pair.log_p), ("entropy_q", pair.log_q)):
        columns[name] += np.exp(logs[:, -1]) * of_others
    columns["cross_entropy"] += np.exp(pair.log_p[:, -1]) * of_others
    for name, logs in (("p", rows.log_p), ("q", rows.log_q)):
        top = np.argmax(logs, axis=1)
        columns[f"top_{name}"] = np.take_along_axis(rows.ids, top[:, None], 1)[:, 0]
    columns["same_top"] = columns["top_p"] == columns["top_q"]
    if labels is not None:
        for name, side in (("p", rows.p), ("q", rows.q)):
            low, _, listed = _nll(side, labels, by.floor)
            if by.tail == "uniform":
                with np.errstate(divide="ignore", invalid="ignore"):
                    low = np.where(listed, low, -np.log(side.rest / side.unlisted))
            columns[f"nll_{name}"] = low / nats
            columns[f"listed_{name}"] = listed
    columns["rest_p"], columns["rest_q"] = rows.p.rest, rows.q.rest
    columns["shared"] = (rows.in_p & rows.in_q).sum(1)
    return columns


def score_bounds(
    rows: Aligned, labels: NDArray[Any] | None, by: Completion
) -> tuple[Columns, Columns]:
    """Lower and upper bound of every statistic that has them."""
    settings, nats = by.settings, by.settings.nats
    lower = _measures_of_the_sure(closest(rows), rows, DIVERGENCES, settings)
    upper = _measures(furthest(rows, by.floor), DIVERGENCES, settings)
    for name, side in (("entropy_p", rows.p), ("entropy_q", rows.q)):
        lower[name], upper[name] = _entropies(side, by)
    lower["cross_entropy"] = lower["entropy_p"] + lower["kl"]
    upper["cross_entropy"] = upper["entropy_p"] + upper["kl"]
    if labels is not None:
        for name, side in (("nll_p", rows.p), ("nll_q", rows.q)):
            low, high, _ = _nll(side, labels, by.floor)
            lower[name], upper[name] = low / nats, high / nats
    below, above = _margins(rows, by.floor)
    for name, low in lower.items():
        off = below.get(name, 0) / nats + MARGIN * (1 + np.where(np.isinf(low), 0, low))
        lower[name] = np.maximum(low - off, 0)
        upper[name] = upper[name] * (1 + MARGIN) + above.get(name, 0) / nats + MARGIN
    most = {"js": np.log(2) / nats, "total_variation": 1.0}
    for name, limit in most.items():
        upper[name] = np.minimum(upper[name], limit)
    return lower, upper


def _margins(rows: Aligned, floor: float) -> tuple[Columns, Columns]:
    """How far KL is off by rests, which are known to UNSURE: of lower and of upper bounds, in nats.

    What is beside the shared outcomes of one row times how far log(rest) of the other may be off,
    and a mass of UNSURE anywhere, times the largest logarithm that it may meet.
    """
    below: Columns = {}
    above: Columns = {}
    shared = rows.in_p & rows.in_q
    sides = (("kl", rows.p, rows.log_p, rows.q), ("reverse_kl", rows.q, rows.log_q, rows.p))
    for name, this, logs, other in sides:
        beside = this.rest + np.exp(np.where(shared, -np.inf, logs)).sum(1)
        least = np.where(other.logs > -np.inf, other.logs, 0).min(1)
        misplaced = -UNSURE * (np.minimum(least, np.log(floor)) if floor else least)
        with np.errstate(divide="ignore", invalid="ignore"):
            # A rest of no more than UNSURE may be nothing.
            surely = np.maximum(other.rest - UNSURE, floor)
            known = (other.rest == 0) | (beside == 0)
            below[name] = misplaced + np.where(known, 0, beside * np.log1p(UNSURE / other.rest))
            above[name] = misplaced + np.where(known, 0, beside * np.log(other.rest / surely))
        above[name] = np.maximum(above[name], 0)
    for margins in (below, above):
        margins["cross_entropy"] = margins["kl"]
    return below, above


def _measures_of_the_sure(
    pair: Pair, rows: Aligned, names: tuple[str, ...], settings: Settings
) -> Columns:
    """Measures without what a row may have nothing of, where that would be infinite beside a 0."""
    found = _measures(pair, names, settings)
    others = np.ones((len(rows.others), 1), bool)
    for side, listed, of_side in (
        (0, rows.in_p, ("kl", "cross_entropy")),
        (1, rows.in_q, ("reverse_kl",)),
    ):
        free = np.hstack([~listed, others])
        mass = np.exp(np.where(free, pair[side], -np.inf)).sum(1)
        unsure = (mass > 0) & (mass <= TIE)
        if unsure.any():
            logs = [log[unsure] for log in pair]
            logs[side] = np.where(free[unsure], -np.inf, logs[side])
            again = _measures(Pair(*logs), names, settings)
            for name in set(names).intersection(of_side):
                found[name][unsure] = again[name]
    return found


def _measures(pair: Pair, names: tuple[str, ...], settings: Settings) -> Columns:
    table = _kernels.compare_rows(
        pair.log_p, pair.log_q, None, **settings.of_the_kernel(), first=pair.log_p.shape[1]
    )
    of = dict(zip(_kernels.STATISTICS, table.T, strict=True))
    return {name: of[name].copy() for name in names}


def _bucket(rows: Aligned) -> tuple[Pair, Any]:
    """Outcomes that both list, and all others as one."""
    shared = rows.in_p & rows.in_q
    logs = []
    for log, side in ((rows.log_p, rows.p), (rows.log_q, rows.q)):
        beside = side.rest + np.exp(np.where(shared, -np.inf, log)).sum(1)
        logs.append(np.hstack([np.where(shared, log, -np.inf), logarithm(beside)[:, None]]))
    return Pair(*logs), np.ones(len(rows.others))


def _renormalised(rows: Aligned) -> tuple[Pair, Any]:
    """Outcomes that both list, as distributions of their own; NaN where there are none."""
    shared = rows.in_p & rows.in_q
    none = np.full((len(shared), 1), -np.inf)
    logs = [np.hstack([np.where(shared, x, -np.inf), none]) for x in (rows.log_p, rows.log_q)]
    for log in logs:
        log[~shared.any(1)] = np.nan
    return Pair(*logs), np.ones(len(shared))


def _uniform(rows: Aligned) -> tuple[Pair, Any]:
    """Every outcome that a row does not list has the same share of its rest."""
    logs = []
    for log, listed, side in (
        (rows.log_p, rows.in_p, rows.p),
        (rows.log_q, rows.in_q, rows.q),
    ):
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(side.unlisted > 0, side.rest / side.unlisted, 0)
        beside = (rows.in_p | rows.in_q) & ~listed
        filled = np.where(beside, logarithm(share)[:, None], log)
        logs.append(np.hstack([filled, logarithm(share * rows.others)[:, None]]))
    return Pair(*logs), rows.others


TAILS = {"bucket": _bucket, "renormalize": _renormalised, "uniform": _uniform}


def _entropies(side: Side, by: Completion) -> tuple[Any, Any]:
    """The least and the largest entropy of a side."""
    floor = np.full(len(side.rest), by.floor)
    corner = spread(side.rest, side.cap, side.unlisted, floor)
    left = np.maximum(side.unlisted - corner.places, 0) if by.floor else np.zeros_like(floor)
    equal = [(corner.full, corner.full * corner.cap), (left, left * corner.floor)]
    low = _entropy(side.logs, [corner.part, *(mass for _, mass in equal)], by)
    high = _entropy(side.logs, [side.rest], by)
    for number, mass in (*equal, (side.unlisted, side.rest)):
        with np.errstate(divide="ignore", invalid="ignore"):
            more = np.where(mass > 0, mass * np.log(number), 0) / by.settings.nats
        if mass is side.rest:
            high = high + more
        else:
            low = low + more
    return low, high


def _entropy(logs: NDArray[Any], more: list[Any], by: Completion) -> Any:
    whole = np.hstack([logs, *(logarithm(mass)[:, None] for mass in more)])
    settings = by.settings
    return np.asarray(
        _kernels.entropy(
            whole, form="logits", base=settings.base, workers=settings.workers, invalid="nan"
        )
    )


def _nll(side: Side, labels: NDArray[Any], floor: float) -> tuple[Any, Any, NDArray[np.bool_]]:
    """The least and the largest -log p[label] in nats, and where they are the same: listed."""
    log, listed = side.log_of(labels)
    with np.errstate(invalid="ignore"):
        least = side.rest - (side.unlisted - 1) * side.cap - UNSURE
        least = np.where(side.cap > 0, least, 0)
        # The others have no less than the floor.
        most = side.rest - (side.unlisted - 1) * floor + NOISE if floor else side.cap
    least, most = np.maximum(least, floor), np.maximum(np.minimum(side.cap, most), floor)
    return -np.where(listed, log, logarithm(most)), -np.where(listed, log, logarithm(least)), listed
