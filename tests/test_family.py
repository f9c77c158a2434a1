"""The family beside KL: its inequalities and identities, its orders at and near their limits."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kl_c
import limits
import oracle
import rows_zoo
from kl_c import _kernels
from test_properties import distributions, every_dtype, every_form, few, in_form

ORDERED_PAIRS = ("renyi_divergence", "tsallis_divergence", "alpha_divergence")
ORDERED_SINGLES = ("renyi_entropy", "tsallis_entropy")
ORDERS = (1e-9, 0.01, 0.4999, 0.5, 0.9, 1 - 1e-9, 1, 1 + 1e-9, 1.1, 2, 7.5, 40)
LIMITS = {"renyi_divergence": (0, math.inf), "renyi_entropy": (0, math.inf)}
LIMITS |= {"tsallis_divergence": (0,), "tsallis_entropy": (0,), "alpha_divergence": (0, -3)}


def slack(measure, dtype, form, value):
    return limits.error(measure, (dtype,), (form,), value)


@every_dtype
@every_form
@few
@given(rows=distributions(2))
def test_inequalities_between_measures(form, dtype, rows):
    p, q = in_form(rows, form, dtype)
    names = ("kl_divergence", "total_variation", "hellinger_distance", "chi2_divergence")
    value = {name: getattr(kl_c, name)(p, q, form=form) for name in names}
    kl, tv, hellinger, chi2 = value.values()
    off = sum(slack(name, dtype, form, x) for name, x in value.items() if math.isfinite(x))
    assert 0 <= tv <= 1 and 0 <= hellinger <= 1
    assert tv <= math.sqrt(kl / 2) + off  # Pinsker
    assert hellinger**2 - off <= tv <= math.sqrt(2) * hellinger + off
    assert kl_c.js_divergence(p, q, form=form) <= math.log(2)
    assert kl <= math.log1p(chi2) + off or form in ("probs", "counts")  # whose kl is floored


@every_dtype
@every_form
@few
@given(rows=distributions(2), order=st.floats(0.01, 20))
def test_renyi_divergences_rise_and_entropies_fall_with_the_order(form, dtype, rows, order):
    p, q = in_form(rows, form, dtype)
    for name, arrays, sign in (("renyi_divergence", (p, q), 1), ("renyi_entropy", (p,), -1)):
        scores = [getattr(kl_c, name)(*arrays, x, form=form) for x in (order, 1.5 * order)]
        if all(map(math.isfinite, scores)):
            off = sum(slack(name, dtype, form, x) for x in scores)
            assert sign * (scores[1] - scores[0]) >= -off, (name, scores)


@every_dtype
@pytest.mark.parametrize("form", ["counts"])
@few
@given(rows=distributions(2))
def test_merging_outcomes_never_raises_a_divergence(form, dtype, rows):
    p, q = np.ceil(rows * 100).astype(rows_zoo.DTYPE[dtype])
    if p.size < 2:
        return
    merged = [np.append(x[2:], np.float64(x[0]) + np.float64(x[1])).astype(x.dtype) for x in (p, q)]
    if any(float(m[-1]) != float(x[0]) + float(x[1]) for m, x in zip(merged, (p, q), strict=True)):
        return  # the sum is no number of the type
    for name, kind in _kernels.MEASURES.items():
        if kind == "pair" and name != "cross_entropy":
            for order in (0.3, 2.5) if name in ORDERED_PAIRS else (None,):
                more = {} if order is None else {"alpha": order}
                whole, coarse = (
                    getattr(kl_c, name)(*pair, form=form, **more) for pair in ((p, q), merged)
                )
                off = slack(name, dtype, form, whole) + slack(name, dtype, form, coarse)
                assert coarse <= whole + off, name


@pytest.mark.parametrize("form", _kernels.FORMS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_orders_at_near_and_beyond_their_limits(form, dtype):
    """Against 50 digits, on rows that are far, near and without common outcomes."""
    beyond = []
    for family, pair in rows_zoo.families(16).items():
        p, q = (rows_zoo.in_form(x, form, dtype) for x in pair)
        exact = oracle.Exact(p, q, form)
        for name in (*ORDERED_PAIRS, *ORDERED_SINGLES):
            arrays = (p, q) if name in ORDERED_PAIRS else (p,)
            for order in (*ORDERS, *LIMITS[name]):
                score = getattr(kl_c, name)(*arrays, order, form=form)
                expected = float(getattr(exact, name)(order))
                at_most = name == "renyi_divergence" and order == math.inf
                limit = limits.MAX_LOG_RATIO if at_most else name
                allowed = limits.error(limit, (dtype,), (form,), expected)
                if not (score == expected or abs(score - expected) <= allowed):
                    beyond.append((family, name, order, score, expected, allowed))
    assert not beyond, f"{len(beyond)}: {beyond[:12]}"


def test_the_family_meets_itself():
    p, q = np.random.default_rng(5).dirichlet(np.ones(40), (2, 30))
    close = {"rtol": 4 * limits.FLOAT64, "atol": 0}
    hellinger = kl_c.hellinger_distance(p, q)
    renyi_half = kl_c.renyi_divergence(p, q, 0.5)
    assert np.allclose(kl_c.bhattacharyya_distance(p, q), -np.log1p(-(hellinger**2)), **close)
    assert np.allclose(2 * kl_c.bhattacharyya_distance(p, q), renyi_half, **close)
    chi2 = kl_c.chi2_divergence(p, q)
    assert np.allclose(kl_c.renyi_divergence(p, q, 2), np.log1p(chi2), **close)
    assert np.allclose(kl_c.tsallis_divergence(p, q, 2), chi2, **close)
    assert np.allclose(kl_c.alpha_divergence(p, q, 2), chi2 / 2, **close)
    assert np.allclose(kl_c.alpha_divergence(p, q, 0.5), 4 * hellinger**2, **close)
    assert np.allclose(kl_c.alpha_divergence(p, q, -1.5), kl_c.alpha_divergence(q, p, 2.5), **close)
    both = kl_c.kl_divergence(p, q) + kl_c.kl_divergence(q, p)
    assert (kl_c.jeffreys_divergence(p, q) == both).all()
    assert (kl_c.alpha_divergence(p, q, 0) == kl_c.kl_divergence(q, p, eps=0)).all()
    for name in ORDERED_PAIRS:
        assert (getattr(kl_c, name)(p, q, 1) == kl_c.kl_divergence(p, q, eps=0)).all()
    for name in ORDERED_SINGLES:
        assert (getattr(kl_c, name)(p, 1) == kl_c.entropy(p)).all()
    assert np.allclose(kl_c.perplexity(p), np.exp(kl_c.entropy(p)), **close)


def test_jeffreys_floors_each_row_by_its_own_form():
    p, q = np.array([0.5, 0.5, 0.0]), np.log(np.array([0.25, 0.25, 0.5]))
    assert np.isfinite(kl_c.jeffreys_divergence(p, q, form=("probs", "log_probs")))
    logs = np.log(np.array([0.5, 0.5, 1e-300])), np.array([0.25, 0.75, 0.0])
    forward = kl_c.kl_divergence(*logs, form=("log_probs", "probs"))
    back = kl_c.kl_divergence(*logs[::-1], form=("probs", "log_probs"))
    assert kl_c.jeffreys_divergence(*logs, form=("log_probs", "probs")) == forward + back


@pytest.mark.parametrize("dtype", _kernels.DTYPES)
def test_jeffreys_along_axis_0_has_the_bits_of_rows(dtype):
    p, q = np.random.default_rng(2).dirichlet(np.ones(50), (2, 70)).astype(rows_zoo.DTYPE[dtype])
    q[:, 3] = 0
    for eps in (None, 0, 1e-3):
        rows = kl_c.jeffreys_divergence(p, q, form="counts", eps=eps)
        columns = kl_c.jeffreys_divergence(p.T.copy(), q.T.copy(), form="counts", eps=eps, axis=0)
        assert (rows == columns).all()


@pytest.mark.parametrize(
    ("name", "alpha", "message"),
    [
        ("renyi_divergence", -0.5, "alpha must be at least 0, got -0.5"),
        ("renyi_entropy", math.nan, "alpha must be at least 0, got nan"),
        ("tsallis_divergence", math.inf, "alpha must be at least 0 and finite, got inf"),
        ("tsallis_entropy", -1, "alpha must be at least 0 and finite, got -1"),
        ("alpha_divergence", math.inf, "alpha must be finite, got inf"),
        ("alpha_divergence", math.nan, "alpha must be finite, got nan"),
    ],
)
def test_orders_out_of_range(name, alpha, message):
    rows = ([0.5, 0.5],) if name in ORDERED_SINGLES else ([0.5, 0.5], [0.5, 0.5])
    with pytest.raises(ValueError, match=f"^{message}$"):
        getattr(kl_c, name)(*rows, alpha)
    with pytest.raises(TypeError, match="alpha must be a real number, got str"):
        getattr(kl_c, name)(*rows, "2")
    with pytest.raises(TypeError, match="alpha must be a real number, got NoneType"):
        getattr(kl_c, name)(*rows, None)


def test_masses_beyond_the_kernels_and_rows_far_apart():
    """What lanes cannot hold is scored by logarithms."""
    p, q = np.array([1e300, 1e305, 1e300]), np.array([1e-300, 1e-305, 1e-300])
    exact = oracle.Exact(p, q, "counts")
    far = -800.0 * np.arange(3), -800.0 * np.arange(3)[::-1]
    apart = oracle.Exact(*far, "log_probs")
    for name, order in (("renyi_divergence", 3.5), ("bhattacharyya_distance", None),
                        ("chi2_divergence", None), ("total_variation", None),
                        ("hellinger_distance", None)):  # fmt: skip
        more = {} if order is None else {"alpha": order}
        for rows, form, truth in ((p, q), "counts", exact), (far, "logits", apart):
            score, expected = getattr(kl_c, name)(*rows, form=form, **more), None
            expected = float(getattr(truth, name)(**more))
            allowed = limits.error(name, ("float64",), (form,), expected)
            assert score == expected or abs(score - expected) <= allowed, (name, score, expected)


def test_no_outcome_in_both_rows():
    p, q = [0.5, 0.5, 0, 0], [0, 0, 0.25, 0.75]
    assert kl_c.total_variation(p, q) == kl_c.hellinger_distance(p, q) == 1
    for infinite in (kl_c.bhattacharyya_distance, kl_c.chi2_divergence):
        assert infinite(p, q) == math.inf
    assert kl_c.renyi_divergence(p, q, 0.5) == kl_c.renyi_divergence(p, q, 0) == math.inf
    assert kl_c.renyi_divergence(p, q, 2) == kl_c.renyi_divergence(p, q, math.inf) == math.inf
    assert kl_c.tsallis_divergence(p, q, 0.5) == 2
    assert kl_c.jeffreys_divergence(p, q, eps=0) == math.inf


@pytest.mark.parametrize("dtype", _kernels.DTYPES)
@pytest.mark.parametrize("form", _kernels.FORMS)
def test_no_score_is_a_negative_zero(form, dtype):
    row = rows_zoo.in_form(np.array([0.0, 1, 0]), form, dtype)
    for name, kind in _kernels.MEASURES.items():
        rows = {"single": (row,), "pair": (row, row.copy())}.get(kind)
        for order in (0.3, 1, 2) if name in (*ORDERED_PAIRS, *ORDERED_SINGLES) else (None,):
            more = {} if order is None else {"alpha": order}
            if rows is not None:
                assert not np.signbit(getattr(kl_c, name)(*rows, form=form, **more)), (name, order)
