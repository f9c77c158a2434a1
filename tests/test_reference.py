"""The reference against 50-digit arithmetic: right within its own bound, and the bound is tight."""

import itertools
import math

import numpy as np
import pytest

import limits
import oracle
import rows_zoo
from kl_c import reference

FORMS = ("probs", "counts", "log_probs", "logits")
MIXED = [pair for pair in itertools.product(FORMS, FORMS) if pair[0] != pair[1]]
LENGTHS = (1, 2, 7, 300)

# What may be asked besides the rows: keywords of the reference, arguments of the oracle.
QUESTIONS = {
    "kl_divergence": ({}, {"eps": 0}, {"eps": 1e-3}),
    "cross_entropy": ({}, {"eps": 0}, {"eps": 1e-3}),
    "js_divergence": ({}, {"weight": 0.25}, {"weight": 0}, {"weight": 1}),
    "js_distance": ({}, {"weight": 0.25}),
    "jeffreys_divergence": ({}, {"eps": 0}, {"eps": 1e-3}),
    "total_variation": ({},),
    "hellinger_distance": ({},),
    "bhattacharyya_distance": ({},),
    "chi2_divergence": ({},),
    "renyi_divergence": (
        {"alpha": 0},
        {"alpha": 0.3},
        {"alpha": 1},
        {"alpha": 4},
        {"alpha": math.inf},
    ),
    "tsallis_divergence": ({"alpha": 0}, {"alpha": 0.3}, {"alpha": 1}, {"alpha": 4}),
    "alpha_divergence": ({"alpha": -2}, {"alpha": 0}, {"alpha": 0.3}, {"alpha": 1}, {"alpha": 4}),
    "rel_entr": ({}, {"eps": 0}, {"eps": 1e-3}),
}
OF_ONE_ROW = {
    "entropy": ({},),
    "perplexity": ({},),
    "renyi_entropy": (
        {"alpha": 0},
        {"alpha": 0.3},
        {"alpha": 1},
        {"alpha": 4},
        {"alpha": math.inf},
    ),
    "tsallis_entropy": ({"alpha": 0}, {"alpha": 0.3}, {"alpha": 1}, {"alpha": 4}),
}


def pairs(form, n):
    """Rows of every family in one form, or in one form each."""
    forms = oracle.forms_of(form)
    for family, (p, q) in rows_zoo.families(n).items():
        rows = [rows_zoo.in_form(x, f, "float64") for x, f in zip((p, q), forms, strict=True)]
        yield family, *rows
    if form == "counts":
        yield "ragged", *rows_zoo.ragged(n, "float64")
        for ratio in rows_zoo.MASS_RATIOS["float64"]:
            yield f"mass x {ratio}", rows_zoo.zipf(n), rows_zoo.uniform(n) * ratio
    if form == "logits":
        yield "masked", *rows_zoo.masked_logits(n, "float64")
        for shift in rows_zoo.SHIFTS:
            p, q = rows_zoo.families(n)["softmax N(0, 4)"]
            yield (
                f"shift {shift}",
                *(rows_zoo.in_form(x, form, "float64", shift=shift) for x in (p, q)),
            )


def within(value, bound, exact):
    """Whether ``exact`` lies in value +- bound, at 50 digits."""
    value = np.ravel(value).tolist()
    bound = np.ravel(bound).tolist()
    return [
        v == float(x) or abs(oracle.mpf(v) - x) <= b
        for v, b, x in zip(value, bound, exact, strict=True)
    ]


@pytest.mark.parametrize("form", [*FORMS, *MIXED], ids=str)
@pytest.mark.parametrize("n", LENGTHS)
def test_exact_value_lies_within_the_bound(form, n):
    if n == max(LENGTHS) and form in MIXED:
        n = 29  # the forms meet in every pair; long rows of the equal forms are enough
    for family, p, q in pairs(form, n):
        exact = oracle.Exact(p, q, form)
        for measure, questions in QUESTIONS.items():
            if measure == "rel_entr" and "logits" in oracle.forms_of(form):
                continue
            for question in questions:
                value, bound = getattr(reference, measure)(p, q, form=form, bound=True, **question)
                expected = getattr(exact, measure)(**question)
                expected = expected if isinstance(expected, list) else [expected]
                assert all(within(value, bound, expected)), (family, measure, question)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("n", LENGTHS)
def test_measures_of_one_row_within_the_bound(form, n):
    for family, p, q in pairs(form, n):
        exact = oracle.Exact(p, q, form)
        for measure, questions in OF_ONE_ROW.items():
            for question in questions:
                result = getattr(reference, measure)(p, form=form, bound=True, **question)
                expected = getattr(exact, measure)(**question)
                assert all(within(*result, [expected])), (family, measure, question)
        for label in {0, n - 1}:
            for eps in (None, 0, 1e-3):
                result = reference.nll(label, q, form=form, eps=eps, bound=True)
                assert all(within(*result, [exact.nll(label, eps)])), (family, label)


@pytest.mark.parametrize("form", FORMS)
def test_bound_is_tight_where_nothing_cancels(form):
    for family, p, q in pairs(form, 1000):
        if family.startswith("near") or "one-hot" in family or "Dirichlet(0.01)" in family:
            continue
        for measure in ("kl_divergence", "cross_entropy", "js_divergence", "js_distance"):
            value, bound = getattr(reference, measure)(p, q, form=form, bound=True)
            assert np.isinf(value) or bound <= limits.REFERENCE_BOUND * value, (family, measure)


@pytest.mark.parametrize("form", FORMS)
def test_bound_admits_the_digits_that_cancellation_takes(form):
    p, q = (
        rows_zoo.in_form(x, form, "float64") for x in rows_zoo.families(1000)["near, d = 1e-09"]
    )
    value, bound = reference.kl_divergence(p, q, form=form, bound=True)
    exact = oracle.Exact(p, q, form).kl_divergence()
    assert abs(value - exact) > limits.FLOAT64 * exact  # the textbook sum does lose them
    assert bound > abs(value - exact)


@pytest.mark.parametrize("temperature", [0.7, 2.0])
def test_temperature(temperature):
    for family, p, q in pairs("logits", 7):
        value, bound = reference.kl_divergence(
            p, q, form="logits", temperature=temperature, bound=True
        )
        exact = oracle.Exact(p, q, "logits", temperature).kl_divergence()
        assert all(within(value, bound, [exact])), family


@pytest.mark.parametrize("base", [2, 10])
@pytest.mark.parametrize("measure", ["kl_divergence", "js_distance"])
def test_base(measure, base):
    for family, p, q in pairs("probs", 7):
        value, bound = getattr(reference, measure)(p, q, base=base, bound=True)
        unit = oracle.context.log(base)
        unit = oracle.context.sqrt(unit) if measure == "js_distance" else unit
        exact = getattr(oracle.Exact(p, q), measure)() / unit
        assert all(within(value, bound, [exact])), family


def test_shapes_broadcast_over_the_batch_axes():
    p = np.random.default_rng(1).dirichlet(np.ones(5), (4, 1))
    q = np.random.default_rng(2).dirichlet(np.ones(5), 3)
    value = reference.kl_divergence(p, q)
    assert value.shape == (4, 3)
    assert value[2, 1] == reference.kl_divergence(p[2, 0], q[1])
    kept = reference.kl_divergence(np.moveaxis(p, -1, 0), q.T[:, None], axis=0, keepdims=True)
    np.testing.assert_array_equal(kept, value[None])
    labels = np.array([[0], [4]])
    assert reference.nll(labels, q).shape == (2, 3)
    assert reference.nll(labels, q)[1, 2] == -np.log(q[2, 4])
    assert np.isnan(reference.nll([0, -100, 1], q, ignore_index=-100)).tolist() == [
        False,
        True,
        False,
    ]


@pytest.mark.parametrize("dtype", rows_zoo.DTYPE)
def test_narrow_inputs_count_as_the_numbers_they_are(dtype):
    p, q = (rows_zoo.in_form(x, "counts", dtype) for x in rows_zoo.families(7)["uniform, Zipf"])
    wide = reference.kl_divergence(p.astype(float), q.astype(float), form="counts")
    assert reference.kl_divergence(p, q, form="counts") == wide
