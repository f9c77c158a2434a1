"""Limits on the figures of a comparison, for scripts that must stop where a model is too far off.

A gate is closed by default: it is crossed by a value beyond its limit, and also by one that is NaN,
infinite, missing, made of no rows, of a run that was interrupted, or unknown for the clipping of a
file. Only a figure that is there and within its limit passes. A lower bound within it does too; it
is marked (>=) where the gate is told.
"""

import argparse
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from kl_c._cli.clipping import UNKNOWN
from kl_c._errors import InputError
from kl_c._statistics import STATISTICS, Columns, Settings
from kl_c._summary import summarise_rows

__all__ = ["add_arguments", "judge", "refuse_unknown"]


class Gate(NamedTuple):
    """A figure by name, in two parts, its limit, and on which side of that lies failure."""

    candidate: str | None  # None where it holds for every one
    part: str
    figure: str
    limit: float
    below: bool

    @property
    def name(self) -> str:
        return f"{self.part}.{self.figure}"

    @property
    def option(self) -> str:
        return _option(self.below)

    def value(self, facts: dict[str, Any]) -> float | None:
        """The figure, or None where the comparison has none."""
        if not facts["rows"]["used"]:
            return None
        if self.part == "likelihood":
            found = facts.get("likelihood", {}).get(self.figure, {}).get("value")
        else:
            found = {**facts["statistics"], "rows": facts["rows"]}.get(self.part, {}).get(
                self.figure
            )
        return None if found is None else float(found)

    @property
    def statistic(self) -> str:
        """What clipping goes by: a statistic or a likelihood."""
        return self.figure if self.figure == "rms" or self.part == "likelihood" else self.part

    def is_unknown(self, facts: dict[str, Any]) -> bool:
        """Whether clipping leaves nothing to say of the figure."""
        found = (facts["clipping"] or {}).get(self.statistic)
        return found is not None and found["status"] == UNKNOWN

    def is_crossed_by(self, value: float | None) -> bool:
        """Whether the figure fails; one that is no finite number does."""
        if value is None or not math.isfinite(value):
            return True
        return value < self.limit if self.below else value > self.limit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare both directions."""
    for below in (False, True):
        word = "below" if below else "above"
        parser.add_argument(
            _option(below),
            nargs="+",
            action="extend",
            default=[],
            type=_below if below else _above,
            metavar="NAME=LIMIT",
            help=f"exit with 1 if a figure is {word} its limit, or is missing or not finite: "
            + ("same_top.mean=0.95" if below else "kl.mean=0.05 kl.p99=1 likelihood.ratio=1.01")
            + "; of every candidate, or of one: "
            + ("Q4:same_top.mean=0.9" if below else "Q4:kl.mean=0.1"),
        )


def refuse_unknown(gates: Sequence[Gate], candidates: Sequence[str]) -> None:
    """Refuse a gate for a candidate that there is not: it would never be crossed."""
    for gate in gates:
        if gate.candidate not in (None, *candidates):
            raise InputError(
                f"{gate.option}: expected one of {', '.join(candidates)}, found "
                f"{gate.candidate!r} in {gate.candidate}:{gate.name}"
            )


def judge(gates: Sequence[Gate], facts: dict[str, Any], *, partial: bool) -> list[dict[str, Any]]:
    """What each gate found that holds for this candidate, as a report states it.

    A part of the rows says nothing of all: ``partial`` crosses every gate.
    """
    found = []
    for gate in gates:
        if gate.candidate not in (None, facts["name"]):
            continue
        value = gate.value(facts)
        limit = {"below" if gate.below else "above": gate.limit}
        crossed = partial or gate.is_crossed_by(value) or gate.is_unknown(facts)
        found.append({"name": gate.name, "fails": limit, "value": value, "crossed": crossed})
    return found


def _option(below: bool) -> str:
    return "--fail-below" if below else "--fail-above"


def _above(text: str) -> Gate:
    return _gate(text, below=False)


def _below(text: str) -> Gate:
    return _gate(text, below=True)


def _gate(text: str, *, below: bool) -> Gate:
    option = _option(below)
    # From the right: names of candidates may hold any sign, those of figures hold neither.
    name, equals, limit = text.rpartition("=")
    if not equals:
        raise InputError(f"{option}: expected NAME=LIMIT, found {text} (files go before it)")
    candidate, colon, name = name.rpartition(":")
    part, _, figure = name.partition(".")
    parts = _known()
    if part not in parts:
        raise InputError(f"{option}: expected one of {', '.join(parts)}, found {part!r} in {text}")
    if figure not in parts[part]:
        raise InputError(
            f"{option}: expected {part} and one of {', '.join(parts[part])}, found {text}"
        )
    try:
        number = float(limit)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{option}: expected NAME=LIMIT with a finite limit, found {text}")
    return Gate(candidate if colon else None, part, figure, number, below)


def _known() -> dict[str, list[str]]:
    """The figures of each part that a summary can have: what the summary of no rows has."""
    columns: Columns = {s.name: np.empty(0, s.dtype) for s in STATISTICS}
    columns |= {"valid": np.empty(0, bool), "masked": np.empty(0, bool), "groups": np.empty(0, int)}
    summary = summarise_rows(columns, Settings())
    parts = {name: list(figures) for name, figures in summary["statistics"].items()}
    return parts | {"likelihood": list(summary["likelihood"]), "rows": list(summary["rows"])}
