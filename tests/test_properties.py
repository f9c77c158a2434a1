"""What must hold for any rows: the promises of every measure, whatever the form and dtype."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import kl_c
import limits
from every_measure import function_of
from kl_c import _kernels
from rows_zoo import DTYPE

LOG_FORMS = ("log_probs", "logits")

every_form = pytest.mark.parametrize("form", _kernels.FORMS)
every_dtype = pytest.mark.parametrize("dtype", _kernels.DTYPES)
few = settings(max_examples=25)


@st.composite
def distributions(draw, count):
    """``count`` rows of one length, some outcomes missing, sizes over few or many decades."""
    n = draw(st.integers(1, 40))
    spread = draw(st.sampled_from([1e-6, 1.0, 12.0]))
    missing = draw(st.sampled_from([0.0, 0.3]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    weights = np.exp(rng.uniform(-spread, 0, (count, n)))
    weights[rng.random((count, n)) < missing] = 0
    weights[:, 0] += 1  # no row without an outcome
    return weights / weights.sum(axis=1, keepdims=True)


def in_form(probs, form, dtype):
    with np.errstate(divide="ignore", under="ignore"):
        return (np.log(probs) if form in LOG_FORMS else probs).astype(DTYPE[dtype])


def all_scores(p, q, form):
    """Every measure of a pair of rows or of batches, by name: the arguments' arrays as they are."""
    labels = np.zeros(p.shape[:-1], np.int64)
    arguments = {"pair": (p, q), "single": (p,), "elementwise": (p, q), "labels": (labels, q)}
    return {
        name: function_of(name)(*arguments[kind], form=form)
        for name, kind in _kernels.MEASURES.items()
        if (kind, form) != ("elementwise", "logits")
    }


def assert_same_bits(scores, expected):
    assert scores.keys() == expected.keys()
    for name, score in scores.items():
        np.testing.assert_array_equal(score, expected[name], err_msg=name, strict=True)


@every_dtype
@every_form
@few
@given(rows=distributions(2))
def test_divergences_are_not_negative(form, dtype, rows):
    p, q = in_form(rows, form, dtype)
    for measure in (*limits.VANISH_AT_EQUALITY, *limits.ROOTS, *limits.FIRST_ORDER):
        assert function_of(measure)(p, q, form=form) >= 0
    assert kl_c.entropy(p, form=form) >= 0


@every_dtype
@every_form
@few
@given(rows=distributions(1), eps=st.sampled_from([None, 0, 1e-300, 1e-9, 0.3, 1]))
def test_equal_rows_score_exactly_zero(form, dtype, rows, eps):
    (p,) = in_form(rows, form, dtype)
    for measure in (*limits.VANISH_AT_EQUALITY, *limits.ROOTS, *limits.FIRST_ORDER):
        assert function_of(measure)(p, p.copy(), form=form) == 0
    assert kl_c.kl_divergence(p, p.copy(), form=form, eps=eps) == 0
    assert kl_c.jeffreys_divergence(p, p.copy(), form=form, eps=eps) == 0
    assert kl_c.js_distance(p, p.copy(), weight=0.3, form=form) == 0


@every_dtype
@every_form
@few
@given(rows=distributions(2))
def test_js_is_symmetric_and_at_most_log_2(form, dtype, rows):
    p, q = in_form(rows, form, dtype)
    js = kl_c.js_divergence(p, q, form=form)
    limit = limits.error("js_divergence", (dtype,), (form,), js)
    assert abs(kl_c.js_divergence(q, p, form=form) - js) <= 2 * limit
    assert js <= np.log(2)
    assert kl_c.js_distance(p, q, form=form, base=2) <= 1


@every_dtype
@every_form
@few
@given(rows=distributions(2), eps=st.sampled_from([None, 1e-6]))
def test_cross_entropy_is_entropy_plus_kl(form, dtype, rows, eps):
    p, q = in_form(rows, form, dtype)
    scores = {
        "cross_entropy": kl_c.cross_entropy(p, q, form=form, eps=eps),
        "entropy": kl_c.entropy(p, form=form),
        "kl_divergence": kl_c.kl_divergence(p, q, form=form, eps=eps),
    }
    if np.isinf(scores["kl_divergence"]):
        assert np.isinf(scores["cross_entropy"])
        return
    if eps is not None and scores["kl_divergence"] == 0:
        return  # a floor that adds more than the divergence: it is clamped, cross-entropy is not
    allowed = sum(limits.error(name, (dtype,), (form,), score) for name, score in scores.items())
    off = scores["cross_entropy"] - scores["entropy"] - scores["kl_divergence"]
    assert abs(off) <= allowed


@every_dtype
@every_form
@few
@given(rows=distributions(6))
def test_rows_of_a_batch_are_bitwise_the_rows_alone(form, dtype, rows):
    p, q = in_form(rows, form, dtype).reshape(2, 3, -1)
    batch = all_scores(p, q, form)
    for i in range(3):
        alone = all_scores(p[i], q[i], form)
        for name, score in batch.items():
            np.testing.assert_array_equal(score[i], alone[name], err_msg=name)


def strided(x):
    wide = np.zeros((*x.shape[:-1], 3 * x.shape[-1]), x.dtype)
    wide[..., 1::3] = x
    return wide[..., 1::3]


def reversed_in_memory(x):
    return x[..., ::-1].copy()[..., ::-1]


def outcomes_first_in_memory(x):
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, -1, 0)), 0, -1)


def unaligned(x):
    raw = np.zeros(x.nbytes + 1, np.uint8)
    view = raw[1:].view(x.dtype).reshape(x.shape)
    view[...] = x
    return view


def swapped_bytes(x):
    return x.astype(x.dtype.newbyteorder())


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


LAYOUTS = (
    strided,
    reversed_in_memory,
    outcomes_first_in_memory,
    unaligned,
    swapped_bytes,
    read_only,
)


@pytest.mark.parametrize("layout", LAYOUTS)
@every_dtype
@every_form
@settings(max_examples=8)
@given(rows=distributions(4))
def test_layout_changes_no_bit(form, dtype, layout, rows):
    p, q = in_form(rows, form, dtype).reshape(2, 2, -1)
    if layout is swapped_bytes and dtype == "bfloat16":
        return  # ml_dtypes has no other byte order
    expected = all_scores(p, q, form)
    assert_same_bits(all_scores(layout(p), layout(q), form), expected)
    assert_same_bits(all_scores(layout(p), q, form), expected)
    assert_same_bits(all_scores(layout(p)[0], layout(q)[0], form), all_scores(p[0], q[0], form))


@every_dtype
@every_form
@few
@given(rows=distributions(2))
def test_inputs_are_left_as_they_were(form, dtype, rows):
    p, q = in_form(rows, form, dtype)
    before = p.tobytes(), q.tobytes()
    all_scores(p, q, form)
    assert (p.tobytes(), q.tobytes()) == before


@every_dtype
@few
@given(rows=distributions(2), power=st.integers(-8, 8), other=st.integers(-8, 8))
def test_counts_times_a_power_of_two_change_no_bit(dtype, rows, power, other):
    # Integers of a few bits, so that scaling is exact even in the narrowest type.
    p, q = np.ceil(rows * 100).astype(DTYPE[dtype])
    p_scaled, q_scaled = (
        (x.astype(float) * 2.0**k).astype(DTYPE[dtype]) for x, k in ((p, power), (q, other))
    )
    expected = all_scores(p, q, "counts")
    scaled = all_scores(p_scaled, q_scaled, "counts")
    for name, kind in _kernels.MEASURES.items():
        if kind != "elementwise":  # its terms are not normalised
            assert scaled[name] == expected[name], name
