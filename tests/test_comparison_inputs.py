"""What goes with the rows of a comparison: masks, tokens, groups, outcomes of one side alone."""

import json
import math
import warnings

import numpy as np
import pytest

import kl_c
import limits
from expected_comparison import as_probs
from kl_c import Comparison, InvalidRowsError, _kernels, compare
from program import complaint, run

each_form = pytest.mark.parametrize("form", _kernels.FORMS)


def make(*shape, seed=0, noise=0.3):
    rng = np.random.default_rng(seed)
    p = rng.normal(size=shape) * 2
    return p, p + rng.normal(size=shape) * noise


def as_form(logits, form):
    probs = as_probs(logits, "logits")
    forms = {"probs": probs, "counts": probs * 1e4, "log_probs": np.log(probs), "logits": logits}
    return forms[form]


def drawn_from(logits, seed=0):
    gumbel = np.random.default_rng(seed).gumbel(size=logits.shape)
    return (logits + gumbel).argmax(-1)


def columns_of(comparison):
    return comparison._columns()


def assert_same(left, right):
    assert set(columns_of(left)) == set(columns_of(right))
    for name, column in columns_of(left).items():
        np.testing.assert_array_equal(column, columns_of(right)[name], err_msg=name)


# Masks


@each_form
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_masked_rows_are_not_looked_at(form, dtype):
    p, q = (as_form(x, form).astype(dtype) for x in make(30, 40))
    labels = np.arange(30) % 40
    mask = np.random.default_rng(1).random(30) < 0.6
    clean = compare(p[mask], q[mask], labels=labels[mask], form=form, k=3)
    bad_p, bad_labels = p.copy(), labels.copy()
    bad_p[~mask], bad_labels[~mask] = np.nan, -100
    masked = compare(bad_p, q, labels=bad_labels, form=form, k=3, mask=mask)
    np.testing.assert_array_equal(masked.valid, mask)
    np.testing.assert_array_equal(masked.masked, ~mask)
    for name in ("kl", "nll_q", "top_p", "same_top", "label_change", "topk_overlap"):
        np.testing.assert_array_equal(getattr(masked, name)[mask], getattr(clean, name))
    assert np.isnan(masked.kl[~mask]).all() and (masked.top_p[~mask] == -1).all()
    rows = masked.summary()["rows"]
    assert rows == {
        "total": 30, "used": mask.sum(), "left_out": 0, "masked": (~mask).sum(), "infinite": 0
    }  # fmt: skip
    assert masked.summary()["statistics"]["kl"] == clean.summary()["statistics"]["kl"]


def test_a_masked_row_is_told_from_one_left_out():
    p, q = make(6, 10)
    p[2] = p[4] = np.nan
    mask = np.arange(6) != 4
    rows = compare(p, q, form="logits", mask=mask, invalid="nan").summary()["rows"]
    assert (rows["used"], rows["left_out"], rows["masked"]) == (4, 1, 1)
    with pytest.raises(InvalidRowsError, match="row 2 of p"):
        compare(p, q, form="logits", mask=mask)


def test_masks_that_do_not_fit():
    p, q = make(6, 10)
    with pytest.raises(
        ValueError, match=r"mask must have the shape of the rows, \(6,\), got \(5,\)"
    ):
        compare(p, q, form="logits", mask=np.ones(5, bool))
    with pytest.raises(TypeError, match="mask has dtype int64; expected bool"):
        compare(p, q, form="logits", mask=np.ones(6, int))


# Tokens


def test_tokens_are_the_labels_of_the_row_before():
    p, q = make(3, 7, 20)
    tokens = np.random.default_rng(1).integers(0, 20, (3, 7))
    found = compare(p, q, tokens=tokens, form="logits")
    aligned = compare(p[:, :-1], q[:, :-1], labels=tokens[:, 1:], form="logits")
    last = np.arange(21) % 7 == 6
    np.testing.assert_array_equal(found.masked, last)
    for name in ("kl", "nll_p", "nll_q", "label_change"):
        np.testing.assert_array_equal(getattr(found, name)[~last], getattr(aligned, name))
    rows, column = np.arange(3)[:, None], np.arange(6)
    direct = -np.log(as_probs(p, "logits"))[rows, column, tokens[:, 1:]]
    np.testing.assert_allclose(found.nll_p[~last], direct.ravel(), rtol=1e2 * limits.FLOAT64)
    assert found.summary()["rows"]["masked"] == 3
    one = compare(p[0], q[0], tokens=tokens[0], form="logits")
    np.testing.assert_array_equal(one.kl, found.kl[:7])


def test_a_mask_of_tokens_becomes_one_of_rows_as_documented():
    p, q = make(2, 5, 20)
    tokens = np.array([[1, 2, 3, 4, 5], [6, 7, 8, -1, -1]])
    mask = tokens >= 0
    mask[:, :-1] &= mask[:, 1:]
    found = compare(p, q, tokens=tokens, mask=mask, form="logits")
    np.testing.assert_array_equal(found.valid.reshape(2, 5).sum(1), [4, 2])


def test_tokens_and_labels_exclude_each_other():
    p, q = make(2, 5, 20)
    tokens = np.zeros((2, 5), int)
    with pytest.raises(ValueError, match="labels, which are aligned, or tokens"):
        compare(p, q, tokens=tokens, labels=tokens, form="logits")
    with pytest.raises(ValueError, match=r"tokens must have the shape of the rows, \(2, 5\)"):
        compare(p, q, tokens=tokens[0], form="logits")
    with pytest.raises(TypeError, match="tokens have dtype float64; expected an integer type"):
        compare(p, q, tokens=tokens * 1.0, form="logits")


# Labels that belong to another row


@pytest.mark.parametrize("step", [1, -1])
def test_labels_of_the_wrong_row_are_noticed(step):
    logits = make(400, 50)[0] * 2
    tokens = drawn_from(logits)
    right = compare(logits, logits, labels=tokens, form="logits")
    assert right.summary()["label_shift"]["suspected"] is False
    with pytest.warns(UserWarning, match="the labels look shifted") as caught:
        wrong = compare(logits, logits, labels=np.roll(tokens, step), form="logits")
    assert ("next" if step == 1 else "previous") in str(caught[0].message)
    shift = wrong.summary()["label_shift"]  # said once
    assert shift["suspected"] is True
    inner = slice(1, -1)
    moved = wrong.nll_p[inner] - right.nll_p[inner]
    mean = shift["next"] if step == 1 else shift["previous"]
    assert mean == pytest.approx(moved.mean(), abs=0.2)  # but for the ends
    assert mean > 1


@each_form
def test_the_drop_is_the_difference_of_two_means(form):
    p = as_form(make(30, 12)[0], form)
    labels = np.random.default_rng(3).integers(0, 12, 30)
    shift = compare(p, p, labels=labels, form=form).summary()["label_shift"]
    nll = kl_c.nll(labels, as_form(make(30, 12)[0], "probs"))
    probs = as_form(make(30, 12)[0], "probs")
    after = kl_c.nll(labels[1:], probs[:-1])
    before = kl_c.nll(labels[:-1], probs[1:])
    assert shift["next"] == pytest.approx((nll[:-1] - after).mean(), rel=1e-5)
    assert shift["previous"] == pytest.approx((nll[1:] - before).mean(), rel=1e-5)


def test_the_shift_is_the_same_block_by_block():
    logits, labels = make(60, 20)[0], np.random.default_rng(1).integers(0, 20, 60)
    logits[13] = np.nan
    keywords = {"form": "logits", "invalid": "nan"}
    whole = compare(logits, logits, labels=labels, **keywords)
    for size in (1, 7, 60):
        blocks = Comparison(**keywords)
        buffer = np.empty((size, 20))  # the caller's memory, used again
        for start in range(0, 60, size):
            rows = logits[start : start + size]
            buffer[: len(rows)] = rows
            blocks.update(buffer[: len(rows)], rows, labels[start : start + size])
        assert_same(blocks, whole)
        assert json.dumps(blocks.summary()) == json.dumps(whole.summary())  # NaN is NaN there


def test_rows_of_other_groups_are_no_neighbours():
    logits = make(5, 1, 20)[0]
    shift = compare(logits, logits, labels=np.zeros((5, 1), int), form="logits")
    assert math.isnan(shift.summary()["label_shift"]["next"])


def test_few_rows_that_drop_by_chance_are_no_fault():
    logits = np.zeros((3, 4))
    logits[:, 1] = [0, 9, 0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compare(logits, logits, labels=[0, 0, 1], form="logits")


# Groups


def test_axis_0_is_the_group_of_three_axes():
    p, q = make(4, 5, 20)
    found = compare(p, q, form="logits")
    np.testing.assert_array_equal(found.groups, np.repeat(np.arange(4), 5))
    named = compare(p, q, form="logits", groups=[7, 7, 2, 9])
    np.testing.assert_array_equal(named.groups, np.repeat([7, 7, 2, 9], 5))
    each = np.arange(20).reshape(4, 5) // 3
    of_rows = compare(p, q, form="logits", groups=each)
    np.testing.assert_array_equal(of_rows.groups, each.ravel())
    with pytest.raises(AttributeError, match=r"groups needs groups, and update\(\) was"):
        _ = compare(p[0], q[0], form="logits").groups
    assert "clusters" not in compare(p[0], q[0], form="logits").summary()


def test_groups_by_axis_go_on_from_block_to_block():
    p, q = make(6, 5, 20)
    blocks = Comparison(form="logits")
    for start, stop in ((0, 1), (1, 4), (4, 6)):
        blocks.update(p[start:stop], q[start:stop])
    assert_same(blocks, compare(p, q, form="logits"))


def test_groups_that_do_not_fit():
    p, q = make(4, 5, 20)
    for groups in (np.arange(5), np.zeros((4, 6), int), 3):
        with pytest.raises(
            ValueError, match=r"groups must have the shape of the rows, \(4, 5\), or"
        ):
            compare(p, q, form="logits", groups=groups)
    with pytest.raises(TypeError, match="groups have dtype float64; expected an integer type"):
        compare(p, q, form="logits", groups=np.zeros(4))
    comparison = Comparison(form="logits")
    comparison.update(p[0], q[0])
    with pytest.raises(ValueError, match="groups with every block or with none"):
        comparison.update(p, q)
    comparison = Comparison(form="logits")
    comparison.update(p, q)
    with pytest.raises(ValueError, match="given with every block, or to count axis 0"):
        comparison.update(p, q, groups=np.arange(4))


# Outcomes that only one side has


@each_form
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_shared_outcomes_are_scored_as_distributions_of_their_own(form, dtype):
    a, b = make(9, 60)
    p, q = as_form(a, form).astype(dtype), as_form(b[:, :50], form).astype(dtype)
    found = compare(p, q, form=form, outcomes="common", k=4)
    of_p, of_q = (as_probs(x.astype(np.float64), form) for x in (p, q))
    head = of_p[:, :50] / of_p[:, :50].sum(1, keepdims=True)
    kl = (head * np.log(head / of_q)).sum(1)
    share = limits.NARROWER if dtype != "float64" else limits.FLOAT64
    np.testing.assert_allclose(found.kl, kl, rtol=1e2 * share)
    np.testing.assert_allclose(found.beyond_p, of_p[:, 50:].sum(1), rtol=1e2 * share)
    np.testing.assert_array_equal(found.beyond_q, 0)
    assert found.top_p.max() < 50
    summary = found.summary()["statistics"]["beyond_p"]
    assert summary["mean"] == found.beyond_p.mean() and summary["maximum"] == found.beyond_p.max()


@pytest.mark.parametrize(
    "forms", [("logits", "logits"), ("log_probs", "logits"), ("probs", "logits")]
)
def test_a_number_of_outcomes_under_a_temperature(forms):
    a, b = make(9, 60)
    p, q = as_form(a, forms[0]), as_form(b, forms[1])
    found = compare(p, q, form=forms, outcomes=45, temperature=2.5)
    of_p, of_q = (as_probs(x, form, 2.5) for x, form in ((p, forms[0]), (q, forms[1])))
    for values, probs in ((found.beyond_p, of_p), (found.beyond_q, of_q)):
        np.testing.assert_allclose(values, probs[:, 45:].sum(1), rtol=1e2 * limits.FLOAT64)
    of_p, of_q = (x[:, :45] / x[:, :45].sum(1, keepdims=True) for x in (of_p, of_q))
    kl = (of_p * np.log(of_p / of_q)).sum(1)
    np.testing.assert_allclose(found.kl, kl, rtol=1e2 * limits.FLOAT64)


def test_padding_that_is_impossible_or_holds_all():
    p, _ = make(3, 20)
    p[0, 15:] = -np.inf
    p[1, 15:] = 800
    found = compare(p, p, form="logits", outcomes=15)
    assert found.beyond_p[0] == 0 and found.beyond_p[1] == 1
    assert (found.kl == 0).all()
    p[2, :15] = -np.inf
    with pytest.raises(InvalidRowsError, match="row 2 of p is -inf everywhere"):
        compare(p, p, form="logits", outcomes=15)


def test_masses_beyond_the_range_of_float32():
    counts = np.full((2, 600), 1e37, np.float32)
    counts[1, :400] = 1e-38
    found = compare(counts, counts, form="counts", outcomes=450)
    share = [0.25, 15 / 20]
    np.testing.assert_allclose(found.beyond_p, share, rtol=1e2 * limits.NARROWER)


def test_the_whole_row_must_be_valid():
    probs = as_form(make(4, 20)[0], "probs")
    bad = probs.copy()
    bad[2, 18] = np.nan
    with pytest.raises(InvalidRowsError, match="row 2 of q holds NaN at outcome 18"):
        compare(probs, bad, outcomes=15)
    short = probs.copy()
    short[1] *= 0.5
    with pytest.raises(InvalidRowsError, match=r"row 1 of p sums to 0\.5;"):
        compare(short, probs, outcomes=15)
    left = compare(short, bad, outcomes=15, invalid="nan")
    np.testing.assert_array_equal(left.valid, [True, False, False, True])


def test_a_label_beyond_the_shared_outcomes_is_an_error():
    p, q = make(4, 20)
    with pytest.raises(
        InvalidRowsError, match=r"row 3 of labels is 15; labels must lie in 0 ... 14"
    ):
        compare(p, q, form="logits", labels=[0, 1, 14, 15], outcomes=15)


def test_different_widths_are_named():
    p, q = make(4, 20)
    with pytest.raises(ValueError, match=r"got \(4, 20\) and \(4, 19\): 20 and 19 outcomes"):
        compare(p, q[:, :19], form="logits")
    with pytest.raises(ValueError, match="outcomes=21 must be within both rows, got 20 outcomes"):
        compare(p, q, form="logits", outcomes=21)
    with pytest.raises(
        ValueError, match="outcomes must be 'equal', 'common' or a number, got 'all'"
    ):
        Comparison(outcomes="all")
    with pytest.raises(ValueError, match="outcomes must be at least 1, got 0"):
        Comparison(outcomes=0)
    comparison = compare(p, q[:, :19], form="logits", outcomes="common")
    with pytest.raises(ValueError, match=r"expected \(20, 19\) outcomes as in the blocks before"):
        comparison.update(p, q)


# The change of the label's probability


def test_the_change_of_a_label_keeps_its_digits_in_any_unit():
    logits = np.log([[0.5, 0.25, 0.25]])
    near = logits + np.array([1e-9, 0, 0])
    exact = 0.25 * 1e-9
    for base in (None, 2, 10):
        change = compare(logits, near, form="logits", labels=[0], base=base).label_change[0]
        assert change == pytest.approx(
            exact, rel=1e-6
        )  # of 1e-9, of what float64 holds of 1 + 1e-9
    impossible = np.log([[0.5, 0.5, 1e-300]])
    impossible[0, 2] = -np.inf
    assert compare(logits, impossible, form="logits", labels=[2]).label_change[0] == -0.25
    assert compare(impossible, impossible, form="logits", labels=[2]).label_change[0] == 0


# The program


@pytest.fixture
def folder(tmp_path):
    p, q = (x.astype(np.float32) for x in make(6, 5, 20))
    np.save(tmp_path / "base.npy", p)
    np.save(tmp_path / "other.npy", q)
    np.save(tmp_path / "wide.npy", np.concatenate([q, q[..., :3]], -1))
    np.save(tmp_path / "tokens.npy", drawn_from(p))
    np.save(tmp_path / "mask.npy", np.arange(30).reshape(6, 5) % 5 != 2)
    np.save(tmp_path / "groups.npy", np.arange(6) // 2)
    return tmp_path


def test_options_give_what_the_keywords_give(folder):
    p, q, wide, tokens, mask, groups = (
        np.load(folder / f"{name}.npy")
        for name in ("base", "other", "wide", "tokens", "mask", "groups")
    )
    cases = [
        (("--tokens", "tokens.npy", "--mask", "mask.npy"), q, {"tokens": tokens, "mask": mask}),
        (("--groups", "groups.npy", "--k", "3"), q, {"groups": groups, "k": 3}),
        (("--outcomes", "common"), wide, {"outcomes": "common"}),
        (("--outcomes", "15", "--labels", "small.npy"), q, {"outcomes": 15, "labels": tokens % 15}),
    ]
    np.save(folder / "small.npy", tokens % 15)
    for options, other, keywords in cases:
        name = "wide.npy" if other is wide else "other.npy"
        run(
            "score",
            "base.npy",
            name,
            "--form",
            "logits",
            *options,
            "--rows",
            "rows.npz",
            cwd=folder,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = compare(p, other, form="logits", **keywords)
        loaded = Comparison.load(folder / "rows.npz")
        assert_same(loaded, expected)
        assert loaded.settings == expected.settings
        assert loaded._groups_by_axis == expected._groups_by_axis


def test_the_foot_says_what_to_know(folder):
    np.save(folder / "labels.npy", np.roll(np.load(folder / "tokens.npy"), 1, axis=1))
    scale = np.load(folder / "base.npy") * 4
    np.save(folder / "base.npy", scale)
    np.save(folder / "labels.npy", np.roll(drawn_from(scale), 1, axis=1))
    options = ("--labels", "labels.npy", "--outcomes", "19", "--invalid", "nan")
    done = run("score", "base.npy", "other.npy", "--form", "logits", *options, cwd=folder)
    assert "6 groups: below 30, errors by groups are rough" in done.stdout
    assert "mass of the outcomes left out: p 0." in done.stdout
    assert "warning: the labels look shifted" in done.stdout
    assert done.stderr == ""
    assert "5 masked" not in done.stdout


def test_files_that_do_not_fit_are_named(folder):
    wrong = [
        (("--mask", "tokens.npy"), "tokens.npy: expected a mask of bool, found dtype int64"),
        (("--groups", "base.npy"), "base.npy: expected one group for each row"),
        (("--tokens", "mask.npy"), "mask.npy: "),
        (("--labels", "tokens.npy", "--tokens", "tokens.npy"), "expected one of them, found both"),
        (("--k", "21"), "base.npy: k must be at most the number of outcomes, 20, got 21"),
        (("--k", "0"), "k must be at least 1, got 0"),
        (("--outcomes", "21"), "outcomes=21 must be within both rows"),
        (("--outcomes", "most"), "outcomes must be 'equal', 'common' or a number"),
    ]
    for options, words in wrong:
        assert words in complaint(
            "score", "base.npy", "other.npy", "--form", "logits", *options, cwd=folder
        )
    line = complaint("score", "base.npy", "wide.npy", "--form", "logits", cwd=folder)
    assert "found (6, 5, 23) (--outcomes common scores" in line
