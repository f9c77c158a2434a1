"""Whether the labels fit the rows better when they are moved by one row.

A label that belongs to the row before or after is the commonest fault of such comparisons, and it
changes no shape and raises no error. Within one row the normaliser is the same for every label, so
the difference of two negative log-likelihoods takes two entries of the row and no sum.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kl_c._statistics import Columns, Rows, Settings

__all__ = ["SHIFTS", "LabelShift", "LastRow", "drops", "found_in", "last_of", "warning_for"]

# column -> the row whose label is tried, relative to the row
SHIFTS = {"drop_next": 1, "drop_previous": -1}

DROP = 1.0  # nats by which a moved label must lower the mean
ERRORS = 3  # standard errors that the drop must be away from 0: a few rows drop by chance


class LastRow(NamedTuple):
    """The end of one block, which the next may continue."""

    row: Any  # 1 x outcomes, a copy: the caller may reuse the memory
    label: NDArray[Any]
    group: int | None
    valid: bool
    has_label: bool


class LabelShift(NamedTuple):
    """How much lower, in nats, the base's mean nll is with the labels of the next or last row."""

    next: float
    previous: float
    suspected: bool


def drops(
    rows: Rows, valid: NDArray[np.bool_], last: LastRow | None, settings: Settings
) -> tuple[Columns, float, LastRow | None]:
    """The columns of one block, what the last row of the block before lacked, and the new last row.

    Rows have a neighbour in the same group, which has a label.
    """
    assert rows.labels is not None
    count = len(valid)
    columns: Columns = {name: np.full(count, np.nan, np.float32) for name in SHIFTS}
    if not count:
        return columns, math.nan, last
    labels = rows.labels.astype(np.int64)
    groups = np.zeros(count, np.int64) if rows.groups is None else rows.groups
    has_label = _has_label(rows)
    alike = (groups[1:] == groups[:-1]) & has_label[1:] & has_label[:-1]
    of = settings.forms()["p"], settings.temperature
    at = np.flatnonzero(alike & valid[:-1])
    columns["drop_next"][at] = _gains(rows.p, at, labels[at], labels[at + 1], *of)
    at = np.flatnonzero(alike & valid[1:]) + 1
    columns["drop_previous"][at] = _gains(rows.p, at, labels[at], labels[at - 1], *of)
    group = None if rows.groups is None else int(groups[0])
    before = math.nan
    if last is not None and last.has_label and has_label[0] and last.group == group:
        first = np.zeros(1, np.int64)
        if last.valid:
            before = float(_gains(last.row, first, last.label, labels[:1], *of)[0])
        if valid[0]:
            columns["drop_previous"][:1] = _gains(rows.p, first, labels[:1], last.label, *of)
    return columns, before, last_of(rows, valid)


def last_of(rows: Rows, valid: NDArray[np.bool_]) -> LastRow | None:
    """What the next block needs of this one; None without labels."""
    if rows.labels is None or not len(valid):
        return None
    row = rows.p[-1:]
    copied = row.clone() if hasattr(row, "clone") else row.copy()
    group = None if rows.groups is None else int(rows.groups[-1])
    return LastRow(
        copied,
        rows.labels[-1:].astype(np.int64),
        group,
        bool(valid[-1]),
        bool(_has_label(rows)[-1]),
    )


def _has_label(rows: Rows) -> NDArray[np.bool_]:
    assert rows.labels is not None
    labels = rows.labels.astype(np.int64)
    has: NDArray[np.bool_] = ~rows.masked & (labels >= 0) & (labels < rows.first)
    return has


def found_in(columns: Columns) -> LabelShift:
    """The mean drops over all rows that have a neighbour, and whether one of them is a fault."""
    means, suspected = {}, False
    for name in SHIFTS:
        values = columns[name].astype(np.float64)
        values = values[np.isfinite(values)]
        means[name] = float(values.mean()) if values.size else math.nan
        if values.size > 1:
            error = float(values.std(ddof=1)) / math.sqrt(values.size)
            suspected |= means[name] > max(DROP, ERRORS * error)
    return LabelShift(means["drop_next"], means["drop_previous"], suspected)


def warning_for(shift: LabelShift) -> str | None:
    """What to say about it, if anything."""
    if not shift.suspected:
        return None
    later = not shift.next < shift.previous  # one of them may be NaN
    drop, which = (shift.next, "next") if later else (shift.previous, "previous")
    return (
        f"the labels look shifted: with the label of the {which} row in place of its own the "
        f"base's mean nll is {drop:.3g} nats lower (labels= are aligned: the outcome that came "
        "true in the row; tokens= are not)"
    )


def _gains(
    p: Any,
    rows: NDArray[np.int64],
    own: NDArray[Any],
    other: NDArray[Any],
    form: str,
    temperature: float,
) -> NDArray[np.float64]:
    """log p(other) - log p(own) of some rows, in nats."""
    # By way of lists: entries of any array or tensor, of any dtype, become numbers.
    entries = [
        np.array(p[rows, labels].tolist(), np.float64).reshape(len(rows)) for labels in (own, other)
    ]
    with np.errstate(invalid="ignore", divide="ignore"):
        if form in ("probs", "counts"):
            entries = [np.log(entry) for entry in entries]
        return (entries[1] - entries[0]) / (temperature if form == "logits" else 1)
