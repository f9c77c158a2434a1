"""What clipping does to each statistic: exact, within a bound, or bounded on one side alone.

A clipped row gives the outcomes below its floor as at the floor. Let f be the floor, M the
probability that the outcomes there would have if all stood at it, and x_i <= f what they are in
truth; the others are true. The row that is scored is the given one divided by its mass Z, and
1 <= Z <= 1 + M. With L = -log f, and F the largest -log q of the other side, in nats:

- Total variation, a probability: the scored row is off by M at most, M in all.
- Entropy H: -x log x rises up to f, so the floor adds 0 to M L. With A from the others, the scored
  H is log Z + (A + M L) / Z, and off by M max(1 + L, H).
- sum -p log q of a clipped p: likewise by M max(C, F), C being its scored value.
- KL(p || q) of a clipped p: an outcome at the floor adds x log(x / q), at most f (F - L) if that is
  above 0, and at least -q / e or -f log(q / f); the latter where q > e f. In all that is -M - h(M)
  or more by concavity, h(M) = M log(1 / M), and 1 / e for larger M. So both in truth and as scored;
  with Z, off by M (max(0, F - L) + KL + 2 + M) + h(M).
- Jensen-Shannon: a term changes by f (L + 1) / 2 at most while x falls from f to 0, and the
  division by Z by M log(2) / 2 in all: off by M (L + 1 + log 2) / 2. Its terms are convex in x, of
  derivative log(2) / 2 at most, and log((f + q) / 2f) <= L.
- KL(p || q) and -sum p log q of a clipped q: every -log q is larger in truth than as given, by any
  amount. What is scored, less log Z <= M, is a lower bound and no more. So is -log q of a label
  that stands at the floor; of any other it is off by M at most.

Rounding is not counted here: see ``resolution``.
"""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kl_c._cli.floors import Clipped, Floors
from kl_c._cli.layout import Table, cell
from kl_c._likelihood import perplexity
from kl_c._statistics import STATISTICS, Columns, Settings

__all__ = [
    "BOUNDED",
    "LOWER",
    "UNKNOWN",
    "UPPER",
    "Touched",
    "clipping",
    "clipping_table",
    "mark",
    "mark_of_difference",
    "touched",
]

BOUNDED, LOWER, UPPER, UNKNOWN = "bounded", "lower bound", "upper bound", "unknown"
# What stands before a figure in a table, so that it never looks like more than it is.
MARKS = {BOUNDED: "", LOWER: ">=", UPPER: "<=", UNKNOWN: "?"}
OF_A_NEGATIVE = {"": "", ">=": "<=", "<=": ">=", "?": "?"}

Values = NDArray[np.float64]


class Touched(NamedTuple):
    """The status of a statistic that is not exact, and how far each row may be off."""

    status: str
    off: Values  # infinite where the status is "unknown"


def clipping(columns: Columns, settings: Settings, p: Floors, q: Floors) -> dict[str, Any] | None:
    """Of the used rows: for each statistic touched its ``status``, ``bound`` and ``largest_bound``.

    ``bound`` is how far the mean may be off, None where it is unknown; ``largest_bound`` how far a
    row. A lower bound holds once that much is taken from it, an upper one once it is added. What is
    not listed is exact. None where no row is clipped.
    """
    valid = columns["valid"]
    p_side, q_side = (Clipped(*(x[valid] for x in floors.clipped(valid.size))) for floors in (p, q))
    if not (p_side.mass.any() or q_side.mass.any()):
        return None
    rows = {name: column[valid] for name, column in columns.items()}
    found = touched(rows, settings, p_side, q_side)
    facts = {name: _facts(one.status, one.off) for name, one in found.items()}
    if "label_change" in found:
        change = found["label_change"]
        facts["rms"] = _facts(change.status, np.sqrt(np.mean(change.off**2, keepdims=True)))
    return facts | _likelihoods(rows, settings, found)


def touched(rows: Columns, settings: Settings, p: Clipped, q: Clipped) -> dict[str, Touched]:
    """Which statistics of these rows are not exact, in the unit of the settings."""
    unit = {s.name: settings.nats for s in STATISTICS if s.kind in ("nats", "likelihood")}
    nats = {name: rows[name] * unit[name] for name in unit if name in rows}
    found = {}
    if settings.temperature == 1 and settings.outcomes == "equal":
        found = _off(nats, p, q)
        for side, of_side in (("p", p), ("q", q)):
            if f"nll_{side}" in nats:
                found[f"nll_{side}"] = _of_labels(nats[f"nll_{side}"], of_side)
        if settings.k is not None:
            few = np.minimum(p.above, q.above) < settings.k
            off = np.where(few, np.inf, 0.0)
            found |= dict.fromkeys(
                (s.name for s in STATISTICS if s.needs == "k"), Touched(UNKNOWN, off)
            )
    else:  # masses and floors are those of other rows than the file's
        off = np.where((p.mass > 0) | (q.mass > 0), np.inf, 0.0)
        real = (s.name for s in STATISTICS if s.has_percentiles)
        found = {name: Touched(UNKNOWN, off) for name in real}
    known = {}
    for name, one in found.items():
        if name in rows and one.off.any():
            off = one.off / unit.get(name, 1.0)
            known[name] = Touched(one.status if np.isfinite(off).all() else UNKNOWN, off)
    return known


def _off(nats: Columns, p: Clipped, q: Clipped) -> dict[str, Touched]:
    """All but the labels', in nats."""
    both = p.mass + q.mass
    found = {name: Touched(BOUNDED, both) for name in ("total_variation", "largest_change")}
    found["label_change"] = Touched(BOUNDED, both)
    found |= {name: Touched(BOUNDED, p.mass) for name in ("p_of_top_p", "p_of_top_q")}
    found["q_of_top_p"] = Touched(BOUNDED, q.mass)
    js = sum(side.mass * (side.depth + 1 + math.log(2)) / 2 for side in (p, q))
    found["js"] = Touched(BOUNDED, np.asarray(js))
    for name, side in (("entropy_p", p), ("entropy_q", q)):
        found[name] = Touched(BOUNDED, side.mass * np.maximum(1 + side.depth, nats[name]))
    for name, first, second in (("kl", p, q), ("reverse_kl", q, p)):
        far = np.maximum(second.furthest - first.depth, 0)
        off = _times(first.mass, far + nats[name] + 2 + first.mass) + _h(first.mass)
        found[name] = Touched(_status(second), off + second.mass)
    off = _times(p.mass, np.maximum(nats["cross_entropy"], q.furthest))
    found["cross_entropy"] = Touched(_status(q), off + q.mass)
    return found


def _h(mass: Values) -> Values:
    """The largest y log(1 / y) of y up to the mass."""
    y = np.minimum(mass, 1 / math.e)
    found: Values = -y * np.log(np.where(y > 0, y, 1.0))
    return found


def _status(inside_logarithm: Clipped) -> str:
    return LOWER if inside_logarithm.mass.any() else BOUNDED


def _of_labels(nll: Values, side: Clipped) -> Touched:
    at_floor = (side.mass > 0) & (nll >= side.depth - side.step / 2)
    return Touched(LOWER if at_floor.any() else BOUNDED, side.mass)


def _times(mass: Values, factor: Values) -> Values:
    """0 times infinity is 0: no mass, no matter how far."""
    product = np.zeros_like(mass)
    np.multiply(mass, factor, out=product, where=mass > 0)
    return product


def _likelihoods(
    rows: Columns, settings: Settings, found: dict[str, Touched]
) -> dict[str, dict[str, Any]]:
    """What the means of both -log come to: perplexities, their ratio and difference."""
    if not {"nll_p", "nll_q"} & set(found):
        return {}
    exact = Touched(BOUNDED, np.zeros(rows["nll_p"].size))
    p, q = (found.get(f"nll_{side}", exact) for side in ("p", "q"))
    off_p, off_q = (float(x.off.mean()) * settings.nats for x in (p, q))
    mean_p, mean_q = (float(rows[f"nll_{side}"].mean()) * settings.nats for side in ("p", "q"))
    off = {  # exp(m + d) - exp(m)
        "perplexity_p": perplexity(mean_p) * math.expm1(off_p),
        "perplexity_q": perplexity(mean_q) * math.expm1(off_q),
        "log_ratio": off_p + off_q,
        "ratio": perplexity(mean_q - mean_p) * math.expm1(off_p + off_q),
    }
    off["difference"] = off["perplexity_p"] + off["perplexity_q"]
    of_both = {(BOUNDED, BOUNDED): BOUNDED, (BOUNDED, LOWER): LOWER, (LOWER, BOUNDED): UPPER}
    statuses = dict.fromkeys(off, of_both.get((p.status, q.status), UNKNOWN))
    statuses |= {"perplexity_p": p.status, "perplexity_q": q.status}
    touched = {name: _facts(statuses[name], np.array([off[name]])) for name in off if off[name]}
    return touched | {"correlation": _facts(UNKNOWN, np.array([math.inf]))}


def _facts(status: str, off: Values) -> dict[str, Any]:
    known = status != UNKNOWN and bool(np.isfinite(off).all())
    return {
        "status": status,
        "bound": float(off.mean()) if known else None,
        "largest_bound": float(off.max()) if known else None,
    }


def mark(one: dict[str, Any], name: str) -> str:
    """What stands before a figure of this statistic of one candidate."""
    found = (one["clipping"] or {}).get(name)
    return "" if found is None else MARKS[found["status"]]


def mark_of_difference(one: dict[str, Any], other: dict[str, Any], name: str) -> str:
    """What stands before this figure of one candidate less that of the other."""
    mine, theirs = mark(one, name), OF_A_NEGATIVE[mark(other, name)]
    return mine or theirs if not mine or not theirs or mine == theirs else MARKS[UNKNOWN]


def clipping_table(one: dict[str, Any], names: Iterable[str]) -> list[Table]:
    """The statuses of the statistics that a report shows, if any row is clipped."""
    if one["clipping"] is None:
        return []
    rows = [
        [
            name,
            one["clipping"][name]["status"],
            cell(one["clipping"][name]["bound"]),
            cell(one["clipping"][name]["largest_bound"]),
        ]
        for name in names
        if name in one["clipping"]
    ]
    return [Table(["not exact, by the clip", "status", "mean off by", "a row by"], rows)]
