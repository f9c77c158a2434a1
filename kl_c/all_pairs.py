"""Every pair of two sets of distributions: the matrix of a measure, and nearest neighbours.

Design note. (a) The matrix is filled block by block by one of three ways that give the same within
their stated errors: a matrix product (``_product_scores``), mixtures added up in cache
(``_mixture_scores``), or the row kernels (``_pair_scores``).
(b) Neighbours take the same blocks and keep k numbers of each. (c) Rows are checked once, before
any pair is scored; the blocks are scored without checks, which gives the same bits, and what is
invalid is then set to NaN.
"""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kl_c._pair_job import Job, allocated, blocks, checked_out
from kl_c._pair_scores import Keywords
from kl_c._top_k import Lowest

__all__ = ["nearest", "pairwise"]


def pairwise(
    X: Any,
    Y: Any = None,
    measure: str | Callable[..., Any] = "js_divergence",
    *,
    form: Any = "probs",
    base: float | None = None,
    eps: float | None = None,
    temperature: float = 1.0,
    invalid: str = "raise",
    workers: int | None = None,
    out: NDArray[Any] | None = None,
    progress: Callable[[int, int], object] | None = None,
    **parameters: Any,
) -> NDArray[Any]:
    """A measure of every row of X against every row of Y.

    D[i, j] = measure(X[i], Y[j]): X stands first, as p, Y second, as q.

    Parameters
    ----------
    X : array_like, n x outcomes
        Rows p. Any real dtype and layout, also memory maps larger than memory. Or sparse: a SciPy
        array or matrix in CSR, or the tuple (data, indices, indptr, shape); Y then too.
    Y : array_like, m x outcomes, optional
        Rows q; None is X itself.
    measure : str or callable, default "js_divergence"
        A measure of two distributions by its name in `kl_c` or as that function; "reverse_kl" is
        KL(q || p), as in `Comparison`. Any other function of two batches that broadcasts as these
        do and scores along the last axis.
    form : {"probs", "counts", "log_probs", "logits"} or a pair of these
        How the rows are given; a pair when X and Y differ.
    base, eps, temperature, workers
        As in `kl_divergence`, for measures that take them. ``workers`` does not reach into a matrix
        product, which runs on the threads of NumPy's BLAS.
    invalid : {"raise", "nan", "ignore"}
        What to do about invalid rows: raise before any pair is scored, score all their pairs NaN,
        or skip the checks.
    out : ndarray of float64 or float32, n x m, optional
        Where to write; may be a memory map larger than memory, which is filled block by block.
    progress : callable, optional
        Called as ``progress(done, total)`` with numbers of pairs, after each block.
    **parameters
        What else the measure takes, such as ``weight=`` of `js_divergence`.

    Returns
    -------
    ndarray of float64, n x m, or ``out``

    Raises
    ------
    InvalidRowsError
        If a row is not what its form says and ``invalid="raise"``; ``array`` is "X" or "Y".
    MemoryError
        If the matrix is larger than the memory of the machine.
    ValueError, TypeError
        If shapes, dtypes, the measure or keywords do not fit.

    Notes
    -----
    Scores are those of the row kernels, bit for bit, except those of `kl_divergence`,
    `cross_entropy` and "reverse_kl": where it keeps the digits, these come from one matrix product,
    KL(p || q) = KL(p || r) - sum p log(q/r) with a mean row r, to a relative error of 1e-12, or
    1e-8 where X or Y is narrower than float64, beside that of the kernels. Pairs for which that
    cannot be promised, nearly equal ones above all, go to the row kernels one by one. Zeros, floors
    and infinities are those of the kernels either way.

    A symmetric measure of X with itself is scored once for each two rows. SciPy's
    ``spatial.distance.cdist(X, Y, "jensenshannon")`` is this with ``measure="js_distance",
    form="counts"``. Functions such as ``kl_c.js_distance`` also serve as ``metric=`` in
    scikit-learn.

    Examples
    --------
    >>> X = [[0.5, 0.5], [0.25, 0.75], [0.0, 1.0]]
    >>> kl_c.pairwise(X, base=2).round(4)
    array([[0.    , 0.0488, 0.3113],
           [0.0488, 0.    , 0.1379],
           [0.3113, 0.1379, 0.    ]])
    >>> kl_c.pairwise(X, [[0.5, 0.5]], "kl_divergence", base=2).round(4)
    array([[0.    ],
           [0.1887],
           [1.    ]])
    """
    keywords = Keywords(form, base, eps, temperature, invalid, workers)
    job = Job(X, Y, measure, keywords, parameters)
    shape = job.first.count, job.second.count
    target = allocated(shape) if out is None else checked_out(out, shape, job)
    job.check_rows()
    done, total = 0, shape[0] * shape[1]
    symmetric = Y is None and isinstance(form, str) and job.is_symmetric()
    for rows, columns, mirrored in blocks(job, symmetric):
        block = target[rows, columns]
        job.fill(rows, columns, block)
        if mirrored:
            target[columns, rows] = block.T
        elif symmetric:  # on the diagonal: to the last bit
            lower = np.tril_indices(len(block), -1)
            block[lower] = block.T[lower]
        if progress is not None:
            done += block.size * (1 + mirrored)
            progress(done, total)
    return target if out is None else out


def nearest(
    X: Any,
    Y: Any,
    k: int,
    measure: str | Callable[..., Any] = "js_divergence",
    *,
    form: Any = "probs",
    base: float | None = None,
    eps: float | None = None,
    temperature: float = 1.0,
    invalid: str = "raise",
    workers: int | None = None,
    progress: Callable[[int, int], object] | None = None,
    **parameters: Any,
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """The k rows of Y nearest to each row of X, without the matrix of all pairs.

    Row i of the result holds the k least measure(X[i], Y[j]) over all j, in rising order.

    Parameters
    ----------
    X, Y : array_like, n x outcomes and m x outcomes
        Rows p and rows q.
    k : int
        How many neighbours, from 1 to m.
    measure, form, base, eps, temperature, invalid, workers, progress, **parameters
        As in `pairwise`; ``base`` must be above 1.

    Returns
    -------
    values : ndarray of float64, n x k
        The scores, lowest first. NaN comes after all numbers.
    indices : ndarray of int, n x k
        Their rows in Y. Of equal scores the lower index comes first.

    Raises
    ------
    InvalidRowsError, ValueError, TypeError
        As `pairwise`; ValueError too if k is out of range.

    Notes
    -----
    Beside X and Y it holds some blocks of 32 MiB, whatever n and m. The result does not depend on
    ``workers``.

    Examples
    --------
    >>> values, indices = kl_c.nearest([[0.5, 0.5]], [[0.0, 1.0], [0.4, 0.6], [0.6, 0.4]], k=2)
    >>> indices
    array([[1, 2]])
    """
    keywords = Keywords(form, base, eps, temperature, invalid, workers)
    job = Job(X, Y, measure, keywords, parameters)
    n, m = job.first.count, job.second.count
    try:
        k = operator.index(k)
    except TypeError:
        raise TypeError(f"k must be an integer, got {type(k).__name__}") from None
    if not 1 <= k <= m:
        raise ValueError(f"k must lie between 1 and the {m} rows of Y, got {k}")
    if base is not None and base < 1:
        raise ValueError(f"base must be above 1 to say what is nearest, got {base!r}")
    values, indices = allocated((n, k)), np.empty((n, k), np.intp)
    job.check_rows()
    done = 0
    for rows in job.row_blocks():
        lowest = Lowest(rows.stop - rows.start, k)
        for columns in job.column_blocks():
            scores = np.empty((rows.stop - rows.start, columns.stop - columns.start))
            job.fill(rows, columns, scores)
            lowest.add(scores, columns.start)
            if progress is not None:
                done += scores.size
                progress(done, n * m)
        values[rows], indices[rows] = lowest.result()
    return values, indices
