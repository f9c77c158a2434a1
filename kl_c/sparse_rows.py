"""Measures of rows of which only the outcomes that occur are stored (CSR), row by row.

All pairs of such rows are scored by ``kl_c.pairwise`` and ``kl_c.nearest``.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import kl_c
from kl_c import _kernels
from kl_c._pair_job import invalid_of
from kl_c._pair_scores import Keywords, Measure, measure_of, only_of_the_measure
from kl_c._sparse_pairs import Piece, SparseRows, is_sparse

__all__ = ["score_csr"]


def score_csr(
    X: Any,
    Y: Any = None,
    measure: str | Callable[..., Any] = "kl_divergence",
    *,
    form: Any = "probs",
    base: float | None = None,
    eps: float | None = None,
    invalid: str = "raise",
    workers: int | None = None,
    **parameters: Any,
) -> NDArray[np.float64]:
    """A measure of each row of a sparse array, or of each two rows of the same index.

    measure(X[i], Y[i]), or entropy(X[i]), over the outcomes that are stored; the others are 0.

    Parameters
    ----------
    X, Y : sparse array, n x outcomes
        A SciPy array or matrix in CSR, or the tuple (data, indices, indptr, shape): each row's
        outcomes in rising order, none twice. Y is left out for `entropy`.
    measure : str or callable, default "kl_divergence"
        `entropy` or a measure of two distributions, by its name in `kl_c` or as that function;
        "reverse_kl" is KL(Y[i] || X[i]).
    form : {"probs", "counts"} or a pair of these
        How the rows are given.
    base, eps, workers, **parameters
        As in the measure, for those that it takes.
    invalid : {"raise", "nan", "ignore"}
        What to do about invalid rows: raise, score them NaN, or skip the checks of their values.

    Returns
    -------
    ndarray of float64, n

    Raises
    ------
    InvalidRowsError
        If a row is not what its form says and ``invalid="raise"``; ``array`` is "X" or "Y".
    ValueError, TypeError
        If the arrays are no CSR (indices out of range or out of order, an ``indptr`` that
        decreases), whatever ``invalid``; if shapes, dtypes or keywords do not fit.

    Notes
    -----
    The scores are those of the same rows made dense, within the error of the measure, the floor of
    absent outcomes included. What is done and held is proportional to what is stored.

    Examples
    --------
    >>> data, indices, indptr = np.array([1.0, 3.0, 2.0]), np.array([0, 4, 2]), np.array([0, 2, 3])
    >>> X = (data, indices, indptr, (2, 1000))
    >>> kl_c.score_csr(X, measure="entropy", form="counts").round(4)
    array([0.5623, 0.    ])
    >>> Y = (np.ones(4), np.array([0, 4, 1, 2]), np.array([0, 2, 4]), (2, 1000))
    >>> kl_c.score_csr(X, Y, "kl_divergence", form="counts").round(4)
    array([0.1308, 0.6931])
    """
    for name, values in (("X", X), ("Y", Y)):
        if values is not None and not is_sparse(values):
            raise TypeError(
                f"{name} is not sparse; pass dense rows to the measure itself, or make it a CSR "
                "array of SciPy or a tuple (data, indices, indptr, shape)"
            )
    only_of_the_measure(parameters)
    keywords = Keywords(form, base, eps, 1.0, invalid, workers)
    given = {**keywords.given("form", "invalid"), **parameters}
    found, is_pair = _measure_of(measure)
    if is_pair == (Y is None):
        expected = "two sparse arrays" if is_pair else "one sparse array"
        raise ValueError(f"{found.name} is a measure of {expected}, got {1 + (Y is not None)}")
    if "pseudocount" in parameters:
        raise ValueError("pseudocount is for dense rows: it would fill every outcome")
    forms = keywords.forms() if is_pair else (form, form)
    first = SparseRows(X, "X", forms[0])
    second = SparseRows(Y, "Y", forms[1]) if is_pair else first
    if (first.count, first.outcomes) != (second.count, second.outcomes):
        raise ValueError(
            f"X and Y must have the same shape, got {(first.count, first.outcomes)} and "
            f"{(second.count, second.outcomes)}"
        )
    nothing = (np.empty((0, 1)),) * (1 + is_pair)
    found.function(*nothing, form="counts", invalid=invalid, **given)
    wrong = invalid_of(first, second, invalid)
    scores = np.empty(first.count)
    for some in first.cuts(slice(0, first.count), 1):
        for rows in second.cuts(some, 1) if is_pair else (some,):
            arrays: tuple[NDArray[Any], ...] = (first.piece(rows).values,)
            if is_pair:
                arrays = _aligned(first.piece(rows), second.piece(rows), first.outcomes)
                arrays = arrays[::-1] if found.is_reversed else arrays
            found.function(*arrays, form="counts", invalid="ignore", out=scores[rows], **given)
    if wrong is not None:
        scores[wrong[0] | wrong[1]] = np.nan
    return scores


def _measure_of(measure: Any) -> tuple[Measure, bool]:
    """The measure, and whether it is one of two distributions."""
    for name, kind in _kernels.MEASURES.items():
        if kind == "single" and (measure == name or measure is getattr(kl_c, name)):
            return Measure(name, getattr(kl_c, name), True), False
    found = measure_of(measure)
    if not found.is_listed:
        raise ValueError(f"measure must be one of kl_c for sparse rows, got {found.name}")
    return found, True


def _aligned(p: Piece, q: Piece, outcomes: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Each two rows over the outcomes of q, and then over those of p that q lacks."""
    base = np.arange(len(p.values))[:, None] * (outcomes + 1)
    own, wanted = (p.outcomes + base).ravel(), (q.outcomes + base).ravel()
    place = np.minimum(np.searchsorted(own, wanted), own.size - 1)
    found = (own[place] == wanted) & (q.outcomes.ravel() < outcomes)
    rest = p.values.astype(np.float64)
    common = np.where(found, rest.ravel()[place], 0).reshape(q.values.shape)
    rest.ravel()[place[found]] = 0
    first = np.concatenate([common, rest], axis=1)
    return first, np.concatenate([q.values.astype(np.float64), np.zeros(rest.shape)], axis=1)
