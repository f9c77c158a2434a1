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
from kl_c._completions import Pair, closest, furthest, spread
from kl_c._sparse_rows import NOISE, Aligned, Side
from kl_c._statistics import Columns, Settings

__all__ = ["BOUNDED", "TAILS", "Completion", "score_bounds", "score_tail"]

DIVERGENCES = ("kl", "reverse_kl", "js", "total_variation")
OF_A_SIDE = ("entropy_p", "entropy_q")
BOUNDED = (*DIVERGENCES, "cross_entropy", *OF_A_SIDE, "nll_p", "nll_q")

# What is solved from sums of probabilities, and the measures' own rounding, as a share of 1 and of
# the value: bounds are moved outwards by it.
MARGIN = 2.0**-42


class Completion(NamedTuple):
    """How rows are completed."""

    tail: str
    floor: float
    settings: Settings


def score_tail(rows: Aligned, labels: NDArray[Any] | None, by: Completion) -> Columns:
    """Every statistic of the rows as the tail completes them."""
    pair, number = TAILS[by.tail](rows)
    columns = _measures(pair, (*DIVERGENCES, "cross_entropy", *OF_A_SIDE), by.settings)
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
            low, _, listed = _nll(side, labels, 0.0)
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
    lower = _measures(closest(rows), DIVERGENCES, settings)
    upper = _measures(furthest(rows, by.floor), DIVERGENCES, settings)
    for name, side in (("entropy_p", rows.p), ("entropy_q", rows.q)):
        lower[name], upper[name] = _entropies(side, by)
    lower["cross_entropy"] = lower["entropy_p"] + lower["kl"]
    upper["cross_entropy"] = upper["entropy_p"] + upper["kl"]
    if labels is not None:
        for name, side in (("nll_p", rows.p), ("nll_q", rows.q)):
            low, high, _ = _nll(side, labels, by.floor)
            lower[name], upper[name] = low / nats, high / nats
    margins = _margins(rows)
    for name in lower:
        margin = margins.get(name, 0) + MARGIN
        low = lower[name]
        lower[name] = np.maximum(low - margin - MARGIN * np.where(np.isinf(low), 0, low), 0)
        upper[name] = upper[name] + margin + MARGIN * upper[name]
    lower, upper = ({n: x for n, x in of.items() if n in BOUNDED} for of in (lower, upper))
    most = {"js": np.log(2) / nats, "total_variation": 1.0}
    for name, limit in most.items():
        upper[name] = np.minimum(upper[name], limit)
    return lower, upper


def _margins(rows: Aligned) -> Columns:
    """How far a logarithm of what a row does not list may be off: as a rest is, relatively."""
    off = {
        name: np.where(side.rest > 0, NOISE / np.maximum(side.rest - NOISE, NOISE), 0)
        for name, side in (("p", rows.p), ("q", rows.q))
    }
    shared = rows.in_p & rows.in_q
    beside_p, beside_q = (
        np.maximum(1 - np.exp(np.where(shared, logs, -np.inf)).sum(1), 0)
        for logs in (rows.log_p, rows.log_q)
    )
    kl, reverse_kl = beside_p * off["q"], beside_q * off["p"]
    more = {"kl": kl, "reverse_kl": reverse_kl, "cross_entropy": kl}
    return {**more, "nll_p": off["p"], "nll_q": off["q"]}


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
        logs.append(np.hstack([np.where(shared, log, -np.inf), _log(beside)[:, None]]))
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
        filled = np.where(beside, _log(share)[:, None], log)
        logs.append(np.hstack([filled, _log(share * rows.others)[:, None]]))
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
    whole = np.hstack([logs, *(_log(mass)[:, None] for mass in more)])
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
        least = side.rest - (side.unlisted - 1) * side.cap - 2 * NOISE
        least = np.where(side.cap > 0, least, 0)
    least = np.maximum(least, floor)
    return -np.where(listed, log, _log(side.cap)), -np.where(listed, log, _log(least)), listed


def _log(values: Any) -> Any:
    with np.errstate(divide="ignore"):
        return np.log(values)
