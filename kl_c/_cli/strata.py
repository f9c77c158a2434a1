"""Rows put into strata: what ``--strata`` names, and the tables of it."""

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kl_c._cli.clipping import mark
from kl_c._cli.foot import errors
from kl_c._cli.layout import Table, cell
from kl_c._cli.report import of_one
from kl_c._cli.sides import column_of
from kl_c._errors import InputError
from kl_c._formats import RowFile, open_rows
from kl_c.comparison import Comparison

__all__ = ["KINDS", "Key", "open_keys", "strata_facts", "strata_tables"]

KINDS = ("confidence", "entropy", "position")
MOST = 100  # strata of a file: what has more is no column of them, but of labels or tokens
BESIDE = 5  # candidates in one table, so that it stays within 80 columns


class Key(NamedTuple):
    """What rows are told apart by."""

    by: str  # one of KINDS, or the path of a file
    file: RowFile | None
    values: NDArray[Any] | None


def open_keys(given: Sequence[str], base: RowFile) -> list[Key]:
    """Read the files among what ``--strata`` was given.

    Raises
    ------
    InputError
        When a file does not hold an integer for each row, or too many different ones.
    """
    keys = []
    for by in dict.fromkeys(given):
        if by in KINDS:
            keys.append(Key(by, None, None))
            continue
        if not any(map(os.path.exists, (by, by.rpartition(":")[0]))):
            raise InputError(f"--strata: expected {', '.join(KINDS)} or a file, found {by}")
        file = open_rows(by)
        if file.dtype.kind not in "iu":
            raise InputError(f"{by}: expected strata as integers, found dtype {file.dtype}")
        values = column_of(file, base, "integer").reshape(-1)
        if (kinds := np.unique(values).size) > MOST:
            raise InputError(f"{by}: expected at most {MOST} strata, found {kinds} integers")
        keys.append(Key(by, file, values))
    return keys


def strata_facts(comparison: Comparison, keys: Sequence[Key], rows: int) -> list[dict[str, Any]]:
    """For each key ``by``, its ``file`` if it has one, and the ``parts``: from, to, summary.

    ``rows``: how many were read.
    """
    return [
        {
            "by": key.by,
            "file": None if key.file is None else key.file.facts(),
            "parts": [
                {"low": part.low, "high": part.high, **part.summary}
                for part in comparison.strata(key.by if key.values is None else key.values[:rows])
            ],
        }
        for key in keys
    ]


def strata_tables(facts: dict[str, Any]) -> list[Table]:
    """A table for each key; of several candidates their mean kl side by side."""
    ones = [of_one(facts, one) for one in facts["candidates"]]
    tables = []
    for number in range(len(ones[0]["strata"])):
        if len(ones) == 1:
            tables.append(_of_one(ones[0], ones[0]["strata"][number]))
            continue
        # Where rows are left out for one candidate, its strata are not those of the others.
        alike: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
        for one in ones:
            parts = one["strata"][number]["parts"]
            rows = tuple((part["low"], part["high"], part["rows"]["used"]) for part in parts)
            alike.setdefault(rows, []).append(one)
        for those in alike.values():
            for start in range(0, len(those), BESIDE):
                tables.append(_of_several(those[start : start + BESIDE], number))
    return tables


def _of_one(one: dict[str, Any], strata: dict[str, Any]) -> Table:
    error = errors(one)[1]
    labelled = "likelihood" in one
    rows = []
    for part in strata["parts"]:
        kl, top = part["statistics"]["kl"], part["statistics"]["same_top"]
        row = [_name(part), cell(part["rows"]["used"])]
        row += [mark(one, "kl") + cell(kl["mean"]), cell(kl[error])]
        row += [mark(one, "kl") + cell(kl["p99"]), cell(top["mean"])]
        if labelled:
            row.append(mark(one, "ratio") + cell(part["likelihood"]["ratio"]["value"]))
        rows.append(row)
    more = ["ratio"] if labelled else []
    return Table([_head(strata), "rows", "mean kl", "SE", "99 %", "same_top", *more], rows)


def _of_several(ones: list[dict[str, Any]], number: int) -> Table:
    strata = [one["strata"][number] for one in ones]
    rows = []
    for parts in zip(*(x["parts"] for x in strata), strict=True):
        means = (
            mark(one, "kl") + cell(part["statistics"]["kl"]["mean"])
            for one, part in zip(ones, parts, strict=True)
        )
        rows.append([_name(parts[0]), cell(parts[0]["rows"]["used"]), *means])
    return Table([f"mean kl {_head(strata[0])}", "rows", *(one["name"] for one in ones)], rows)


def _head(strata: dict[str, Any]) -> str:
    return f"by {os.path.basename(strata['by'])}"


def _name(part: dict[str, Any]) -> str:
    low, high = part["low"], part["high"]
    if isinstance(low, int | np.integer):  # a number that was given, and no range
        return str(low)
    return f"{low:.4g} to {high:.4g}"
