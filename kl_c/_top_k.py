"""The k lowest scores of each row, kept while the columns come by in blocks."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["Lowest"]


class Lowest:
    """The k lowest of each row; of equal ones those of the lowest index, and NaN after all others.

    What is kept stands in the order of the indices, and so does what comes: that decides ties.
    """

    def __init__(self, rows: int, k: int) -> None:
        self._k = k
        self._scores = np.empty((rows, 0))
        self._indices = np.empty((rows, 0), np.intp)

    def add(self, scores: NDArray[np.float64], start: int) -> None:
        """Take in the next columns, of which ``start`` is the first."""
        scores = np.concatenate([self._scores, scores], axis=1)
        new = scores.shape[1] - self._indices.shape[1]
        indices = np.broadcast_to(np.arange(start, start + new), (len(scores), new))
        indices = np.concatenate([self._indices, indices], axis=1)
        if scores.shape[1] > self._k:
            kept = self._lowest(scores)
            shape = len(scores), self._k
            scores, indices = scores[kept].reshape(shape), indices[kept].reshape(shape)
        self._scores, self._indices = scores, indices

    def _lowest(self, scores: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which k of each row."""
        limit = np.partition(scores, self._k - 1, axis=1)[:, self._k - 1 : self._k]
        is_nan, limit_is_nan = np.isnan(scores), np.isnan(limit)
        below = (scores < limit) | (limit_is_nan & ~is_nan)
        equal = (scores == limit) | (limit_is_nan & is_nan)
        room = self._k - below.sum(axis=1, keepdims=True)
        rank = np.cumsum(equal, axis=1, dtype=np.intp)
        return np.asarray(below | (equal & (rank <= room)))

    def result(self) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Scores and indices of each row, lowest first."""
        order = np.argsort(self._scores, axis=1, kind="stable")
        return (
            np.take_along_axis(self._scores, order, axis=1),
            np.take_along_axis(self._indices, order, axis=1),
        )
