"""Invalid rows: which row is named, with which rule and words, and what each mode makes of it."""

import copy
import math
import pickle

import numpy as np
import pytest

import kl_c
from every_measure import call, calls, given_as, rows, taking
from kl_c import _kernels
from rows_zoo import DTYPE

LOG_FORMS = ("log_probs", "logits")
NOUNS = {
    "probs": "probabilities",
    "counts": "counts",
    "log_probs": "log-probabilities",
    "logits": "logits",
}
COUNTS_HINT = "form='counts' takes any weights"
LOGITS_HINT = "form='logits' takes any logarithms of weights"
GOOD = [0.25, 0.25, 0.5]


def bad_rows(form, dtype="float64"):
    """(row, rule, what it did, what is asked) for every rule that the form has."""
    noun, inf, nan = NOUNS[form], math.inf, math.nan
    number, finite = f"{noun} must be numbers", f"{noun} must be finite"
    sign = f"{noun} must not be negative"
    if form in LOG_FORMS:
        finite += " or -inf"
    yield [0, nan, 0], "nan", "holds NaN at outcome 1", number
    yield [inf, 0, nan], "nan", "holds NaN at outcome 2", number
    yield [0, 0, inf], "infinite", "holds inf at outcome 2", finite
    yield [inf, inf, -inf if form in LOG_FORMS else 0], "infinite", "holds inf at outcome 0", finite
    if form not in LOG_FORMS:
        yield [1, -0.25, 0.25], "negative", "holds -0.25 at outcome 1", sign
        yield [-inf, 0.5, inf], "negative", "holds -inf at outcome 0", sign
        yield [-1, nan, inf], "nan", "holds NaN at outcome 1", number
    empty = f"{noun} must leave some outcome possible"
    if form in LOG_FORMS:
        yield [-inf] * 3, "empty", "is -inf everywhere", empty
    if form == "counts":
        yield [0, -0.0, 0], "empty", "is 0 everywhere", empty
        if dtype == "float64":
            did, rule = "sums to more than the largest float64", "scale the counts down"
            yield [1e308, 1e308, 0], "overflow", did, rule
    mass = "probabilities must sum to 1"
    if form == "probs":
        yield [2.25, 0, 0.0625], "mass", "sums to 2.3125", f"{mass} ({COUNTS_HINT})"
        yield [0, 0, 0], "mass", "sums to 0", f"{mass} ({COUNTS_HINT})"
    if form == "log_probs":
        yield [0, -inf, 0], "mass", "sums to 2 in probability", f"{mass} ({LOGITS_HINT})"


EVERY_BAD_ROW = [
    (form, dtype, *bad)
    for form in _kernels.FORMS
    for dtype in _kernels.DTYPES
    for bad in bad_rows(form, dtype)
]


def caught_from(f, **keywords):
    with pytest.raises(kl_c.InvalidRowsError) as caught:
        f(**keywords)
    return caught.value


def facts(error):
    return error.array, error.row, error.count, error.reason, str(error)


@pytest.mark.parametrize(("form", "dtype", "row", "rule", "did", "asked"), EVERY_BAD_ROW)
def test_rule_and_words_of_each_error(form, dtype, row, rule, did, asked):
    bad = np.array(row).astype(DTYPE[dtype])
    good = given_as(np.array(GOOD), form, dtype)
    assert kl_c.ROW_RULES[kl_c.check_rows(bad, form=form)] == rule
    row_measures = [m for m in taking("axis") if (m, form) != ("nll", "probs")]
    for array, p, q in (("p", bad, good), ("q", good, bad), ("p", bad, bad)):
        for f in calls(p, q, form, measures=row_measures):
            if not any(x is bad for x in f.arrays):
                continue
            name = "q" if f.measure == "nll" else array
            error = caught_from(f)
            assert facts(error) == (name, (), 1, f"{did}; {asked}", f"{name} {did}; {asked}")
            assert math.isnan(f(invalid="nan"))


@pytest.mark.parametrize("form", _kernels.FORMS)
@pytest.mark.parametrize("other", _kernels.FORMS)
def test_rules_hold_in_mixed_forms(form, other):
    good = given_as(np.array(GOOD), other)
    for row, _, did, asked in bad_rows(form):
        bad = np.array(row)
        for measure in (m for m, kind in _kernels.MEASURES.items() if kind == "pair"):
            error = caught_from(call(measure, bad, good, (form, other)))
            assert facts(error) == ("p", (), 1, f"{did}; {asked}", f"p {did}; {asked}")
            error = caught_from(call(measure, good, bad, (other, form)))
            assert facts(error) == ("q", (), 1, f"{did}; {asked}", f"q {did}; {asked}")


TOLERANCES = {
    ("probs", "float64"): 1e-3,
    ("probs", "float32"): 1e-3,
    ("probs", "float16"): 2e-2,
    ("probs", "bfloat16"): 2e-2,
    ("log_probs", "float64"): 1e-3,
    ("log_probs", "float32"): 1e-3,
    ("log_probs", "float16"): 2e-2,
    ("log_probs", "bfloat16"): 5e-2,
}


@pytest.mark.parametrize("dtype", _kernels.DTYPES)
@pytest.mark.parametrize("form", ["probs", "log_probs"])
def test_mass_tolerance_is_that_of_the_arrays_own_dtype(form, dtype):
    tolerance = TOLERANCES[form, dtype]
    good = np.full(64, 1 / 64)
    for off in (0.9, -0.9, 1.1, -1.1):
        # One outcome makes up the difference: bfloat16 has no mass this close in equal parts.
        p = np.full(64, 1 / 64)
        p[:8] += off * tolerance / 8
        p = given_as(p, form, dtype)
        held = p.astype(float)
        mass = math.fsum(np.exp(held) if form == "log_probs" else held)
        expected = "valid" if abs(mass - 1) <= tolerance else "mass"
        assert kl_c.ROW_RULES[kl_c.check_rows(p, form=form)] == expected
        for q_dtype in _kernels.DTYPES:
            q = good.astype(DTYPE[q_dtype])
            f = call("kl_divergence", p, q, (form, "probs"))
            assert math.isnan(f(invalid="nan")) == (expected == "mass")


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint8, np.uint64, bool])
def test_integers_have_the_tolerance_of_float64(dtype):
    assert kl_c.check_rows(np.array([1, 0], dtype)) == 0
    assert kl_c.ROW_RULES[kl_c.check_rows(np.array([1, 1], dtype))] == "mass"


def test_negative_integers_are_named():
    error = caught_from(call("entropy", np.array([3, -1]), None, "counts"))
    assert str(error) == "p holds -1 at outcome 1; counts must not be negative"


def batch(bad, shape=(20,)):
    """Good rows, and bad ones at the given places."""
    x = np.empty((*shape, 2))
    x[...] = 0.5
    for place in bad:
        x[place] = 2.25, 0.0625
    return x


MASS = "probabilities must sum to 1 (form='counts' takes any weights)"


def test_the_lowest_row_is_named_and_all_are_counted():
    error = caught_from(call("kl_divergence", batch([17, 18, 19]), batch([])))
    reason = f"sums to 2.3125; {MASS}"
    text = f"row 17 of p sums to 2.3125 (and 2 more rows are invalid); {MASS}"
    assert facts(error) == ("p", 17, 3, reason, text)
    error = caught_from(call("kl_divergence", batch([]), batch([4, 9])))
    text = f"row 4 of q sums to 2.3125 (and 1 more row is invalid); {MASS}"
    assert facts(error) == ("q", 4, 2, reason, text)
    error = caught_from(call("entropy", batch([0]), None))
    assert facts(error) == ("p", 0, 1, reason, f"row 0 of p sums to 2.3125; {MASS}")


def test_p_before_q():
    error = caught_from(call("kl_divergence", batch([5]), batch([5])))
    assert (error.array, error.row, error.count) == ("p", 5, 1)  # one row of the result
    error = caught_from(call("kl_divergence", batch([5]), batch([2])))
    assert (error.array, error.row, error.count) == ("q", 2, 2)


def test_rows_of_more_axes_are_tuples():
    places = [(1, 2, 0), (1, 0, 3), (1, 1, 0)]
    p = batch(places, (2, 3, 4))
    error = caught_from(call("entropy", p, None))
    assert (error.array, error.row, error.count) == ("p", (1, 0, 3), 3)
    assert all(type(i) is int for i in error.row)
    assert str(error).startswith("row (1, 0, 3) of p sums to 2.3125 (and 2 more rows are invalid)")
    error = caught_from(call("entropy", np.moveaxis(p, -1, 0), None, axis=0))
    assert error.row == (1, 0, 3)
    # In C order, whatever the order in memory.
    error = caught_from(call("entropy", np.asfortranarray(p), None))
    assert error.row == (1, 0, 3)
    error = caught_from(call("entropy", p[::-1, ::-1], None))
    assert error.row == (0, 0, 0)


def test_rows_of_broadcast_arrays_are_those_of_the_result():
    p, q = batch([1], (3, 1)), batch([2], (4,))
    error = caught_from(call("kl_divergence", p, q))
    assert (error.array, error.row, error.count) == ("q", (0, 2), 4 + 3 - 1)


def test_elements_are_named_by_their_index():
    p = np.full((2, 3), 0.5)
    p[1, 2], p[1, 0] = math.nan, -0.25
    error = caught_from(call("rel_entr", p, np.ones(3)))
    text = (
        "element (1, 0) of p holds -0.25 (and 1 more element is invalid); "
        "probabilities must not be negative"
    )
    reason = "holds -0.25; probabilities must not be negative"
    assert facts(error) == ("p", (1, 0), 2, reason, text)
    error = caught_from(call("rel_entr", 0.5, math.inf))
    assert str(error) == "q holds inf; probabilities must be finite"


@pytest.mark.parametrize("label", [-1, 2, 2**31, -(2**63), 2**63 - 1])
def test_labels_out_of_range(label):
    error = caught_from(lambda: kl_c.nll([0, label, 1, label], batch([], (4,))))
    asked = "labels must lie in 0 ... 1, the outcomes of q"
    text = f"row 1 of labels is {label} (and 1 more row is invalid); {asked}"
    assert facts(error) == ("labels", 1, 2, f"is {label}; {asked}", text)


def test_labels_beyond_int64_are_shown_as_they_are():
    labels = np.array([2**64 - 1], np.uint64)
    error = caught_from(lambda: kl_c.nll(labels, batch([], (1,))))
    assert str(error).startswith("row 0 of labels is 18446744073709551615;")


def test_invalid_labels_score_nan():
    q = batch([], (3,))
    for invalid in ("nan", "ignore"):
        scores = kl_c.nll([-7, 0, 2**40], q, invalid=invalid)
        assert np.isnan(scores).tolist() == [True, False, True]


def test_ignored_labels_are_not_invalid():
    q = batch([1], (4,))
    scores = kl_c.nll([0, -100, 1, -100], q, ignore_index=-100)
    assert np.isnan(scores).tolist() == [False, True, False, True]
    # The rows of ignored labels are not looked at, in any form.
    q[1] = math.nan
    for form in _kernels.FORMS:
        given = np.log(q) if form in LOG_FORMS else q
        scores = kl_c.nll([0, -100, 1, 0], given, form=form, ignore_index=-100)
        assert np.isnan(scores).tolist() == [False, True, False, False]
    # An outcome may be ignored too.
    assert np.isnan(kl_c.nll([0, 1], batch([], (2,)), ignore_index=1)).tolist() == [False, True]


def test_an_ignore_index_beyond_int64_equals_no_label():
    assert kl_c.nll(0, [0.5, 0.5], ignore_index=2**70, base=2) == 1


def test_nll_of_probs_reads_only_the_labels_entry():
    q = np.array([[0.5, math.nan], [7.0, 0.5]])
    assert kl_c.nll([0, 1], q, base=2).tolist() == [1, 1]
    error = caught_from(lambda: kl_c.nll([0, 0], q))
    asked = f"probabilities must be at most 1 ({COUNTS_HINT})"
    text = f"row 1 of q holds 7 at its label 0; {asked}"
    assert facts(error) == ("q", 1, 1, f"holds 7 at its label 0; {asked}", text)
    error = caught_from(lambda: kl_c.nll([1, 1], q))
    assert str(error) == "row 0 of q holds NaN at its label 1; probabilities must be numbers"


@pytest.mark.parametrize("form", _kernels.FORMS)
@pytest.mark.parametrize("dtype", _kernels.DTYPES)
def test_modes_agree_on_valid_rows_bit_by_bit(form, dtype):
    p, q = rows((5, 37), form, dtype), rows((5, 37), form, dtype, seed=1)
    spoiled = p.copy(), q.copy()
    spoiled[0][1, 3] = math.nan
    spoiled[1][3, 36] = math.nan
    for good, f in zip(calls(p, q, form), calls(*spoiled, form), strict=True):
        expected = good()
        for invalid in ("nan", "ignore"):
            np.testing.assert_array_equal(good(invalid=invalid), expected, err_msg=f.measure)
            scores = f(invalid=invalid)
            np.testing.assert_array_equal(scores[::2], expected[::2], err_msg=f.measure)
            read = {"single": [1], "labels": [3]}.get(_kernels.MEASURES[f.measure], [1, 3])
            for row in read:  # NaN in gives NaN out
                assert np.isnan(scores[row]).any(), (f.measure, invalid)


@pytest.mark.parametrize("form", _kernels.FORMS)
@pytest.mark.parametrize("dtype", _kernels.DTYPES)
def test_ignore_survives_anything(form, dtype):
    rng = np.random.default_rng(0)
    strange = [math.nan, math.inf, -math.inf, -1, 0, -0.0, 5e-324, 1e-40, 6e4, 1e38, 1e308]
    with np.errstate(over="ignore"):
        p, q = rng.choice(strange, (2, 300, 11)).astype(DTYPE[dtype])
    for f in calls(p, q, form):
        scores = f(invalid="ignore")
        for row in np.ndindex(300):
            if any(np.isnan(x[row].astype(float)).all() for x in f.arrays):
                assert np.isnan(scores[row]).all()
        assert np.shape(scores)[0] == 300


@pytest.mark.parametrize("workers", [1, 2, -1])
def test_text_does_not_depend_on_workers(workers):
    p, q = np.full((2, 400, 1000), 1 / 1000)
    p[[123, 390]] *= 2
    q[77] *= 3
    error = caught_from(call("js_divergence", p, q), workers=workers)
    assert str(error) == f"row 77 of q sums to 3 (and 2 more rows are invalid); {MASS}"


def test_errors_survive_pickling_and_copying():
    errors = [
        caught_from(call("entropy", batch([(1, 0), (1, 1)], (2, 2)), None)),
        caught_from(call("rel_entr", [0.5, -1], [1, 1])),
        caught_from(lambda: kl_c.nll([0, 5], batch([], (2,)))),
    ]
    for error in errors:
        for again in (
            *(pickle.loads(pickle.dumps(error, n)) for n in range(pickle.HIGHEST_PROTOCOL + 1)),
            copy.copy(error),
            copy.deepcopy(error),
        ):
            assert type(again) is kl_c.InvalidRowsError
            assert facts(again) == facts(error)
    assert issubclass(kl_c.InvalidRowsError, ValueError)


def test_check_rows_has_one_code_per_row():
    x = np.array([[[0.5, 0.5], [2, 2]], [[math.nan, 1], [-1, 2]]])
    codes = kl_c.check_rows(x)
    assert (codes.shape, codes.dtype) == ((2, 2), np.uint8)
    named = [[kl_c.ROW_RULES[code] for code in line] for line in codes]
    assert named == [["valid", "mass"], ["nan", "negative"]]
    np.testing.assert_array_equal(kl_c.check_rows(np.moveaxis(x, -1, 0), axis=0), codes)
    assert kl_c.check_rows(np.zeros((0, 4))).shape == (0,)
    assert kl_c.check_rows([1.0]) == 0
    # The good rows are kept in one line.
    assert kl_c.entropy(x[codes == 0], base=2).tolist() == [1]


def test_an_error_leaves_aliased_inputs_as_they_were():
    p = np.array([0.5, -0.25])
    before = p.copy()
    caught_from(call("rel_entr", p, np.ones(2)), out=p)
    np.testing.assert_array_equal(p, before)
