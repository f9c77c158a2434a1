"""Comparisons put together, kept, cut into strata and set against each other."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

import limits
from kl_c import Comparison, compare
from kl_c._statistics import STATISTICS, Settings
from kl_c._strata import CONFIDENCE_EDGES

FIRST_VERSION = Path(__file__).with_name("saved") / "nine_columns.npz"


def make(sequences=8, length=9, outcomes=40, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.normal(size=(sequences, length, outcomes)) * 2
    q = p + rng.normal(size=p.shape) * rng.lognormal(size=(sequences, 1, 1)) * 0.1
    came = (p[..., :35] + rng.gumbel(size=p.shape)[..., :35]).argmax(-1)
    return p, q, np.roll(came, 1, axis=1)  # row t predicts token t + 1


def all_of_it(sequences=slice(None), **more):
    """Every column there is, in part with rows left out."""
    p, q, tokens = make()
    mask = np.random.default_rng(1).random(tokens.shape) < 0.9
    p[3, 2] = np.nan
    keywords = {"form": "logits", "k": 3, "outcomes": 35, "invalid": "nan", "base": 2} | more
    given = {"tokens": tokens, "mask": mask} | {
        name: keywords.pop(name) for name in ("groups",) if name in keywords
    }
    given = {name: x[sequences] for name, x in given.items()}
    return compare(p[sequences], q[sequences], **given, **keywords)


def assert_same(left, right):
    assert set(left._columns()) == set(right._columns())
    for name, column in left._columns().items():
        assert column.dtype == right._columns()[name].dtype
        np.testing.assert_array_equal(column, right._columns()[name], err_msg=name)


def text_of(summary):
    return json.dumps(summary)  # in which NaN equals NaN


# Merging


@pytest.mark.parametrize("groups", [None, np.arange(8) // 3])
def test_parts_merge_into_the_whole(groups):
    more = {} if groups is None else {"groups": groups}
    whole = all_of_it(**more)
    parts = [all_of_it(slice(start, stop), **more) for start, stop in ((0, 1), (1, 5), (5, 8))]
    merged = Comparison.merge(parts)
    assert_same(merged, whole)
    assert merged.settings == whole.settings
    # Counts and percentiles are the same, moments within rounding; here every bit is.
    assert text_of(merged.summary()) == text_of(whole.summary())
    assert len(parts[1]) == 36  # parts are as they were
    assert Comparison.merge(parts[:1]).summary()["rows"] == parts[0].summary()["rows"]


def test_saved_parts_merge_too_and_go_on(tmp_path):
    parts = [all_of_it(slice(start, stop)) for start, stop in ((0, 4), (4, 8))]
    for number, part in enumerate(parts):
        part.save(tmp_path / str(number))
    merged = Comparison.merge(Comparison.load(tmp_path / str(number)) for number in range(2))
    assert_same(merged, all_of_it())
    p, q, tokens = make()
    merged.update(p[:2], q[:2], tokens=tokens[:2])
    assert merged.groups.max() == 9


def test_parts_that_differ_are_refused():
    p, q, _ = make()
    part = compare(p, q, form="logits")
    others = {
        "temperature must be the same in all, got 1.0, 2.0": {"temperature": 2.0},
        "k must be the same in all, got None, 2": {"k": 2},
        "must be in all parts or in none": {"labels": np.zeros((8, 9), int)},
        "groups must count an axis in all parts, or be given": {"groups": np.arange(8)},
    }
    for words, keywords in others.items():
        with pytest.raises(ValueError, match=words):
            Comparison.merge([part, compare(p, q, form="logits", **keywords)])
    with pytest.raises(ValueError, match=r"outcomes must be as in \(40, 40\), got \(30, 30\)"):
        Comparison.merge([part, compare(p[..., :30], q[..., :30], form="logits")])
    with pytest.raises(ValueError, match="at least one part"):
        Comparison.merge([])
    assert len(Comparison.merge([part, Comparison(form="logits")])) == 72


# Saving


@pytest.mark.parametrize("groups", [None, np.arange(8) * 10**10])
def test_everything_comes_back(tmp_path, groups):
    comparison = all_of_it(**({} if groups is None else {"groups": groups}))
    assert {s.name for s in STATISTICS} <= set(comparison._columns())
    comparison.save(tmp_path / "rows.npz")
    loaded = Comparison.load(tmp_path / "rows.npz")
    assert_same(loaded, comparison)
    assert text_of(loaded.summary()) == text_of(comparison.summary())
    assert loaded.settings == comparison.settings
    with np.load(tmp_path / "rows.npz") as archive:  # compact
        assert archive["groups"].dtype == (np.int32 if groups is None else np.int64)
        assert archive["top_p"].dtype == np.int32 and archive["tied_p"].dtype == bool


def test_nothing_comes_back_as_nothing(tmp_path):
    p, q, tokens = make()
    Comparison(form="logits").save(tmp_path / "empty")
    loaded = Comparison.load(tmp_path / "empty")
    assert len(loaded) == 0
    loaded.update(p, q, tokens=tokens)
    assert_same(loaded, compare(p, q, tokens=tokens, form="logits"))


def test_rows_of_the_first_version_are_read(tmp_path):
    loaded = Comparison.load(FIRST_VERSION)
    with np.load(FIRST_VERSION) as archive:
        for name in archive.files:
            if name != "settings":
                np.testing.assert_array_equal(getattr(loaded, name), archive[name])
    assert loaded.settings == Settings("logits", 1.5, None, "nan", 2.0)
    summary = loaded.summary()
    assert summary["rows"] == {
        "total": 6, "used": 5, "left_out": 1, "masked": 0, "infinite": 0
    }  # fmt: skip
    assert summary["perplexity"]["p"] > 1
    with pytest.raises(AttributeError, match="top_p is not in rows that an earlier version saved"):
        _ = loaded.top_p
    p = np.zeros((1, 9))
    with pytest.raises(ValueError, match="earlier version saved cannot be updated: they lack"):
        loaded.update(p, p, [0])
    with pytest.raises(ValueError, match="needs p_of_top_p"):
        loaded.strata("confidence")
    loaded.save(tmp_path / "again")
    again = Comparison.load(tmp_path / "again")
    assert_same(again, loaded)
    assert len(Comparison.merge([again, loaded])) == 12


# Strata


def test_strata_are_summaries_of_their_rows():
    comparison = all_of_it()
    keys = {"confidence": comparison.p_of_top_p, "entropy": comparison.entropy_p}
    keys["position"] = np.arange(72) % 9
    for by, key in keys.items():
        strata = comparison.strata(by)
        assert sum(x.summary["rows"]["used"] for x in strata) == comparison.valid.sum()
        for number, (low, high, summary) in enumerate(strata):
            within = (key >= low) & ((key < high) | ((number == len(strata) - 1) & (key == high)))
            rows = within & comparison.valid
            assert summary["rows"]["used"] == rows.sum()
            if rows.any():
                assert summary["statistics"]["kl"]["mean"] == comparison.kl[rows].mean()
                assert summary["likelihood"]["perplexity_p"]["value"] == pytest.approx(
                    2 ** comparison.nll_p[rows].mean(), rel=limits.MOMENTS
                )
    assert [x.low for x in comparison.strata("confidence")] == list(CONFIDENCE_EDGES[:-1])
    quarters = [x.summary["rows"]["used"] for x in comparison.strata("entropy")]
    assert max(quarters) - min(quarters) <= 1


def test_edges_between_positions_are_positions():
    """And part the rows as the quartiles do, which lie between them."""
    comparison = all_of_it()
    position = np.arange(72) % 9
    quartiles = np.quantile(position[comparison.valid], [0, 0.25, 0.5, 0.75, 1])
    flat = compare(*(rows.reshape(72, -1) for rows in make()[:2]), form="logits")
    for strata in (flat.strata("position"), comparison.strata("position")):
        assert all(x.low == round(x.low) and x.high == round(x.high) for x in strata)
    quarter = np.searchsorted(quartiles[1:-1], position[comparison.valid], side="right")
    assert [x.summary["rows"]["used"] for x in strata] == np.bincount(quarter).tolist()


def test_strata_by_edges_and_by_a_column():
    comparison = all_of_it()
    first, second = comparison.strata("position", edges=[0, 2, 4])
    assert (first.low, first.high, second.high) == (0, 2, 4)
    position = np.arange(72) % 9
    used = [(comparison.valid & np.isin(position, x)).sum() for x in ((0, 1), (2, 3, 4))]
    assert [first.summary["rows"]["used"], second.summary["rows"]["used"]] == used
    column = position % 3
    for value, stratum in enumerate(comparison.strata(column)):
        assert stratum.low == stratum.high == value
        rows = comparison.valid & (column == value)
        assert stratum.summary["rows"]["used"] == rows.sum()
    assert len(comparison.strata(column, edges=[0, 1, 3])) == 2
    # Without groups a row's position is its number.
    p, q, _ = make()
    flat = compare(p[0], q[0], form="logits").strata("position", edges=[0, 3, 9])
    assert [x.summary["rows"]["used"] for x in flat] == [3, 6]
    # Groups in any order keep the order of their rows.
    mixed = compare(p[0], q[0], form="logits", groups=[1, 0, 1, 0, 0, 2, 1, 1, 0])
    (stratum,) = mixed.strata("position", edges=[2, 4])
    np.testing.assert_array_equal(stratum.summary["rows"]["total"], 4)


def test_strata_of_one_value_or_of_nothing():
    rows = np.full((6, 4), 0.25)
    (stratum,) = compare(rows, rows).strata("entropy")
    assert stratum.summary["rows"]["used"] == 6
    assert Comparison().strata("entropy") == []
    assert len(Comparison().strata("confidence")) == len(CONFIDENCE_EDGES) - 1


def test_wrong_strata_are_refused():
    comparison = all_of_it()
    with pytest.raises(ValueError, match="by must be 'confidence', 'entropy', 'position' or int"):
        comparison.strata("kl")
    with pytest.raises(TypeError, match="by has dtype float64; expected an integer type"):
        comparison.strata(np.zeros(72))
    with pytest.raises(ValueError, match="by must have one entry per row, 72, got shape"):
        comparison.strata(np.zeros(71, int))
    for edges in ([1], [2, 1], [[0, 1]]):
        with pytest.raises(ValueError, match="edges must be two or more rising numbers"):
            comparison.strata("entropy", edges=edges)


# Two candidates


def candidates(noise=(0.1, 0.2), sequences=12, **keywords):
    rng = np.random.default_rng(3)
    p = rng.normal(size=(sequences, 20, 30)) * 2
    labels = (p + rng.gumbel(size=p.shape)).argmax(-1)
    by = rng.normal(size=p.shape) * rng.uniform(0.5, 1.5, (sequences, 1, 1))
    return [compare(p, p + by * size, labels=labels, form="logits", **keywords) for size in noise]


@pytest.mark.parametrize("base", [None, 2])
def test_paired_differences_are_those_of_the_rows(base):
    scipy_stats = pytest.importorskip("scipy.stats", reason="intervals take SciPy")
    first, second = candidates(base=base)
    found = first.paired(second)
    for name in ("kl", "reverse_kl", "js", "total_variation", "nll_q", "same_top", "label_change"):
        gap = getattr(first, name).astype(float) - getattr(second, name)
        sums = (gap - gap.mean()).reshape(12, 20).sum(1)
        error = math.sqrt(12 / 11 * (sums**2).sum()) / 240
        assert found[name].value == pytest.approx(gap.mean(), rel=limits.MOMENTS)
        assert found[name].standard_error == pytest.approx(error, rel=limits.MOMENTS)
        expected = scipy_stats.t.interval(0.95, 11, gap.mean(), error)
        assert found[name][2:4] == pytest.approx(expected, rel=1e3 * limits.MOMENTS)
        p_value = 2 * scipy_stats.t.sf(abs(gap.mean() / error), 11)
        assert found[name].p_value == pytest.approx(p_value, rel=1e-9)
    perplexities = [x.summary()["perplexity"]["q"] for x in (first, second)]
    value = perplexities[0] - perplexities[1]
    assert found["perplexity_q"].value == pytest.approx(value, rel=1e3 * limits.MOMENTS)
    assert not {"nll_p", "entropy_p", "top_p", "tied_p"} & set(found)
    # What both share drops out: the error is far below that of either.
    single = first.summary()["statistics"]["nll_q"]["clustered_error"]
    assert found["nll_q"].standard_error < single / 2
    back = second.paired(first)["kl"]
    assert (back.value, back.low) == pytest.approx((-found["kl"].value, -found["kl"].high))


def test_a_candidate_against_itself():
    (first,) = candidates(noise=(0.1,))
    found = first.paired(first)["kl"]
    assert tuple(found) == (0, 0, 0, 0, 1)


def test_rows_that_one_candidate_lacks_are_in_neither():
    rng = np.random.default_rng(1)
    p = rng.normal(size=(9, 4, 20))
    q, r = p + 0.1 * rng.normal(size=(2, 9, 4, 20))
    r[2, 1] = np.nan
    first, second = (compare(p, x, form="logits", invalid="nan") for x in (q, r))
    gap = np.delete(first.kl - second.kl, 9)
    assert first.paired(second)["kl"].value == pytest.approx(gap.mean(), rel=limits.MOMENTS)


def test_another_type_of_q_is_the_same_base():
    rng = np.random.default_rng(1)
    p = rng.normal(size=(9, 4, 200)).astype(np.float32)
    q = (p + 0.1 * rng.normal(size=p.shape)).astype(np.float32)
    first, second = (compare(p, x, form="logits") for x in (q, q.astype(np.float16)))
    assert abs(first.paired(second)["kl"].value) < first.kl.mean() / 10


def test_what_does_not_pair_is_named():
    rng = np.random.default_rng(1)
    p = rng.normal(size=(6, 5, 20))
    labels = rng.integers(0, 20, (6, 5))
    mask = np.ones((6, 5), bool)
    mask[2, 1] = False
    given = {"labels": labels, "form": "logits"}
    first = compare(p, p, **given)
    others = {
        "temperature must be the same in both, got 1.0 and 2.0": {"temperature": 2.0},
        "base must be the same in both, got None and 2.0": {"base": 2},
        "eps must be": {"eps": 0.1},
        "k must be": {"k": 3},
        "outcomes must be": {"outcomes": "common"},
        "masked must be the same in both, got False and True in row 11": {"mask": mask},
        "groups must be the same in both, got 1 and 0 in row 5": {"groups": np.arange(6) // 2},
        "nll_p must be the same in both": {"labels": np.roll(labels, 1)},
    }
    for words, keywords in others.items():
        with pytest.raises(ValueError, match=words):
            first.paired(compare(p, p, **(given | keywords)))
    with pytest.raises(ValueError, match="nll_p must be the same in both, got it in one alone"):
        first.paired(compare(p, p, form="logits"))
    with pytest.raises(ValueError, match="number of rows must be the same in both, got 30 and 25"):
        first.paired(compare(p[1:], p[1:], labels=labels[1:], form="logits"))
    with pytest.raises(ValueError, match="outcomes scored must be the same in both, got 20 and 19"):
        first.paired(compare(p[..., :19], p[..., :19], labels=labels % 19, form="logits"))
    swapped = p[..., ::-1].copy()  # of the same entropies
    with pytest.raises(ValueError, match=r"top_p must be the same in both, got \d+ and \d+ in row"):
        compare(p, p, form="logits").paired(compare(swapped, p, form="logits"))
