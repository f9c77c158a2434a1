"""Entropies of samples: each estimator by its definition, published values, and less bias."""

import sys

import numpy as np
import pytest

import kl_c
import limits
from joint_tables import labels_of
from kl_c import _contingency, entropy_estimators
from kl_c._contingency import Cells, counted
from oracle import context, mpf

ROWS = {
    "some": [4, 2, 3, 0, 2, 4, 0, 0, 2, 1, 1],
    "one": [7],
    "a single draw": [0, 1, 0],
    "ones": [1] * 20,
    "even": [2, 4, 6],
    "odd": [3, 5, 0, 7],
    "many": [10**9, 10**9 + 1, 1, 0],
    "long": np.random.default_rng(9).poisson(2, 500).tolist(),
}
PRIORS = {"Haldane": 0.0, "Perks": 0.1, "Jeffreys": 0.5, "Laplace": 1}
CORRECTED = [("miller-madow", None), ("grassberger", None)]
CORRECTED += [("dirichlet", prior) for prior in PRIORS.values()]
every_estimator = pytest.mark.parametrize(("estimator", "prior"), CORRECTED)
every_row = pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)


def plugin(counts):
    total = mpf(sum(counts))
    return -context.fsum(n / total * context.log(n / total) for n in counts if n)


def g(n):
    """Grassberger's G: digamma(n) + (-1)^n times the integral of x^(n-1) / (1 + x), 0 to 1."""
    half = (context.digamma(mpf(n + 1) / 2) - context.digamma(mpf(n) / 2)) / 2
    return context.digamma(n) + (-1) ** n * half


def exact(counts, estimator, prior=None):
    """The definition, in 50 digits."""
    counts = [int(n) for n in counts]
    total = mpf(sum(counts))
    if estimator == "miller-madow":
        return plugin(counts) + (sum(n > 0 for n in counts) - 1) / (2 * total)
    if estimator == "grassberger":
        return context.log(total) - context.fsum(n * g(n) for n in counts if n) / total
    weights = [n + mpf(prior) for n in counts]
    mass = context.fsum(weights)
    terms = context.fsum(w * context.digamma(w + 1) for w in weights)
    return context.digamma(mass + 1) - terms / mass


@every_row
@every_estimator
def test_estimates_are_their_definition(row, estimator, prior):
    value = kl_c.entropy_estimate(row, estimator=estimator, prior=prior)
    expected = exact(row, estimator, prior)
    assert abs(value - expected) <= limits.estimate_error(sum(row))


@every_row
def test_the_plugin_is_the_entropy(row):
    value = kl_c.entropy_estimate(row, estimator="plugin", base=2)
    assert value == pytest.approx(
        kl_c.entropy(row, form="counts", base=2), rel=limits.FLOAT64, abs=0
    )


# Published values


def test_the_function_of_grassberger_has_the_values_of_his_paper():
    """G(1) = -gamma - log 2, G(2) = 2 - gamma - log 2, G(2n + 1) = G(2n), G(2n + 2) = G(2n) +
    2 / (2n + 1): physics/0307138, after its definition. One outcome of n draws gives log n - G(n).
    """
    first = -context.euler - context.log(2)
    for n in range(1, 41):
        expected = first + context.fsum(mpf(2) / (2 * k - 1) for k in range(1, n // 2 + 1))
        assert abs(g(n) - expected) < 1e-45
        value = kl_c.entropy_estimate([n], estimator="grassberger")
        assert abs(value - (context.log(n) - expected)) <= limits.estimate_error(n)


def test_the_integral_in_the_function_of_grassberger():
    for n in (1, 2, 5, 8):
        integral = context.quad(lambda x, n=n: x ** (n - 1) / (1 + x), [0, 1])
        assert abs(context.digamma(n) + (-1) ** n * integral - g(n)) < 1e-30


def test_miller_madow_is_that_of_r():
    """R 4, entropy 1.3.2: entropy.MillerMadow(c(3, 2), unit = "log2")."""
    value = kl_c.entropy_estimate([3, 2], estimator="miller-madow", base=2)
    assert value == pytest.approx(1.1152200985435652, abs=limits.estimate_error(5))


@pytest.mark.parametrize("prior", [0.5, 1, 2.5])
@pytest.mark.parametrize("row", [(3, 2), (0, 6), (1, 0)])
def test_dirichlet_is_the_mean_of_the_entropy_over_its_posterior(row, prior):
    """Two outcomes: the integral of h(t) over the posterior Beta(n_1 + a, n_2 + a) of Wolpert and
    Wolf, done by quadrature."""
    a, b = (n + mpf(prior) for n in row)

    def weighted(t):
        entropy = -t * context.log(t) - (1 - t) * context.log(1 - t)
        return entropy * t ** (a - 1) * (1 - t) ** (b - 1)

    expected = context.quad(weighted, [0, 0.5, 1]) / context.beta(a, b)
    value = kl_c.entropy_estimate(row, estimator="dirichlet", prior=prior)
    assert abs(value - expected) <= limits.estimate_error(sum(row))


# Sums of entropies


COEFFICIENTS = {  # of H(X, Y), H(X), H(Y)
    "mutual_information": (-1, 1, 1),
    "joint_entropy": (1, 0, 0),
    "variation_of_information": (2, -1, -1),
    "conditional_entropy": (1, 0, -1),
}


def combined(name, table, estimator, prior):
    """The sum of estimates that a measure is; a marginal has the pseudocounts of its cells."""
    n_x, n_y = table.shape
    parts = ((table.ravel(), 1), (table.sum(1), n_y), (table.sum(0), n_x))
    return context.fsum(
        times * exact(counts, estimator, None if prior is None else prior * cells)
        for times, (counts, cells) in zip(COEFFICIENTS[name], parts, strict=True)
    )


@pytest.mark.parametrize("name", COEFFICIENTS)
@every_estimator
def test_measures_of_a_sample_are_sums_of_its_estimates(name, estimator, prior):
    table = np.random.default_rng(10).poisson(1.2, (5, 8))
    table[:, 3] = 0
    keywords = {"estimator": estimator, "prior": prior}
    value = getattr(kl_c, name)(table, form="counts", **keywords)
    expected = combined(name, table, estimator, prior)
    assert abs(value - expected) <= limits.estimate_error(table.sum(), 4)


def test_conditional_entropy_given_x_takes_the_estimate_of_x():
    table = np.random.default_rng(11).poisson(1.2, (5, 8))
    keywords = {"form": "counts", "estimator": "dirichlet", "prior": 0.3}
    value = kl_c.conditional_entropy(table, given="x", **keywords)
    other = kl_c.conditional_entropy(table.T, given="y", **keywords)
    assert value == pytest.approx(other, abs=2 * limits.estimate_error(table.sum(), 4))


@pytest.mark.parametrize("name", COEFFICIENTS)
@every_estimator
def test_a_list_of_cells_gives_what_the_table_does(name, estimator, prior, monkeypatch):
    table = np.diag([3, 1, 2, 2, 1, 4])
    table[0, 5] = 1
    labels = labels_of(table, np.random.default_rng(12))
    keywords = {"estimator": estimator, "prior": prior}
    expected = getattr(kl_c, name)(table, form="counts", **keywords)
    assert not isinstance(counted(*labels), Cells)
    assert getattr(kl_c, name)(labels=labels, **keywords) == expected
    monkeypatch.setattr(_contingency, "SMALL", 0)
    assert isinstance(counted(*labels), Cells)
    value = getattr(kl_c, name)(labels=labels, **keywords)
    assert value == pytest.approx(expected, abs=2 * limits.estimate_error(table.sum(), 4))


def test_the_correction_keeps_the_digits_of_a_small_information():
    """10^12 draws near independence: I is near 1e-17 and its correction 5e-13, by name exact."""
    table = 10**11 * np.array([[4, 2], [2, 1]]) + np.array([[1000, 0], [0, 0]])
    plain = kl_c.mutual_information(table, form="counts")
    value = kl_c.mutual_information(table, form="counts", estimator="miller-madow")
    expected = plain - 1 / (2 * mpf(int(table.sum())))
    assert abs(value - expected) <= limits.TABLE * abs(expected)


@pytest.mark.parametrize("prior", PRIORS.values(), ids=PRIORS)
def test_the_mean_of_an_information_is_never_negative(prior):
    tables = np.random.default_rng(17).poisson([[[0.3]], [[2.0]], [[9.0]]], (200, 3, 4, 5))
    tables[..., 0, 0] += 1
    keywords = {"form": "counts", "estimator": "dirichlet", "prior": prior}
    values = kl_c.mutual_information(tables, **keywords)
    assert values.min() >= -limits.estimate_error(tables.sum((-1, -2)).max(), 3)


# What the corrections are for


@pytest.fixture(scope="module")
def biases():
    """Mean errors by draws per cell, measure and estimator, of samples of a known distribution."""
    rng = np.random.default_rng(13)
    joint = (rng.dirichlet(np.ones(64)) / 2 + 1 / 128).reshape(8, 8)
    found = {}
    for draws in (1, 16):
        samples = rng.multinomial(64 * draws, joint.ravel(), size=4000).reshape(-1, 8, 8)
        for name in ("joint_entropy", "mutual_information"):
            measure = getattr(kl_c, name)
            found[draws, name] = {
                estimator: measure(samples, form="counts", estimator=estimator).mean()
                - measure(joint)
                for estimator in ("plugin", "miller-madow", "grassberger")
            }
    return found


@pytest.mark.parametrize("name", ["joint_entropy", "mutual_information"])
def test_corrections_reduce_the_bias_of_scarce_samples(biases, name):
    """One draw a cell: Miller's correction, of first order in 1/N, takes part of it, Grassberger's
    most; the plug-in has too little entropy, and so too much information."""
    bias = biases[1, name]
    assert np.sign(bias["plugin"]) == (-1 if name == "joint_entropy" else 1)
    plain, first_order, better = (abs(x) for x in bias.values())
    assert better < first_order < plain
    assert better < plain / 2


@pytest.mark.parametrize("name", ["joint_entropy", "mutual_information"])
def test_corrections_leave_what_is_of_second_order(biases, name):
    bias = biases[16, name]
    for estimator in ("miller-madow", "grassberger"):
        assert abs(bias[estimator]) <= limits.BIAS_LEFT * abs(bias["plugin"]), bias


def test_laplace_has_no_bias_where_every_distribution_is_equally_likely():
    """The posterior mean over distributions that are drawn from its prior."""
    rng = np.random.default_rng(14)
    distributions = rng.dirichlet(np.ones(12), 20_000)
    samples = rng.multinomial(10, distributions)
    errors = kl_c.entropy_estimate(samples, estimator="dirichlet", prior=1) - kl_c.entropy(
        distributions
    )
    assert abs(errors.mean()) <= 4 * errors.std() / np.sqrt(errors.size)


# What goes in and what comes out


@every_estimator
def test_rows_of_a_batch_score_as_alone(estimator, prior):
    rows = np.random.default_rng(15).poisson(2, (3, 4, 6)) + 1
    keywords = {"estimator": estimator, "prior": prior}
    together = kl_c.entropy_estimate(rows, axis=1, **keywords)
    assert together.shape == (3, 6)
    for i, j in np.ndindex(3, 6):
        alone = kl_c.entropy_estimate(rows[i, :, j].astype(np.float32), **keywords)
        assert isinstance(alone, float)
        assert alone == together[i, j]
    in_bits = kl_c.entropy_estimate(rows, axis=1, base=2, **keywords)
    np.testing.assert_allclose(in_bits * np.log(2), together, rtol=limits.FLOAT64)


@every_estimator
def test_rows_that_are_none_are_named_or_score_nan(estimator, prior):
    keywords = {"estimator": estimator, "prior": prior}
    rows = np.array([[1, 2], [3, -1], [0, 0]])
    with pytest.raises(kl_c.InvalidRowsError, match="row 1 of counts holds -1 at outcome 1") as it:
        kl_c.entropy_estimate(rows, **keywords)
    assert (it.value.array, it.value.row, it.value.count) == ("counts", 1, 2)
    scores = kl_c.entropy_estimate(rows, invalid="nan", **keywords)
    assert np.isnan(scores).tolist() == [False, True, True]
    table = np.stack([np.eye(2), -np.eye(2)])
    keywords |= {"form": "counts", "invalid": "nan"}
    assert np.isnan(kl_c.mutual_information(table, **keywords)).tolist() == [False, True]


def test_wrong_keywords_are_named():
    def estimate(counts=(1, 2), **keywords):
        kl_c.entropy_estimate(counts, **keywords)

    with pytest.raises(ValueError, match=r"one of 'plugin', 'miller-madow', .*, got 'chao-shen'"):
        estimate(estimator="chao-shen")
    with pytest.raises(ValueError, match=r"estimator='dirichlet' needs prior=, the pseudocount"):
        estimate(estimator="dirichlet")
    with pytest.raises(ValueError, match="prior is for estimator='dirichlet', got it with 'gra"):
        estimate(estimator="grassberger", prior=1)
    for prior in (-0.5, np.inf, np.nan):
        with pytest.raises(ValueError, match="prior must be a finite number of at least 0, got"):
            estimate(estimator="dirichlet", prior=prior)
    with pytest.raises(TypeError, match="prior must be a real number, got str"):
        estimate(estimator="dirichlet", prior="1")
    with pytest.raises(ValueError, match=r"takes whole counts, got 0.5 at \[1, 0\] of counts"):
        estimate([[1, 2], [0.5, 2]], estimator="grassberger")
    with pytest.raises(ValueError, match="axis 1 is out of bounds for counts of shape"):
        estimate(estimator="plugin", axis=1)
    with pytest.raises(ValueError, match="counts is 0-D; a row of outcomes is needed"):
        estimate(3, estimator="plugin")
    assert kl_c.entropy_estimate([0.5, 0.5], estimator="plugin", base=2) == 1

    with pytest.raises(ValueError, match="estimator='grassberger' needs form='counts', got 'pr"):
        kl_c.mutual_information(np.eye(2) / 2, estimator="grassberger")
    with pytest.raises(ValueError, match=r"whole counts, got 0.5 at \[0, 0\] of joint"):
        kl_c.mutual_information(np.eye(2) / 2, form="counts", estimator="miller-madow")


@pytest.mark.parametrize(("estimator", "prior"), [("grassberger", None), ("dirichlet", 1)])
def test_without_scipy_the_extra_is_named(estimator, prior, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    with pytest.raises(ImportError, match=f"estimator='{estimator}' needs SciPy: .* extra stats"):
        kl_c.entropy_estimate([1, 2], estimator=estimator, prior=prior)
    assert kl_c.entropy_estimate([1, 2], estimator="miller-madow") > 0


def test_the_tests_know_every_estimator():
    assert {"plugin", *(name for name, _ in CORRECTED)} == set(entropy_estimators.ESTIMATORS)
