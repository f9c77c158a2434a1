"""The bounds of rows whose values tie: the cases of the closest completion meet there.

Probabilities on a grid (1/n, small integers over their sum, powers of 2) make the limits that the
cases are told apart by equal but for the last digit, which a sum of them may round either way.
"""

import numpy as np
import pytest

import limits
from kl_c import compare, compare_sparse
from kl_c._closest import closest
from kl_c._furthest import furthest
from kl_c._sparse_rows import Checked, aligned, given

ROWS = 60
DIVERGENCES = ("kl", "reverse_kl", "js", "total_variation")
TURNED = ("reverse_kl", "kl", "js", "total_variation")


def on_a_grid(rng, n):
    kind = rng.integers(4)
    if kind == 0:
        weights = np.ones((ROWS, n))
    elif kind == 1:
        weights = rng.integers(1, 4, (ROWS, n)).astype(float)
    elif kind == 2:  # some outcomes have nothing
        weights = rng.multinomial(16, np.full(n, 1 / n), ROWS).astype(float)
    else:
        weights = 2.0 ** -rng.integers(0, 6, (ROWS, n))
    return weights / weights.sum(1, keepdims=True)


def likeliest(rng, rows, k):
    """Of equal outcomes any, so that the lists of equal rows differ."""
    ids = np.lexsort((rng.random(rows.shape), -rows), axis=1)[:, :k]
    with np.errstate(divide="ignore"):
        return ids, np.log(np.take_along_axis(rows, ids, 1))


def drawn(seed):
    """Two sets of rows, equal in a part of the cases, and their lists."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 12))
    p = on_a_grid(rng, n)
    q = [p, rng.permuted(p, axis=1), on_a_grid(rng, n)][rng.integers(3)]
    sizes = rng.integers(1, n + 1, 2)
    return p, q, *(likeliest(rng, x, k) for x, k in zip((p, q), sizes, strict=True))


@pytest.mark.parametrize("seed", range(150))
def test_truth_lies_between_the_bounds_of_tied_rows(seed):
    p, q, of_p, of_q = drawn(seed)
    with np.errstate(divide="ignore"):
        truth = compare(np.log(p), np.log(q), form="log_probs")
    for vocabulary in (p.shape[1], None):
        for sides in ((of_p, of_q), (p, of_q), (of_p, q)):
            found = compare_sparse(*sides, bounds=True, vocabulary=vocabulary)
            for name, low in found.lower.items():
                high, value = found.upper[name], getattr(truth, name)
                slack = limits.SPARSE_TAIL
                assert (low <= high).all(), name
                assert (low <= value * (1 + slack) + slack).all(), name
                assert (value <= high * (1 + slack) + slack).all(), name
                if vocabulary is not None:
                    assert (getattr(found, name) <= value * (1 + slack) + slack).all(), name


@pytest.mark.parametrize("n", range(2, 30))
def test_equal_rows_that_lists_cut_in_two_have_no_least_divergence(n):
    """Of n outcomes with 1/n each one list has the first m, and the other those that follow."""
    for m in range(1, n):
        sides = [
            (np.array([ids]), np.full((1, ids.size), -np.log(n)))
            for ids in (np.arange(m), np.arange(m, n))
        ]
        for vocabulary in (None, n):
            found = compare_sparse(*sides, bounds=True, vocabulary=vocabulary)
            for name in DIVERGENCES:
                assert found.lower[name][0] <= limits.SPARSE_TAIL, (name, m)


def test_others_are_full_on_the_side_whose_rest_fills_them():
    """p has no choice: three outcomes with 0.125 each. q's rest does not fill what is free."""
    p = np.array([[0.125, 0.125, 0.125, 0.5, 0.125]])
    q = np.array([[0.1875, 0.125, 0.125, 0.375, 0.1875]])
    even = np.array([[0.15625, 0.125, 0.15625, 0.375, 0.1875]])
    lists = [
        (ids, np.log(np.take_along_axis(x, ids, 1)))
        for ids, x in ((np.array([[4, 3]]), p), (np.array([[4, 1, 3]]), q))
    ]
    truth = compare(p, q)
    least = compare(p, even)
    for sides, names in ((lists, DIVERGENCES), (lists[::-1], TURNED)):
        found = compare_sparse(*sides, bounds=True, vocabulary=5, k=2)
        for name, turned in zip(DIVERGENCES, names, strict=True):
            low = found.lower[name][0]
            assert low <= getattr(truth, turned)[0], name
            assert low == pytest.approx(getattr(least, turned)[0], abs=limits.SPARSE_SEARCHED)


def test_what_is_nearly_full_leaves_something_to_the_others():
    """p's rest of 1.6e-8 follows q: all but 3.5e-15 of it goes to one outcome of two."""
    p = np.array([[0.5, 0.5 - 1.6e-8]])
    q = np.array([[2e-7, 1 - 1.2e-6 - 2e-7, 1e-6]])
    of_p, of_q = np.array([[0, 1]]), np.array([[2, 3, 0]])
    for vocabulary in (4, None):
        found = compare_sparse(
            (of_p, np.log(p)), (of_q, np.log(q)), bounds=True, vocabulary=vocabulary
        )
        for name in DIVERGENCES[:2]:
            assert np.isfinite(found.lower[name][0]), name


@pytest.mark.parametrize("seed", range(60))
def test_completions_are_whole_rows(seed):
    """The closest and the furthest: on both sides the masses of all outcomes sum to 1."""
    p, _, of_p, of_q = drawn(seed)
    for vocabulary in (p.shape[1], p.shape[1] + 3, None):
        sides = []
        for name, side in (("p", of_p), ("q", of_q)):
            found = Checked.of(given(name, side, "probs"), vocabulary, None, 0.0, False)
            assert not found.bad.any()
            sides.append(found.side)
        rows = aligned(*sides)
        for pair in (closest(rows), furthest(rows, 0.0)):
            for logs in pair:
                np.testing.assert_allclose(np.exp(logs).sum(1), 1, atol=limits.SPARSE_TAIL)


def test_a_completion_does_not_depend_on_the_rows_beside_it():
    """One row leaves no outcome to neither list, the other leaves seven."""
    p, _, of_p, of_q = drawn(5)
    for vocabulary in (p.shape[1], p.shape[1] + 2):
        whole = compare_sparse(of_p, of_q, bounds=True, vocabulary=vocabulary, invalid="nan")
        for row in range(0, ROWS, 7):
            one = [tuple(x[row : row + 1] for x in side) for side in (of_p, of_q)]
            found = compare_sparse(*one, bounds=True, vocabulary=vocabulary, invalid="nan")
            for name, low in found.lower.items():
                np.testing.assert_array_equal(low[0], whole.lower[name][row])
