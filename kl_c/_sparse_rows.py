"""Rows of which some outcomes are listed: what ``update`` is given, checked and side by side.

A list is a row of ids and one of natural logarithms of probabilities; an id of -1 or a
log-probability of -inf is no entry, so that shorter lists fill up their row. What a list lacks to 1
is its *rest*. The stored values count as the numbers that they are, so the rest is known as well as
their sum in float64: where a list is not complete it counts as no less than UNSURE, and the list is
scaled down to what is left, if it must be.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kl_c import _kernels

__all__ = ["NOISE", "NO_ID", "UNSURE", "Aligned", "Given", "Side", "aligned", "given"]

NO_ID = -1
LARGEST_ID = np.iinfo(np.int64).max - 1  # the one more stands behind all of them
# How far a sum of some thousand probabilities, and so what it lacks to 1, may be off in float64.
NOISE = 2.0**-49
# What is claimed of a rest that the sum of its list does not tell from nothing.
UNSURE = 2 * NOISE
# Values that were rounded to a narrower type may break a rule by so much for each entry; this is
# how much is let pass, and nothing that is claimed of the rows.
ROUNDOFF = {"float16": 2.0**-11, "bfloat16": 2.0**-8, "float32": 2.0**-24}

LIKELIEST = "the entries must be the likeliest of the vocabulary (k= says how many of them are)"
VOUCHED = "every outcome must have the floor"
SHAPES = "of shape (..., k), a pair (ids, log_probs)"
WHOLE = "of shape (..., outcomes)"


class Given(NamedTuple):
    """One argument: rows x entries with their ids, or whole rows without."""

    name: str
    ids: NDArray[np.int64] | None
    values: NDArray[Any]
    batch: tuple[int, ...]
    form: str

    def at(self, rows: Any) -> "Given":
        """Some of the rows."""
        ids = None if self.ids is None else self.ids[rows]
        return self._replace(ids=ids, values=self.values[rows])


class Side(NamedTuple):
    """The rows of one argument once they are found valid."""

    ids: NDArray[np.int64] | None  # None: outcome i stands in column i
    stored: NDArray[np.float64]  # -inf where there is no entry
    logs: NDArray[np.float64]  # the same, as far as they sum to more than 1 - rest scaled to that
    rest: NDArray[np.float64]  # probability of all that is not listed
    cap: NDArray[np.float64]  # the most that one of those can have
    unlisted: NDArray[np.float64]  # how many they are, inf if nobody said
    more: NDArray[np.bool_]  # whether more is listed than the k likeliest

    def at(self, rows: Any) -> "Side":
        """Some of the rows."""
        return Side(*(None if x is None else x[rows] for x in self))  # type: ignore[arg-type]

    def log_of(self, labels: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """log p[label] of each row, and whether it is listed."""
        if self.ids is None:
            found = np.take_along_axis(self.stored, labels[:, None].astype(np.int64), 1)[:, 0]
            return found, np.ones(len(labels), bool)
        match = (self.ids == labels[:, None]) & (self.logs > -np.inf)
        return np.where(match, self.stored, -np.inf).max(1, initial=-np.inf), match.any(1)


class Aligned(NamedTuple):
    """Both sides in one order of outcomes: rows x columns. A column that is in neither is empty."""

    p: Side
    q: Side
    ids: NDArray[np.int64]
    log_p: NDArray[np.float64]
    log_q: NDArray[np.float64]
    in_p: NDArray[np.bool_]
    in_q: NDArray[np.bool_]
    others: NDArray[np.float64]  # outcomes that neither lists


def given(name: str, argument: Any, form: str) -> Given:
    """Tell a list from whole rows: a pair of arrays is a list."""
    if not isinstance(argument, tuple):
        values = _rectangle(name, argument, f"a pair (ids, log_probs) or rows {WHOLE}")
        if values.ndim == 0:
            raise ValueError(f"{name} must have an axis of outcomes, got a 0-D array")
        if values.shape[-1] == 0:
            raise ValueError(f"{name} must have at least one outcome, got shape {values.shape}")
        batch = values.shape[:-1]
        return Given(name, None, values.reshape(-1, values.shape[-1]), batch, form)
    if len(argument) != 2:
        raise ValueError(f"{name} must be {SHAPES}, got a tuple of {len(argument)}")
    filled = f"{SHAPES}: lists of different length are filled up with ids of {NO_ID}"
    ids, logs = (_rectangle(name, part, filled) for part in argument)
    if ids.dtype.kind not in "iu":
        raise TypeError(f"ids of {name} have dtype {ids.dtype}; expected an integer type")
    if logs.dtype.kind != "f" and str(logs.dtype) != "bfloat16":  # which is a kind of its own
        raise TypeError(f"log_probs of {name} have dtype {logs.dtype}; expected a float type")
    if ids.ndim == 0 or ids.shape != logs.shape:
        raise ValueError(
            f"ids and log_probs of {name} must be of one shape (..., k), got {ids.shape} and "
            f"{logs.shape}"
        )
    if ids.shape[-1] == 0:
        raise ValueError(f"{name} must list at least one outcome, got k = 0")
    shape = (-1, ids.shape[-1])
    if ids.size and ids.max() > LARGEST_ID:
        raise ValueError(f"{name} holds id {ids.max()}; ids must be less than 2**63 - 1")
    ids64 = ids.reshape(shape).astype(np.int64)
    return Given(name, ids64, logs.reshape(shape), ids.shape[:-1], "log_probs")


def _rectangle(name: str, part: ArrayLike, expected: str) -> NDArray[Any]:
    try:
        return np.asarray(part)
    except ValueError:
        raise ValueError(f"{name} must be {expected}, got rows of different length") from None


class Checked(NamedTuple):
    """The rows of one argument, and what is wrong with those that are no rows."""

    side: Side
    bad: NDArray[np.bool_]
    reason: str  # of the first of them

    @classmethod
    def of(
        cls,
        it: Given,
        vocabulary: int | None,
        k: int | None,
        floor: float,
        likeliest: bool,
    ) -> Self:
        """Check and complete; rows that are bad hold anything.

        ``likeliest`` says that the entries must be the likeliest of the vocabulary.
        """
        if it.ids is None:
            return cls._whole(it, floor)
        absent = (it.ids == NO_ID) | (it.values == -np.inf)
        values = np.where(absent, it.values.dtype.type(-np.inf), it.values)
        ids = np.where(absent, NO_ID, it.ids)
        count = (~absent).sum(1)
        with np.errstate(invalid="ignore", over="ignore"):
            mass = np.exp(values.astype(np.float64)).sum(1)
        complete = count == (np.inf if vocabulary is None else vocabulary)
        missing = np.where(complete, 0, np.maximum(1 - mass, 0))  # NaN is left to the check
        with np.errstate(divide="ignore", invalid="ignore"):
            whole = np.hstack([values, np.log(missing)[:, None].astype(values.dtype)])
        faults = _Faults(len(ids))
        for wrong, did, rule in _id_rules(ids, vocabulary):
            faults.add(wrong, did, rule)
        faults.add_rules_of_rows(whole, "log_probs")
        rest = np.where(complete, 0, np.maximum(missing, UNSURE))
        unlisted = np.full(len(ids), np.inf) if vocabulary is None else vocabulary - count * 1.0
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = np.where(complete | (missing < UNSURE), np.log((1 - rest) / mass), 0)
            stored = np.where(absent, -np.inf, values.astype(np.float64))
            logs = stored + scale[:, None]
            least = np.where(unlisted > 0, rest / unlisted, 0)
            cap = np.minimum(_kth_largest(logs, count, k), rest)
            slack = _roundoff(values) * np.maximum(count, 1)
            crowded = likeliest & (least > cap) & (rest - unlisted * cap > slack)
            starved = (unlisted * floor - rest > slack) & (floor > 0)
            below = _below(np.where(absent, np.inf, logs), floor, _roundoff(values))

        def leaves(row: int) -> str:
            return f"leaves {rest[row]:.3g} to {unlisted[row]:.0f} of at"

        faults.add(crowded, lambda row: f"{leaves(row)} most {cap[row]:.3g} each", LIKELIEST)
        faults.add(starved, lambda row: f"{leaves(row)} least {floor:g} each", VOUCHED)
        faults.add(below, lambda row: f"lists a probability below {floor:g}", VOUCHED)
        more = count > (np.inf if k is None else k)
        side = Side(ids, stored, logs, rest, np.maximum(cap, least), unlisted, more)
        return cls(side, faults.bad, faults.reason)

    @classmethod
    def _whole(cls, it: Given, floor: float) -> Self:
        """Rows that leave nothing."""
        faults = _Faults(len(it.values))
        faults.add_rules_of_rows(it.values, it.form)
        logs = np.zeros(it.values.shape)
        logs[~faults.bad] = _log_probs(it.values[~faults.bad], it.form)
        below = _below(logs, floor, _roundoff(it.values))
        faults.add(below, lambda row: f"holds a probability below {floor:g}", VOUCHED)
        none = np.zeros(len(logs))
        return cls(Side(None, logs, logs, none, none, none, none > 0), faults.bad, faults.reason)


def _roundoff(values: NDArray[Any]) -> float:
    return ROUNDOFF.get(str(values.dtype), UNSURE)


def _below(logs: NDArray[np.float64], floor: float, roundoff: float) -> NDArray[np.bool_]:
    """Rows with a value below the floor by more than the roundoff of its logarithm."""
    if floor == 0:
        return np.zeros(len(logs), bool)
    least = np.log(floor)
    below: NDArray[np.bool_] = logs.min(1) < least - roundoff * max(1.0, -least)
    return below


class _Faults:
    """The rows that break a rule, and what the first of them does."""

    def __init__(self, rows: int) -> None:
        self.bad = np.zeros(rows, bool)
        self.reason = ""

    def add_rules_of_rows(self, values: NDArray[Any], form: Any) -> None:
        """The library's rules for distributions in this form."""
        wrong = np.asarray(_kernels.check_rows(values, form=form)) != 0

        def did(row: int) -> str:
            try:
                _kernels.entropy(values[row], form=form)
            except _kernels.InvalidRowsError as error:
                return error.reason
            raise AssertionError(f"row {row} broke a rule that one row alone keeps")

        self.add(wrong, did, "")

    def add(self, wrong: NDArray[np.bool_], did: Callable[[int], str], rule: str) -> None:
        """Rows that break one more rule; the rules before it come first in a row of several."""
        wrong = wrong & ~self.bad
        if wrong.any():
            first = int(np.argmax(wrong))
            if not self.bad[:first].any():
                self.reason = f"{did(first)}; {rule}" if rule else did(first)
            self.bad = self.bad | wrong


def _id_rules(ids: NDArray[np.int64], vocabulary: int | None) -> Any:
    """Each rule of ids: the rows that break it, what such a row does, and what is asked."""
    ordered = np.sort(ids, axis=1)
    twice = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] != NO_ID)

    def repeated(row: int) -> str:
        return f"lists id {ordered[row, 1:][twice[row]][0]} twice"

    yield twice.any(1), repeated, "an outcome has one probability"
    yield (
        ordered[:, 0] < NO_ID,
        lambda row: f"holds id {ordered[row, 0]}",
        f"ids must not be negative, but for {NO_ID} where there is no entry",
    )
    if vocabulary is not None:
        yield (
            ordered[:, -1] >= vocabulary,
            lambda row: f"holds id {ordered[row, -1]}",
            f"ids must lie in 0 ... {vocabulary - 1}, the vocabulary",
        )


def _log_probs(values: NDArray[Any], form: str) -> NDArray[np.float64]:
    """Logarithms of whole rows that sum to 1."""
    logs = values.astype(np.float64)
    if form in ("probs", "counts"):
        with np.errstate(divide="ignore"):
            logs = np.log(logs)
    logs -= logs.max(axis=1, keepdims=True)
    logs -= np.log(np.exp(logs).sum(axis=1, keepdims=True))
    return logs


def _kth_largest(
    logs: NDArray[np.float64], count: NDArray[Any], k: int | None
) -> NDArray[np.float64]:
    """The smallest probability that bounds what is not listed."""
    ordered = -np.sort(-logs, axis=1)
    last = np.maximum(count if k is None else np.minimum(count, k), 1) - 1
    found: NDArray[np.float64] = np.exp(np.take_along_axis(ordered, last[:, None], 1)[:, 0])
    return found


def aligned(p: Side, q: Side) -> Aligned:
    """The outcomes of both, each in one column: sorted by id, or all of them beside a whole row."""
    if p.ids is None or q.ids is None:
        return _beside_whole_rows(p, q)
    far = np.iinfo(np.int64).max
    ids = np.hstack([np.where(x == NO_ID, far, x) for x in (p.ids, q.ids)])
    order = np.argsort(ids, axis=1, kind="stable")  # p's entry before q's
    width = p.logs.shape[1]
    off_p, off_q = (np.full(x.logs.shape, -np.inf) for x in (p, q))
    ids, log_p, log_q, of_p = (
        np.take_along_axis(x, order, 1)
        for x in (
            ids,
            np.hstack([p.logs, off_q]),
            np.hstack([off_p, q.logs]),
            np.broadcast_to(np.arange(ids.shape[1]) < width, ids.shape),
        )
    )
    used = ids != far
    shared = (ids[:, 1:] == ids[:, :-1]) & used[:, 1:]
    in_p, in_q = of_p & used, ~of_p & used
    log_q[:, :-1] = np.where(shared, log_q[:, 1:], log_q[:, :-1])
    log_q[:, 1:][shared] = -np.inf
    in_q[:, :-1] |= shared
    in_q[:, 1:][shared] = False
    ids = np.where(in_p | in_q, ids, NO_ID)
    others = p.unlisted - (in_q & ~in_p).sum(1)
    return Aligned(p, q, ids, log_p, log_q, in_p, in_q, others)


def _beside_whole_rows(p: Side, q: Side) -> Aligned:
    rows, width = (p if p.ids is None else q).logs.shape
    logs, listed = [], []
    for side in (p, q):
        if side.ids is None:
            logs.append(side.logs)
            listed.append(np.ones((rows, width), bool))
            continue
        places = np.where(side.ids == NO_ID, width, side.ids)  # of no entry: a column too many
        spread, known = np.full((rows, width + 1), -np.inf), np.zeros((rows, width + 1), bool)
        np.put_along_axis(spread, places, side.logs, 1)
        np.put_along_axis(known, places, True, 1)
        logs.append(spread[:, :width])
        listed.append(known[:, :width])
    ids = np.broadcast_to(np.arange(width), (rows, width))
    return Aligned(p, q, ids, logs[0], logs[1], listed[0], listed[1], np.zeros(rows))
