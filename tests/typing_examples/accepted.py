"""Calls that a type checker must accept, with the types they have."""

from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import kl_c

row = [0.5, 0.25, 0.25]
rows = np.full((2, 3), 1 / 3)
halves = rows.astype(np.float16)
scores = np.empty(2)
narrow = np.empty(2, np.float32)

# One row as a list gives a float.
assert_type(kl_c.kl_divergence(row, row), float)
assert_type(kl_c.cross_entropy(row, row, eps=0), float)
assert_type(kl_c.js_divergence(row, row, weight=0.25), float)
assert_type(kl_c.js_distance(row, row, base=2), float)
assert_type(kl_c.entropy(row, form="counts"), float)
assert_type(kl_c.nll(1, row), float)
assert_type(kl_c.rel_entr(0.5, 0.25), float)

# Arrays give a float or an array: their number of dimensions is no part of their type.
assert_type(kl_c.kl_divergence(rows, rows), float | NDArray[np.float64])
assert_type(kl_c.entropy(rows, axis=0, keepdims=True), float | NDArray[np.float64])
assert_type(kl_c.rel_entr(halves, halves), float | NDArray[np.float64] | NDArray[np.float32])
kl_c.kl_divergence(rows, halves, form=("probs", "logits"), temperature=2.0)
kl_c.kl_divergence([row, row], rows, invalid="nan", workers=-1)
kl_c.nll(np.array([0, -100]), rows, form="logits", ignore_index=-100)

# What is passed as `out` is what comes back.
assert_type(kl_c.kl_divergence(rows, rows, out=scores), NDArray[np.float64])
assert_type(kl_c.js_distance(rows, rows, out=narrow), NDArray[np.float32])

# Good rows are kept, bad ones named.
assert_type(kl_c.check_rows(row), int)
good = np.equal(kl_c.check_rows(rows), 0)
kl_c.entropy(rows[good])
try:
    kl_c.entropy([2.0, 3.0])
except kl_c.InvalidRowsError as error:
    assert_type(error.row, int | tuple[int, ...])
    assert_type(error.count, int)
    assert_type(error.reason, str)

# What loads on first use has its types all the same.
assert_type(kl_c.compare(rows, rows, form="probs"), kl_c.Comparison)
assert_type(kl_c.reference.U, float)

assert_type(kl_c.mutual_information(rows, base=2), float | NDArray[np.float64])
kl_c.mutual_information(labels=(["a", "b"], np.arange(2)), estimator="dirichlet", prior=0.5)
kl_c.normalized_mutual_information([row, row], form="counts", average="max", invalid="nan")
kl_c.conditional_entropy(rows, given="x")
assert_type(kl_c.pointwise_mutual_information(rows, normalized=True), NDArray[np.float64])
kl_c.entropy_estimate([3, 2], estimator="grassberger", axis=0)
kl_c.contingency_table(["a", "b"], [1, 2]).counts.sum()

kl_c.set_workers(-1)
assert_type(kl_c.show_config(), dict[str, Any])
assert_type(kl_c.__version__, str)
