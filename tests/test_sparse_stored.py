"""Bounds are of the stored values, taken as the numbers that they are, in whatever type.

Rows that are sure of one outcome leave their lists a rest far below the roundoff of the type, and
of two outcomes one that is nothing but roundoff. The truth is of rows that hold the stored values
and what these leave.
"""

import numpy as np
import pytest

import limits
from kl_c import compare, compare_sparse

OUTCOMES = 300
DTYPES = ("float64", "float32", "float16")
MEASURES = ("kl", "reverse_kl", "js", "total_variation", "entropy_p", "cross_entropy")


def log_softmax(logits):
    logits = logits - logits.max(1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(1, keepdims=True))


def rows(rng, gap, sure):
    """Normal logits, of which one or two stand out, and a copy of them."""
    a = rng.normal(scale=2, size=(50, OUTCOMES))
    a[:, :sure] += gap
    return log_softmax(a), log_softmax(a + rng.normal(scale=0.1, size=a.shape))


def likeliest(log_probs, k, dtype):
    ids = np.argsort(-log_probs, axis=1)[:, :k]
    return ids, np.take_along_axis(log_probs, ids, 1).astype(dtype)


def stored(log_probs, ids, values):
    """Whole rows of the stored values, and which of them a list of any vocabulary stands for.

    What is not listed shares the rest in the proportions of the rows; or evenly, if one of them
    would be likelier than the list's least. Evenly they may still be: then roundoff left more than
    so many outcomes can hold, and the list stands for rows of more of them.
    """
    values = values.astype(np.float64)
    whole = np.exp(log_probs)
    np.put_along_axis(whole, ids, 0.0, 1)
    rest = np.maximum(1 - np.exp(values).sum(1, keepdims=True), 0)
    free = whole > 0
    with np.errstate(invalid="ignore"):
        tail = whole / whole.sum(1, keepdims=True) * rest
    even = free * rest / free.sum(1, keepdims=True)
    least = np.exp(values.min(1, keepdims=True))
    tail = np.where((tail > least).any(1, keepdims=True), even, tail)
    with np.errstate(divide="ignore"):
        found = np.log(tail)
    np.put_along_axis(found, ids, values, 1)
    return found, (tail <= least).all(1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("k", [1, 5, 20])
@pytest.mark.parametrize("sure", [1, 2])
@pytest.mark.parametrize("gap", [5, 20, 40])
def test_rows_of_the_stored_values_lie_between_their_bounds(gap, sure, k, dtype):
    rng = np.random.default_rng(gap)
    p, q = rows(rng, gap, sure)
    of_p, of_q = likeliest(p, k, dtype), likeliest(q, k, dtype)
    (p, in_p), (q, in_q) = stored(p, *of_p), stored(q, *of_q)
    truth = compare(p, q, form="logits")
    slack = limits.SPARSE_TAIL
    for vocabulary in (OUTCOMES, None):
        found = compare_sparse(of_p, of_q, bounds=True, vocabulary=vocabulary)
        for name in MEASURES:
            value, low, high = getattr(truth, name), found.lower[name], found.upper[name]
            possible = slice(None) if vocabulary is not None else in_p & in_q
            assert (low <= value * (1 + slack))[possible].all(), name
            assert (value <= high * (1 + slack))[possible].all(), name
            assert (getattr(found, name) <= value * (1 + slack) + slack).all(), name


@pytest.mark.parametrize("dtype", DTYPES)
def test_no_rest_is_made_up(dtype):
    """One outcome that is certain in any type: the same row as a list and whole differs by 0."""
    p = log_softmax(np.where(np.arange(50) == 7, 40.0, 0.0)[None])
    found = compare_sparse(likeliest(p, 20, dtype), p, form="logits", bounds=True)
    assert found.kl[0] <= limits.SPARSE_TAIL
    assert found.lower["kl"][0] == 0 and found.lower["reverse_kl"][0] == 0
    assert found.rest_p[0] <= limits.SPARSE_TAIL


@pytest.mark.parametrize("dtype", DTYPES)
def test_listed_labels_have_their_stored_value(dtype):
    """Also where the list sums to more than 1, as far as its type may."""
    logs = np.log(np.array([[0.5, 0.3, 0.2]])).astype(dtype)
    logs[:] = np.nextafter(logs, dtype_zero(dtype))
    side = np.array([[4, 1, 2]]), logs
    found = compare_sparse(side, side, [1], bounds=True)
    assert found.nll_p[0] == found.nll_q[0] == -np.float64(logs[0, 1])
    certain = compare_sparse((side[0][:, :1], np.zeros((1, 1), dtype)), side, [4], bounds=True)
    assert certain.nll_p[0] == 0
    assert certain.lower["nll_p"][0] == 0 and certain.upper["nll_p"][0] <= limits.SPARSE_MARGIN


def dtype_zero(dtype):
    return np.zeros((), dtype)
