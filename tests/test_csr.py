"""Sparse rows score as the same rows made dense, and what is no CSR is refused by name."""

import subprocess
import sys

import numpy as np
import pytest

import kl_c
import limits
from every_measure import orders
from kl_c import _kernels

PAIRS = sorted(name for name, kind in _kernels.MEASURES.items() if kind == "pair")
SHAPE = 40, 90


def dense(seed=0, form="counts"):
    """Rows of all lengths: one outcome, nearly all, equal ones, disjoint ones, stored zeros."""
    rng = np.random.default_rng(seed)
    rows = rng.gamma(0.5, size=SHAPE) * (rng.random(SHAPE) < rng.random((SHAPE[0], 1)))
    rows[:, 7] += rows.sum(axis=1) == 0
    rows[3] = np.eye(1, SHAPE[1], 5)
    rows[4] = rows[6]
    rows[5] = rows[6] * (1 + 1e-6 * rng.choice([-1, 1], SHAPE[1]))
    rows[8, : SHAPE[1] // 2], rows[9, SHAPE[1] // 2 :] = 0, 0
    rows[8, -1], rows[9, 0] = 1, 1
    return rows / rows.sum(axis=1, keepdims=True) if form == "probs" else rows


def csr(rows, index=np.int32):
    """Without SciPy; every outcome 11 is stored, zero or not."""
    stored = rows != 0
    stored[:, 11] = True
    ends = np.concatenate([[0], np.cumsum(stored.sum(axis=1))])
    return rows[stored], np.nonzero(stored)[1].astype(index), ends.astype(index), rows.shape


def assert_as_dense(found, expected, measure):
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(found[~finite], expected[~finite])
    for x, y in zip(found[finite], expected[finite], strict=True):
        allowed = 2 * limits.error(measure, ("float64",), ("counts",), y)
        assert abs(x - y) <= allowed + limits.pairwise_error(("float64",), y)


@pytest.mark.parametrize("form", ["probs", "counts"])
@pytest.mark.parametrize("eps", [None, 0, 1e-3])
@pytest.mark.parametrize("measure", [*PAIRS, "reverse_kl"])
def test_all_pairs_and_each_row_as_dense(measure, eps, form):
    floored = measure in ("kl_divergence", "cross_entropy", "reverse_kl")
    keywords = {"form": form} | ({"eps": eps} if floored else {})
    keywords |= {} if measure == "reverse_kl" else orders(measure)
    X, Y = dense(0, form), dense(1, form)
    kernel = "kl_divergence" if measure == "reverse_kl" else measure
    expected = kl_c.pairwise(X, Y, measure, **keywords)
    assert not floored or np.isinf(expected).any() == (eps == 0)
    assert_as_dense(kl_c.pairwise(csr(X), csr(Y), measure, **keywords), expected, kernel)
    found = kl_c.score_csr(csr(X), csr(Y), measure, **keywords)
    assert_as_dense(found, np.diag(expected), kernel)
    itself = kl_c.pairwise(csr(X), measure=measure, **keywords)
    assert_as_dense(itself, kl_c.pairwise(X, measure=measure, **keywords), kernel)


@pytest.mark.parametrize("measure", ["kl_divergence", "js_divergence"])
def test_nearest_as_dense(measure):
    X, Y = dense(0), dense(1)
    found = kl_c.nearest(csr(X), csr(Y), 5, measure, form="counts")
    expected = kl_c.nearest(X, Y, 5, measure, form="counts")
    np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_allclose(found[0], expected[0], rtol=limits.PAIRWISE[False])


def test_entropy_as_dense():
    X = dense()
    for measure in ("entropy", kl_c.entropy):
        found = kl_c.score_csr(csr(X), measure=measure, form="counts", base=2)
        np.testing.assert_allclose(
            found, kl_c.entropy(X, form="counts", base=2), rtol=2 * limits.FLOAT64, atol=0
        )


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int64, np.uint8, bool])
@pytest.mark.parametrize("index", [np.int32, np.int64, np.uint16])
def test_any_dtype(dtype, index):
    X = (dense() * 5).astype(dtype)
    X[:, 3] = 1
    found = kl_c.pairwise(csr(X, index), form="counts")
    expected = kl_c.pairwise(X.astype(np.float64), form="counts")
    assert_as_dense(found, expected, "js_divergence")


@pytest.mark.parametrize("kind", ["csr_array", "csr_matrix"])
def test_arrays_of_scipy(kind):
    sparse = pytest.importorskip("scipy.sparse", reason="SciPy is not installed")
    X = dense()
    made = getattr(sparse, kind)(X)
    expected = kl_c.pairwise(csr(X), form="counts")
    assert_as_dense(kl_c.pairwise(made, form="counts"), expected, "js_divergence")
    with pytest.raises(TypeError, match=r"X is a sparse array of format 'csc'; pass X.tocsr\(\)"):
        kl_c.pairwise(made.tocsc(), form="counts")


def test_scipy_is_not_imported():
    code = (
        "import sys, numpy as np, kl_c\n"
        "x = np.ones(2), np.array([0, 1]), np.array([0, 1, 2]), (2, 2)\n"
        "kl_c.pairwise(x), kl_c.score_csr(x, x), kl_c.nearest(x, x, 1)\n"
        "print('scipy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_invalid_rows():
    X = dense()
    data, indices, ends, shape = csr(X)
    data[ends[2]], data[ends[20]] = -1, np.nan
    bad = data, indices, ends, shape
    outcome = indices[ends[2]]
    with pytest.raises(kl_c.InvalidRowsError, match=r"row 2 of X holds -1 .* 1 more") as e:
        kl_c.pairwise(bad, csr(X), form="counts")
    assert f"at outcome {outcome}" in e.value.reason and e.value.count == 2
    with pytest.raises(kl_c.InvalidRowsError, match="row 2 of Y holds -1"):
        kl_c.score_csr(csr(X), bad, form="counts")
    found = kl_c.pairwise(bad, csr(X), form="counts", invalid="nan")
    assert np.isnan(found[[2, 20]]).all() and np.isfinite(np.delete(found, [2, 20], 0)).all()
    scores = kl_c.score_csr(csr(X), bad, form="counts", invalid="nan")
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(scores)), [2, 20])
    empty = np.empty(0), np.empty(0, int), np.zeros(3, int), (2, 4)
    with pytest.raises(kl_c.InvalidRowsError, match="row 0 of X is 0 everywhere"):
        kl_c.score_csr(empty, measure="entropy", form="counts")
    with pytest.raises(kl_c.InvalidRowsError, match="row 0 of X sums to 2"):
        kl_c.score_csr((2 * np.ones(1), np.zeros(1, int), np.arange(2), (1, 4)), measure="entropy")


def changed(**parts):
    """Three rows of four outcomes, one part of them another."""
    whole = {
        "data": np.full(6, 0.5),
        "indices": np.array([0, 1, 1, 2, 2, 3]),
        "indptr": np.array([0, 2, 4, 6]),
        "shape": (3, 4),
    }
    return tuple((whole | parts).values())


@pytest.mark.parametrize(
    ("parts", "error", "text"),
    [
        ({"indices": np.array([0, 1, 1, 4, 2, 3])}, ValueError, r"row 1 of X .*0 ... 3, got 4"),
        ({"indices": np.array([0, 1, -1, 2, 2, 3])}, ValueError, r"row 1 of X .*0 ... 3, got -1"),
        (
            {"indices": np.array([0, 1, 2, 1, 2, 3])},
            ValueError,
            "row 1 of X holds outcome 1 after 2",
        ),
        ({"indices": np.array([0, 1, 1, 2, 3, 3])}, ValueError, "row 2 of X .* outcome 3 twice"),
        ({"indices": np.zeros(6)}, TypeError, "indices of X must be integers .* got float64"),
        ({"indptr": np.array([0, 4, 2, 6])}, ValueError, "must not decrease, got 4 .* 2 for row 1"),
        ({"indptr": np.array([0, 2, 4, 5])}, ValueError, "indptr of X must go from 0 to 6"),
        ({"indptr": np.array([1, 2, 4, 6])}, ValueError, "from 1 to 6"),
        ({"indptr": np.array([0, 2, 6])}, ValueError, "in 4 entries for 3 rows, got 3 entries"),
        ({"data": np.full(5, 0.5)}, ValueError, r"as long as each other, .* \(5,\) and \(6,\)"),
        ({"data": np.full(6, 0.5j)}, TypeError, "data of X has dtype complex128"),
        ({"shape": (3, 0)}, ValueError, "X has 0 outcomes"),
        ({"shape": (3, 4, 1)}, ValueError, "X must be rows by outcomes"),
    ],
)
def test_what_is_no_csr(parts, error, text):
    for call in (kl_c.pairwise, lambda x: kl_c.score_csr(x, measure="entropy", invalid="ignore")):
        with pytest.raises(error, match=text):
            call(changed(**parts))


def test_bad_arguments():
    X = changed()
    small = np.ones(2), np.array([0, 1]), np.arange(3), (2, 4)
    with pytest.raises(ValueError, match=r"same shape, got \(3, 4\) and \(2, 4\)"):
        kl_c.score_csr(X, small)
    with pytest.raises(ValueError, match="kl_divergence is a measure of two sparse arrays, got 1"):
        kl_c.score_csr(X)
    with pytest.raises(ValueError, match="entropy is a measure of one sparse array, got 2"):
        kl_c.score_csr(X, X, "entropy")
    with pytest.raises(TypeError, match="Y is not sparse; pass dense rows to the measure itself"):
        kl_c.score_csr(X, np.ones((3, 4)))
    with pytest.raises(TypeError, match="both be sparse or both dense, got X sparse and Y dense"):
        kl_c.pairwise(X, np.ones((3, 4)))
    with pytest.raises(ValueError, match="sparse rows are of form 'probs' or 'counts'"):
        kl_c.pairwise(X, form="logits")
    with pytest.raises(ValueError, match="are not looked at in sparse rows"):
        kl_c.pairwise(X, measure=lambda p, q: p[..., 0])
    with pytest.raises(ValueError, match="invalid must be one of"):
        kl_c.score_csr(X, X, invalid="skip")


PEAK = """
import resource, sys
import numpy as np, kl_c
rows, outcomes, stored = map(int, sys.argv[1:])
step = outcomes // stored
rng = np.random.default_rng(0)
indices = np.empty((rows, stored), np.int32)
for row in indices:
    row[:] = np.arange(stored) * step + rng.integers(0, step, stored)
ends = np.arange(0, indices.size + 1, stored)
Y = np.ones(indices.size, np.float32), indices.ravel(), ends, (rows, outcomes)
X = Y[0][: 20 * stored], Y[1][: 20 * stored], ends[:21], (20, outcomes)
kl_c.nearest(X, X, 3, form="counts")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
kl_c.nearest(X, Y, 3, form="counts")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


def test_memory_of_nearest_is_far_below_the_dense_rows():
    """Dense they would take 480 MB; stored they take 2.4 MB and so much more."""
    command = [sys.executable, "-c", PEAK, "3000", "20000", "100"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) <= limits.CSR_BYTES
