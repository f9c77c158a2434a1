"""What goes with the rows of two files: labels or tokens, a mask, groups; one number per row.

They are read whole: what is kept of every row takes more memory than they do.
"""

import argparse
from collections.abc import Callable
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from kl_c import _kernels
from kl_c._cli.errors import InputError
from kl_c._cli.npy import NpyFile
from kl_c._rows import next_tokens

__all__ = ["OPTIONS", "Sides", "accept"]

# The options that name a file, and what it holds for each row.
OPTIONS = {"labels": "label", "tokens": "token", "mask": "bool", "groups": "group"}


class Sides(NamedTuple):
    """One entry per row, None where nothing was given; rows of two axes always have groups."""

    files: dict[str, NpyFile]  # by option
    labels: NDArray[Any] | None
    mask: NDArray[np.bool_] | None
    groups: NDArray[np.int64] | None

    @classmethod
    def open(cls, args: argparse.Namespace, base: NpyFile) -> Self:
        """Read what the options name.

        Raises
        ------
        InputError
            When a file does not fit the rows of `base`, or is of the wrong type.
        """
        if args.labels is not None and args.tokens is not None:
            raise InputError("--labels, --tokens: expected one of them, found both")
        paths = {name: getattr(args, name) for name in OPTIONS}
        files = {name: NpyFile.open(path) for name, path in paths.items() if path is not None}
        batch = base.shape[:-1]
        found = {name: _column(name, file, base) for name, file in files.items()}
        labels, mask, groups = (found.get(name) for name in ("labels", "mask", "groups"))
        if "tokens" in found:
            labels, last = next_tokens(found["tokens"])
            mask = ~last if mask is None else mask & ~last
        if groups is None and len(batch) > 1:
            groups = np.arange(batch[0])
        if groups is not None:
            groups = groups.reshape(groups.shape + (1,) * (len(batch) - groups.ndim))
            groups = np.broadcast_to(groups, batch).astype(np.int64)
        flat = (x if x is None else np.asarray(x).reshape(-1) for x in (labels, mask, groups))
        return cls(files, *flat)

    def of(self, start: int, stop: int) -> dict[str, Any]:
        """The keywords of ``update`` for the block of these rows."""
        columns = {"labels": self.labels, "mask": self.mask, "groups": self.groups}
        return {name: x if x is None else x[start:stop] for name, x in columns.items()}

    @property
    def groups_by_axis(self) -> bool:
        """Whether the groups are the entries of axis 0."""
        return self.groups is not None and "groups" not in self.files

    @property
    def path_of_labels(self) -> str:
        """Where the labels come from."""
        return next((self.files[x].path for x in ("labels", "tokens") if x in self.files), "")

    def paths(self) -> dict[str, str]:
        """The files by option."""
        return {name: file.path for name, file in self.files.items()}


def accept(file: NpyFile, measure: Callable[..., Any], *no_rows: Any) -> None:
    """Let the measure judge the dtype on no rows, and name the file where it refuses."""
    try:
        measure(*no_rows)
    except TypeError as error:
        raise InputError(f"{file.path}: {error}") from error


def _column(name: str, file: NpyFile, base: NpyFile) -> NDArray[Any]:
    """The whole file, once it is of the type and the shape that this option takes."""
    batch = base.shape[:-1]
    if file.shape not in ({batch, batch[:1]} if name == "groups" else {batch}):
        raise InputError(
            f"{file.path}: expected one {OPTIONS[name]} for each row of {base.path}, shape "
            f"{batch}, found {file.shape}"
        )
    if name == "mask":
        if file.dtype != np.bool_:
            raise InputError(f"{file.path}: expected a mask of bool, found dtype {file.dtype}")
    else:
        accept(file, _kernels.nll, np.empty(0, file.dtype), np.empty((0, 1)))
    rows = file._replace(shape=(*file.shape, 1))  # of one entry, read like the others
    return np.array(rows.read(0, rows.rows)).reshape(file.shape)
