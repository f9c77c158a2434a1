"""Information measures of tables and of labels, against 50-digit arithmetic and other libraries."""

import numpy as np
import pytest
import scipy.stats
from sklearn.metrics import mutual_info_score, normalized_mutual_info_score

import kl_c
import limits
from joint_tables import ExactTable, labels_of, near_independence, tables
from kl_c import _contingency
from kl_c._contingency import Cells, counted
from oracle import context
from rows_zoo import DTYPE

TABLES = tables()
AVERAGES = ("arithmetic", "geometric", "min", "max")
MEASURES = {
    "mutual_information": {},
    "joint_entropy": {},
    "conditional_entropy": {"given": "x"},
    "variation_of_information": {},
}
every_measure = pytest.mark.parametrize("measure", MEASURES)


def allowed(measure, exact):
    if measure == "mutual_information":
        return limits.information_error(exact)
    return limits.TABLE * exact + limits.UNDERFLOW["sum"]


@pytest.mark.parametrize("name", TABLES)
def test_within_the_limits_of_the_exact_value(name):
    exact = ExactTable(TABLES[name])
    for measure, keywords in [*MEASURES.items(), ("conditional_entropy", {"given": "y"})]:
        value = getattr(kl_c, measure)(TABLES[name], form="counts", **keywords)
        expected = getattr(exact, measure)(**keywords)
        assert abs(value - expected) <= allowed(measure, float(expected)), (measure, value)


def test_a_product_of_two_probabilities_may_vanish():
    """I = H(X) = h(1e-200) = 1e-200 (1 + 200 log 10), to first order in 1e-200."""
    table = [[1, 0], [0, 1e-200]]
    expected = 1e-200 * (1 + 200 * np.log(10))
    assert kl_c.mutual_information(table) == pytest.approx(expected, rel=limits.TABLE, abs=0)
    assert kl_c.normalized_mutual_information(table) == pytest.approx(1, rel=limits.TABLE, abs=0)


@pytest.mark.parametrize("name", [name for name in TABLES if name.startswith("counts")])
@pytest.mark.parametrize("sparse", [False, True])
def test_labels_give_what_their_table_does(name, sparse, monkeypatch):
    """Also where no table is made: only the cells that occur are listed."""
    table = TABLES[name]
    x, y = labels_of(table, np.random.default_rng(1))
    if sparse:
        monkeypatch.setattr(_contingency, "SMALL", 0)
        x, y = np.append(x, [900, 901]), np.append(y, [900, 901])  # so that few cells occur
        table = np.pad(table, (0, 2))
        table[-2, -2] = table[-1, -1] = 1
        if table.size <= len(x):
            pytest.skip("a table smaller than its labels is always made")
        assert isinstance(counted(x, y), Cells)
    exact = ExactTable(table)
    for measure, keywords in MEASURES.items():
        value = getattr(kl_c, measure)(labels=(x, y), **keywords)
        expected = getattr(exact, measure)(**keywords)
        assert abs(value - expected) <= allowed(measure, float(expected)), measure
    assert kl_c.normalized_mutual_information(labels=(x, y)) == pytest.approx(
        kl_c.normalized_mutual_information(table, form="counts"), rel=limits.TABLE, abs=0
    )


def test_listed_cells_keep_their_digits_near_independence(monkeypatch):
    """All cells but one, of a product of marginals: little information in a list of cells."""
    monkeypatch.setattr(_contingency, "SMALL", 0)
    x, y = (i.ravel() for i in np.indices((60, 60)))
    x, y = np.delete(x, 7), np.delete(y, 7)
    assert isinstance(counted(x, y), Cells)
    exact = ExactTable(np.where(np.arange(3600).reshape(60, 60) == 7, 0, 1)).mutual_information()
    value = kl_c.mutual_information(labels=(x, y))
    assert 0 < exact < 1e-3
    assert abs(value - exact) <= limits.information_error(float(exact))


def test_information_is_the_divergence_of_the_table_from_the_product():
    rng = np.random.default_rng(2)
    for distance in (1, 1e-3, 1e-7):
        table = near_independence(rng, (5, 6), distance)
        product = np.outer(table.sum(1), table.sum(0))
        divergence = kl_c.kl_divergence(table.ravel(), product.ravel(), form="counts", eps=0)
        value = kl_c.mutual_information(table, form="counts")
        assert abs(value - divergence) <= 2 * limits.information_error(value)


@every_measure
def test_independence_and_certainty_are_exact(measure):
    independent = np.outer([0.5, 0.25, 0.25], [0.125, 0.875])
    certain = np.diag([0.5, 0.25, 0.25])[:, [2, 0, 1]]
    if measure == "mutual_information":
        assert kl_c.mutual_information(independent) == 0
    elif measure != "joint_entropy":
        assert getattr(kl_c, measure)(certain, **MEASURES[measure]) == 0


def test_a_long_column_is_added_up_without_drift():
    """0.1 added to itself 200,000 times is off by 1e-12; H(X | Y) weighs by such sums.

    One column is even, and has half of the mass; the other is certain, and has the other half.
    """
    table = np.zeros((200_000, 2))
    table[:, 0] = 0.1
    table[7, 1] = 20_000
    value = kl_c.conditional_entropy(table, form="counts")
    assert value == pytest.approx(np.log(200_000) / 2, rel=limits.TABLE, abs=0)


# Other libraries


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("noise", [0.0, 0.3, 1.0])
def test_scores_are_those_of_scikit_learn(average, noise):
    rng = np.random.default_rng(3)
    x = rng.integers(-3, 9, 500)
    y = np.where(rng.random(500) < noise, rng.integers(0, 5, 500), x % 5)
    names = np.array(["a", "b", "c", "d", "e"])[y]
    expected = mutual_info_score(x, y)
    # scikit-learn takes sums of logarithms, in which both signs occur: absolute errors.
    assert kl_c.mutual_information(labels=(x, names)) == pytest.approx(expected, abs=limits.TABLE)
    expected = normalized_mutual_info_score(x, y, average_method=average)
    value = kl_c.normalized_mutual_information(labels=(x, names), average=average)
    assert value == pytest.approx(expected, abs=limits.TABLE)


def test_the_default_average_is_that_of_scikit_learn():
    x, y = [0, 0, 1, 1, 2], [0, 1, 1, 1, 0]
    expected = normalized_mutual_info_score(x, y)
    value = kl_c.normalized_mutual_information(labels=(x, y))
    assert value == pytest.approx(expected, abs=limits.TABLE)


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize(
    ("x", "y"), [([1, 1, 1], [2, 2, 2]), ([1, 1, 1], [0, 1, 2]), ([0, 1, 2], [1, 1, 1])]
)
def test_constant_labels_score_as_in_scikit_learn(average, x, y):
    expected = normalized_mutual_info_score(x, y, average_method=average)
    assert expected in (0, 1)
    assert kl_c.normalized_mutual_information(labels=(x, y), average=average) == expected
    table = np.pad(kl_c.contingency_table(x, y).counts, 1) * 0.1
    value = kl_c.normalized_mutual_information(table, form="counts", average=average)
    assert value == expected


@pytest.mark.parametrize("average", AVERAGES)
def test_normalised_information_is_the_quotient_near_independence_and_certainty(average):
    for table in TABLES.values():
        exact = ExactTable(table)
        entropies = exact.marginal_entropies()
        if not all(entropies):
            continue
        mean = {
            "arithmetic": sum(entropies) / 2,
            "geometric": (entropies[0] * entropies[1]) ** 0.5,
            "min": min(entropies),
            "max": max(entropies),
        }[average]
        information = exact.mutual_information()
        value = kl_c.normalized_mutual_information(table, form="counts", average=average)
        error = limits.information_error(float(information)) + limits.TABLE * float(information)
        assert 0 <= value <= 1
        assert abs(value - information / mean) <= error / float(mean)


def test_entropies_are_those_of_scipy():
    table = TABLES["Dirichlet(1.0), 7 x 13"]
    joint = scipy.stats.entropy(table.ravel(), base=2)
    of_y = scipy.stats.entropy(table.sum(0), base=2)
    assert kl_c.joint_entropy(table, base=2) == pytest.approx(joint, rel=limits.TABLE, abs=0)
    value = kl_c.conditional_entropy(table, base=2)
    assert value == pytest.approx(joint - of_y, rel=2 * limits.TABLE, abs=0)


# Pointwise terms


def test_pointwise_terms_are_their_definition():
    for table in TABLES.values():
        exact = ExactTable(table)
        pmi = kl_c.pointwise_mutual_information(table, form="counts")
        npmi = kl_c.pointwise_mutual_information(table, form="counts", normalized=True)
        assert pmi.shape == npmi.shape == table.shape
        for place in np.ndindex(table.shape):
            p, x, y = exact.p[place[0]][place[1]], exact.of_x[place[0]], exact.of_y[place[1]]
            if p == 1:
                assert (pmi[place], npmi[place]) == (0, 1)
            elif p:
                expected, log_p = context.log(p / (x * y)), context.log(p)
                error = limits.POINTWISE * (1 + abs(expected))
                assert abs(pmi[place] - expected) <= error
                assert abs(npmi[place] + expected / log_p) <= error * (1 + 1 / abs(log_p))
            elif x and y:
                assert (pmi[place], npmi[place]) == (-np.inf, -1)
            else:
                assert np.isnan(pmi[place]) and np.isnan(npmi[place])


def test_the_mean_of_the_pointwise_terms_is_the_information():
    table = TABLES["Dirichlet(1.0), 7 x 13"]
    mean = (table * kl_c.pointwise_mutual_information(table, base=2)).sum()
    assert mean == pytest.approx(kl_c.mutual_information(table, base=2), abs=limits.POINTWISE)


def test_pointwise_terms_of_labels_are_those_of_their_table():
    x, y = ["b", "a", "b", "c"], [1, 1, 2, 1]
    table = kl_c.contingency_table(x, y).counts
    np.testing.assert_array_equal(
        kl_c.pointwise_mutual_information(labels=(x, y), base=2),
        kl_c.pointwise_mutual_information(table, form="counts", base=2),
    )


# What goes in and what comes out


@pytest.fixture
def batch():
    return np.random.default_rng(4).dirichlet(np.ones(12), (2, 5)).reshape(2, 5, 3, 4)


FUNCTIONS = (*MEASURES, "normalized_mutual_information", "pointwise_mutual_information")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_tables_of_a_batch_score_as_alone(batch, name):
    function = getattr(kl_c, name)
    together = function(batch)
    for place in np.ndindex(2, 5):
        np.testing.assert_array_equal(together[place], function(batch[place]))
    assert isinstance(function(batch[0, 0]), np.ndarray if name.startswith("point") else float)
    assert function(batch[:0]).shape[:2] == (0, 5)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", DTYPE)
def test_every_dtype_is_read_as_the_numbers_that_it_holds(batch, name, dtype):
    narrow = batch.astype(DTYPE[dtype])
    function = getattr(kl_c, name)
    expected = function(narrow.astype(np.float64), form="counts")
    np.testing.assert_array_equal(function(narrow), expected)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_layout_changes_nothing_and_inputs_are_left_alone(batch, name):
    function = getattr(kl_c, name)
    before = batch.copy()
    strided = np.repeat(batch, 2, axis=-1)[..., ::2]
    swapped = batch.astype(batch.dtype.newbyteorder())
    for other in (strided, swapped, batch.tolist(), np.asfortranarray(batch)):
        np.testing.assert_array_equal(function(other), function(batch))
    np.testing.assert_array_equal(batch, before)


@pytest.mark.parametrize("name", [n for n in FUNCTIONS if not n.startswith("normalized")])
def test_base_is_the_unit(batch, name):
    function = getattr(kl_c, name)
    np.testing.assert_allclose(
        function(batch, base=2) * np.log(2), function(batch), rtol=limits.FLOAT64
    )


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_table_that_is_none_is_named_or_scores_nan(batch, name):
    function = getattr(kl_c, name)
    batch[1, 2, 0, 3] = -0.5
    batch[1, 4] *= 2
    with pytest.raises(kl_c.InvalidRowsError) as raised:
        function(batch)
    error = raised.value
    assert (error.array, error.row, error.count) == ("joint", (1, 2), 2)
    assert str(error) == (
        "table (1, 2) of joint holds -0.5 at cell (0, 3) (and 1 more table is invalid); "
        "probabilities must not be negative"
    )
    scores = function(batch, invalid="nan")
    bad = np.isnan(scores).reshape(2, 5, -1).all(-1)
    assert np.argwhere(bad).tolist() == [[1, 2], [1, 4]]
    np.testing.assert_array_equal(scores[0], function(batch[0]))


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(
    ("arguments", "keywords", "kind", "said"),
    [
        (((),), {}, ValueError, "joint is 1-D; a table on the last 2 axes is needed"),
        ((0.5,), {}, ValueError, "joint is 0-D; a table on the last 2 axes is needed"),
        ((np.ones((2, 0)),), {}, ValueError, r"joint has 0 outcomes, its shape is \(2, 0\)"),
        ((np.eye(2) * 1j,), {}, TypeError, "joint has dtype complex128; expected a real number"),
        ((np.eye(2, dtype=np.longdouble),), {}, TypeError, "joint has dtype"),
        (([["a", "b"]],), {}, TypeError, "joint has dtype <U1; expected a real number type"),
        ((np.ma.ones((2, 2)),), {}, TypeError, "joint is a masked array"),
        ((np.eye(2),), {}, kl_c.InvalidRowsError, "joint sums to 2; probabilities must sum to 1"),
        ((np.zeros((2, 2)),), {"form": "counts"}, ValueError, "joint is 0 everywhere; counts"),
        ((np.eye(2),), {"form": "logits"}, ValueError, "form must be 'probs' or 'counts', got 'lo"),
        ((np.eye(2) / 2,), {"invalid": "ignore"}, ValueError, "invalid must be 'raise' or 'nan'"),
        ((), {}, ValueError, r"expected a joint table or labels=\(x, y\), got neither"),
        ((np.eye(2),), {"labels": ([1], [1])}, ValueError, "got both"),
        ((), {"labels": ([1], [2]), "form": "logits"}, ValueError, "form must be 'probs' or 'cou"),
        ((), {"labels": ([1], [2]), "invalid": "ignore"}, ValueError, "invalid must be 'raise' o"),
        ((), {"labels": [1, 2, 3]}, ValueError, r"labels must be a pair of columns \(x, y\)"),
        ((), {"labels": ([1, 2], [1])}, ValueError, r"two columns of one length, got shapes \(2,"),
    ],
)
def test_wrong_input_is_named(name, arguments, keywords, kind, said):
    with pytest.raises(kind, match=said):
        getattr(kl_c, name)(*arguments, **keywords)


def test_wrong_keywords_are_named():
    table = np.eye(2) / 2
    with pytest.raises(ValueError, match=r"average must be one of 'arithmetic', .*, got 'mean'"):
        kl_c.normalized_mutual_information(table, average="mean")
    with pytest.raises(ValueError, match="given must be 'x' or 'y', got 'z'"):
        kl_c.conditional_entropy(table, given="z")
    with pytest.raises(ValueError, match="base must be a positive number other than 1, got 1"):
        kl_c.mutual_information(table, base=1)
