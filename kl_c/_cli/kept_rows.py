"""``--rows``: the numbers of every row in a file, as NumPy, CSV or Parquet has it."""

import csv
import hashlib
import io
import os
from collections.abc import Iterable
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kl_c._errors import InputError
from kl_c._files import replacing
from kl_c._label_shift import SHIFTS
from kl_c._statistics import STATISTICS, Columns
from kl_c.comparison import Comparison

__all__ = ["facts_of_rows", "keep_rows", "load_rows", "require_writer"]

NAMES = {s.name for s in STATISTICS}
PIECE = 1 << 14  # rows that become text at one time


def format_of(path: str) -> str:
    """By the ending: "csv", "parquet", or "npz" for all others."""
    ending = os.path.splitext(path)[1].lower()
    return {".csv": "csv", ".parquet": "parquet"}.get(ending, "npz")


def require_writer(paths: Iterable[str]) -> None:
    """Find out before the work that the rows can be written after it."""
    for path in paths:
        if format_of(path) == "parquet":
            try:
                import_module("pyarrow.parquet")
            except ImportError:
                raise InputError(
                    f"{path}: expected pyarrow, found none: pip install pyarrow"
                ) from None


def keep_rows(comparison: Comparison, path: str) -> None:
    """Write them; only what NumPy reads can be loaded as a comparison again."""
    kind = format_of(path)
    if kind == "csv":
        _write_csv(_shown(comparison), path)
    elif kind == "parquet":
        _write_parquet(_shown(comparison), path)
    else:
        comparison.save(path)


def facts_of_rows(path: str, beside: str | None) -> dict[str, Any]:
    """Where they are, from the directory of the report `beside` which they are kept, and what they
    must be for it to hold."""
    folder = os.path.dirname(beside) if beside not in (None, "-") else ""
    return {
        "path": os.path.relpath(path, folder or "."),
        "format": format_of(path),
        "bytes": os.path.getsize(path),
        "hash": _hash(path),
    }


def load_rows(found: dict[str, Any] | None, beside: str) -> Comparison | None:
    """The rows that a report says were kept; None where none that can be loaded are there.

    Raises
    ------
    InputError
        When the file is another than was written with the report, or cannot be read.
    """
    if found is None or found["format"] != "npz":
        return None
    path = os.path.join(os.path.dirname(beside), found["path"])
    if not os.path.exists(path):
        return None
    if (other := _hash(path)) != found["hash"]:
        raise InputError(
            f"{path}: expected the rows that {beside} was made with, hash {found['hash']}, found "
            f"{other}"
        )
    try:
        return Comparison.load(path)
    except ValueError as error:
        raise InputError(str(error)) from error


def _shown(comparison: Comparison) -> Columns:
    return {name: x for name, x in comparison._columns().items() if name not in SHIFTS}


def _write_csv(columns: Columns, path: str) -> None:
    """Numbers in as many digits as bring them back; empty where a row was left out."""
    valid = columns["valid"]
    with replacing(path) as file:
        file.write(_lines([columns]))
        for start in range(0, valid.size, PIECE):
            piece = slice(start, start + PIECE)
            cells = [
                _cells(x[piece], valid[piece] if name in NAMES else None)
                for name, x in columns.items()
            ]
            file.write(_lines(zip(*cells, strict=True)))


def _lines(rows: Iterable[Iterable[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _cells(values: NDArray[Any], valid: NDArray[np.bool_] | None) -> list[Any]:
    cells: list[Any] = values.tolist()
    if values.dtype == np.bool_:
        cells = ["true" if x else "false" for x in cells]
    if valid is None:
        return cells
    return [x if used else "" for x, used in zip(cells, valid.tolist(), strict=True)]


def _write_parquet(columns: Columns, path: str) -> None:
    """Null where a row was left out."""
    arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    left_out = ~columns["valid"]
    table = arrow.table(
        {
            name: arrow.array(x, mask=left_out if name in NAMES else None)
            for name, x in columns.items()
        }
    )
    with replacing(path) as file:
        parquet.write_table(table, file)


def _hash(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
