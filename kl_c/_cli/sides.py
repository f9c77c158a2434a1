"""What goes with the rows of all files: labels or tokens, a mask, groups; one number per row.

They are read whole: what is kept of every row takes more memory than they do.
"""

import argparse
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from kl_c import _kernels
from kl_c._cli.inputs import accept
from kl_c._errors import InputError
from kl_c._formats import RowFile, open_rows
from kl_c._rows import groups_of, next_tokens

__all__ = ["OPTIONS", "Sides", "column_of"]

# The options that name a file, and what it holds for each row.
OPTIONS = {"labels": "label", "tokens": "token", "mask": "bool", "groups": "group"}


class Sides(NamedTuple):
    """One entry per row, None where nothing was given; rows of two axes always have groups."""

    files: dict[str, RowFile]  # by option; labels may come from a file of rows
    labels: NDArray[Any] | None
    mask: NDArray[np.bool_] | None
    groups: NDArray[np.int64] | None
    groups_by_axis: bool  # whether the groups are the entries of axis 0

    @classmethod
    def open(cls, args: argparse.Namespace, base: RowFile, others: Sequence[RowFile]) -> Self:
        """Read what the options name; labels and groups else from a file of rows that has them.

        Raises
        ------
        InputError
            When a file does not fit the rows of `base`, or is of the wrong type.
        """
        if args.labels is not None and args.tokens is not None:
            raise InputError("--labels, --tokens: expected one of them, found both")
        paths = {name: getattr(args, name) for name in OPTIONS}
        files = {name: open_rows(path) for name, path in paths.items() if path is not None}
        batch = base.shape[:-1]
        found = {name: _column(name, file, base) for name, file in files.items()}
        if "labels" not in found and "tokens" not in found:
            for file in (base, *others):
                if "labels" not in found and file.labels is not None:
                    files["labels"], found["labels"] = file, file.labels
        labels, mask, groups = (found.get(name) for name in ("labels", "mask", "groups"))
        if "tokens" in found:
            labels, last = next_tokens(found["tokens"])
            mask = ~last if mask is None else mask & ~last
        by_axis = groups is None and len(batch) > 1
        if by_axis:
            groups = np.arange(batch[0])
        elif groups is None:
            groups = next((x.groups for x in (base, *others) if x.groups is not None), None)
        if groups is not None:
            whole = batch if groups.size == base.rows else batch[:1]
            groups = groups_of(groups.reshape(whole), batch)
        labels, mask, groups = (
            x if x is None else np.asarray(x).reshape(-1) for x in (labels, mask, groups)
        )
        return cls(files, labels, mask, groups, by_axis)

    def of(self, start: int, stop: int) -> dict[str, Any]:
        """The keywords of ``update`` for the block of these rows."""
        columns = {"labels": self.labels, "mask": self.mask, "groups": self.groups}
        return {name: x if x is None else x[start:stop] for name, x in columns.items()}

    @property
    def path_of_labels(self) -> str:
        """Where the labels come from."""
        return next((self.files[x].path for x in ("labels", "tokens") if x in self.files), "")


def _column(name: str, file: RowFile, base: RowFile) -> NDArray[Any]:
    """The whole file, once it is of the type and the shape that this option takes."""
    batch = base.shape[:-1]
    own = file.labels if name == "labels" else None
    if own is not None and own.size == base.rows:
        return own.reshape(batch)
    values = column_of(file, base, OPTIONS[name], of_texts=name == "groups")
    if name == "mask":
        if file.dtype != np.bool_:
            raise InputError(f"{file.path}: expected a mask of bool, found dtype {file.dtype}")
    else:
        accept(file, _kernels.nll, np.empty(0, file.dtype), np.empty((0, 1)))
    return values


def column_of(file: RowFile, base: RowFile, what: str, *, of_texts: bool = False) -> NDArray[Any]:
    """The whole file, once it has one entry for each row, or for each entry of axis 0."""
    batch = base.shape[:-1]
    expected = {batch, (base.rows,)} | ({batch[:1]} if of_texts else set())
    if file.shape not in expected:
        raise InputError(
            f"{file.path}: expected one {what} for each row of {base.path}, shape {batch}, found "
            f"{file.shape}"
        )
    values = np.array(file.read(0, file.rows)) if file.shape[-1] else np.empty(0, file.dtype)
    return values.reshape(batch if values.size == base.rows else file.shape)
