"""Every pair of two sets of rows, against the row kernel pair by pair and against 50 digits."""

import functools

import numpy as np
import pytest

import kl_c
import limits
import rows_zoo
from every_measure import orders
from kl_c import _kernels
from oracle import Exact

PAIRS = sorted(name for name, kind in _kernels.MEASURES.items() if kind == "pair")
FLOORED = ("kl_divergence", "cross_entropy")
N = 300  # more than two chunks of the product, and no multiple of one


def zoo(form, dtype):
    """Rows of every family, among them zeros, one-hot and nearly equal ones."""
    rows = [p for pair in rows_zoo.families(N).values() for p in pair]
    gaps = np.random.default_rng(5).dirichlet(np.full(N, 0.05), 6)
    gaps[:, ::3] = 0
    gaps /= gaps.sum(axis=1, keepdims=True)
    tiny = gaps[:2].copy()
    tiny[:, 0] = [5e-324, 1e-310]  # subnormal
    rows = np.concatenate([np.array(rows), gaps, tiny])
    rows[~np.isfinite(rows)] = 0
    return rows_zoo.in_form(rows, form, dtype)


def one_by_one(measure, X, Y, **keywords):
    """The row kernel for each pair, by a loop that shares nothing with the code under test."""
    function = getattr(kl_c, measure)
    return np.array([[function(p, q, **keywords) for q in Y] for p in X])


def assert_same(found, expected, measure, form="probs", dtype="float64", unit=1.0):
    """Infinities and NaN exactly, the rest within the errors of both kernels and of the sums."""
    forms = (form, form) if isinstance(form, str) else form
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(found[~finite], expected[~finite])
    scores = expected[finite] * unit
    allowed = [
        2 * limits.error(measure, (dtype,), forms, x) + limits.pairwise_error((dtype,), x)
        for x in scores.tolist()
    ]
    assert (np.abs(found[finite] * unit - scores) <= allowed).all()


@pytest.mark.parametrize("dtype", _kernels.DTYPES)
@pytest.mark.parametrize("form", _kernels.FORMS)
@pytest.mark.parametrize("measure", PAIRS)
def test_every_pair_is_the_row_kernels(measure, form, dtype):
    rows = zoo(form, dtype)
    X, Y = rows[::2], rows[1::3]
    order = orders(measure)
    found = kl_c.pairwise(X, Y, measure, form=form, **order)
    assert_same(found, one_by_one(measure, X, Y, form=form, **order), measure, form, dtype)


@pytest.mark.parametrize("eps", [0, 1e-300, 1e-10, 0.01, 1])
@pytest.mark.parametrize("form", ["probs", "log_probs", ("probs", "logits"), ("logits", "counts")])
@pytest.mark.parametrize("measure", FLOORED)
def test_floors_and_infinities_are_the_row_kernels(measure, form, eps):
    forms = (form, form) if isinstance(form, str) else form
    # But the rows whose p is subnormal where q is 0, which is infinite: see below.
    X, Y = zoo(forms[0], "float64")[:-2:2], zoo(forms[1], "float64")[1::3]
    found = kl_c.pairwise(X, Y, measure, form=form, eps=eps)
    expected = one_by_one(measure, X, Y, form=form, eps=eps)
    assert eps or np.isinf(expected).any()
    assert_same(found, expected, measure, form)


@pytest.mark.parametrize("p", [5e-324, 1e-310, 1e-300])
@pytest.mark.parametrize("measure", FLOORED)
def test_the_least_p_without_q_is_infinite(measure, p):
    assert kl_c.pairwise([[p, 1.0]], [[0.0, 1.0]], measure, eps=0) == np.inf
    assert 0 <= kl_c.pairwise([[p, 1.0]], [[0.0, 1.0]], measure) < 1e-290


@pytest.mark.parametrize("measure", [*FLOORED, "js_divergence"])
@pytest.mark.parametrize("form", ["counts", "logits"])
def test_close_to_the_exact_value(measure, form):
    rng = np.random.default_rng(3)
    base = rng.normal(0, 2, (1, N))
    logits = base + rng.normal(0, np.array([[1e-7, 1e-4, 1e-2, 0.3, 3]]).T, (5, N))
    rows = logits if form == "logits" else np.exp(logits) * [[1], [3], [1e-9], [1e9], [7]]
    found = kl_c.pairwise(rows, rows, measure, form=form)
    for i, p in enumerate(rows):
        for j, q in enumerate(rows):
            exact = float(getattr(Exact(p, q, form), measure)())
            allowed = limits.error(measure, ("float64",), (form, form), exact)
            allowed += limits.pairwise_error(("float64",), exact)
            assert abs(found[i, j] - exact) <= allowed, (i, j)


@pytest.mark.parametrize("scale", [1e-300, 1e-290, 1e290, 1e300])
@pytest.mark.parametrize("eps", [None, 0])
def test_masses_at_the_ends_of_the_range(scale, eps):
    X = np.random.default_rng(0).random((9, 40))
    Y = X[::-1] * scale
    for p, q in ((X, Y), (Y, X)):
        found = kl_c.pairwise(p, q, "kl_divergence", form="counts", eps=eps)
        expected = one_by_one("kl_divergence", p, q, form="counts", eps=eps)
        assert_same(found, expected, "kl_divergence", "counts")


@pytest.mark.parametrize("temperature", [0.3, 4.0])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("measure", PAIRS)
def test_temperature(measure, dtype, temperature):
    X = np.random.default_rng(1).normal(0, 3, (12, N)).astype(dtype)
    keywords = {"form": "logits", "temperature": temperature, **orders(measure)}
    found = kl_c.pairwise(X, X[:5], measure, **keywords)
    assert_same(found, one_by_one(measure, X, X[:5], **keywords), measure, "logits", dtype)


@pytest.mark.parametrize("base", [0.5, 10])
@pytest.mark.parametrize("measure", [*FLOORED, "js_divergence", "reverse_kl"])
def test_unit(measure, base):
    X = zoo("probs", "float64")[:12]
    keywords = {} if measure == "js_divergence" else {"eps": 0}
    in_nats = kl_c.pairwise(X, X[:5], measure, **keywords)
    found = kl_c.pairwise(X, X[:5], measure, base=base, **keywords)
    np.testing.assert_allclose(found, in_nats / np.log(base), rtol=4 * limits.UNIT_ROUNDOFF)


def test_reverse_kl_is_that_of_the_rows_exchanged():
    X, Y = zoo("probs", "float64")[:15], zoo("counts", "float64")[10:40]
    found = kl_c.pairwise(X, Y, "reverse_kl", form=("probs", "counts"), eps=1e-5)
    expected = kl_c.pairwise(Y, X, "kl_divergence", form=("counts", "probs"), eps=1e-5)
    np.testing.assert_array_equal(found, expected.T)
    again = one_by_one("kl_divergence", Y, X, form=("counts", "probs"), eps=1e-5).T
    assert_same(found, again, "kl_divergence")


@pytest.mark.parametrize("measure", PAIRS)
def test_with_itself(measure):
    X = zoo("probs", "float64")
    order = orders(measure)
    found = kl_c.pairwise(X, measure=measure, **order)
    assert_same(found, kl_c.pairwise(X, X.copy(), measure, **order), measure)
    a, b = X[7], X[20]
    function = functools.partial(getattr(kl_c, measure), **order)
    if abs(function(a, b) - function(b, a)) <= 1e-13 * function(a, b):
        np.testing.assert_array_equal(found, found.T)


def test_a_symmetric_half_is_scored_once():
    scored = []
    X = np.random.default_rng(0).dirichlet(np.ones(5), 200)
    kl_c.pairwise(X, progress=lambda done, total: scored.append((done, total)))
    assert scored[-1] == (200 * 200, 200 * 200)
    assert [x for x, _ in scored] == sorted({x for x, _ in scored})
    weighted = kl_c.pairwise(X[:50], weight=0.2)  # no longer symmetric
    expected = one_by_one("js_divergence", X[:50], X[:50], weight=0.2)
    assert_same(weighted, expected, "js_divergence")


def test_functions_stand_for_their_names():
    X, Y = np.random.default_rng(0).dirichlet(np.ones(5), (2, 7))
    found = kl_c.pairwise(X, Y, kl_c.js_distance)
    np.testing.assert_array_equal(found, kl_c.pairwise(X, Y, "js_distance"))

    def squared(p, q):
        return ((p - q) ** 2).sum(axis=-1)

    expected = ((X[:, None] - Y) ** 2).sum(axis=-1)
    np.testing.assert_array_equal(kl_c.pairwise(X, Y, squared), expected)
    with pytest.raises(ValueError, match=r"expected scores of the shape \(\d, \d\), got"):
        kl_c.pairwise(X, Y, lambda p, q: np.zeros(3))


@pytest.mark.parametrize("measure", PAIRS)
def test_invalid_rows(measure):
    order = orders(measure)
    X, Y = np.random.default_rng(2).dirichlet(np.ones(9), (2, 11))
    X[3, 2], X[5] = np.nan, 0.3
    Y[4, 0], Y[8, 1] = -1, np.inf
    with pytest.raises(
        kl_c.InvalidRowsError, match=r"row 3 of X holds NaN .* 1 more row"
    ) as raised:
        kl_c.pairwise(X, Y, measure, **order)
    assert (raised.value.array, raised.value.row, raised.value.count) == ("X", 3, 2)
    with pytest.raises(kl_c.InvalidRowsError, match="row 4 of Y holds -1 at outcome 0"):
        kl_c.nearest(np.delete(X, [3, 5], 0), Y, 2, measure, **order)
    found = kl_c.pairwise(X, Y, measure, **order, invalid="nan")
    assert np.isnan(found[[3, 5]]).all()
    assert np.isnan(found[:, [4, 8]]).all()
    expected = one_by_one(measure, X, Y, **order, invalid="nan")
    assert_same(found, expected, measure)
    loose = kl_c.pairwise(X, Y, measure, **order, invalid="ignore")
    good = np.isfinite(expected)
    np.testing.assert_array_equal(loose[good], found[good])
    assert np.isnan(loose[3]).all()


def test_out_may_be_a_map_or_narrower(tmp_path):
    X = np.random.default_rng(0).dirichlet(np.ones(20), 90)
    expected = kl_c.pairwise(X, measure="kl_divergence")
    for dtype in (np.float64, np.float32):
        out = np.lib.format.open_memmap(tmp_path / "d.npy", "w+", dtype, (90, 90))
        assert kl_c.pairwise(X, measure="kl_divergence", out=out) is out
        np.testing.assert_array_equal(np.load(tmp_path / "d.npy"), expected.astype(dtype))
    strided = np.empty((90, 180))[:, ::2]
    kl_c.pairwise(X, out=strided)
    np.testing.assert_array_equal(strided, kl_c.pairwise(X))


def test_the_same_bits_for_any_number_of_workers():
    X = np.random.default_rng(0).dirichlet(np.ones(500), 300)
    for measure in ("js_divergence", "js_distance", "kl_divergence"):
        one, two = (kl_c.pairwise(X, X[:99], measure, workers=w) for w in (1, 2))
        np.testing.assert_array_equal(one, two)
    X = X.astype(np.float32)
    one, two = (kl_c.nearest(X, X, 4, workers=w) for w in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_inputs_of_any_kind():
    X = np.random.default_rng(0).dirichlet(np.ones(6), 8)
    expected = kl_c.pairwise(X, X, "kl_divergence")
    for given in (X.tolist(), X.astype(">f8"), np.asfortranarray(X), X[::-1][::-1]):
        np.testing.assert_array_equal(kl_c.pairwise(given, X, "kl_divergence"), expected)
    assert kl_c.pairwise(X[:0], X).shape == (0, 8)
    assert kl_c.pairwise(X[:0]).shape == (0, 0)
    counts = np.random.default_rng(0).integers(0, 9, (8, 6))
    np.testing.assert_array_equal(
        kl_c.pairwise(counts, form="counts"), kl_c.pairwise(counts * 1.0, form="counts")
    )


GOOD = np.full((3, 4), 0.25)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (
            {"X": GOOD[0]},
            ValueError,
            r"X must be rows by outcomes, of 2 axes, got the shape \(4,\)",
        ),
        ({"X": GOOD, "Y": GOOD[:, :3]}, ValueError, "same number of outcomes, got 4 and 3"),
        ({"X": GOOD + 1j}, TypeError, "X has dtype complex128; expected a real number type"),
        ({"X": GOOD, "Y": np.ma.array(GOOD)}, TypeError, r"Y is a masked array.*pass Y\.filled"),
        ({"X": GOOD[:, :0]}, ValueError, "X has 0 outcomes"),
        ({"X": GOOD, "measure": "entropy"}, ValueError, "measure must be .* 'js_divergence'.* got"),
        ({"X": GOOD, "measure": kl_c.nll}, ValueError, "'reverse_kl', got 'nll'"),
        ({"X": GOOD, "form": "prob"}, ValueError, "form must be one of"),
        ({"X": GOOD, "invalid": "skip"}, ValueError, "invalid must be one of"),
        ({"X": GOOD, "base": 1}, ValueError, "base must be a positive number other than 1"),
        ({"X": GOOD, "eps": 0.1}, TypeError, "unexpected keyword argument 'eps'"),
        ({"X": GOOD, "weight": 2}, ValueError, "weight must lie between 0 and 1"),
        ({"X": GOOD, "temperature": 2}, ValueError, "temperature is for form='logits'"),
        ({"X": GOOD, "axis": 0}, TypeError, "axis is not taken: rows lie along the first axis"),
        ({"X": GOOD, "workers": 0}, ValueError, "workers must be at least 1"),
        ({"X": GOOD, "out": np.empty((3, 2))}, ValueError, r"the shape \(3, 3\), got \(3, 2\)"),
        ({"X": GOOD, "out": np.empty((3, 3), int)}, TypeError, "out has dtype int64; expected"),
        ({"X": GOOD, "out": [[0.0]]}, TypeError, "out must be a NumPy array, got list"),
        ({"X": GOOD, "out": GOOD[:, :3]}, ValueError, "out must not share memory with X"),
    ],
)
def test_bad_arguments(arguments, error, text):
    with pytest.raises(error, match=text):
        kl_c.pairwise(**arguments)


@pytest.mark.parametrize("rows", [10**6, 2**40])
def test_a_matrix_that_no_memory_holds_is_refused_at_once(rows):
    """Its size is said, and what to do; the rows are not looked at, not even their checks."""
    X = np.broadcast_to(np.nan, (rows, 4))
    with pytest.raises(MemoryError, match=r"takes .* GB, more than there is; .* out=.* nearest"):
        kl_c.pairwise(X, X[:, :], invalid="raise")
