"""Zeros, subnormals, infinities and NaN: the table of the README, one assertion per cell.

The table is that of ``rel_entr``, whose results are its cells; rows of ``kl_divergence`` hold the
same cells beside outcomes that complete the mass.
"""

import math

import numpy as np
import pytest

import kl_c
import limits
from every_measure import function_of
from kl_c import _kernels
from rows_zoo import DTYPE

ZEROS = (0.0, -0.0)
INVALID = (math.nan, math.inf, -0.25)
EPS = 2.0**-126
X = 0.25


def subnormal(dtype):
    """The smallest number above 0 of a dtype, as a float."""
    bits = np.array([1], f"u{DTYPE[dtype].itemsize}")
    return float(bits.view(DTYPE[dtype])[0])


def term(p, q, dtype, **keywords):
    return float(kl_c.rel_entr(np.array(p, DTYPE[dtype]), np.array(q, DTYPE[dtype]), **keywords))


def close(value, expected, dtype):
    limit = limits.error("rel_entr", (dtype,), ("probs",), expected)
    return value == expected or abs(value - expected) <= limit


every_dtype = pytest.mark.parametrize("dtype", _kernels.DTYPES)


@every_dtype
@pytest.mark.parametrize("p", ZEROS)
@pytest.mark.parametrize("eps", [None, 0, 1e-3])
def test_p_zero_contributes_zero(p, eps, dtype):
    for q in (*ZEROS, subnormal(dtype), X, 1.0):
        assert term(p, q, dtype, eps=eps) == 0


@every_dtype
@pytest.mark.parametrize("q", ZEROS)
def test_q_zero_is_floored_or_infinite(q, dtype):
    assert close(term(X, q, dtype), X * math.log(X / EPS), dtype)
    assert close(term(X, q, dtype, eps=1e-3), X * math.log(X / 1e-3), dtype)
    assert term(X, q, dtype, eps=0) == math.inf
    # The floor never rises above p.
    assert term(X, q, dtype, eps=0.5) == 0


@every_dtype
def test_q_subnormal_is_floored_by_eps_and_exact_without(dtype):
    q = subnormal(dtype)
    assert close(term(X, q, dtype), X * (math.log(X) - math.log(max(q, EPS))), dtype)
    assert close(term(X, q, dtype, eps=0), X * (math.log(X) - math.log(q)), dtype)


@every_dtype
def test_p_subnormal(dtype):
    p = subnormal(dtype)
    assert term(p, p, dtype, eps=0) == 0
    assert term(p, p, dtype) == 0
    if p >= EPS:  # a smaller p makes a term that float32 cannot hold to any relative error
        assert close(term(p, X, dtype, eps=0), p * (math.log(p) - math.log(X)), dtype)


@pytest.mark.parametrize("form", ["probs", "counts"])
@pytest.mark.parametrize("mass", [1.0, 3.0])
def test_the_least_p_over_no_q_is_infinite_without_a_floor(form, mass):
    p, q = [5e-324, mass], [0.0, mass]
    if form == "counts" or mass == 1:
        assert kl_c.kl_divergence(p, q, form=form, eps=0) == math.inf
        assert kl_c.cross_entropy(p, q, form=form, eps=0) == math.inf
        assert math.isfinite(kl_c.kl_divergence(p, q, form=form))


@every_dtype
def test_p_and_q_positive(dtype):
    assert close(term(X, 0.5, dtype), X * math.log(0.5), dtype)
    assert close(term(0.5, X, dtype), 0.5 * math.log(2), dtype)
    assert term(X, X, dtype) == 0


@every_dtype
@pytest.mark.parametrize("bad", INVALID)
def test_invalid_numbers_are_refused_and_named(bad, dtype):
    for good in (0.0, subnormal(dtype), X):
        for p, q, array in ((bad, good, "p"), (good, bad, "q"), (bad, bad, "p")):
            with pytest.raises(kl_c.InvalidRowsError) as caught:
                term(p, q, dtype)
            assert caught.value.array == array
            assert math.isnan(term(p, q, dtype, invalid="nan"))


@every_dtype
@pytest.mark.parametrize("good", [0.0, X])
def test_nan_in_gives_nan_out_under_ignore(good, dtype):
    assert math.isnan(term(math.nan, good, dtype, invalid="ignore"))
    assert math.isnan(term(good, math.nan, dtype, invalid="ignore"))


@every_dtype
@pytest.mark.parametrize("measure", [m for m, k in _kernels.MEASURES.items() if k == "pair"])
@pytest.mark.parametrize("form", _kernels.FORMS)
def test_invalid_rows_of_a_batch_score_nan_and_the_others_as_alone(form, measure, dtype):
    good = rows_of([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]], form, dtype)
    f = function_of(measure)
    for bad in (math.nan, math.inf, *(() if "log" in form else (-0.25,))):
        p = np.stack([good[0], good[0], good[0]])
        p[1, 2] = bad
        for args in ((p, good[1]), (good[1], p)):
            scores = f(*args, form=form, invalid="nan")
            alone = f(*(x[0] if x.ndim == 2 else x for x in args), form=form)
            assert scores.tolist()[::2] == [alone, alone]
            assert math.isnan(scores[1])
            with pytest.raises(kl_c.InvalidRowsError) as caught:
                f(*args, form=form)
            assert (caught.value.array, caught.value.count) == ("p" if args[0] is p else "q", 1)


def rows_of(probs, form, dtype):
    with np.errstate(divide="ignore"):
        x = np.log(probs) if form in ("log_probs", "logits") else np.array(probs)
    return x.astype(DTYPE[dtype])


@every_dtype
@pytest.mark.parametrize("form", _kernels.FORMS)
def test_zero_probabilities_in_rows(form, dtype):
    p, q = rows_of([[0.5, 0.5, 0.0], [0.5, 0.0, 0.5]], form, dtype)
    log_form = form in ("log_probs", "logits")
    # The missing outcome of q has p = 1/2: floored in linear forms, infinite in log forms.
    expected = math.inf if log_form else 0.5 * math.log(0.5 / EPS)
    for value, limit_of in (
        (kl_c.kl_divergence(p, q, form=form), "kl_divergence"),
        (kl_c.cross_entropy(p, q, form=form) - math.log(2), "cross_entropy"),
    ):
        limit = limits.error(limit_of, (dtype,), (form,), expected)
        assert value == expected or abs(value - expected) <= limit
    assert kl_c.kl_divergence(p, q, form=form, eps=0) == math.inf
    assert kl_c.kl_divergence(p, p, form=form, eps=0) == 0
    limit = limits.relative_error("js_divergence", (dtype,), (form,), math.log(2) / 2)
    # 1/2 of each is shared; the rest is told apart at once.
    assert abs(kl_c.js_divergence(p, q, form=form) / (math.log(2) / 2) - 1) <= limit
    assert abs(kl_c.entropy(p, form=form) / math.log(2) - 1) <= limit


@every_dtype
@pytest.mark.parametrize("form", ["log_probs", "logits"])
def test_log_rows_without_an_outcome_are_invalid(form, dtype):
    nothing = np.full(3, -np.inf).astype(DTYPE[dtype])
    with pytest.raises(kl_c.InvalidRowsError):
        kl_c.entropy(nothing, form=form)
    assert math.isnan(kl_c.entropy(nothing, form=form, invalid="nan"))


@every_dtype
def test_counts_without_mass_are_invalid(dtype):
    nothing = np.zeros(3, DTYPE[dtype])
    with pytest.raises(kl_c.InvalidRowsError):
        kl_c.entropy(nothing, form="counts")


@every_dtype
def test_a_log_prob_slightly_above_zero_is_valid(dtype):
    above = np.array([float(np.finfo(np.float32).eps), -math.inf]).astype(DTYPE[dtype])
    assert kl_c.entropy(above, form="log_probs") == 0


@pytest.mark.parametrize("form", _kernels.FORMS)
@pytest.mark.parametrize("weight", [0, 1])
def test_js_with_all_weight_on_one_side_is_zero(form, weight):
    p, q = rows_of([[0.5, 0.5, 0.0], [0.5, 0.0, 0.5]], form, "float64")
    assert kl_c.js_divergence(p, q, weight=weight, form=form) == 0
    assert kl_c.js_distance(p, q, weight=weight, form=form) == 0


@every_dtype
def test_label_probability_zero(dtype):
    q = np.array([1.0, 0.0]).astype(DTYPE[dtype])
    assert kl_c.nll(0, q) == 0
    assert close(kl_c.nll(1, q), 126 * math.log(2), dtype)
    assert kl_c.nll(1, q, eps=0) == math.inf
