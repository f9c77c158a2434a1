"""The statistics of two rows that are compared, and how a block of rows is scored.

The list itself, its order and what kind of number each is stand in the compiled module, which takes
all of them in one call.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kl_c import _kernels

__all__ = ["STATISTICS", "Columns", "Settings", "Statistic", "score"]

Columns = dict[str, NDArray[Any]]


class Statistic(NamedTuple):
    """One number per row: its name and its kind in the list of the compiled module."""

    name: str
    kind: str

    @property
    def needs_labels(self) -> bool:
        return self.kind == "likelihood"

    @property
    def dtype(self) -> type:
        return np.bool_ if self.kind == "flag" else np.float64


# Of all that the compiled module takes, what is stored, summarised, saved and printed.
PUBLIC = (
    "kl",
    "reverse_kl",
    "js",
    "cross_entropy",
    "entropy_p",
    "entropy_q",
    "same_top",
    "nll_p",
    "nll_q",
)
STATISTICS = tuple(Statistic(name, _kernels.STATISTICS[name]) for name in PUBLIC)


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
        score(no_rows, no_rows, None, self)

    def forms(self) -> dict[str, str]:
        """The form of each side."""
        p, q = (self.form, self.form) if isinstance(self.form, str) else self.form
        return {"p": p, "q": q}


def score(p: Any, q: Any, labels: Any, settings: Settings) -> Columns:
    """Score rows x outcomes: one array per statistic, and ``valid``.

    A row that has no value in one statistic (NaN) is left out of all of them, so that every mean
    is taken over the same rows.
    """
    table = _kernels.compare_rows(p, q, labels, **settings._asdict())
    places = {name: place for place, name in enumerate(_kernels.STATISTICS)}
    wanted = [s for s in STATISTICS if labels is not None or not s.needs_labels]
    taken = table[:, [places[statistic.name] for statistic in wanted]]
    valid: NDArray[np.bool_] = np.logical_not(np.isnan(taken).any(axis=1))
    columns: Columns = {}
    for column, statistic in enumerate(wanted):
        if statistic.dtype is np.bool_:
            columns[statistic.name] = (taken[:, column] == 1) & valid
        else:
            columns[statistic.name] = np.where(valid, taken[:, column], np.nan)
    return {**columns, "valid": valid}
