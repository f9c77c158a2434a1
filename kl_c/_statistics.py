"""The statistics of two rows that are compared, and how a block of rows is scored.

Design note. A block is walked in chunks of a few rows, and every statistic of one chunk is computed
before the next, so that rows are read from memory once and from the cache after that. A row's score
does not depend on the rows around it, so the chunks do not show in the result.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kl_c import _kernels

__all__ = ["STATISTICS", "Columns", "Settings", "Statistic", "raise_for_first_bad_row", "score"]

Columns = dict[str, NDArray[Any]]

# Rows of both sides in one chunk: well inside a last-level cache, and large enough that a call
# costs nothing beside the rows it scores.
CHUNK_BYTES = 4 << 20


class Statistic(NamedTuple):
    """One number per row: a measure, what it is applied to, and whether it takes ``eps``.

    ``operands`` spells the arguments in order: "p" and "q" are the two sides, "l" the labels.
    """

    name: str
    measure: Callable[..., Any]
    operands: str
    floored: bool = False
    dtype: type = np.float64

    @property
    def needs_labels(self) -> bool:
        return "l" in self.operands


def same_top(p: Any, q: Any, **_settings: Any) -> NDArray[np.bool_]:
    """Whether the likeliest outcome is the same on both sides, the lowest index among equals.

    Form and temperature keep the order of the outcomes, so it is the largest entry as given.
    """
    return np.asarray(np.asarray(p.argmax(-1)) == np.asarray(q.argmax(-1)))


# The list: what is stored, summarised, saved and printed, in this order.
STATISTICS = (
    Statistic("kl", _kernels.kl_divergence, "pq", floored=True),
    Statistic("reverse_kl", _kernels.kl_divergence, "qp", floored=True),
    Statistic("js", _kernels.js_divergence, "pq"),
    Statistic("cross_entropy", _kernels.cross_entropy, "pq", floored=True),
    Statistic("entropy_p", _kernels.entropy, "p"),
    Statistic("entropy_q", _kernels.entropy, "q"),
    Statistic("same_top", same_top, "pq", dtype=np.bool_),
    Statistic("nll_p", _kernels.nll, "lp", floored=True),
    Statistic("nll_q", _kernels.nll, "lq", floored=True),
)


class Settings(NamedTuple):
    """The keywords of ``compare`` that act on every block."""

    form: str | tuple[str, str] = "probs"
    temperature: float = 1.0
    eps: float | None = None
    invalid: str = "raise"
    base: float | None = None
    workers: int | None = None

    def check(self) -> None:
        """Raise what the measures raise for a keyword out of its range."""
        no_rows = np.empty((0, 1))
        _kernels.kl_divergence(no_rows, no_rows, **self._asdict())

    def forms(self) -> dict[str, str]:
        """The form of each side."""
        p, q = (self.form, self.form) if isinstance(self.form, str) else self.form
        return {"p": p, "q": q}

    def keywords(self, statistic: Statistic) -> dict[str, Any]:
        """The settings that act on one statistic, in the order of its operands."""
        sides = self.forms()
        forms = tuple(sides[operand] for operand in statistic.operands if operand in sides)
        keywords: dict[str, Any] = {
            "form": forms if len(forms) == 2 else forms[0],
            "invalid": self.invalid,
            "base": self.base,
            "workers": self.workers,
        }
        # The side of a mixed pair that is not logits has no temperature to take.
        if "logits" in forms:
            keywords["temperature"] = self.temperature
        if statistic.floored:
            keywords["eps"] = self.eps
        return keywords


def score(p: Any, q: Any, labels: Any, settings: Settings) -> Columns:
    """Score rows x outcomes: one array per statistic, and ``valid``.

    A row that has no value in one statistic (NaN) is left out of all of them, so that every mean
    is taken over the same rows.
    """
    wanted = [s for s in STATISTICS if labels is not None or not s.needs_labels]
    rows, outcomes = p.shape
    step = max(1, CHUNK_BYTES // max(1, outcomes * (p.dtype.itemsize + q.dtype.itemsize)))
    columns: Columns = {s.name: np.empty(rows, s.dtype) for s in wanted}
    for start in range(0, max(1, rows), step):  # no rows are one empty chunk, which is checked too
        chunk = slice(start, start + step)
        given = {"p": p[chunk], "q": q[chunk], "l": None if labels is None else labels[chunk]}
        for statistic in wanted:
            columns[statistic.name][chunk] = _compute(statistic, given, settings)
    valid = ~np.logical_or.reduce([np.isnan(column) for column in columns.values()])
    for column in columns.values():
        column[~valid] = False if column.dtype == bool else np.nan
    return {**columns, "valid": valid}


def raise_for_first_bad_row(
    p: Any, q: Any, labels: Any, settings: Settings, rows_before: int
) -> None:
    """Raise for the first bad row of a block, numbered after the ``rows_before`` it.

    ``score`` stops in the first bad chunk. This goes over the whole block: the lowest row of p
    before q before the labels, and the number of all, so that the chunks do not show here either.
    """
    for statistic in STATISTICS:
        if statistic.needs_labels and labels is None:
            continue
        try:
            _compute(statistic, {"p": p, "q": q, "l": labels}, settings)
        except _kernels.InvalidRowsError as error:
            assert isinstance(error.row, int)  # rows have one batch axis here
            row = rows_before + error.row
            raise _kernels.InvalidRowsError(error.array, row, error.count, error.reason) from None


def _compute(statistic: Statistic, given: dict[str, Any], settings: Settings) -> Any:
    arrays = [given[operand] for operand in statistic.operands]
    return statistic.measure(*arrays, **settings.keywords(statistic))
