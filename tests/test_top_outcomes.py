"""The k likeliest outcomes of two rows, against NumPy's stable sort, on every backend."""

import numpy as np
import pytest

import forced_backend
import rows_zoo
from expected_comparison import expected_choices
from kl_c import Comparison, _kernels, compare
from kl_c import _statistics as statistics

NAMES = ("topk_overlap", "topk_ordered", "top_in_topk")
LENGTHS = (1, 2, 7, 33, 513, 1100)  # around the widths and the blocks of every backend

each_backend = pytest.mark.parametrize("backend", _kernels.BACKENDS)
each_form = pytest.mark.parametrize("form", _kernels.FORMS)
each_dtype = pytest.mark.parametrize("dtype", _kernels.DTYPES)


def call(p, q, form, k):
    settings = statistics.Settings(form=form).of_the_kernel()
    return "_kernels.compare_rows", (p, q, None), settings | {"k": k}


def found_on(backend, calls):
    tables, _ = forced_backend.run(backend, calls)
    return [dict(zip(_kernels.STATISTICS, table.T, strict=True)) for table in tables]


def assert_lists(found, p, q, k):
    expected = expected_choices(p, q, ("logits", "logits"), k=k)  # the order is that of any form
    for name in NAMES:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=f"{name}, k = {k}")


def some_k(n):
    return sorted({1, min(2, n), min(5, n), (n + 1) // 2, n})


@each_dtype
@each_form
@each_backend
def test_lists_are_those_of_a_stable_sort(backend, form, dtype):
    """Half types have many ties among 1100 outcomes, and so have the families of few values."""
    calls, data = [], []
    for n in LENGTHS:
        pairs = list(rows_zoo.families(n).values())
        p, q = (np.stack([rows_zoo.in_form(x[i], form, dtype) for x in pairs]) for i in (0, 1))
        for k in some_k(n):
            calls.append(call(p, q, form, k))
            data.append((p, q, k))
    for found, (p, q, k) in zip(found_on(backend, calls), data, strict=True):
        assert_lists(found, p, q, k)


@each_backend
def test_ties_go_to_the_lowest_index_wherever_they_lie(backend):
    rng = np.random.default_rng(2)
    p = rng.integers(0, 4, (20, 1100)).astype(np.float32)
    q = np.where(rng.random(p.shape) < 0.01, 4, p).astype(np.float32)
    p[1] = q[1] = 0  # nothing but ties
    p[2] = np.arange(1100)  # every outcome gets into the list
    q[2] = p[2][::-1]
    calls = [call(p, q, "logits", k) for k in some_k(1100)]
    for found, k in zip(found_on(backend, calls), some_k(1100), strict=True):
        assert_lists(found, p, q, k)
        assert found["topk_overlap"][1] == found["topk_ordered"][1] == 1


@each_backend
def test_impossible_outcomes_and_signed_zeros(backend):
    rng = np.random.default_rng(3)
    p, q = rng.normal(size=(2, 8, 600))
    p[:4, 3:] = -np.inf  # fewer possible outcomes than k
    q[2:6, :590] = -np.inf
    p[6], q[6] = np.where(np.arange(600) % 2, 0.0, -0.0), np.where(np.arange(600) % 3, -0.0, 0.0)
    for k, found in zip(
        (1, 5, 600), found_on(backend, [call(p, q, "logits", k) for k in (1, 5, 600)]), strict=True
    ):
        assert_lists(found, p, q, k)
    assert found["topk_overlap"][0] == 1  # all of them


@each_form
def test_layouts_mixed_types_and_workers_change_nothing(form):
    families = rows_zoo.families(513)
    names = ("softmax N(0, 1)", "softmax N(0, 4)", "two-valued")
    p, q = (
        np.stack([rows_zoo.in_form(families[name][i], form, "float32") for name in names])
        for i in (0, 1)
    )
    expected = compare(p, q, form=form, k=7)
    layouts = [
        (np.repeat(p, 2, axis=1)[:, ::2], q),
        (np.asfortranarray(p), q[:, ::-1].copy()[:, ::-1]),
        (p.astype(">f4"), q),
        (p.astype(np.float64), q),
    ]
    for a, b in layouts:
        found = compare(a, b, form=form, k=7, workers=2)
        for name in NAMES:
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    assert_lists({name: getattr(expected, name) for name in NAMES}, p, q, 7)


def test_integers_and_forms_that_differ():
    rng = np.random.default_rng(5)
    p, q = rng.integers(0, 50, (6, 300)), rng.normal(size=(6, 300)).astype(np.float32)
    found = compare(p, q, form=("counts", "logits"), k=20)
    assert_lists({name: getattr(found, name) for name in NAMES}, p, q, 20)


def test_the_temperature_does_not_touch_the_order():
    p, q = np.random.default_rng(6).normal(size=(2, 9, 80))
    hot, cold = (compare(p, q, form="logits", k=9, temperature=t) for t in (30.0, 0.2))
    for name in NAMES:
        np.testing.assert_array_equal(getattr(hot, name), getattr(cold, name))


def test_k_out_of_range_is_refused():
    rows = np.full((2, 4), 0.25)
    with pytest.raises(ValueError, match="k must be at most the number of outcomes, 4, got 5"):
        compare(rows, rows, k=5)
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        Comparison(k=0)
    with pytest.raises(TypeError, match="k must be an integer, got float"):
        Comparison(k=2.0)
    with pytest.raises(AttributeError, match="topk_overlap needs k, and the comparison was given"):
        _ = compare(rows, rows).topk_overlap


def test_columns_of_lists_left_out():
    rows = np.full((3, 4), 0.25)
    comparison = compare(rows, rows, k=2, mask=[True, False, True])
    np.testing.assert_array_equal(comparison.topk_overlap, [1, np.nan, 1])
    np.testing.assert_array_equal(comparison.topk_ordered, [True, False, True])
    assert comparison.summary()["statistics"]["top_in_topk"]["mean"] == 1
