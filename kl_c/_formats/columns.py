"""Lists of outcomes in a column of a Parquet or Arrow (Feather version 2) file, by pyarrow.

What is read streams: a row group or record batch after the other, decoded a piece at a time. Going
back starts over at the group that holds the row.
"""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kl_c._errors import InputError
from kl_c._formats.rows import RowFile

__all__ = ["ARROW", "PARQUET", "open_arrow", "open_parquet"]

PARQUET = b"PAR1"
ARROW = b"ARROW1"

# Decoded at one time, in bytes.
PIECE = 8 << 20


def _part(name: str = "") -> Any:
    """pyarrow, or a part of it, imported on use: it has no types, and not everyone has it."""
    return import_module(f"pyarrow.{name}".rstrip("."))


class Source(Protocol):
    """The column as a format keeps it."""

    schema: Any
    column: str
    rows: int
    groups: int

    def pieces(self, group: int, rows: int) -> Iterator[Any]:
        """The group as arrays of pyarrow, each of about so many rows."""


class _Parquet:
    column: str  # set once the schema is known

    def __init__(self, file: str) -> None:
        # Mapped, so that a file of any size takes no memory before it is read.
        self._file = _part("parquet").ParquetFile(file, memory_map=True)
        self.schema = self._file.schema_arrow
        self.rows = self._file.metadata.num_rows
        self.groups = self._file.num_row_groups

    def pieces(self, group: int, rows: int) -> Iterator[Any]:
        batches = self._file.iter_batches(
            rows, row_groups=[group], columns=[self.column], use_threads=False
        )
        return (batch.column(0) for batch in batches)


class _Arrow:
    column: str  # set once the schema is known

    def __init__(self, file: str) -> None:
        arrow = _part()
        self._file = arrow.ipc.open_file(arrow.memory_map(file))
        self.schema = self._file.schema
        self.rows = _part("dataset").dataset(file, format="ipc").count_rows()
        self.groups = self._file.num_record_batches

    def pieces(self, group: int, rows: int) -> Iterator[Any]:
        column = self._file.get_batch(group).column(self.column)
        return (column.slice(start, rows) for start in range(0, len(column), rows))


def open_parquet(path: str, file: str, name: str | None) -> RowFile:
    """The column of that name; without one, the only column of lists of numbers."""
    return _open(path, file, name, _Parquet, "parquet")


def open_arrow(path: str, file: str, name: str | None) -> RowFile:
    """The same of an Arrow file."""
    return _open(path, file, name, _Arrow, "arrow")


def _open(
    path: str, file: str, name: str | None, kind: Callable[[str], Source], format_name: str
) -> RowFile:
    try:
        arrow = _part()
    except ImportError as error:  # also where it is there, but for another NumPy
        raise InputError(
            f"{path}: expected pyarrow to read {format_name} (pip install pyarrow), found: {error}"
        ) from None
    try:
        source = kind(file)
        source.column = _column(path, arrow, source.schema, name)
        kind_of_list = source.schema.field(source.column).type
        return _ColumnFile(path, file, format_name, source, kind_of_list)
    except (arrow.ArrowException, ValueError) as error:
        raise _damaged(path, format_name, error) from error


def _damaged(path: str, format_name: str, error: Exception) -> InputError:
    return InputError(f"{path}: expected a whole {format_name} file, found: {error}")


def _column(path: str, arrow: Any, schema: Any, name: str | None) -> str:
    lists = {
        field.name
        for field in schema
        if _is_list(arrow, field.type) and _is_number(arrow, field.type.value_type)
    }
    listed = ", ".join(f"{field.name} ({field.type})" for field in schema) or "none"
    if name is None and len(lists) == 1:
        (name,) = lists
    if name is None or name not in lists:
        expected = f"a column of lists of numbers named {name}" if name else f"{path}:COLUMN"
        raise InputError(f"{path}: expected {expected}, found the columns {listed}")
    return name


def _is_list(arrow: Any, kind: Any) -> bool:
    types = arrow.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _is_number(arrow: Any, kind: Any) -> bool:
    return bool(arrow.types.is_floating(kind) or arrow.types.is_integer(kind))


class _ColumnFile(RowFile):
    def __init__(self, path: str, file: str, format_name: str, source: Source, kind: Any) -> None:
        self.format = format_name
        self._source = source
        # A plain list says nowhere how long it is, so the first row does; all must be as long.
        outcomes = getattr(kind, "list_size", None)
        self._plain = outcomes is None
        self._filled_with: Any = None
        if outcomes is None:
            first = next(source.pieces(0, 1)) if source.rows else []
            outcomes = len(first[0]) if len(first) and first[0].is_valid else 0
        dtype = np.dtype(kind.value_type.to_pandas_dtype())
        super().__init__(path, [file], (source.rows, outcomes), dtype)
        self._starts = [0]  # the first row of each group, as far as it is known
        self._rewind(0)

    def read(self, start: int, stop: int) -> NDArray[Any]:
        block = np.empty((stop - start, self.shape[1]), self.dtype)
        row = start
        while row < stop:
            first, piece = self._piece(row)
            taken = piece[row - first : stop - first]
            block[row - start : row - start + len(taken)] = taken
            row += len(taken)
        return block

    def fill_up(self, value: float) -> None:
        if not self._plain:
            return
        found = [np.zeros(0, np.int64)]
        first = 0
        rows = max(1, PIECE // max(1, self.row_bytes))
        try:
            for group in range(self._source.groups):
                for column in self._source.pieces(group, rows):
                    self._refuse_nulls(column, first)
                    found.append(np.diff(np.asarray(column.offsets)).astype(np.int64))
                    first += len(column)
        except (_part().ArrowException, ValueError, OSError) as error:
            raise _damaged(self.path, self.format, error) from error
        lengths = np.concatenate(found)
        longest = int(lengths.max(initial=0))
        if (lengths == longest).all():
            return
        if self.dtype.kind == "u":  # which hold no -1
            self.dtype = np.dtype(np.int64)
        self.shape = (*self.shape[:-1], longest)
        self.lengths, self._filled_with = lengths, value
        self._rewind(0)

    def _piece(self, row: int) -> tuple[int, NDArray[Any]]:
        """The decoded piece that holds this row, and its first row."""
        try:
            if row < self._first:
                self._rewind(row)
            while row >= self._first + len(self._piece_rows):
                self._advance()
        except (_part().ArrowException, ValueError, OSError) as error:
            raise _damaged(self.path, self.format, error) from error
        return self._first, self._piece_rows

    def _rewind(self, row: int) -> None:
        """Stand before the group that holds this row, or the last one known."""
        self._group = max(g for g, start in enumerate(self._starts) if start <= row)
        self._first = self._starts[self._group]
        self._piece_rows = np.empty((0, self.shape[1]), self.dtype)
        self._pieces: Iterator[Any] = iter(())
        self._group -= 1  # the next piece opens it

    def _advance(self) -> None:
        self._first += len(self._piece_rows)
        column = next(self._pieces, None)
        while column is None:
            self._group += 1
            if self._group >= self._source.groups:
                raise InputError(f"{self.path}: expected {self.rows} rows, found {self._first}")
            if self._group == len(self._starts):
                self._starts.append(self._first)
            rows = max(1, PIECE // max(1, self.row_bytes))
            self._pieces = self._source.pieces(self._group, rows)
            column = next(self._pieces, None)
        self._piece_rows = self._as_rows(column)

    def _refuse_nulls(self, column: Any, first: int) -> None:
        missing = np.flatnonzero(~np.asarray(column.is_valid()))
        if missing.size:
            raise InputError(
                f"{self.path}: expected {self.shape[1]} outcomes in row {first + missing[0]}, "
                "found none (null)"
            )

    def _as_rows(self, column: Any) -> NDArray[Any]:
        self._refuse_nulls(column, self._first)
        if hasattr(column, "offsets"):
            lengths = np.diff(np.asarray(column.offsets))
            ragged = np.flatnonzero(lengths != self.shape[1])
            if ragged.size and self._filled_with is None:
                raise InputError(
                    f"{self.path}: expected {self.shape[1]} outcomes in each row, found "
                    f"{lengths[ragged[0]]} in row {self._first + ragged[0]}"
                )
        values = column.flatten()
        if values.null_count:
            raise InputError(
                f"{self.path}: expected numbers in rows {self._first} to "
                f"{self._first + len(column) - 1}, found {values.null_count} nulls"
            )
        numbers: NDArray[Any] = values.to_numpy(zero_copy_only=True)
        if self._filled_with is None:
            return numbers.reshape(len(column), self.shape[1])
        filled = np.full((len(column), self.shape[1]), self._filled_with, self.dtype)
        filled[np.arange(self.shape[1]) < lengths[:, None]] = numbers
        return filled
