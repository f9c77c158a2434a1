"""The pages on which divergence to take and in which direction: examples, lists, properties."""

import re

import numpy as np
import pytest

import kl_c
import limits
from documents import blocks_of, code, complaints, table
from every_measure import takes
from kl_c import _kernels

PAGE = "docs/which-divergence.md"
PAIRS = ("measure", "α", "lies in", "bounded", "symmetric")
PAIRS += ("an outcome that q lacks", "an outcome that p lacks")
OTHERS = ("measure", "α", "lies in", "bounded", "lowest for", "highest for")
ELSEWHERE = ("`kl_c.`", "SciPy", "torch", "scikit-learn", "dit", "philentropy", "entropy (R)")
ORDERS = (-2.0, -1.0, 0.0, 0.3, 0.5, 0.7, 1.0, 2.0, 3.5, np.inf)
DISJOINT = [0.7, 0.3, 0.0, 0.0], [0.0, 0.0, 0.4, 0.6]
Q_LACKS = [0.5, 0.3, 0.2], [0.6, 0.4, 0.0]
SIGNS = {
    "∞": "inf",
    "−": "-",
    "α": "alpha",
    "²": "**2",
    "^": "**",
    "√": "sqrt",
    "log 2": "log(2)",
    "log n": "log(n)",
    "≤": "<=",
    "≥": ">=",
}


@pytest.fixture(scope="module")
def page(source_tree):
    return (source_tree / PAGE).read_text()


@pytest.fixture(scope="module")
def pairs(page):
    return table(page, *PAIRS)


@pytest.fixture(scope="module")
def others(page):
    return table(page, *OTHERS)


def value_of(text, **names):
    """A formula of the tables, read as Python."""
    for sign, word in SIGNS.items():
        text = text.replace(sign, word)
    text = text.replace(" = ", " == ")
    names |= {"inf": np.inf, "e": np.e, "log": np.log, "sqrt": np.sqrt}
    return eval(text, {"__builtins__": {}}, names)


def orders_of(measure, condition):
    """Orders that the function takes and the cell of α means; one None where there is no order."""
    if not takes(measure, "alpha"):
        assert not condition
        return [None]
    found = [x for x in ORDERS if value_of(condition, alpha=x)]
    rows = [[1.0]] * (2 if _kernels.MEASURES[measure] == "pair" else 1)
    return [x for x in found if accepts(measure, rows, x)]


def accepts(measure, rows, alpha):
    try:
        getattr(kl_c, measure)(*rows, alpha=alpha)
    except ValueError:
        return False
    return True


def score(measure, rows, alpha=None, **keywords):
    """Without a floor unless one is asked for."""
    keywords = ({"eps": 0} if takes(measure, "eps") else {}) | keywords
    if alpha is not None:
        keywords["alpha"] = alpha
    return getattr(kl_c, measure)(*rows, **keywords)


def cases(rows):
    """(measure, order, the other cells) for every order that the rows of a table are about."""
    for name, condition, *cells in rows:
        (measure,) = code(name)
        for alpha in orders_of(measure, condition):
            yield measure, alpha, cells


def random_rows(outcomes=5, count=400):
    """From nearly even to nearly certain."""
    rng = np.random.default_rng(11)
    scales = np.geomspace(0.05, 50, count)[:, None]
    return rng.permutation([rng.dirichlet(np.full(outcomes, x)) for x in scales.ravel()])


def even_rows(count):
    """Without outcomes that other programs clip or lose."""
    return np.random.default_rng(12).dirichlet(np.full(5, 3.0), count)


def allowed(size):
    return limits.FLOAT64 * max(1.0, abs(size))


@pytest.mark.parametrize("name", [PAGE, "docs/direction.md"])
def test_examples_print_what_they_say(source_tree, name):
    text = (source_tree / name).read_text()
    blocks = blocks_of(text)
    assert text.count("```") == 2 * len(blocks)
    assert {block.kind for block in blocks} == {"pycon"}
    assert list(complaints(name, blocks)) == []


def test_every_measure_stands_in_every_list(page, pairs, others):
    measures = list(_kernels.MEASURES)
    defined = [code(row[0])[0] for row in table(page, "`kl_c.`", "definition", "take it for")]
    assert defined == measures
    assert [code(row[0])[0] for row in table(page, *ELSEWHERE)] == measures
    assert list(dict.fromkeys(code(row[0])[0] for row in [*pairs, *others])) == measures
    kinds = {code(row[0])[0]: _kernels.MEASURES[code(row[0])[0]] for row in pairs}
    assert set(kinds.values()) == {"pair"}


def test_every_order_stands_in_one_row(pairs, others):
    for measure in _kernels.MEASURES:
        conditions = [row[1] for row in [*pairs, *others] if code(row[0])[0] == measure]
        found = [alpha for x in conditions for alpha in orders_of(measure, x)]
        assert len(found) == len(set(found)), measure
        if takes(measure, "alpha"):
            rows = [[1.0]] * (2 if _kernels.MEASURES[measure] == "pair" else 1)
            assert set(found) == {x for x in ORDERS if accepts(measure, rows, x)}, measure


def test_definitions_give_the_scores(page):
    """The formulas of the table, as NumPy's plain sums."""
    p, q = even_rows(40).reshape(2, 20, 5)
    m, alpha = (p + q) / 2, 0.7

    def kl(a, b):
        return (a * np.log(a / b)).sum(-1)

    power = (p**alpha * q ** (1 - alpha)).sum(-1)
    affinity = np.sqrt(p * q).sum(-1)
    expected = {
        "Σ p log(p/q)": kl(p, q),
        "−Σ p log q": -(p * np.log(q)).sum(-1),
        "(KL(p ‖ m) + KL(q ‖ m))/2, m = (p + q)/2": (kl(p, m) + kl(q, m)) / 2,
        "√(Jensen-Shannon divergence)": np.sqrt((kl(p, m) + kl(q, m)) / 2),
        "KL(p ‖ q) + KL(q ‖ p) = Σ (p − q) log(p/q)": ((p - q) * np.log(p / q)).sum(-1),
        "Σ abs(p − q)/2": np.abs(p - q).sum(-1) / 2,
        "√(1 − Σ √(p q))": np.sqrt(1 - affinity),
        "−log Σ √(p q)": -np.log(affinity),
        "Σ (p − q)²/q": ((p - q) ** 2 / q).sum(-1),
        "log(Σ p^α q^(1−α))/(α − 1)": np.log(power) / (alpha - 1),
        "(Σ p^α q^(1−α) − 1)/(α − 1)": (power - 1) / (alpha - 1),
        "(Σ p^α q^(1−α) − 1)/(α (α − 1))": (power - 1) / (alpha * (alpha - 1)),
        "−Σ p log p": -(p * np.log(p)).sum(-1),
        "exp H(p)": np.exp(-(p * np.log(p)).sum(-1)),
        "log(Σ p^α)/(1 − α)": np.log((p**alpha).sum(-1)) / (1 - alpha),
        "(1 − Σ p^α)/(α − 1)": (1 - (p**alpha).sum(-1)) / (alpha - 1),
        "p log(p/q), each outcome": p * np.log(p / q),
        "−log q[label]": -np.log(q[:, 2]),
    }
    rows = table(page, "`kl_c.`", "definition", "take it for")
    assert [row[1] for row in rows] == list(expected)
    for name, definition, _ in rows:
        (measure,) = code(name)
        single = {"single": (p,), "labels": (np.full(20, 2), q)}
        arrays = single.get(_kernels.MEASURES[measure], (p, q))
        found = score(measure, arrays, alpha if takes(measure, "alpha") else None)
        np.testing.assert_allclose(found, expected[definition], rtol=limits.REFERENCE_BOUND)


def test_no_two_distributions_score_outside_of_the_range(pairs):
    p, q = random_rows(), random_rows()[::-1]
    for measure, alpha, (lies_in, bounded, *_) in cases(pairs):
        low, high = lies_in.split(" ... ")
        entropy = kl_c.entropy(p)
        low = value_of(low, H=lambda _, entropy=entropy: entropy, p=p)
        high = value_of(high, alpha=alpha)
        scores = score(measure, (p, q), alpha)
        assert (scores >= low - limits.FLOAT64 * entropy).all(), (measure, alpha)
        assert (scores <= high + allowed(high)).all() or high == np.inf, (measure, alpha)
        # The ends are reached: by equal rows, and by rows without an outcome in common.
        equal = score(measure, (p, p), alpha)
        np.testing.assert_allclose(equal, low, rtol=limits.FLOAT64, atol=limits.FLOAT64)
        apart = score(measure, DISJOINT, alpha)
        assert apart == high or abs(apart - high) <= allowed(high), (measure, alpha, apart)
        assert bounded == ("no" if high == np.inf else "yes"), measure


def test_only_equal_rows_reach_the_lower_end(pairs):
    p, q = random_rows(), random_rows()[::-1]
    for measure, alpha, (lies_in, *_) in cases(pairs):
        scores = score(measure, (p, q), alpha)
        low = kl_c.entropy(p) if lies_in.startswith("H(p)") else 0
        asks_for_support = alpha == 0 and measure != "alpha_divergence"
        assert (np.abs(scores - low) > 1e-6).all() != asks_for_support, (measure, alpha)


def test_symmetry(pairs):
    p, q = random_rows(), random_rows()[::-1]
    for measure, alpha, (_, _, symmetric, *_) in cases(pairs):
        there, back = score(measure, (p, q), alpha), score(measure, (q, p), alpha)
        at_half = symmetric == "at α = 1/2"
        assert at_half or symmetric in ("yes", "no")
        same = np.allclose(there, back, rtol=2 * limits.FLOAT64, atol=0)
        assert same == (symmetric == "yes" or (at_half and alpha == 0.5)), (measure, alpha)


def test_metrics_keep_the_triangle_inequality_and_no_other_does(page, pairs):
    (named,) = re.findall(r"Metrics,\s+which also keep the triangle inequality: (.*?)\.\n", page)
    p, q, m = random_rows(count=600).reshape(3, 200, 5)
    # Steps from one certain outcome to another by way of a mixture, too.
    corner, other = np.tile([1.0, 0, 0, 0, 0], (9, 1)), np.tile([0, 1.0, 0, 0, 0], (9, 1))
    share = np.linspace(0.1, 0.9, 9)[:, None]
    p, q = np.concatenate([p, corner]), np.concatenate([q, other])
    m = np.concatenate([m, share * corner + (1 - share) * other])
    metrics = []
    for measure in dict.fromkeys(code(row[0])[0] for row in pairs):
        if takes(measure, "alpha") or measure == "cross_entropy":
            continue
        floored = {"eps": 1e-3} if takes(measure, "eps") else {}
        whole, first, second = (
            score(measure, rows, **floored) for rows in ((p, q), (p, m), (m, q))
        )
        if (whole <= first + second + limits.FLOAT64).all():
            metrics.append(measure)
    assert metrics == code(named)


def test_outcomes_that_one_row_lacks(pairs):
    for measure, alpha, (*_, q_lacks, p_lacks) in cases(pairs):
        for cell, rows in ((q_lacks, Q_LACKS), (p_lacks, Q_LACKS[::-1])):
            infinite, _, floored = cell.partition(", ")
            assert np.isinf(score(measure, rows, alpha)) == (infinite == "∞"), (measure, alpha)
            assert infinite in ("∞", "finite") and (floored == "floored") == (
                infinite == "∞" and takes(measure, "eps")
            )
            if floored:
                assert np.isfinite(score(measure, rows, eps=None))
        both = [[*row[:2], 0.0, row[2]] for row in Q_LACKS]
        np.testing.assert_allclose(
            score(measure, both, alpha), score(measure, Q_LACKS, alpha), rtol=limits.FLOAT64
        )


def test_entropies(others):
    for measure, alpha, (lies_in, bounded, lowest, highest) in cases(others):
        if _kernels.MEASURES[measure] != "single":
            continue
        p = random_rows()
        low, high = (value_of(x, alpha=alpha, n=5) for x in lies_in.split(" ... "))
        scores = score(measure, (p,), alpha)
        assert ((scores >= low - allowed(low)) & (scores <= high + allowed(high))).all()
        assert (lowest, highest, bounded) == ("one certain outcome", "equal outcomes", "yes")
        assert abs(score(measure, ([0, 1, 0, 0, 0],), alpha) - low) <= allowed(low)
        assert abs(score(measure, (np.full(5, 0.2),), alpha) - high) <= allowed(high)
        row = [0.5, 0.3, 0.2]
        padded, alone = score(measure, ([*row, 0],), alpha), score(measure, (row,), alpha)
        assert abs(padded - alone) <= allowed(alone)


def test_terms_and_labels(others):
    rows = {code(row[0])[0]: row[2:] for row in others}
    low, high = map(value_of, rows["rel_entr"][0].split(" ... "))
    grid = np.linspace(0, 1, 201)
    terms = kl_c.rel_entr(grid[:, None], grid[None], eps=0)
    assert abs(kl_c.rel_entr(1 / np.e, 1.0) - low) <= allowed(low)
    assert terms.min() >= low and terms.max() == high == kl_c.rel_entr(0.1, 0.0, eps=0)
    assert np.isfinite(kl_c.rel_entr(0.1, 0.0))
    low, high = map(value_of, rows["nll"][0].split(" ... "))
    assert (kl_c.nll(0, [1.0, 0.0]), kl_c.nll(1, [1.0, 0.0], eps=0)) == (low, high)
    assert np.isfinite(kl_c.nll(1, [1.0, 0.0]))
    assert rows["rel_entr"][1] == rows["nll"][1] == "no"


def libraries(library):
    """The names that a column's expressions use."""
    alpha, y = 0.7, 2
    p, q = even_rows(2)
    if library == "SciPy":
        pytest.importorskip("scipy", reason="SciPy, whose names are compared, is missing")
        import scipy.spatial.distance
        import scipy.special
        import scipy.stats

        return {"scipy": scipy, "p": p, "q": q, "alpha": alpha, "y": y}
    if library == "scikit-learn":
        pytest.importorskip("sklearn", reason="scikit-learn, whose names are compared, is missing")
        import sklearn.metrics

        return {"sklearn": sklearn, "p": p, "q": q, "alpha": alpha, "y": y}
    if library == "torch":
        torch = pytest.importorskip("torch", reason="torch, whose names are compared, is missing")
        names = {"torch": torch, "F": torch.nn.functional, "D": torch.distributions}
        return names | {"p": torch.tensor(p), "q": torch.tensor(q), "y": torch.tensor(y)}
    dit = pytest.importorskip("dit", reason="dit, whose names are compared, is missing")
    outcomes = list("abcde")
    names = {name: getattr(x, name) for x in (dit.divergences, dit.other) for name in dir(x)}
    names |= {"entropy": dit.shannon.entropy, "alpha": alpha}
    return names | {"P": dit.Distribution(outcomes, p), "Q": dit.Distribution(outcomes, q)}


@pytest.mark.parametrize("library", ["SciPy", "torch", "scikit-learn", "dit"])
def test_names_of_other_libraries_mean_the_same(page, library):
    names = libraries(library)
    p, q = even_rows(2)
    checked = 0
    for row in table(page, *ELSEWHERE):
        (measure,), cell = code(row[0]), row[ELSEWHERE.index(library)]
        if cell == "none":
            continue
        kind = _kernels.MEASURES[measure]
        rows = {"single": (p,), "labels": (2, q)}.get(kind, (p, q))
        expected = score(measure, rows, 0.7 if takes(measure, "alpha") else None)
        found = np.asarray(eval(code(cell)[0], dict(names))).squeeze()
        found = -np.log(found) if cell.startswith("−log of") else found
        found = found * np.log(2) if cell.endswith(", bits") else found
        np.testing.assert_allclose(found, expected, rtol=limits.REFERENCE_BOUND, err_msg=measure)
        checked += 1
    assert checked >= 2
