"""A joint distribution of x and y, and its informations as sums of terms that are never negative.

H(X) + H(Y) - H(X, Y) cancels where x and y are nearly independent, and H(X, Y) - H(Y) where y tells
x. So mutual information is KL(p(x, y) || p(x) p(y)) by the kernel that does not cancel, and
conditional entropy a mean of entropies, or of logarithms of ratios.

Design note. A table is scored row by row: I(X; Y) = sum_x p(x) KL(p(y | x) || p(y)). Nothing of
the table's size is made, no product of two small probabilities vanishes, and rounding of p(y) does
not matter in first order, since p(y) is where the sum has its least value. A list of cells has the
product at these cells, and as one more outcome what the product gives to all others.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from kl_c import _kernels
from kl_c._contingency import Cells, counted
from kl_c._weights import Floats, Form, Invalid, check_keywords, read

__all__ = ["CellList", "Tables", "joint_of", "pair_of"]

BLOCK = 64  # rows added up one after the other, so that a sum of n has 64 + n / 64 roundings

# Both classes have `cells`, the weights of the cells on the last axis; `unseen`, how many more
# cells there are, of weight 0; `x` and `y`, the marginal weights. Results are in nats, for each
# table.


class Tables:
    """Weights with x on the last axis but one and y on the last, one table or a batch."""

    unseen = 0

    def __init__(self, weights: Floats) -> None:
        self.weights = weights
        n_x, n_y = weights.shape[-2:]
        self.cells = weights.reshape(*weights.shape[:-2], n_x * n_y)
        self.x = weights.sum(-1)
        self.y = _column_sums(weights)

    def mutual_information(self) -> Floats:
        of_x = _kernels.kl_divergence(
            self.weights, self.y[..., None, :], form="counts", eps=0, invalid="ignore"
        )
        return _mean(np.asarray(of_x), self.x)

    def conditional_entropy(self, given: Literal["x", "y"]) -> Floats:
        axis, weights = (-1, self.x) if given == "x" else (-2, self.y)
        of_given = _kernels.entropy(self.weights, form="counts", axis=axis, invalid="ignore")
        return _mean(np.asarray(of_given), weights)


class CellList:
    """Counts of the cells that are not empty, of one table."""

    def __init__(self, given: Cells) -> None:
        self.at = {"x": given.x, "y": given.y}
        self.cells = given.counts.astype(np.float64)
        self.unseen = given.shape[0] * given.shape[1] - len(given.counts)
        self.x: Floats = np.bincount(given.x, self.cells).astype(np.float64)
        self.y: Floats = np.bincount(given.y, self.cells).astype(np.float64)

    def mutual_information(self) -> Floats:
        total = self.cells.sum()
        y = self.y[self.at["y"]]
        product = self.x[self.at["x"]] / total * y
        elsewhere = self.x / total * (total - np.bincount(self.at["x"], y))
        return np.asarray(
            _kernels.kl_divergence(
                np.append(self.cells, 0), np.append(product, elsewhere.sum()), form="counts", eps=0
            )
        )

    def conditional_entropy(self, given: Literal["x", "y"]) -> Floats:
        whole = getattr(self, given)[self.at[given]]
        terms = _kernels.rel_entr(self.cells, whole, form="counts", eps=0)  # log(part / whole) <= 0
        return np.asarray(0 - np.sum(terms) / self.cells.sum())


def joint_of(
    joint: ArrayLike | None, labels: Any, form: Form, invalid: Invalid
) -> Tables | CellList:
    """The joint distribution that tables or two columns of labels stand for."""
    check_keywords(form, invalid)
    if (joint is None) == (labels is None):
        got = "neither" if joint is None else "both"
        raise ValueError(f"expected a joint table or labels=(x, y), got {got}")
    if joint is not None:
        return Tables(read(joint, "joint", form, invalid, (-2, -1)))
    found = counted(*pair_of(labels))
    if isinstance(found, Cells):
        return CellList(found)
    return Tables(found.astype(np.float64))


def pair_of(labels: Any) -> tuple[Any, Any]:
    """The two columns."""
    try:
        x, y = labels
    except (TypeError, ValueError):
        raise ValueError("labels must be a pair of columns (x, y)") from None
    return x, y


def _column_sums(weights: Floats) -> Floats:
    """Sums over the last axis but one, in blocks: NumPy adds pairwise along the last axis only."""
    *batch, n_x, n_y = weights.shape
    whole = n_x - n_x % BLOCK
    blocks = weights[..., :whole, :].reshape(*batch, whole // BLOCK, BLOCK, n_y)
    sums: Floats = blocks.sum(-2).sum(-2) + weights[..., whole:, :].sum(-2)
    return sums


def _mean(values: Floats, weights: Floats) -> Floats:
    """The mean of values that are never negative; whatever has weight 0 has no share."""
    share = weights / weights.sum(-1, keepdims=True)
    mean: Floats = np.asarray(np.where(weights == 0, 0.0, values * share).sum(-1))
    return mean
