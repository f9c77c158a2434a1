"""Files of the likeliest outcomes of each row, or of whole rows, as one side of a comparison."""

from typing import Any, NamedTuple, Self

import numpy as np

from kl_c._cli.inputs import check_rows_file
from kl_c._errors import InputError
from kl_c._formats import RowFile, open_rows
from kl_c._sparse_rows import NO_ID

__all__ = ["IDS", "LOG_PROBS", "Lists"]

# What the arrays of a list are called by those who write them.
IDS = ("ids", "token_ids", "indices")
LOG_PROBS = ("log_probs", "logprobs")


class Lists(NamedTuple):
    """One side: the ids and log-probabilities of lists, or whole rows, which have no ids."""

    path: str
    ids: RowFile | None
    values: RowFile

    @classmethod
    def open(cls, path: str) -> Self:
        """A file by its recognised names or those behind its colon; else whole rows."""
        file, colon, names = path.rpartition(":")
        if colon and names.count(",") == 1:
            ids, values = (open_rows(f"{file}:{name}") for name in names.split(","))
            return cls._checked(path, ids, values)
        found = _first_of(path, IDS)
        if isinstance(found, RowFile):
            log_probs = _first_of(path, LOG_PROBS)
            if isinstance(log_probs, InputError):
                raise log_probs
            return cls._checked(path, found, log_probs)
        try:
            rows = open_rows(path)
        except InputError as error:
            raise InputError(f"{error} (lists are {path}:IDS,LOGPROBS)") from error
        check_rows_file(rows)
        return cls(path, None, rows)

    @classmethod
    def _checked(cls, path: str, ids: RowFile, values: RowFile) -> Self:
        if ids.dtype.kind in "iu" and values.dtype.kind == "f":  # a server may return fewer than k
            ids.fill_up(NO_ID)
            values.fill_up(-np.inf)
        ragged = ids.lengths is not None or values.lengths is not None
        if ragged and ids.rows == values.rows:
            of_ids, of_values = (
                np.full(file.rows, file.shape[-1]) if file.lengths is None else file.lengths
                for file in (ids, values)
            )
            if (of_ids != of_values).any():
                row = int(np.argmax(of_ids != of_values))
                raise InputError(
                    f"{path}: expected as many log-probabilities as ids in each row, found "
                    f"{of_values[row]} and {of_ids[row]} in row {row}"
                )
        if ids.shape != values.shape or len(ids.shape) not in (2, 3):
            raise InputError(
                f"{path}: expected ids and log-probabilities of one shape, rows x k or batch x "
                f"length x k, found {ids.shape} and {values.shape}"
            )
        if ids.dtype.kind not in "iu":
            raise InputError(f"{path}: expected ids of an integer type, found {ids.dtype}")
        return cls(path, ids, values)

    @property
    def files(self) -> list[RowFile]:
        return [file for file in (self.ids, self.values) if file is not None]

    def read(self, start: int, stop: int) -> Any:
        """These rows as ``SparseComparison.update`` takes them."""
        values = self.values.read(start, stop)
        return values if self.ids is None else (self.ids.read(start, stop), values)

    def facts(self) -> dict[str, Any]:
        """What a report says about the files."""
        facts = self.values.facts() | {"path": self.path}
        if self.ids is None:
            return facts
        lengths = self.ids.lengths
        shortest = self.values.shape[-1] if lengths is None else int(lengths.min())
        return {**facts, "ids": self.ids.facts(), "shortest": shortest}


def _first_of(path: str, names: tuple[str, ...]) -> RowFile | InputError:
    """The array by the first of the names that can be opened, or why there is none."""
    found = InputError(f"{path}: expected an array named {names[0]}")
    for name in names:
        try:
            return open_rows(f"{path}:{name}")
        except InputError as error:
            found = error
    return found
