"""Logits that lie far apart: between the arrays, between the blocks of a row, and from 0.

The one-pass kernel takes its references from the first block of a row. These rows are made so that
the first block says nothing about the others.
"""

import numpy as np
import pytest

import kl_c
import limits
import oracle
from every_measure import function_of
from kl_c import _kernels

LOG_MEASURES = [name for name, kind in _kernels.MEASURES.items() if kind == "pair"]
SHIFTS = ((-50, 1e4), (0, -1e4), (40, 1e4), (1000, -1e4), (0, -50))
float_types = pytest.mark.parametrize("dtype", ["float64", "float32"])


def assert_exact(measure, p, q, **keywords):
    exact = oracle.Exact(p, q, "logits", keywords.get("temperature", 1))
    expected = float(getattr(exact, measure)())
    score = function_of(measure)(p, q, form="logits", **keywords)
    allowed = limits.error(measure, (str(p.dtype),), ("logits",), expected)
    assert score == expected or abs(score - expected) <= allowed, (measure, score, expected)


@float_types
@pytest.mark.parametrize("measure", LOG_MEASURES)
@pytest.mark.parametrize("shifts", SHIFTS)
def test_arrays_shifted_by_different_amounts(dtype, measure, shifts):
    random = np.random.default_rng(5)
    for n in (2, 50, 200):
        p, q = ((3 * random.normal(size=n) + shift).astype(dtype) for shift in shifts)
        assert_exact(measure, p, q)


@float_types
@pytest.mark.parametrize("measure", LOG_MEASURES)
@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_a_later_block_rises_far_above_the_first(dtype, measure, temperature):
    near, far = {"float64": (599.9, 1000), "float32": (59.9, 100)}[dtype]
    first = [0.0] * _kernels.BLOCK
    p, q = np.array([*first, near, near - 14], dtype), np.array([*first, near, far], dtype)
    for rows in ((p, q), (q, p), (p[::-1].copy(), q[::-1].copy())):
        assert_exact(measure, *rows, temperature=temperature)


@float_types
@pytest.mark.parametrize("form", ["logits", "log_probs"])
@pytest.mark.parametrize("measure", LOG_MEASURES)
def test_nan_is_not_forgotten_below_a_far_maximum(dtype, form, measure):
    good = np.full(2 * _kernels.BLOCK, -1000.0, dtype)
    good[-1] = 0
    bad = good.copy()
    bad[3] = np.nan
    assert kl_c.ROW_RULES[kl_c.check_rows(bad, form=form)] == "nan"
    for single in (kl_c.entropy, lambda x, **keywords: kl_c.nll(0, x, **keywords)):
        assert np.isnan(single(bad, form=form, invalid="ignore"))
        assert np.isnan(single(bad, form=form, invalid="nan"))
    for p, q in ((good, bad), (bad, good)):
        f = function_of(measure)
        assert np.isnan(f(p, q, form=form, invalid="ignore"))
        with pytest.raises(kl_c.InvalidRowsError, match="holds NaN at outcome 3"):
            f(p, q, form=form)


def test_infinite_also_where_the_mass_is_barely_within_tolerance():
    p = np.log([0.5, 0.5])
    q = np.array([np.log(1 + 1e-3 * (1 - 5e-5)), -np.inf])
    assert kl_c.check_rows(q, form="log_probs") == 0
    assert kl_c.kl_divergence(p, q, form="log_probs") == np.inf
    assert kl_c.cross_entropy(p, q, form="log_probs") == np.inf


def test_an_element_that_underflows_is_infinite_where_q_is_impossible():
    assert kl_c.rel_entr(-800.0, -np.inf, form="log_probs") == np.inf


@float_types
@pytest.mark.parametrize("temperature", [1e-45, 1e-310, 1e300])
def test_labels_at_any_temperature(dtype, temperature):
    q = np.array([[0.0, 1], [0, 1]]).astype(dtype)
    scores = kl_c.nll([0, 1], q, form="logits", temperature=temperature)
    exact = [oracle.Exact(row, row, "logits", temperature).nll(k) for k, row in enumerate(q)]
    np.testing.assert_array_equal(scores, [float(x) for x in exact])


@float_types
@pytest.mark.parametrize("measure", LOG_MEASURES)
@pytest.mark.parametrize("weight", [0.5, 0.3, 0.01])
def test_outcomes_that_one_row_all_but_rules_out(dtype, measure, weight):
    """Whole vectors of outcomes of which q holds e**60 to e**-80 times what p does."""
    keywords = {"weight": weight} if measure.startswith("js_") else {}
    near = (-50.7, -30.1, -15.3, -6.2, -1.5, -0.9, 0.6, 3, 5.5, 6.5, 14, 17, 60)
    for gap in (*np.linspace(-80, -60, 33), *near):
        for rest in (-30, -1):
            p, q = (np.repeat([x, y], 16).astype(dtype) for x, y in ((0, rest), (gap, 0)))
            exact = oracle.Exact(p, q, "logits")
            expected = float(getattr(exact, measure)(**keywords))
            score = function_of(measure)(p, q, form="logits", **keywords)
            allowed = limits.error(measure, (dtype,), ("logits",), expected)
            right = score == expected or abs(score - expected) <= allowed
            assert right, (gap, rest, score, expected)
