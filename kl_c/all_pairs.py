"""Every pair of two sets of distributions: the matrix of a measure, and nearest neighbours.

Design note. (a) The matrix is filled block by block by one of three ways that give the same within
their stated errors: a matrix product (``_product_scores``), mixtures added up in cache
(``_mixture_scores``), or the row kernels (``_pair_scores``).
(b) Neighbours take the same blocks and keep k numbers of each. (c) Rows are checked once, before
any pair is scored; the blocks are scored without checks, which gives the same bits, and what is
invalid is then set to NaN.
"""

import math
import operator
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kl_c._mixture_scores import MixtureScores
from kl_c._pair_scores import BlockScores, Keywords, RowScores, Swapped, is_symmetric, measure_of
from kl_c._product_scores import ProductScores
from kl_c._row_sets import DenseRows, slices
from kl_c._top_k import Lowest

__all__ = ["nearest", "pairwise"]

PRODUCTS = ("kl_divergence", "cross_entropy")  # whose sums over pairs are a matrix product
MIXTURES = ("js_divergence", "js_distance")  # of which all but the mixtures is known row by row
LEAF = 32  # rows of a block on the diagonal, whose both halves are scored


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
        Rows p. Any real dtype and layout, also memory maps larger than memory.
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
    job = _Job(X, Y, measure, keywords, parameters)
    shape = job.first.count, job.second.count
    target = _allocated(shape) if out is None else _checked(out, shape, job)
    job.check_rows()
    done, total = 0, shape[0] * shape[1]
    symmetric = Y is None and isinstance(form, str) and job.is_symmetric()
    for rows, columns, mirrored in _blocks(job, symmetric):
        block = target[rows, columns]
        job.fill(rows, columns, block)
        if mirrored:
            target[columns, rows] = block.T
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
    job = _Job(X, Y, measure, keywords, parameters)
    n, m = job.first.count, job.second.count
    try:
        k = operator.index(k)
    except TypeError:
        raise TypeError(f"k must be an integer, got {type(k).__name__}") from None
    if not 1 <= k <= m:
        raise ValueError(f"k must lie between 1 and the {m} rows of Y, got {k}")
    if base is not None and base < 1:
        raise ValueError(f"base must be above 1 to say what is nearest, got {base!r}")
    values, indices = _allocated((n, k)), np.empty((n, k), np.intp)
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


class _Job:
    """Two sets of rows, and what scores blocks of their pairs."""

    def __init__(
        self, X: Any, Y: Any, measure: Any, keywords: Keywords, parameters: dict[str, Any]
    ) -> None:
        self._measure = found = measure_of(measure)
        self._parameters, self._keywords = parameters, keywords
        forms = keywords.forms()
        self.first = DenseRows(X, "X", forms[0])
        self.second = self.first
        if Y is not None or forms[0] != forms[1]:
            self.second = DenseRows(X if Y is None else Y, "X" if Y is None else "Y", forms[1])
        if self.first.outcomes != self.second.outcomes:
            raise ValueError(
                f"X and Y must have the same number of outcomes, got {self.first.outcomes} and "
                f"{self.second.outcomes}"
            )
        # No rows at all: only the keywords are looked at.
        found.function(
            self.first[:0][:, None], self.second[:0][None], **keywords.given(), **parameters
        )
        self._invalid: tuple[NDArray[np.bool_], NDArray[np.bool_]] | None = None
        if found.is_listed:
            keywords = keywords._replace(invalid="ignore")
        self._scores = self._made(keywords)

    def _made(self, keywords: Keywords) -> BlockScores:
        first, second = self.first, self.second
        if self._measure.is_reversed:
            first, second = second, first
            keywords = keywords._replace(form=(first.form, second.form))
        scores: BlockScores = RowScores(self._measure, first, second, keywords, self._parameters)
        narrow = first.is_narrow and second.is_narrow
        # A quotient by the temperature is rounded, which weighs |log p| in p.
        exact = narrow or keywords.temperature == 1
        linear = {first.form, second.form} <= {"probs", "counts"}
        weight = self._parameters.get("weight", 0.5)
        if exact and self._measure.name in PRODUCTS:
            scores = ProductScores(self._measure, first, second, keywords)
        elif exact and self._measure.name in MIXTURES and not (narrow and linear):
            if 0 < weight < 1:
                scores = MixtureScores(self._measure, first, second, keywords, weight)
        return Swapped(scores) if self._measure.is_reversed else scores

    def is_symmetric(self) -> bool:
        return is_symmetric(self._measure, self._parameters)

    def check_rows(self) -> None:
        """Raise for invalid rows, or keep in mind which are to score NaN."""
        invalid = self._keywords.invalid
        if not self._measure.is_listed or invalid == "ignore":
            return
        first = self.first.invalid_rows()
        second = first if self.second is self.first else self.second.invalid_rows()
        if invalid == "raise":
            self.first.blame(first)
            self.second.blame(second)
        elif first.any() or second.any():
            self._invalid = first, second

    def fill(self, rows: slice, columns: slice, out: NDArray[Any]) -> None:
        self._scores.fill(rows, columns, out)
        if self._invalid is not None:
            out[self._invalid[0][rows]] = np.nan
            out[:, self._invalid[1][columns]] = np.nan

    def row_blocks(self) -> Iterator[slice]:
        return slices(self.first.count, self.first.outcomes * 8)

    def column_blocks(self) -> Iterator[slice]:
        return slices(self.second.count, self.second.outcomes * 8)


def _blocks(job: _Job, symmetric: bool) -> Iterator[tuple[slice, slice, bool]]:
    """Rows, columns, and whether the block stands for its mirror image too."""
    if symmetric:
        yield from _upper(job, 0, job.first.count)
        return
    for rows in job.row_blocks():
        for columns in job.column_blocks():
            yield rows, columns, False


def _upper(job: _Job, start: int, stop: int) -> Iterator[tuple[slice, slice, bool]]:
    """The triangle from the diagonal on, as two smaller ones and the square between them."""
    if stop - start <= LEAF:
        if stop > start:
            yield slice(start, stop), slice(start, stop), False
        return
    middle = (start + stop) // 2
    yield from _upper(job, start, middle)
    yield from _upper(job, middle, stop)
    for rows in slices(middle - start, job.first.outcomes * 8):
        for columns in slices(stop - middle, job.first.outcomes * 8):
            yield (
                slice(start + rows.start, start + rows.stop),
                slice(middle + columns.start, middle + columns.stop),
                True,
            )


def _allocated(shape: tuple[int, int]) -> NDArray[np.float64]:
    """The result, unless it is larger than memory."""
    size = shape[0] * shape[1] * 8
    try:
        # Where memory is promised freely, an array larger than it is only missed on writing.
        if size > _memory():
            raise MemoryError
        return np.empty(shape)
    except (MemoryError, ValueError):
        raise MemoryError(
            f"the result, {shape[0]} x {shape[1]} of float64, takes {size / 1e9:.4g} GB, more than "
            "there is; write it to a memory map by out=, or keep the nearest rows alone by "
            "kl_c.nearest"
        ) from None


def _memory() -> float:
    """Bytes of the machine, or infinite where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return math.inf


def _checked(out: Any, shape: tuple[int, int], job: _Job) -> NDArray[Any]:
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out must be a NumPy array, got {type(out).__name__}")
    if out.dtype not in (np.dtype(np.float64), np.dtype(np.float32)):
        raise TypeError(f"out has dtype {out.dtype}; expected float64 or float32")
    if out.shape != shape:
        raise ValueError(f"out must have the shape {shape}, got {out.shape}")
    if not out.flags.writeable:
        raise ValueError("out is read-only")
    for rows in (job.first, job.second):
        if isinstance(rows.values, np.ndarray) and np.may_share_memory(out, rows.values):
            raise ValueError(f"out must not share memory with {rows.name}")
    return out
