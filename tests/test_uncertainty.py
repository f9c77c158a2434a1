"""Standard errors, intervals and bootstrap: against direct sums, SciPy, and simulated truth."""

import math

import numpy as np
import pytest

import limits
from kl_c import Comparison, compare
from kl_c._uncertainty import Groups, percentile_interval, t_interval

scipy_stats = pytest.importorskip("scipy.stats", reason="intervals take SciPy")


def uneven(groups=12, seed=0, outcomes=30, least=3, most=9):
    """Logits of two models and labels for rows in groups of different sizes, in no order."""
    rng = np.random.default_rng(seed)
    of = rng.permutation(np.repeat(np.arange(groups), rng.integers(least, most, groups)))
    scale = rng.lognormal(size=groups)[of, None]
    p = rng.normal(size=(of.size, outcomes)) * 2
    q = p + rng.normal(size=p.shape) * 0.2 * scale
    return p, q, (p + rng.gumbel(size=p.shape)).argmax(-1), of


@pytest.fixture
def comparison():
    p, q, labels, groups = uneven()
    return compare(p, q, labels=labels, groups=groups, form="logits")


def clustered(values, groups):
    """The formula, written out."""
    names = sorted(set(groups.tolist()))
    mean, square = sum(values.tolist()) / len(values), 0.0
    for name in names:
        square += sum(x - mean for x in values[groups == name].tolist()) ** 2
    return math.sqrt(len(names) / (len(names) - 1) * square) / len(values)


def test_the_clustered_error_is_the_formula(comparison):
    statistics = comparison.summary()["statistics"]
    assert comparison.summary()["clusters"] == {"count": 12, "status": "few"}
    for name, found in statistics.items():
        values = getattr(comparison, name).astype(float)
        expected = clustered(values, comparison.groups)
        assert found["clustered_error"] == pytest.approx(expected, rel=limits.MOMENTS), name
        spread = values.std(ddof=1) / math.sqrt(values.size)
        assert found["standard_error"] == pytest.approx(spread, rel=limits.MOMENTS), name


def test_groups_of_one_row_are_rows(comparison):
    p, q, labels, _ = uneven()
    each = compare(p, q, labels=labels, groups=np.arange(len(p)), form="logits").summary()
    for found in (*each["statistics"].values(), *each["likelihood"].values()):
        if "clustered_error" in found:
            assert found["clustered_error"] == pytest.approx(
                found["standard_error"], rel=limits.MOMENTS
            )


@pytest.mark.parametrize("base", [None, 2])
def test_likelihoods_against_their_formulas(base):
    p, q, labels, groups = uneven()
    comparison = compare(p, q, labels=labels, groups=groups, form="logits", base=base)
    found = comparison.summary()["likelihood"]
    nats = 1 if base is None else math.log(base)
    x, y = comparison.nll_q * nats, comparison.nll_p * nats
    n = len(x)
    error_q, error_p = (
        math.sqrt(((v**2).mean() - v.mean() ** 2) / (n - 1)) for v in (x, y)
    )  # as the program writes them
    cov = ((x * y).mean() - x.mean() * y.mean()) / (n - 1)
    of_q, of_p = math.exp(x.mean()), math.exp(y.mean())
    ratio_error = math.sqrt(error_q**2 + error_p**2 - 2 * cov)
    u_q, u_p = of_q * error_q, of_p * error_p
    expected = {
        "perplexity_q": (of_q, u_q),
        "perplexity_p": (of_p, u_p),
        "correlation": (cov / (error_q * error_p), None),
        "log_ratio": (x.mean() - y.mean(), ratio_error),
        "ratio": (of_q / of_p, of_q / of_p * ratio_error),
        "difference": (of_q - of_p, math.sqrt(u_q**2 + u_p**2 - 2 * of_q * of_p * cov)),
    }
    assert list(found) == list(expected)
    close = 1e4 * limits.MOMENTS  # of the program's differences of near squares
    for name, (value, error) in expected.items():
        assert found[name]["value"] == pytest.approx(value, rel=close), name
        assert found[name].get("standard_error") == (
            None if error is None else pytest.approx(error, rel=close)
        ), name
    change = comparison.label_change
    direct = np.exp(-x) - np.exp(-y)
    np.testing.assert_allclose(change, direct, rtol=0, atol=limits.FLOAT64)
    statistics = comparison.summary()["statistics"]["label_change"]
    rms = math.sqrt((direct**2).mean())
    assert statistics["rms"] == pytest.approx(rms, rel=limits.MOMENTS)
    of_squares = (direct**2).std(ddof=1) / math.sqrt(n)
    assert statistics["rms_standard_error"] == pytest.approx(of_squares / (2 * rms), rel=close)


def test_the_delta_method_is_the_slope_of_the_groups_sums(comparison):
    """Against the jackknife over groups, which knows no derivative: equal to first order."""
    p, q, labels, groups = uneven(groups=400, seed=3)
    comparison = compare(p, q, labels=labels, groups=groups, form="logits")
    found = comparison.summary()
    names = ("perplexity_q", "ratio", "difference", "log_ratio")
    values = []
    for left_out in range(400):
        keep = groups != left_out
        x, y = comparison.nll_q[keep].mean(), comparison.nll_p[keep].mean()
        rms = math.sqrt((comparison.label_change[keep] ** 2).mean())
        values.append([np.exp(x), np.exp(x - y), np.exp(x) - np.exp(y), x - y, rms])
    errors = np.sqrt(399 / 400 * ((values - np.mean(values, 0)) ** 2).sum(0))
    ours = [found["likelihood"][name]["clustered_error"] for name in names]
    ours.append(found["statistics"]["label_change"]["rms_clustered_error"])
    np.testing.assert_allclose(ours, errors, rtol=0.03)  # 1 / sqrt(1000)


def test_intervals_are_student_s(comparison):
    groups = comparison.groups
    for name, values in (("kl", comparison.kl), ("same_top", comparison.same_top.astype(float))):
        for confidence in (0.9, 0.95):
            found = comparison.interval(name, confidence=confidence)
            error = clustered(values, groups)
            low, high = scipy_stats.t.interval(confidence, 11, values.mean(), error)
            assert found.low == pytest.approx(low, rel=1e3 * limits.MOMENTS)
            assert found.high == pytest.approx(high, rel=1e3 * limits.MOMENTS)
    found = comparison.interval("log_ratio")
    t = found.value / found.standard_error
    assert found.p_value == pytest.approx(2 * scipy_stats.t.sf(abs(t), 11), rel=1e-9)
    p, q, _, _ = uneven()
    rows = compare(p, q, form="logits")
    error = rows.kl.std(ddof=1) / math.sqrt(len(p))
    expected = scipy_stats.t.interval(0.95, len(p) - 1, rows.kl.mean(), error)
    assert rows.interval("kl")[2:4] == pytest.approx(expected, rel=1e3 * limits.MOMENTS)
    assert comparison.interval("rms").value == pytest.approx(
        comparison.summary()["statistics"]["label_change"]["rms"], rel=limits.MOMENTS
    )


def test_too_few_groups_are_refused():
    p, q, labels, groups = uneven(groups=4)
    comparison = compare(p, q, labels=labels, groups=groups, form="logits")
    assert comparison.summary()["clusters"] == {"count": 4, "status": "refused"}
    assert math.isnan(comparison.summary()["statistics"]["kl"]["clustered_error"])
    assert comparison.summary()["statistics"]["kl"]["standard_error"] > 0
    for ask in (
        lambda: comparison.interval("kl"),
        lambda: comparison.percentile_interval("kl", 99),
        lambda: comparison.paired(comparison),
    ):
        with pytest.raises(ValueError, match="expected at least 5 groups for an interval, got 4"):
            ask()
    for count, status in ((5, "few"), (29, "few"), (30, "enough")):
        assert Groups.of(np.arange(count), count).status == status
    with pytest.raises(ValueError, match="expected at least 5 rows for an interval, got 0"):
        Comparison().interval("kl")


def test_wrong_questions_are_refused(comparison):
    with pytest.raises(ValueError, match=r"expected one of .*kl.*, got 'top_p'"):
        comparison.interval("top_p")
    with pytest.raises(ValueError, match=r"expected one of .*kl.*, got 'same_top'"):
        comparison.percentile_interval("same_top", 50)
    with pytest.raises(ValueError, match="percentile must lie between 0 and 100, got 101"):
        comparison.percentile_interval("kl", 101)
    with pytest.raises(ValueError, match="confidence must lie between 0 and 1, got 95"):
        comparison.interval("kl", confidence=95)
    with pytest.raises(ValueError, match="resamples must be at least 1, got 0"):
        comparison.percentile_interval("kl", 50, resamples=0)


def test_without_scipy_the_error_says_what_to_install(comparison, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "scipy.special", None)
    with pytest.raises(ImportError, match="need SciPy: pip install scipy"):
        comparison.interval("kl")
    comparison.summary()  # and nothing else needs it
    comparison.percentile_interval("kl", 90, resamples=3)


def test_the_bootstrap_draws_groups():
    """Against drawing the rows of the groups themselves, with the same random numbers."""
    rng = np.random.default_rng(5)
    codes = np.sort(rng.integers(0, 8, 100))
    values = rng.lognormal(size=100)
    groups = Groups.of(codes, 100)
    found = percentile_interval(values, 0.9, groups, 0.8, 50, seed=7)
    again = np.random.default_rng(7)
    draws = []
    for _ in range(50):
        drawn = again.integers(8, size=8)
        draws.append(np.quantile(np.concatenate([values[codes == g] for g in drawn]), 0.9))
    assert found.value == pytest.approx(np.quantile(values, 0.9), rel=limits.FLOAT64)
    expected = np.quantile(draws, [0.1, 0.9])
    assert found[2:4] == pytest.approx(expected, rel=10 * limits.FLOAT64)
    assert found.standard_error == pytest.approx(np.std(draws, ddof=1), rel=limits.MOMENTS)
    assert found == percentile_interval(values, 0.9, groups, 0.8, 50, seed=7)
    assert found != percentile_interval(values, 0.9, groups, 0.8, 50, seed=8)


def test_bootstrap_of_an_infinite_tail():
    values = np.array([1.0] * 40 + [np.inf] * 10)
    found = percentile_interval(values, 0.5, Groups.of(None, 50), 0.95, 100, 0)
    assert found.value == found.low == found.high == 1
    assert percentile_interval(values, 1.0, Groups.of(None, 50), 0.95, 100, 0).high == np.inf


def simulated(count, trials, seed):
    """How often 95 % intervals hold the mean of log-normal rows, by groups and by rows.

    Rows of one group correlate by 0.3 (their logarithms); groups hold 20 to 60 of them.
    """
    rng = np.random.default_rng(seed)
    truth, held = math.exp(0.5), np.zeros(2)
    for _ in range(trials):
        sizes = rng.integers(20, 61, count)
        of = np.repeat(np.arange(count), sizes)
        shared, own = rng.normal(size=count)[of], rng.normal(size=of.size)
        rows = np.exp(math.sqrt(0.3) * shared + math.sqrt(0.7) * own)
        for i, groups in enumerate((Groups.of(of, of.size), Groups.of(None, of.size))):
            found = t_interval(rows.mean(), groups.standard_error(rows), groups, 0.95)
            held[i] += found.low <= truth <= found.high
    return held / trials


@pytest.mark.parametrize("count", [50, 100])
def test_intervals_hold_the_truth_as_often_as_they_say(count):
    by_groups, by_rows = simulated(count, trials=4000, seed=count)
    print(f"{count} groups: {by_groups:.1%} by groups, {by_rows:.1%} with rows as independent")
    assert limits.COVERAGE[0] <= by_groups <= limits.COVERAGE[1]
    assert by_rows < 0.6  # what the groups are for


def test_the_coverage_of_ten_groups_is_said():
    by_groups, by_rows = simulated(10, trials=2000, seed=10)
    print(f"10 groups: {by_groups:.1%} by groups, {by_rows:.1%} with rows as independent")
    assert 0.85 < by_groups < limits.COVERAGE[0]  # which is why they are flagged
