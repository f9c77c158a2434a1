"""What every information measure does with its keywords: units, estimators, and its result."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kl_c._joint import CellList, Tables
from kl_c._weights import Floats, Form, nats_of
from kl_c.entropy_estimators import Estimator, checked_prior, excess, refuse_fractions

__all__ = ["Labels", "Scores", "added", "score", "settings"]

Labels = tuple[ArrayLike, ArrayLike]
Scores = float | NDArray[np.float64]


def settings(
    form: Form, labels: Any, base: float | None, estimator: Estimator, prior: float | None
) -> tuple[float, float]:
    """The prior and the unit as numbers, once the keywords fit each other."""
    checked = checked_prior(estimator, prior)
    if estimator != "plugin" and labels is None and form != "counts":
        raise ValueError(f"estimator={estimator!r} needs form='counts', got {form!r}")
    return checked, nats_of(base)


def added(
    of: Tables | CellList, estimator: Estimator, prior: float, *, xy: int, x: int = 0, y: int = 0
) -> Floats | float:
    """What the estimator adds to so many times H(X, Y), H(X) and H(Y)."""
    if estimator == "plugin":
        return 0.0
    if isinstance(of, Tables):
        refuse_fractions(of.weights, "joint", estimator)
    n_x, n_y = of.x.shape[-1], of.y.shape[-1]
    parts: tuple[tuple[int, Floats, float, int], ...] = (
        (xy, of.cells, prior, of.unseen),
        (x, of.x, prior * n_y, 0),
        (y, of.y, prior * n_x, 0),
    )
    total: Floats = np.zeros(of.cells.shape[:-1])
    for times, counts, pseudocount, unseen in parts:
        if times:
            total = np.add(total, times * excess(counts, estimator, pseudocount, unseen))
    return total


def score(nats: Floats, unit: float = 1.0) -> Scores:
    value: Floats = np.asarray(nats) / unit
    return value.item() if value.ndim == 0 else value
