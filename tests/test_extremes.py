"""Rows at the ends of what a dtype holds: exact there too, against 50-digit arithmetic."""

import numpy as np
import pytest

import kl_c
import limits
import oracle
from every_measure import call, calls, given_as
from kl_c import _kernels
from rows_zoo import DTYPE

every_dtype = pytest.mark.parametrize("dtype", _kernels.DTYPES)
ROW_MEASURES = [m for m, kind in _kernels.MEASURES.items() if kind != "elementwise"]

# Powers of two that every count of a few units may be multiplied by.
SCALES = {
    "float64": (-1074, -1022, -1000, -400, 100, 600, 1020),
    "float32": (-149, -126, -100, 24, 60, 90, 124),
    "float16": (-24, -14, 5, 12),
    "bfloat16": (-133, -126, -100, 24, 60, 90, 124),
}


def assert_exact(f, dtype, form, temperature=1, **more):
    """The score of one pair of rows is within the limit of its measure."""
    p, q = f.arrays if len(f.arrays) == 2 else f.arrays * 2
    forms = (form, form)
    question = dict(more)
    if _kernels.MEASURES[f.measure] == "labels":
        question["label"] = int(f.args[0])
    expected = float(getattr(oracle.Exact(p, q, forms, temperature), f.measure)(**question))
    score = f(temperature=temperature, **more)
    limit = limits.error(f.measure, (dtype,), forms, expected)
    assert score == expected or abs(score - expected) <= limit, (f.measure, score, expected)


@every_dtype
def test_counts_of_any_size(dtype):
    """With missing outcomes and with tails of every length, alone and against a row of size 1."""
    p = np.array([1.0, 3, 0, 2, 0, 1, 2, 5, 1])
    q = np.array([2.0, 1, 1, 1, 0, 3, 1, 1, 2])
    for k in SCALES[dtype]:
        for n in (2, 3, 9):
            large = ((x[:n] * 2.0**k).astype(DTYPE[dtype]) for x in (p, q))
            small = (x[:n].astype(DTYPE[dtype]) for x in (p, q))
            (p_k, q_k), (p_1, q_1) = large, small
            for pair in ((p_k, q_k), (p_k, q_1), (p_1, q_k)):
                for f in calls(*pair, "counts", measures=ROW_MEASURES):
                    assert_exact(f, dtype, "counts")


@every_dtype
@pytest.mark.parametrize("eps", [None, 0, 1e-3])
def test_missing_outcomes_of_counts_of_any_mass(dtype, eps):
    """The floor is a probability: it is compared with q divided by its mass."""
    for p_mass in (2.0**-12, 0.75, 1, 600):
        for q_mass in (2.0**-12, 0.75, 1, 600):
            p = (p_mass * np.array([0.75, 0.25, 0])).astype(DTYPE[dtype])
            q = (q_mass * np.array([1, 0, 0])).astype(DTYPE[dtype])
            for f in (call(m, p, q, "counts") for m in ("kl_divergence", "cross_entropy")):
                assert_exact(f, dtype, "counts", eps=eps)


@every_dtype
def test_missing_outcomes_of_probs_whose_mass_is_off(dtype):
    off = {"float64": 9e-4, "float32": 9e-4, "float16": 1.5e-2, "bfloat16": 1.5e-2}[dtype]
    for mass in (1 - off, 1 + off):
        p = np.array([0.5, 0.5, 0]).astype(DTYPE[dtype])
        q = np.array([mass, 0, 0]).astype(DTYPE[dtype])
        for measure in ("kl_divergence", "cross_entropy"):
            assert_exact(call(measure, p, q), dtype, "probs")
            assert_exact(call(measure, q, p), dtype, "probs")


@every_dtype
@pytest.mark.parametrize("form", ["probs", "counts"])
@pytest.mark.parametrize("eps", [0.76, 0.85, 1])
def test_a_floor_above_the_peak_of_q(dtype, form, eps):
    p, q = (np.array(x).astype(DTYPE[dtype]) for x in ([0.9375, 0.0625], [0.8125, 0.1875]))
    assert_exact(call("cross_entropy", p, q, form), dtype, form, eps=eps)


@pytest.mark.parametrize("d", [1e-20, 1e-36, 1e-40])
def test_tiny_entropies(d):
    """Also where d is below the floor: q then counts as no more than p."""
    p = np.array([1 - d, d, 0])
    for f in (call("entropy", p, p), call("cross_entropy", p, p)):
        assert_exact(f, "float64", "probs")


@pytest.mark.parametrize("form", _kernels.FORMS)
@pytest.mark.parametrize("weight", [1e-3, 1e-6, 1e-9])
def test_js_of_small_weights(form, weight):
    """Rows without a common outcome reach the largest value that the weight allows."""
    p, q = (given_as(np.array(x), form) for x in ([1.0, 0], [0, 1.0]))
    for measure in ("js_divergence", "js_distance"):
        assert_exact(call(measure, p, q, form), "float64", form, weight=weight)


def test_js_of_masses_too_far_apart_to_compare():
    # No quotient of these masses is a float64.
    apart = np.array([2e-308, 0]), np.array([0, 1e308])
    assert kl_c.js_divergence(*apart, form="counts", base=2) == 1
    assert kl_c.js_distance(*apart, form="counts", base=2) == 1


@every_dtype
@pytest.mark.parametrize("temperature", [0.7, 1e-3, 1e-30, 1e-45, 1e-310, 1e3, 1e5])
def test_any_temperature(dtype, temperature):
    for a, b in (([0.0, 1], [0.0, 0]), ([1.0, 1, 0], [1.0, 1, 0]), ([0.0, 2, 1], [0.5, 2, 3])):
        p, q = np.array(a).astype(DTYPE[dtype]), np.array(b).astype(DTYPE[dtype])
        for f in calls(p, q, "logits", measures=ROW_MEASURES):
            assert_exact(f, dtype, "logits", temperature)


@every_dtype
def test_common_shifts_of_logits(dtype):
    """Of exact sums, so that nothing is rounded before the call."""
    for shift in (0.0, 96, -1000) if dtype in ("float16", "bfloat16") else (0.0, 1e4, -1e6):
        step = 8.0 if dtype in ("float16", "bfloat16") else 0.25
        p, q = (step * np.array(x) for x in ([0.0, 1, 2, -3], [1.0, 0, 2, 1]))
        p, q = p.astype(DTYPE[dtype]), (q + shift).astype(DTYPE[dtype])
        assert ((q.astype(float) - shift) / step == [1, 0, 2, 1]).all()
        for f in calls(p, q, "logits", measures=ROW_MEASURES):
            assert_exact(f, dtype, "logits")


@every_dtype
def test_logits_of_any_size(dtype):
    most = {"float64": 2.0**1023, "float32": 2.0**127, "float16": 2.0**15, "bfloat16": 2.0**127}
    high = np.array(most[dtype]).astype(DTYPE[dtype])
    for p, q in (
        ([high, high], [-high, -high]),
        ([high, -high], [high, -high]),
        ([high, 0], [-high, -np.inf]),
        ([high / 4, 0], [0, 0]),
    ):
        p, q = np.array(p).astype(DTYPE[dtype]), np.array(q).astype(DTYPE[dtype])
        for f in calls(p, q, "logits", measures=ROW_MEASURES):
            assert_exact(f, dtype, "logits")
