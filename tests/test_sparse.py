"""``compare_sparse``: what each tail makes of two lists, what goes in, what comes out."""

import math

import numpy as np
import pytest

import kl_c
import limits
from kl_c import InvalidRowsError, SparseComparison, compare, compare_sparse
from sparse_lists import Measures, bucket, exact_list, renormalised, tops, uniform

MEASURES = ("kl", "reverse_kl", "js", "total_variation", "cross_entropy", "entropy_p", "entropy_q")
VOCABULARY = 40
REFERENCE = {
    "bucket": bucket,
    "renormalize": renormalised,
    "uniform": lambda p, q: uniform(p, q, VOCABULARY),
}


@pytest.fixture(scope="module")
def rows():
    """60 pairs of close distributions over 40 outcomes, and an outcome of each p."""
    rng = np.random.default_rng(0)
    a = rng.normal(scale=2, size=(60, VOCABULARY))
    b = a + rng.normal(scale=0.7, size=a.shape)
    labels = (a + rng.gumbel(size=a.shape)).argmax(-1)
    p, q = (np.exp(x) / np.exp(x).sum(-1, keepdims=True) for x in (a, b))
    return p, q, labels


@pytest.fixture(scope="module")
def lists(rows):
    """The ten likeliest of p and the seven likeliest of q, in no order."""
    rng = np.random.default_rng(1)
    return tops(rows[0], 10, rng), tops(rows[1], 7, rng)


@pytest.mark.parametrize("base", [None, 2])
@pytest.mark.parametrize("tail", REFERENCE)
def test_every_tail_is_the_sum_over_its_outcomes(lists, tail, base):
    found = compare_sparse(*lists, tail=tail, vocabulary=VOCABULARY, base=base)
    unit = 1 if base is None else math.log(base)
    for row, sides in enumerate(zip(*(zip(*side, strict=True) for side in lists), strict=True)):
        exact = Measures(*REFERENCE[tail](*sides))
        for name in MEASURES:
            value = float(getattr(exact, name)()) / (1 if name == "total_variation" else unit)
            assert getattr(found, name)[row] == pytest.approx(
                value, rel=limits.SPARSE_TAIL, abs=limits.SPARSE_TAIL
            ), name


def test_lists_say_their_rest_their_tops_and_what_they_share(rows, lists):
    found = compare_sparse(*lists)
    whole = compare(*rows[:2])
    for row, sides in enumerate(zip(*(zip(*side, strict=True) for side in lists), strict=True)):
        (p, rest_p), (q, rest_q) = (exact_list(*side) for side in sides)
        assert found.rest_p[row] == pytest.approx(float(rest_p), rel=limits.SPARSE_TAIL)
        assert found.rest_q[row] == pytest.approx(float(rest_q), rel=limits.SPARSE_TAIL)
        assert found.shared[row] == len(p.keys() & q.keys())
    for name in ("top_p", "top_q", "same_top"):
        np.testing.assert_array_equal(getattr(found, name), getattr(whole, name))


@pytest.mark.parametrize("tail", REFERENCE)
def test_labels_are_exact_where_they_are_listed(rows, lists, tail):
    p, _, labels = rows
    found = compare_sparse(*lists, labels, tail=tail, vocabulary=VOCABULARY)
    listed = (lists[0][0] == labels[:, None]).any(1)
    assert listed.any() and not listed.all()
    np.testing.assert_array_equal(found.listed_p, listed)
    exact = -np.log(p[np.arange(60), labels])
    np.testing.assert_allclose(found.nll_p[listed], exact[listed], rtol=limits.SPARSE_TAIL)
    if tail == "uniform":
        share = found.rest_p[~listed] / (VOCABULARY - 10)
        np.testing.assert_allclose(found.nll_p[~listed], -np.log(share))
    else:  # no more than it can be
        assert (found.nll_p[~listed] <= exact[~listed]).all()


def test_bounds_are_moved_by_no_more_than_the_page_says(source_tree):
    assert limits.SPARSE_MARGIN <= limits.SPARSE_MARGIN_SAID
    said = f"but for a margin of {limits.SPARSE_MARGIN_SAID:g} and"
    assert said in (source_tree / "docs" / "sparse.md").read_text()


def test_a_bucket_is_below_its_bound_and_that_below_the_truth(rows, lists):
    whole = compare(*rows[:2])
    found = compare_sparse(*lists, bounds=True)
    for name in ("kl", "reverse_kl", "js", "total_variation"):
        value = getattr(found, name)
        assert (
            value <= found.lower[name] + limits.SPARSE_MARGIN * (1 + value) + limits.SPARSE_TAIL
        ).all()
        assert (found.lower[name] <= getattr(whole, name)).all()
        assert (value < getattr(whole, name)).any()


@pytest.mark.parametrize("form", kl_c._kernels.FORMS)
def test_whole_rows_in_every_form(rows, lists, form):
    p, _, _ = rows
    counts = np.round(p * 2.0**40)
    given = {"probs": p, "counts": counts, "log_probs": np.log(p), "logits": np.log(p) + 3}[form]
    of_p = counts / counts.sum(-1, keepdims=True) if form == "counts" else p
    found = compare_sparse(given, lists[1], form=form, bounds=True)
    again = compare_sparse(tops(of_p, VOCABULARY), lists[1], vocabulary=VOCABULARY, bounds=True)
    for name in MEASURES:
        np.testing.assert_allclose(getattr(found, name), getattr(again, name), rtol=1e-9)
    assert np.isfinite(found.upper["reverse_kl"]).all()
    assert not np.isfinite(found.upper["kl"]).any()


def test_order_padding_and_blocks_change_nothing(lists):
    (ids, logs), q = lists
    expected = compare_sparse(*lists, bounds=True)
    padded = np.full((60, 13), -1), np.full((60, 13), np.nan)
    padded[0][:, 3:], padded[1][:, 3:] = ids[:, ::-1], logs[:, ::-1]
    minus = np.where(padded[0] == -1, 0, padded[0]), np.where(padded[0] == -1, -np.inf, padded[1])
    for p in (padded, minus):
        found = compare_sparse(p, q, bounds=True)
        for name in MEASURES:
            np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-12)
    parts = SparseComparison(bounds=True)
    for block in np.split(np.arange(60), [7, 7, 50]):
        parts.update(*((ids[block], logs[block]) for ids, logs in lists))
    for name in ("kl", "top_p", "shared", "valid"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(expected, name))
    np.testing.assert_array_equal(parts.upper["js"], expected.upper["js"])
    assert len(parts) == 60


def test_narrow_types_are_the_numbers_that_they_are(lists):
    for dtype in (np.float32, np.float16):
        narrow = [(ids.astype(np.int32), logs.astype(dtype)) for ids, logs in lists]
        wide = [(ids, logs.astype(np.float64)) for ids, logs in narrow]
        found = compare_sparse(*narrow)
        np.testing.assert_array_equal(found.kl, compare_sparse(*wide).kl)


def test_mask_groups_and_bad_rows(rows, lists):
    (ids, logs), q = lists
    logs = logs.copy()
    logs[3] += 1
    mask = np.arange(60) != 5
    logs[5] = np.nan
    with pytest.raises(InvalidRowsError, match="row 3 of p sums to"):
        compare_sparse((ids, logs), q, mask=mask)
    groups = np.arange(60) // 6
    found = compare_sparse((ids, logs), q, rows[2], mask=mask, groups=groups, invalid="nan")
    np.testing.assert_array_equal(np.flatnonzero(~found.valid), [3, 5])
    np.testing.assert_array_equal(np.flatnonzero(found.masked), [5])
    assert np.isnan(found.kl[[3, 5]]).all() and found.top_p[3] == -1 and not found.same_top[5]
    summary = found.summary()
    assert summary["rows"] == {
        "total": 60,
        "used": 58,
        "left_out": 1,
        "masked": 1,
        "infinite": 0,
    }
    assert summary["clusters"] == {"count": 10, "status": "few"}
    three = compare_sparse(*((x.reshape(6, 10, -1), y.reshape(6, 10, -1)) for x, y in lists))
    np.testing.assert_array_equal(three.groups, np.arange(60) // 10)


def test_summary_is_that_of_the_columns(lists):
    found = compare_sparse(*lists, bounds=True, base=2)
    summary = found.summary()
    assert (summary["unit"], summary["tail"], summary["vocabulary"]) == ("bits", "bucket", None)
    assert summary["statistics"]["kl"]["mean"] == pytest.approx(found.kl.mean())
    assert summary["lists"]["rest_q"]["median"] == pytest.approx(np.median(found.rest_q))
    of_js = summary["bounds"]["js"]
    width = found.upper["js"] - found.lower["js"]
    assert of_js["width"]["median"] == pytest.approx(np.median(width))
    assert of_js["lower"]["mean"] < summary["bounds"]["js"]["upper"]["mean"]
    error = found.kl.std(ddof=1) / math.sqrt(60)
    assert summary["statistics"]["kl"]["standard_error"] == pytest.approx(error)
    assert "mean kl" in repr(found) and "kl" in dir(found)
    for settings in ({}, {"floor": 1e-3, "vocabulary": 200, "bounds": True}, {"tail": "uniform"}):
        assert SparseComparison(**settings).summary()["rows"]["total"] == 0


def test_nothing_shared_leaves_nothing_to_renormalise():
    p, q = ((np.array([[x]]), np.log([[0.9]])) for x in (0, 1))
    found = compare_sparse(p, q, tail="renormalize")
    assert not found.valid[0] and found.summary()["rows"]["left_out"] == 1
    assert compare_sparse(p, q).total_variation[0] == 0  # all is in the bucket
    assert compare_sparse(p, q, bounds=True).lower["total_variation"][0] == pytest.approx(0.8)


def test_one_unlisted_outcome_is_no_secret():
    """Two of three are listed: the third has what is left, on both sides."""
    side = np.array([[0, 1]]), np.log([[0.5, 0.4]])
    found = compare_sparse(side, side, bounds=True, vocabulary=3)
    for name in ("kl", "js"):
        assert 0 == found.lower[name][0] <= found.upper[name][0] <= limits.SPARSE_TAIL


def test_no_rows_and_no_good_rows():
    none = np.zeros((0, 3), int), np.zeros((0, 3))
    found = compare_sparse(none, none, bounds=True, vocabulary=9)
    assert found.kl.shape == found.upper["js"].shape == (0,)
    twice = np.array([[0, 0]]), np.log([[0.5, 0.4]])
    for tail in REFERENCE:
        found = compare_sparse(
            twice, twice, bounds=True, vocabulary=9, invalid="nan", tail=tail, groups=[4]
        )
        assert found.summary()["rows"]["left_out"] == 1 and np.isnan(found.lower["kl"]).all()


GOOD = np.array([[0, 1], [1, 2]]), np.log([[0.5, 0.4], [0.6, 0.3]])
UNSIGNED = np.array([[0, 1], [2, 2**64 - 1]], np.uint64)
FAR = np.array([[0, 1], [2, 2**63 - 1]])
WHOLE = np.array([[0, 1, 2]] * 2), np.log([[0.6, 0.3, 0.1]] * 2)


@pytest.mark.parametrize(
    ("ids", "logs", "said"),
    [
        ([[0, 1], [2, 2]], GOOD[1], "row 1 of p lists id 2 twice"),
        ([[0, 1], [2, 2]], np.log([[0.5, 0.4], [0.7, 0.7]]), "row 1 of p lists id 2 twice"),
        ([[0, 1], [-2, 2]], GOOD[1], "row 1 of p holds id -2; ids must not be negative"),
        ([[0, 9], [1, 8]], GOOD[1], r"row 0 of p holds id 9 \(and 1 more row is invalid\)"),
        (GOOD[0], np.log([[0.5, 0.4], [0.9, 0.6]]), "row 1 of p sums to 1.5 in probability"),
        (GOOD[0], [[-1.0, np.nan], [-1, -2]], "row 0 of p holds NaN"),
        ([[-1, -1], [1, 2]], GOOD[1], "row 0 of p"),
        (GOOD[0], np.full((2, 2), -np.inf), "row 0 of p"),
        (GOOD[0], np.log([[0.5, 0.4], [0.1, 0.1]]), "row 1 of p leaves 0.8 to 6 of at most 0.1"),
    ],
)
def test_rows_that_are_no_lists_are_named(ids, logs, said):
    with pytest.raises(InvalidRowsError, match=said) as caught:
        compare_sparse((np.array(ids), np.array(logs)), GOOD, vocabulary=8, bounds=True)
    assert caught.value.array == "p"


@pytest.mark.parametrize(
    ("p", "keywords", "error", "said"),
    [
        (np.ones((2, 3)) / 3, {"q": np.ones((2, 3)) / 3}, ValueError, "expected a pair"),
        ((*GOOD, 1), {}, ValueError, "got a tuple of 3"),
        ((GOOD[1], GOOD[1]), {}, TypeError, "ids of p have dtype float64"),
        ((GOOD[0], GOOD[1] * 1j), {}, TypeError, "log_probs of p have dtype complex128"),
        ((GOOD[0], GOOD[1][:1]), {}, ValueError, "ids and log_probs of p must be of one shape"),
        (([[0], [1, 2]], GOOD[1]), {}, ValueError, "filled up with ids of -1"),
        ((GOOD[0][:1], GOOD[1][:1]), {}, ValueError, "same rows"),
        ((GOOD[0][:, :0], GOOD[1][:, :0]), {}, ValueError, "at least one outcome"),
        (np.float64(1), {}, ValueError, "axis of outcomes"),
        (np.zeros((2, 0)), {}, ValueError, r"p must have at least one outcome, got shape \(2, 0\)"),
        ([[0.5, 0.5], [1.0]], {}, ValueError, r"p must be a pair .* got rows of different length"),
        ((GOOD[0], np.zeros((2, 2), "V4")), {}, TypeError, "log_probs of p have dtype"),
        ((UNSIGNED, GOOD[1]), {}, ValueError, "p holds id 18446744073709551615; ids must be less"),
        ((FAR, GOOD[1]), {}, ValueError, "p holds id 9223372036854775807; ids must be less"),
        (GOOD, {"tail": "drop"}, ValueError, "tail must be one of 'bucket'"),
        (GOOD, {"tail": "uniform"}, ValueError, "tail='uniform' needs vocabulary="),
        (GOOD, {"floor": 1e-9}, ValueError, "floor needs vocabulary="),
        (GOOD, {"floor": -1.0}, ValueError, "floor must lie between 0 and 1"),
        (GOOD, {"vocabulary": 0}, ValueError, "vocabulary must be at least 1"),
        (GOOD, {"k": 1.5}, TypeError, "k must be an integer"),
        (GOOD, {"form": "nats"}, ValueError, "form must be one of"),
        (GOOD, {"invalid": "ignore"}, ValueError, "invalid must be 'raise' or 'nan'"),
        (np.full((2, 4), 0.25), {"vocabulary": 5}, ValueError, "as many outcomes as the vocab"),
        (np.full((2, 4), 0.5), {}, InvalidRowsError, "row 0 of p sums to 2"),
        (GOOD, {"labels": [0, -1]}, InvalidRowsError, "row 1 of labels is -1"),
        (GOOD, {"labels": [0, 9], "vocabulary": 8}, InvalidRowsError, "must lie in 0 ... 7"),
        (WHOLE, {"floor": 0.2, "vocabulary": 3}, InvalidRowsError, "row 0 of p lists a prob"),
        (
            [[0.5, 0.5, 0.0]] * 2,
            {"floor": 0.1},
            InvalidRowsError,
            "row 0 of p holds a probability b",
        ),
        (GOOD, {"floor": None}, TypeError, "floor must be a number, got None"),
        (GOOD, {"floor": "a"}, TypeError, "floor must be a number, got 'a'"),
        (GOOD, {"floor": float("nan")}, ValueError, "floor must lie between 0 and 1, got nan"),
        (GOOD, {"floor": 0.05, "vocabulary": 30}, InvalidRowsError, "must have the floor"),
    ],
)
def test_wrong_arguments(p, keywords, error, said):
    with pytest.raises(error, match=said):
        compare_sparse(p, keywords.pop("q", GOOD), **keywords)


def test_a_block_that_is_refused_leaves_the_comparison_as_it_was():
    gathered = SparseComparison()
    gathered.update(GOOD, GOOD)
    with pytest.raises(InvalidRowsError, match="row 3 of q"):
        gathered.update(GOOD, (GOOD[0], np.log([[0.5, 0.4], [0.9, 0.9]])))
    with pytest.raises(ValueError, match="labels with every block or with none"):
        gathered.update(GOOD, GOOD, [0, 1])
    assert len(gathered) == 2 and gathered.kl.shape == (2,)
    with pytest.raises(ValueError, match="expected None outcomes as in the blocks before, got 9"):
        gathered.update(GOOD, np.full((2, 9), 1 / 9))
    with pytest.raises(AttributeError, match="needs bounds=True"):
        _ = gathered.lower
    with pytest.raises(AttributeError, match="no attribute 'nll_p'"):
        _ = gathered.nll_p


def test_groups_are_given_with_every_block_or_count_axis_0():
    """And what is refused takes no numbers of groups."""
    two = tuple(x[:, None] for x in GOOD)  # 2 x 1 rows
    by_axis = SparseComparison()
    by_axis.update(two, two)
    with pytest.raises(ValueError, match="expected labels with every block or with none"):
        by_axis.update(two, two, [[0], [1]])
    with pytest.raises(ValueError, match="groups to be given with every block, or to count axis 0"):
        by_axis.update(two, two, groups=[[7], [7]])
    with pytest.raises(ValueError, match="expected groups with every block or with none"):
        by_axis.update(GOOD, GOOD)
    with pytest.raises(InvalidRowsError, match="row 2 of p lists id 1 twice"):
        by_axis.update((np.ones_like(two[0]), two[1]), two)
    by_axis.update(two, two)
    np.testing.assert_array_equal(by_axis.groups, [0, 1, 2, 3])
    given = SparseComparison()
    given.update(GOOD, GOOD, groups=[5, 5])
    with pytest.raises(ValueError, match="groups to be given with every block, or to count axis 0"):
        given.update(two, two)
    given.update(GOOD, GOOD, groups=[5, 6])
    np.testing.assert_array_equal(given.groups, [5, 5, 5, 6])


def test_memory_does_not_grow_with_the_rows():
    import tracemalloc

    rng = np.random.default_rng(2)
    p = rng.dirichlet(np.ones(2000), 400)
    lists = tops(p, 20)
    compare_sparse(lists, p, bounds=True)  # what is loaded once
    tracemalloc.start()
    compare_sparse(lists, p, bounds=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < limits.SPARSE_BYTES
