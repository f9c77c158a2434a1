"""The kernel behind ``compare``: every statistic of its list, on every backend."""

import warnings

import numpy as np
import pytest

import forced_backend
import kl_c
import limits
import rows_zoo
from expected_comparison import as_probs, expected_choices, expected_columns
from kl_c import _kernels, reference
from kl_c import _statistics as statistics

NAMES = list(_kernels.STATISTICS)
LENGTHS = (1, 2, 7, 8, 9, 17, 61, 513, 1100)  # around the widths and the blocks of every backend
DIVERGENCES = ("kl", "reverse_kl", "js", "total_variation", "largest_change")

each_backend = pytest.mark.parametrize("backend", _kernels.BACKENDS)
each_form = pytest.mark.parametrize("form", _kernels.FORMS)
each_dtype = pytest.mark.parametrize("dtype", _kernels.DTYPES)


def call(p, q, labels=None, **keywords):
    settings = statistics.Settings().of_the_kernel() | keywords
    return "_kernels.compare_rows", (p, q, labels), settings


def columns_on(backend, calls):
    """One dict of columns per call."""
    tables, _ = forced_backend.run(backend, calls)
    return [dict(zip(NAMES, table.T, strict=True)) for table in tables]


def columns(p, q, labels=None, **keywords):
    _, args, settings = call(p, q, labels, **keywords)
    return dict(zip(NAMES, _kernels.compare_rows(*args, **settings).T, strict=True))


def zoo(form, dtype, n):
    """The pairs of the zoo as two arrays, a label for each row."""
    pairs = list(rows_zoo.families(n).values())
    p, q = (
        np.stack([rows_zoo.in_form(pair[side], form, dtype) for pair in pairs]) for side in (0, 1)
    )
    return p, q, np.arange(len(pairs)) % n


def assert_columns(found, p, q, labels, forms, **keywords):
    dtypes = (str(p.dtype), str(q.dtype))
    expected = expected_columns(p, q, labels, forms, **keywords)
    for name, (values, bound, measure, of) in expected.items():
        bounds = np.broadcast_to(bound, np.shape(values))
        for row, (score, value) in enumerate(zip(found[name], values, strict=True)):
            allowed = limits.error(measure, dtypes, of, value) + bounds[row]
            assert score == value or abs(score - value) <= allowed, (name, row, score, value)
    eps = np.finfo(np.float64 if dtypes == ("float64", "float64") else np.float32).eps
    temperature = keywords.get("temperature", 1.0)
    for name, values in expected_choices(p, q, forms, temperature=temperature).items():
        if name[1:4] == "_of":
            np.testing.assert_allclose(found[name], values, rtol=100 * eps, atol=1e-40)
        else:
            np.testing.assert_array_equal(found[name], values, err_msg=name)
    if labels is not None:
        change = np.exp(-expected["nll_q"][0]) - np.exp(-expected["nll_p"][0])
        np.testing.assert_allclose(found["label_change"], change, rtol=0, atol=100 * eps)


@each_dtype
@each_form
@each_backend
def test_within_the_limits(backend, form, dtype):
    data = [zoo(form, dtype, n) for n in LENGTHS]
    for found, (p, q, labels) in zip(
        columns_on(backend, [call(*x, form=form) for x in data]), data, strict=True
    ):
        assert_columns(found, p, q, labels, (form, form))


@pytest.mark.parametrize("outcomes", [2, 3, 8])
@each_form
@each_backend
def test_rows_that_rest_on_one_outcome(backend, form, outcomes):
    p, q = rows_zoo.few_outcomes(outcomes, form, "float32")
    (found,) = columns_on(backend, [call(p, q, form=form)])
    for name, args in (("kl", (p, q)), ("reverse_kl", (q, p)), ("js", (p, q))):
        measure = "js_divergence" if name == "js" else "kl_divergence"
        values, bound = getattr(reference, measure)(*args, form=form, bound=True)
        allowed = np.array([limits.error(measure, ("float32",), (form,), x) for x in values])
        share = np.abs(found[name] - values) / (allowed + bound)
        worst = int(np.argmax(share))
        assert share[worst] <= 1, (name, found[name][worst], values[worst])


@each_form
def test_agrees_with_the_single_measures(form):
    p, q, labels = zoo(form, "float32", 61)
    found = columns(p, q, labels, form=form)
    of = {
        "kl": kl_c.kl_divergence(p, q, form=form),
        "reverse_kl": kl_c.kl_divergence(q, p, form=form),
        "js": kl_c.js_divergence(p, q, form=form),
        "cross_entropy": kl_c.cross_entropy(p, q, form=form),
        "entropy_p": kl_c.entropy(p, form=form),
        "entropy_q": kl_c.entropy(q, form=form),
        "nll_p": kl_c.nll(labels, p, form=form),
        "nll_q": kl_c.nll(labels, q, form=form),
    }
    measures = expected_columns(p, q, labels, (form, form))
    for name, scores in of.items():
        for score, value in zip(found[name], scores, strict=True):
            allowed = 2 * limits.error(measures[name][2], ("float32",), (form,), value)
            assert score == value or abs(score - value) <= allowed, (name, score, value)


@pytest.mark.parametrize(
    "keywords", [{"temperature": 0.3}, {"temperature": 7.0}, {"eps": 1e-3}, {"eps": 0.0}]
)
@each_backend
def test_keywords(backend, keywords):
    p, q, labels = zoo("logits", "float32", 61)
    (found,) = columns_on(backend, [call(p, q, labels, form="logits", **keywords)])
    assert_columns(found, p, q, labels, ("logits", "logits"), **keywords)


@pytest.mark.parametrize("shift", rows_zoo.SHIFTS)
@each_backend
def test_shifted_logits(backend, shift):
    pairs = [(shift, 0), (0, shift), (shift, shift)]
    families = rows_zoo.families(61)
    p, q = (
        np.stack(
            [
                rows_zoo.in_form(families[name][side], "logits", "float32", 1, by[side])
                for by in pairs
                for name in ("softmax N(0, 4)", "near, d = 1e-03", "near, d = 1e-05", "two-valued")
            ]
        )
        for side in (0, 1)
    )
    labels = np.zeros(len(p), int)
    (found,) = columns_on(backend, [call(p, q, labels, form="logits")])
    assert_columns(found, p, q, labels, ("logits", "logits"))


@each_dtype
@each_form
def test_identical_rows_are_exactly_alike(form, dtype):
    for n in LENGTHS:
        p, _, _ = zoo(form, dtype, n)
        found = columns(p, p.copy(), form=form)
        for name in DIVERGENCES:
            assert not found[name].any(), (name, n)
        np.testing.assert_array_equal(found["cross_entropy"], found["entropy_p"])


@each_backend
def test_outcomes_that_one_side_leaves_out(backend):
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 4, 700)).astype(np.float32)
    a[1, 600], b[2, 5] = -np.inf, -np.inf  # p alone, q alone
    a[3, 10:650], b[3, 10:650] = -np.inf, -np.inf  # both
    labels = np.array([0, 600, 5, 0])
    (found,) = columns_on(backend, [call(a, b, labels, form="logits")])
    assert_columns(found, a, b, labels, ("logits", "logits"))
    np.testing.assert_array_equal(np.isinf(found["kl"]), [False, False, True, False])
    np.testing.assert_array_equal(np.isinf(found["reverse_kl"]), [False, True, False, False])


@each_backend
def test_the_top_is_the_lowest_of_equals_wherever_they_lie(backend):
    places = [(0,), (511, 512), (3, 1099), (1099,), (512, 1024), (40, 41), (8, 9, 700)]
    rng = np.random.default_rng(5)
    x = rng.uniform(-1, 1, (len(places), 1100)).astype(np.float32)
    x[0] = -np.inf
    for row, at in zip(x, places, strict=True):
        row[list(at)] = 3
    calls = [call(x, x[::-1], form="logits"), call(np.exp(x), np.exp(x[::-1]), form="counts")]
    for found in columns_on(backend, calls):
        np.testing.assert_array_equal(found["top_p"], [at[0] for at in places])
        np.testing.assert_array_equal(found["tied_p"], [len(at) > 1 for at in places])
        np.testing.assert_array_equal(found["top_q"], [at[0] for at in places[::-1]])


@each_backend
def test_a_sliver_beside_the_top_keeps_its_digits(backend):
    p = np.zeros((3, 600))
    p[:, 1:] = np.array([-10, -40, -200])[:, None]
    q = np.roll(p, 1, axis=1)
    (found,) = columns_on(backend, [call(p, q, np.zeros(3, int), form="logits")])
    assert_columns(found, p, q, np.zeros(3, int), ("logits", "logits"))
    rest = 599 * np.exp(p[:, 1])
    np.testing.assert_allclose(found["entropy_p"], rest * (1 - p[:, 1]), rtol=1e-1)
    np.testing.assert_allclose(found["nll_p"], np.log1p(rest), rtol=limits.FLOAT64)


@each_form
def test_layout_changes_no_bit(form):
    p, q, labels = zoo(form, "float32", 513)
    plain = columns(p, q, labels, form=form)
    layouts = [
        lambda x: np.repeat(x, 2, axis=1)[:, ::2],
        np.asfortranarray,
        lambda x: x[:, ::-1].copy()[:, ::-1],
        lambda x: x.astype(x.dtype.newbyteorder()),
    ]
    for layout in layouts:
        found = columns(layout(p), layout(q), labels, form=form)
        for name in NAMES:
            np.testing.assert_array_equal(found[name], plain[name], err_msg=name)
    alone = [columns(p[i : i + 1], q[i : i + 1], labels[i : i + 1], form=form) for i in range(9)]
    for name in NAMES:
        np.testing.assert_array_equal([x[name][0] for x in alone], plain[name][:9])


@pytest.mark.parametrize("workers", [2, 3, -1])
def test_workers_change_no_bit(workers):
    rng = np.random.default_rng(8)
    p, q = rng.normal(size=(2, 40, 30000)).astype(np.float32)
    one, more = (columns(p, q, form="logits", workers=n) for n in (1, workers))
    for name in NAMES:
        np.testing.assert_array_equal(one[name], more[name])


@pytest.mark.parametrize("forms", [("probs", "logits"), ("log_probs", "counts")])
@pytest.mark.parametrize("dtypes", [("float64", "float32"), ("float16", "float32")])
def test_mixed_forms_and_dtypes(forms, dtypes):
    families = rows_zoo.families(61)
    names = ("softmax N(0, 1)", "softmax N(0, 4)", "uniform, Zipf", "two-valued")
    p, q = (
        np.stack(
            [rows_zoo.in_form(families[name][side], forms[side], dtypes[side]) for name in names]
        )
        for side in (0, 1)
    )
    labels = np.arange(len(names))
    found = columns(p, q, labels, form=forms)
    assert_columns(found, p, q, labels, forms)


@each_dtype
@each_form
def test_invalid_rows_are_those_of_the_measures(form, dtype):
    p, q, _ = zoo(form, dtype, 61)
    bad = [np.nan, np.inf] + ([-1.0] if form in ("probs", "counts") else [])
    for row, value in enumerate(bad):
        p[row, 60 - row], q[row + 5, row] = value, value
    p[12] = -np.inf if form in ("log_probs", "logits") else 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        of_measure = np.isnan(kl_c.kl_divergence(p, q, form=form, invalid="nan"))
        found = columns(p, q, form=form, invalid="nan")
    for statistic in statistics.held(False, statistics.Settings()):
        at = np.isnan(found[statistic.name])
        np.testing.assert_array_equal(at, of_measure, err_msg=statistic.name)
    assert of_measure.sum() == 2 * len(bad) + 1
    with pytest.raises(kl_c.InvalidRowsError) as measured:
        kl_c.kl_divergence(p, q, form=form)
    with pytest.raises(kl_c.InvalidRowsError) as compared:
        columns(p, q, form=form)
    assert str(compared.value) == str(measured.value)
    ignored = columns(p, q, form=form, invalid="ignore")
    assert np.isnan(ignored["kl"][[0, 5]]).all()


def test_far_logits_and_masses():
    cases = [
        ("logits", np.float64, 1e300),
        ("logits", np.float32, 1e35),
        ("counts", np.float64, 1e-305),
        ("counts", np.float32, 1e-35),
        ("counts", np.float32, 1e35),
    ]
    rng = np.random.default_rng(1)
    for form, dtype, scale in cases:
        p, q = (rng.uniform(0.5, 1, (2, 3, 40)) * scale).astype(dtype)
        found = columns(p, q, form=form)
        small = [(x / dtype(scale)).astype(np.float64) for x in (p, q)]
        if form == "counts":
            change = abs(as_probs(small[0], form) - as_probs(small[1], form))
            np.testing.assert_allclose(found["total_variation"], change.sum(-1) / 2, rtol=1e-5)
        else:  # one outcome takes all
            apart = found["top_p"] != found["top_q"]
            np.testing.assert_array_equal(found["total_variation"], apart)
        assert not np.isnan(found["kl"]).any()
