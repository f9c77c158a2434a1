"""What a call for all pairs asks for, once it is known to make sense: two sets of rows, what scores
blocks of their pairs, and where the scores go."""

import math
import os
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kl_c._mixture_scores import MixtureScores
from kl_c._pair_scores import (
    BlockScores,
    Keywords,
    RowScores,
    Swapped,
    is_symmetric,
    measure_of,
    only_of_the_measure,
)
from kl_c._product_scores import ProductScores
from kl_c._row_sets import DenseRows, slices
from kl_c._sparse_pairs import SparseRows, SparseScores, is_sparse

__all__ = ["Job", "allocated", "blocks", "checked_out", "invalid_of"]

PRODUCTS = ("kl_divergence", "cross_entropy")  # whose sums over pairs are a matrix product
MIXTURES = ("js_divergence", "js_distance")  # of which all but the mixtures is known row by row
Rows: TypeAlias = DenseRows | SparseRows
LEAF = 32  # rows of a block on the diagonal, whose both halves are scored


class Job:
    """Two sets of rows, and what scores blocks of their pairs."""

    def __init__(
        self, X: Any, Y: Any, measure: Any, keywords: Keywords, parameters: dict[str, Any]
    ) -> None:
        only_of_the_measure(parameters)
        self._measure = found = measure_of(measure)
        self._parameters, self._keywords = parameters, keywords
        forms = keywords.forms()
        self._is_sparse = is_sparse(X)
        if Y is not None and is_sparse(Y) != self._is_sparse:
            dense, sparse = ("Y", "X") if self._is_sparse else ("X", "Y")
            raise TypeError(
                f"X and Y must both be sparse or both dense, got {sparse} sparse and {dense} dense"
            )
        kind: Any = SparseRows if self._is_sparse else DenseRows
        self.first = kind(X, "X", forms[0])
        self.second = self.first
        if Y is not None or forms[0] != forms[1]:
            self.second = kind(X if Y is None else Y, "X" if Y is None else "Y", forms[1])
        if self.first.outcomes != self.second.outcomes:
            raise ValueError(
                f"X and Y must have the same number of outcomes, got {self.first.outcomes} and "
                f"{self.second.outcomes}"
            )
        if self._is_sparse and (not found.is_listed or "pseudocount" in parameters):
            raise ValueError(
                "outcomes that no row holds are not looked at in sparse rows; a measure of kl_c "
                f"without pseudocount is expected, got {found.name}"
            )
        # No rows at all: only the keywords are looked at.
        nothing = np.empty((0, 1))
        p, q = (nothing, nothing) if self._is_sparse else (self.first[:0], self.second[:0])
        found.function(p[:, None], q[None], **keywords.given(), **parameters)
        self._invalid: tuple[NDArray[np.bool_], NDArray[np.bool_]] | None = None
        if found.is_listed:
            keywords = keywords._replace(invalid="ignore")
        self._scores = self._made(keywords)

    def _made(self, keywords: Keywords) -> BlockScores:
        first, second = self.first, self.second
        if self._measure.is_reversed:
            first, second = second, first
            keywords = keywords._replace(form=(first.form, second.form))
        scores: BlockScores
        if self._is_sparse:
            scores = SparseScores(self._measure, first, second, keywords, self._parameters)
            return Swapped(scores) if self._measure.is_reversed else scores
        scores = RowScores(self._measure, first, second, keywords, self._parameters)
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
        if self._measure.is_listed:
            self._invalid = invalid_of(self.first, self.second, self._keywords.invalid)

    def fill(self, rows: slice, columns: slice, out: NDArray[Any]) -> None:
        self._scores.fill(rows, columns, out)
        if self._invalid is not None:
            out[self._invalid[0][rows]] = np.nan
            out[:, self._invalid[1][columns]] = np.nan

    def row_blocks(self) -> Iterator[slice]:
        return slices(self.first.count, self.first.row_bytes)

    def column_blocks(self) -> Iterator[slice]:
        return slices(self.second.count, self.second.row_bytes)


def invalid_of(
    first: Rows, second: Rows, invalid: str
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | None:
    """Which rows are to score NaN, unless they are not looked for or raise."""
    if invalid == "ignore":
        return None
    wrong = first.invalid_rows()
    others = wrong if second is first else second.invalid_rows()
    if invalid == "raise":
        first.blame(wrong)
        second.blame(others)
    return wrong, others


def blocks(job: Job, symmetric: bool) -> Iterator[tuple[slice, slice, bool]]:
    """Rows, columns, and whether the block stands for its mirror image too."""
    if symmetric:
        yield from _upper(job, 0, job.first.count)
        return
    for rows in job.row_blocks():
        for columns in job.column_blocks():
            yield rows, columns, False


def _upper(job: Job, start: int, stop: int) -> Iterator[tuple[slice, slice, bool]]:
    """The triangle from the diagonal on, as two smaller ones and the square between them."""
    if stop - start <= LEAF:
        if stop > start:
            yield slice(start, stop), slice(start, stop), False
        return
    middle = (start + stop) // 2
    yield from _upper(job, start, middle)
    yield from _upper(job, middle, stop)
    for rows in slices(middle - start, job.first.row_bytes):
        for columns in slices(stop - middle, job.first.row_bytes):
            yield (
                slice(start + rows.start, start + rows.stop),
                slice(middle + columns.start, middle + columns.stop),
                True,
            )


def allocated(shape: tuple[int, int]) -> NDArray[np.float64]:
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


def checked_out(out: Any, shape: tuple[int, int], job: Job) -> NDArray[Any]:
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out must be a NumPy array, got {type(out).__name__}")
    if out.dtype not in (np.dtype(np.float64), np.dtype(np.float32)):
        raise TypeError(f"out has dtype {out.dtype}; expected float64 or float32")
    if out.shape != shape:
        raise ValueError(f"out must have the shape {shape}, got {out.shape}")
    if not out.flags.writeable:
        raise ValueError("out is read-only")
    for rows in (job.first, job.second):
        if any(np.may_share_memory(out, array) for array in rows.arrays()):
            raise ValueError(f"out must not share memory with {rows.name}")
    return out
