"""Rows that are gathered block by block: how they come in, join, are saved and found again."""

import os
from collections.abc import Iterable
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from kl_c import _kernels, _saved
from kl_c._label_shift import LastRow, drops, last_of
from kl_c._rows import rows_of
from kl_c._statistics import Columns, Rows, Settings, held, score

__all__ = ["Gathered"]


class Gathered:
    """What ``Comparison`` holds, and all that changes it; what that comes to is said there."""

    def __init__(
        self,
        *,
        form: str | tuple[str, str] = "probs",
        temperature: float = 1.0,
        eps: float | None = None,
        invalid: str = "raise",
        base: float | None = None,
        workers: int | None = None,
        k: int | None = None,
        outcomes: str | int = "equal",
    ) -> None:
        self.settings = Settings(
            form, temperature, eps, invalid, base, workers, k, outcomes
        ).checked()
        self._blocks: list[Columns] = []
        # Known from the first block on: outcomes of p and q, and whether groups count an axis.
        self._widths: tuple[int, int] | None = None
        self._groups_by_axis: bool | None = None
        self._next_group = 0
        self._last: LastRow | None = None
        self._warned = False

    def update(
        self,
        p: ArrayLike,
        q: ArrayLike,
        labels: ArrayLike | None = None,
        *,
        tokens: ArrayLike | None = None,
        mask: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> None:
        """Add the rows of one block. When it raises, the comparison is as it was before.

        Parameters
        ----------
        p, q : array_like, shape (..., outcomes)
            Two arrays of one shape, but for their outcomes if these may differ. The leading axes
            are flattened in C order, without a copy where the strides allow it.
        labels : array_like of int, shape (...), optional
            The outcome that came true in each row: aligned. Given with every block or with none.
        tokens : array_like of int, shape (..., length), optional
            In place of labels the tokens of each sequence: row t predicts token t + 1. The last
            row of a sequence predicts nothing that is known and is masked.
        mask : array_like of bool, shape (...), optional
            False leaves out a row and its label, neither of which is looked at. With tokens, the
            row that predicts padding is to be left out as well:
            ``mask[:, :-1] &= mask[:, 1:]`` makes a mask of rows from one of tokens.
        groups : array_like of int, optional
            Rows of one group (a text, a chunk) depend on each other: of the shape of the rows or
            of their leading axes. The same number is the same group, in other blocks too. Where
            the rows have two axes or more and none are given, each entry of axis 0 is a group of
            its own.

        Raises
        ------
        InvalidRowsError
            With ``invalid="raise"``, when a row is no distribution or a label is out of range. Its
            ``row`` counts from the first row of the first block, its ``count`` the bad rows of
            this block.
        ValueError
            When the shapes do not agree with each other or with the blocks before.
        TypeError
            When a dtype is not a real number type, or that of labels, tokens, mask or groups not
            theirs.
        """
        rows = rows_of(p, q, labels, tokens, mask, groups, self.settings)
        if rows.groups_by_axis and rows.groups is not None:  # numbers that no block had before
            rows = rows._replace(groups=rows.groups + self._next_group)
        self._add(rows)

    def _add(self, rows: Rows) -> None:
        """Score and keep one block whose parts agree with each other."""
        self._agree_with_blocks_before(rows)
        try:
            columns = score(rows, self.settings)
        except _kernels.InvalidRowsError as error:
            assert isinstance(error.row, int)  # rows have one batch axis here
            row = len(self) + error.row
            raise _kernels.InvalidRowsError(error.array, row, error.count, error.reason) from None
        if rows.labels is not None:
            found, before, last = drops(rows, columns["valid"], self._last, self.settings)
            columns |= found
            if self._last is not None and self._blocks and not np.isnan(before):
                full = next(block for block in reversed(self._blocks) if block["valid"].size)
                full["drop_next"][-1] = before
            self._last = last
        if rows.groups is not None:
            columns["groups"] = rows.groups
            self._groups_by_axis = rows.groups_by_axis
            self._next_group = max(self._next_group, int(rows.groups.max(initial=-1)) + 1)
        self._blocks.append(columns)
        self._widths = (rows.p.shape[1], rows.q.shape[1])

    @classmethod
    def merge(cls, parts: Iterable["Gathered"]) -> Self:
        """One comparison of the rows of several, in their order: as if made in one go.

        Groups that count an axis stay apart; groups that were given are the same where their
        numbers are.

        Parameters
        ----------
        parts : iterable of Comparison
            With the same settings, and with labels and groups in all or in none.

        Raises
        ------
        ValueError
            When there are no parts, or when they differ, naming in what.
        """
        parts = list(parts)
        if not parts:
            raise ValueError("expected at least one part, got none")
        merged = cls(**parts[0].settings._asdict())
        for part in parts:
            for name, value in part.settings._asdict().items():
                if name != "workers" and value != getattr(merged.settings, name):
                    expected = getattr(merged.settings, name)
                    raise ValueError(f"{name} must be the same in all, got {expected!r}, {value!r}")
            if part._widths is None:
                continue
            merged._append(part)
        return merged

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the rows and the settings to ``path``, an .npz file without pickles.

        It holds one array per statistic, ``valid``, ``masked``, ``groups`` if there are any, and
        ``settings`` as a JSON text that also names version and backend; ``numpy.load`` reads it.
        The name appears when the file is complete.
        """
        saved = _saved.Saved(self.settings, self._columns(), self._widths, self._groups_by_axis)
        _saved.write(path, saved)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what `save` wrote. The result can be summarised, and updated further.

        Files of earlier versions lack some statistics; their rows can be summarised and merged
        with their like.

        Raises
        ------
        ValueError
            When the file was not written by `save` or is damaged; the text names the path.
        """
        saved = _saved.read(path)
        loaded = cls(**saved.settings._asdict())
        loaded._widths, loaded._groups_by_axis = saved.widths, saved.groups_by_axis
        if saved.widths is not None:  # there were blocks
            loaded._blocks.append(saved.columns)
        if "groups" in saved.columns:
            loaded._next_group = int(saved.columns["groups"].max(initial=-1)) + 1
        return loaded

    def _restore(
        self,
        columns: Columns,
        widths: tuple[int, int],
        last: ArrayLike | None,
        *,
        labels: ArrayLike | None = None,
        mask: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> None:
        """Begin with rows that were scored before, as if they had just been: ``last`` is the last
        of p, with what went with it."""
        if last is None:
            return
        rows = rows_of(last, np.empty((1, widths[1])), labels, None, mask, groups, self.settings)
        self._blocks = [columns]
        self._widths = widths
        self._last = last_of(rows, columns["valid"])
        if "groups" in columns:
            self._groups_by_axis = rows.groups_by_axis
            self._next_group = int(columns["groups"].max(initial=-1)) + 1

    def __len__(self) -> int:
        return sum(block["valid"].size for block in self._blocks)

    def _columns(self) -> Columns:
        """One array per statistic, ``valid`` and ``masked``, and ``groups`` if there are any; the
        blocks are joined when first asked for."""
        if not self._blocks:
            empty: Columns = {s.name: np.empty(0, s.dtype) for s in held(False, self.settings)}
            return empty | {"valid": np.empty(0, bool), "masked": np.empty(0, bool)}
        if len(self._blocks) > 1:
            joined = {
                name: np.concatenate([block[name] for block in self._blocks])
                for name in self._blocks[0]
            }
            self._blocks = [joined]
        return self._blocks[0]

    @property
    def _first(self) -> int | None:
        """How many outcomes are scored."""
        if self._widths is None:
            return None
        outcomes = self.settings.outcomes
        return outcomes if isinstance(outcomes, int) else min(self._widths)

    def _append(self, part: "Gathered") -> None:
        """Add the rows of another comparison with the same settings."""
        columns = dict(part._columns())
        if self._widths not in (None, part._widths):
            raise ValueError(f"outcomes must be as in {self._widths}, got {part._widths}")
        if self._blocks and set(columns) != set(self._blocks[0]):
            lacking = sorted(set(columns) ^ set(self._blocks[0]))
            raise ValueError(f"{', '.join(lacking)} must be in all parts or in none")
        if self._blocks and part._groups_by_axis != self._groups_by_axis:
            raise ValueError("groups must count an axis in all parts, or be given in all")
        if part._groups_by_axis:
            columns["groups"] = columns["groups"] + self._next_group
        if "groups" in columns:
            self._next_group = max(self._next_group, int(columns["groups"].max(initial=-1)) + 1)
        self._widths, self._groups_by_axis = part._widths, part._groups_by_axis
        self._last = None
        self._blocks.append(columns)

    def _agree_with_blocks_before(self, rows: Rows) -> None:
        widths = (rows.p.shape[1], rows.q.shape[1])
        if self._widths is None:
            return
        if widths != self._widths:
            before, now = (w[0] if w[0] == w[1] else w for w in (self._widths, widths))
            raise ValueError(f"expected {before} outcomes as in the blocks before, got {now}")
        block = self._blocks[0]
        if ("nll_p" in block) != (rows.labels is not None):
            raise ValueError("expected labels with every block or with none")
        if ("groups" in block) != (rows.groups is not None):
            raise ValueError(
                "expected groups with every block or with none (rows of two axes bring their own)"
            )
        if rows.groups is not None and rows.groups_by_axis != self._groups_by_axis:
            raise ValueError("expected groups to be given with every block, or to count axis 0")
        lacking = {s.name for s in held(rows.labels is not None, self.settings)} - set(block)
        if lacking:
            raise ValueError(
                "rows that an earlier version saved cannot be updated: they lack "
                f"{', '.join(sorted(lacking))}"
            )
