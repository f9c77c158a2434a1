"""Rows put into strata: by what the base thinks of them, by position, or by a given column."""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kl_c._statistics import Columns, Settings
from kl_c._summary import summarise_rows

__all__ = ["Stratum", "strata_of"]

CONFIDENCE_EDGES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)
PARTS = 4  # of as many rows each, where no edges are given or known


class Stratum(NamedTuple):
    """The rows whose key lies from `low` to below `high`, the last stratum's `high` included."""

    low: float
    high: float
    summary: dict[str, Any]


def strata_of(
    columns: Columns, settings: Settings, by: str | ArrayLike, edges: ArrayLike | None
) -> list[Stratum]:
    """One stratum per pair of edges, or per value of a column of integers; empty ones too."""
    key = _key(columns, by)
    used = columns["valid"]
    if edges is None and not isinstance(by, str):
        values = np.unique(key[used])
        return [
            Stratum(int(x), int(x), summarise_rows(_taken(columns, key == x), settings))
            for x in values
        ]
    if edges is not None:
        limits = np.asarray(edges, np.float64)
        if limits.ndim != 1 or limits.size < 2 or not (np.diff(limits) > 0).all():
            raise ValueError(f"edges must be two or more rising numbers, got {edges!r}")
    elif isinstance(by, str) and by == "confidence":
        limits = np.array(CONFIDENCE_EDGES)
    elif used.any():
        limits = np.quantile(key[used], np.linspace(0, 1, PARTS + 1))
        if key.dtype.kind in "iu":  # a whole number is below x where it is below the next from x on
            limits = np.ceil(limits)
        limits = np.unique(limits)
        limits = np.repeat(limits, 2) if limits.size == 1 else limits
    else:
        return []
    found = []
    for i, (low, high) in enumerate(pairwise(limits)):
        last = i == limits.size - 2
        within = (key >= low) & ((key <= high) if last else (key < high))
        found.append(
            Stratum(float(low), float(high), summarise_rows(_taken(columns, within), settings))
        )
    return found


def _key(columns: Columns, by: str | ArrayLike) -> NDArray[Any]:
    rows = columns["valid"].size
    if not isinstance(by, str):
        key = np.asarray(by)
        if key.dtype.kind not in "iu":
            raise TypeError(f"by has dtype {key.dtype}; expected an integer type")
        if key.size != rows:
            raise ValueError(f"by must have one entry per row, {rows}, got shape {key.shape}")
        return key.reshape(rows)
    if by == "position":
        return _positions(columns)
    names = {"confidence": "p_of_top_p", "entropy": "entropy_p"}
    if by not in names:
        raise ValueError(f"by must be 'confidence', 'entropy', 'position' or integers, got {by!r}")
    if names[by] not in columns:
        raise ValueError(f"by={by!r} needs {names[by]}, which these rows were saved without")
    return columns[names[by]]


def _positions(columns: Columns) -> NDArray[np.int64]:
    """The number of each row within its group, or among all rows if there are no groups."""
    rows = columns["valid"].size
    if "groups" not in columns:
        return np.arange(rows)
    order = np.argsort(columns["groups"], kind="stable")
    ordered = columns["groups"][order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if rows else order
    lengths = np.diff(np.r_[starts, rows])
    positions = np.empty(rows, np.int64)
    positions[order] = np.arange(rows) - np.repeat(starts, lengths)
    return positions


def _taken(columns: Columns, rows: NDArray[np.bool_]) -> Columns:
    return {name: column[rows] for name, column in columns.items()}
