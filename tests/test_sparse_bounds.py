"""The bounds of incomplete rows: no completion lies outside, and some completion attains them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

import limits
from kl_c import compare, compare_sparse
from sparse_lists import Measures, Search, divergences, exact_list, mpf, top, tops

DIVERGENCES = ("kl", "reverse_kl", "js", "total_variation")
LEAST_REST = 1e-3  # of rows that are searched in float64, see limits.SPARSE_SEARCHED


class Case:
    """A pair of lists of a small vocabulary, their bounds and their completions."""

    def __init__(self, rng):
        while True:
            n = int(rng.integers(2, 7))
            kp, kq = rng.integers(1, n + 1, 2)
            p, q = rng.dirichlet(np.full(n, rng.choice([0.2, 1, 5])), 2)
            if rng.random() < 0.3:
                q = (p + q) / 2
            self.lists = top(p, kp, rng), top(q, kq, rng)
            floor = min(p.min(), q.min()) * rng.choice([0, rng.random()])
            self.p, self.q = (Search(*x, n, floor) for x in self.lists)
            rests = [x.rest for x in (self.p, self.q) if x.free.size]
            if min(rests, default=1) > LEAST_REST:
                break
        self.floor, self.vocabulary = floor, n
        listed = set(self.lists[0][0]) | set(self.lists[1][0])
        self.others = n - len(listed)

    def bounds(self, **keywords):
        one_row = [tuple(x[None] for x in one) for one in self.lists]
        settings = {"vocabulary": self.vocabulary, "floor": self.floor, **keywords}
        found = compare_sparse(*one_row, bounds=True, **settings)
        return {name: (found.lower[name][0], found.upper[name][0]) for name in found.lower}

    def searched(self, rng):
        """Every measure of every pair of corners, and of pairs from inside."""
        p, q = (np.array(list(x.corners())) for x in (self.p, self.q))
        even = [x.with_free(x.rest / max(1, x.free.size)) for x in (self.p, self.q)]
        inside = np.array([(self.p.inside(rng), self.q.inside(rng)) for _ in range(200)])
        return divergences(
            np.vstack([np.repeat(p, len(q), 0), inside[:, 0], even[0]]),
            np.vstack([np.tile(q, (len(p), 1)), inside[:, 1], even[1]]),
        )


@pytest.mark.parametrize("seed", range(200))
def test_no_completion_lies_outside(seed):
    rng = np.random.default_rng(seed)
    case = Case(rng)
    found = case.searched(rng)
    unknown = case.bounds(vocabulary=None, floor=0.0)
    for name, (low, high) in case.bounds().items():
        slack = limits.SPARSE_SEARCHED * (1 + (abs(low) if np.isfinite(low) else 0))
        assert found[name].min() >= low - slack, name
        assert found[name].max() <= high + slack, name
        # To know less never makes a bound narrower.
        assert unknown[name][0] <= low + slack and unknown[name][1] >= high - slack, name


@pytest.mark.parametrize("seed", range(200))
def test_upper_bounds_are_attained(seed):
    rng = np.random.default_rng(seed)
    case = Case(rng)
    found = case.searched(rng)
    for name, (low, high) in case.bounds().items():
        if name == "cross_entropy":
            continue
        if np.isfinite(high):
            assert found[name].max() == pytest.approx(high, rel=0, abs=limits.SPARSE_ATTAINED), name
        else:
            assert np.isinf(found[name].max()), name
        if name in ("entropy_p", "entropy_q"):
            assert found[name].min() == pytest.approx(low, rel=0, abs=limits.SPARSE_ATTAINED), name


@pytest.mark.parametrize("floor", [0.0, 1e-4])
def test_upper_bounds_are_attained_where_there_is_room(floor):
    """Of eight outcomes each side lists one or two; its rest takes one or two more."""
    p = np.array([0.5, 0.3, 0.2, 0, 0, 0, 0, 0])
    q = np.array([0.1, 0, 0.45, 0.45, 0, 0, 0, 0])
    lists = (np.array([0, 1]), np.log(p[:2])), (np.array([3, 2]), np.log(q[[3, 2]]))
    one_row = [tuple(x[None] for x in one) for one in lists]
    found = compare_sparse(*one_row, vocabulary=8, bounds=True, floor=floor)
    sides = [Search(*one, 8, floor) for one in lists]
    corners = [np.array(list(side.corners())) for side in sides]
    values = divergences(
        np.repeat(corners[0], len(corners[1]), 0), np.tile(corners[1], (len(corners[0]), 1))
    )
    for name in DIVERGENCES:
        if floor or name in ("js", "total_variation"):
            assert values[name].max() == pytest.approx(
                found.upper[name][0], rel=0, abs=limits.SPARSE_ATTAINED
            ), name
        else:
            assert np.isinf(values[name].max()) and np.isinf(found.upper[name][0])


@pytest.mark.parametrize("name", ["kl", "reverse_kl", "js"])
@pytest.mark.parametrize("seed", range(40))
def test_lower_bounds_are_the_minimum(seed, name):
    """A convex function: what a general optimiser finds is the bound, from any start."""
    rng = np.random.default_rng(seed)
    case = Case(rng)
    case.p.floor = case.q.floor = case.floor = 0.0
    low = case.bounds()[name][0]
    if np.isinf(low):
        assert np.isinf(case.searched(rng)[name]).all()
        return
    split = case.p.free.size
    sides = [x for x in (case.p, case.q) if x.free.size]
    if not sides:
        assert case.searched(rng)[name][0] == pytest.approx(low, abs=limits.SPARSE_SEARCHED)
        return
    parts = {id(case.p): slice(None, split), id(case.q): slice(split, None)}
    sums = [{"type": "eq", "fun": lambda z, x=x: z[parts[id(x)]].sum() - x.rest} for x in sides]
    ranges = [(min(1e-12, x.cap), x.cap) for x in sides for _ in x.free]

    def value(z):
        pair = case.p.with_free(z[:split]), case.q.with_free(z[split:])
        return divergences(*pair)[name]

    start = np.concatenate([np.full(x.free.size, x.rest / x.free.size) for x in sides])
    options = {"maxiter": 500, "ftol": 1e-15}
    found = minimize(value, start, bounds=ranges, constraints=sums, method="SLSQP", options=options)
    assert found.fun == pytest.approx(low, rel=0, abs=limits.SPARSE_ATTAINED)


def test_no_outcome_is_filled_beyond_the_kth_probability():
    """In q's proportions the second outcome of p would have 0.6, and cannot have more than 0.3."""
    p, q = (np.array([[0]]), np.log([[0.3]])), np.array([[0.3, 0.6, 0.05, 0.05]])
    closest = dict(enumerate(["0.3", "0.3", "0.2", "0.2"]))
    exact = Measures(closest, {i: str(x) for i, x in enumerate(q[0])})
    found = compare_sparse(p, q, bounds=True)
    for name in DIVERGENCES:
        value = float(getattr(exact, name)())
        assert found.lower[name][0] == pytest.approx(value, abs=limits.SPARSE_SEARCHED), name


@pytest.mark.parametrize("seed", range(100))
def test_no_completion_lies_outside_where_more_than_the_likeliest_is_listed(seed):
    """One list holds its k likeliest and one more, drawn from all others."""
    rng = np.random.default_rng(seed)
    rest = 0
    while rest < LEAST_REST:
        n = int(rng.integers(4, 7))
        k = int(rng.integers(1, n - 2))
        p, q = rng.dirichlet(np.full(n, rng.choice([0.5, 1, 5])), 2)
        floor = min(p.min(), q.min()) * rng.choice([0, rng.random()])
        sides = []
        for row in (p, q):
            order = np.argsort(-row)
            ids = np.append(order[:k], rng.choice(order[k:]))
            sides.append((ids, np.log(row[ids])))
        searches = [Search(*side, n, floor, k) for side in sides]
        rest = min(x.rest for x in searches)
    one_row = [tuple(x[None] for x in side) for side in sides]
    found = compare_sparse(*one_row, vocabulary=n, bounds=True, floor=floor, k=k)
    corners = [np.array(list(x.corners())) for x in searches]
    values = divergences(
        np.repeat(corners[0], len(corners[1]), 0), np.tile(corners[1], (len(corners[0]), 1))
    )
    for name in DIVERGENCES:
        slack = limits.SPARSE_SEARCHED
        assert values[name].max() <= found.upper[name][0] * (1 + slack) + slack, name
        if np.isfinite(found.lower[name][0]):
            assert values[name].min() >= found.lower[name][0] * (1 - slack) - slack, name


weights = st.lists(st.floats(1e-6, 1.0), min_size=2, max_size=7)


@given(weights, weights, st.integers(1, 7), st.integers(1, 7), st.booleans())
def test_whole_rows_lie_between_their_bounds_in_50_digits(p, q, kp, kq, known):
    """Of the rows that have the stored values exactly; and the bucket is below, too."""
    n = min(len(p), len(q))
    p, q = (np.array(x[:n]) / sum(x[:n]) for x in (p, q))
    sides = top(p, min(kp, n)), top(q, min(kq, n))
    found = compare_sparse(
        *(tuple(x[None] for x in side) for side in sides),
        bounds=True,
        vocabulary=n if known else None,
    )
    exact = Measures(*(completed(side, row) for side, row in zip(sides, (p, q), strict=True)))
    for name in (*DIVERGENCES, "entropy_p", "entropy_q", "cross_entropy"):
        value = getattr(exact, name)()
        assert found.lower[name][0] <= value, name
        assert value <= found.upper[name][0], name
        assert getattr(found, name)[0] <= value * (1 + limits.SPARSE_TAIL) + limits.SPARSE_TAIL


def completed(side, row):
    """The stored values, and what they leave in the proportions of the whole row."""
    listed, rest = exact_list(*side)
    free = [i for i in range(len(row)) if i not in listed]
    mass = sum(mpf(row[i]) for i in free)
    if not free:
        return {i: listed[i] / (1 - rest) for i in range(len(row))}
    return {i: listed.get(i, rest * row[i] / mass if mass else 0) for i in range(len(row))}


@given(weights, weights, st.integers(1, 7), st.booleans())
def test_one_whole_row(p, q, k, whole_p):
    """As a list of the whole vocabulary, whatever its form; KL(list || whole) has both bounds."""
    n = min(len(p), len(q))
    rows = [np.array([x[:n]]) / sum(x[:n]) for x in (p, q)]
    k = min(k, n)
    sides = [
        rows[0] if whole_p else tops(rows[0], k),
        tops(rows[1], k) if whole_p else rows[1],
    ]
    as_lists = [tops(x, n) if isinstance(x, np.ndarray) else x for x in sides]
    found = compare_sparse(*sides, bounds=True)
    other = compare_sparse(*as_lists, bounds=True, vocabulary=n)
    for name, low in found.lower.items():
        np.testing.assert_allclose(low, other.lower[name], atol=limits.SPARSE_TAIL, rtol=1e-9)
        np.testing.assert_allclose(
            found.upper[name], other.upper[name], atol=limits.SPARSE_TAIL, rtol=1e-9
        )
    assert np.isfinite(found.upper["reverse_kl" if whole_p else "kl"]).all()


def test_all_of_the_vocabulary_leaves_nothing_open():
    rng = np.random.default_rng(5)
    p, q = rng.dirichlet(np.ones(30), (2, 40))
    whole = compare(p, q)
    for side_p, side_q in ((tops(p, 30, rng), tops(q, 30, rng)), (p, tops(q, 30, rng))):
        found = compare_sparse(side_p, side_q, vocabulary=30, bounds=True)
        for name in (*DIVERGENCES, "entropy_p", "entropy_q", "cross_entropy"):
            for values in (getattr(found, name), found.lower[name], found.upper[name]):
                expected = getattr(whole, name)
                np.testing.assert_allclose(values, expected, *[limits.SPARSE_TAIL] * 2)
        np.testing.assert_array_equal(found.same_top, whole.same_top)
        np.testing.assert_array_equal(found.top_q, whole.top_q)


def test_labels_that_are_not_listed_are_bounded():
    p = np.array([[3, 1]]), np.log([[0.5, 0.3]])
    q = np.array([[3, 1]]), np.log([[0.6, 0.25]])
    found = compare_sparse(p, q, [7], bounds=True, vocabulary=8)
    assert found.lower["nll_p"][0] == pytest.approx(-np.log(0.2), abs=limits.SPARSE_SEARCHED)
    assert found.nll_q[0] == pytest.approx(-np.log(0.15), abs=limits.SPARSE_SEARCHED)
    assert np.isinf(found.upper["nll_p"][0])
    assert not found.listed_p[0]
    p, q = ((np.array([[2, 1]]), x[1]) for x in (p, q))
    few = compare_sparse(p, q, [0], bounds=True, vocabulary=3)
    assert few.lower["nll_p"][0] == pytest.approx(-np.log(0.2), abs=limits.SPARSE_SEARCHED)
    assert few.upper["nll_p"][0] == pytest.approx(-np.log(0.2), abs=limits.SPARSE_SEARCHED)
    known = compare_sparse(p, q, [1], bounds=True)
    for name, value in (("nll_p", 0.3), ("nll_q", 0.25)):
        assert getattr(known, name)[0] == pytest.approx(-np.log(value), abs=limits.SPARSE_TAIL)
        assert known.upper[name][0] == pytest.approx(-np.log(value), abs=limits.SPARSE_SEARCHED)


def test_a_floor_leaves_less_to_a_label_that_is_not_listed():
    """Of 0.5 for two outcomes each has 0.2 at least, and so 0.3 at most."""
    side = np.array([[0]]), np.log([[0.5]])
    found = compare_sparse(side, side, [1], bounds=True, floor=0.2, vocabulary=3)
    for name in ("nll_p", "nll_q"):
        assert found.lower[name][0] == pytest.approx(-np.log(0.3), abs=limits.SPARSE_SEARCHED)
        assert found.upper[name][0] == pytest.approx(-np.log(0.2), abs=limits.SPARSE_SEARCHED)


def test_the_drawn_token_is_no_bound_on_the_rest():
    """A list of two and the token that was drawn, which is unlikely: k says so."""
    p = np.array([[0, 1, 9]]), np.log([[0.5, 0.2, 1e-6]])
    q = np.array([[0, 1, 9]]), np.log([[0.6, 0.2, 1e-6]])
    with pytest.raises(ValueError, match="entries must be the likeliest of the vocabulary"):
        compare_sparse(p, q, vocabulary=100, bounds=True)
    found = compare_sparse(p, q, vocabulary=100, bounds=True, k=2)
    assert found.upper["total_variation"][0] > 0.2


def test_a_list_that_rounding_fills_is_not_taken_as_complete():
    """float64 values that sum to 1: q may still have what p lists beside them, or nothing."""
    p = np.array([[0, 1]]), np.log([[0.9, 0.1]])
    q = np.array([[0, 2]]), np.log([[0.9, 0.1]])
    for vocabulary in (None, 3):
        found = compare_sparse(p, q, bounds=True, vocabulary=vocabulary)
        assert np.isfinite(found.lower["kl"][0]) and np.isinf(found.upper["kl"][0])
        assert 0 < found.rest_q[0] <= limits.SPARSE_TAIL
