"""``compare`` and ``Comparison``: the statistics, the blocks, what is left out, what is kept."""

import copy
import math
import pickle
import zipfile

import numpy as np
import pytest

import kl_c
import limits
from expected_comparison import expected_choices, expected_columns
from kl_c import Comparison, InvalidRowsError, _kernels, compare
from kl_c import _statistics as statistics

HELD = statistics.held(True, statistics.Settings())
NAMES = [statistic.name for statistic in HELD]
WITH_MEAN = [statistic.name for statistic in HELD if statistic.has_mean]
WITHOUT_LABELS = [s.name for s in statistics.held(False, statistics.Settings())]


def make_pair(form, *, rows=40, outcomes=50, dtype=np.float64, seed=0):
    """Two close sets of rows in one form, and a label for each row."""
    rng = np.random.default_rng(seed)
    p = rng.normal(size=(rows, outcomes)) * 2
    q = p + rng.normal(size=p.shape) * 0.3
    return tuple(as_form(x, form).astype(dtype) for x in (p, q)), rng.integers(0, outcomes, rows)


def as_form(logits, form):
    probs = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    return {
        "probs": probs,
        "counts": np.round(probs * 1e4),
        "log_probs": np.log(probs),
        "logits": logits,
    }[form]


def columns_of(comparison):
    return {name: getattr(comparison, name) for name in [*NAMES, "valid"]}


def assert_same_bits(left, right):
    for name, column in columns_of(left).items():
        np.testing.assert_array_equal(column, getattr(right, name), err_msg=name)


def assert_agrees(comparison, p, q, labels, forms, **keywords):
    expected = expected_columns(p, q, labels, forms, **keywords)
    temperature = keywords.get("temperature", 1.0)
    choices = expected_choices(p, q, forms, temperature=temperature)
    assert {*expected, *choices, "label_change"} == set(NAMES)
    dtypes = (str(p.dtype), str(q.dtype))
    for name in expected:
        values, bound, measure, of = expected[name]
        in_unit = measure not in limits.DIFFERENCES
        unit = math.log(keywords.get("base") or math.e) if in_unit else 1
        allowed = np.array([limits.error(measure, dtypes, of, v * unit) for v in values]) / unit
        error = np.abs(getattr(comparison, name) - values)
        assert (error <= allowed + bound).all(), name
    share = limits.NARROWER if limits.is_narrower(*dtypes) else limits.FLOAT64
    for name, values in choices.items():
        found = getattr(comparison, name)
        if found.dtype == np.float64:
            np.testing.assert_allclose(found, values, rtol=10 * share, err_msg=name)
        else:
            np.testing.assert_array_equal(found, values, err_msg=name)
    nats = math.log(keywords.get("base") or math.e)
    nll_p, nll_q = (expected[f"nll_{side}"][0] * nats for side in ("p", "q"))
    change = np.exp(-nll_q) - np.exp(-nll_p)
    np.testing.assert_allclose(comparison.label_change, change, rtol=0, atol=10 * share)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("form", _kernels.FORMS)
def test_statistics_agree_with_the_reference(form, dtype):
    (p, q), labels = make_pair(form, dtype=dtype)
    comparison = compare(p, q, labels=labels, form=form)
    assert_agrees(comparison, p, q, labels, (form, form))


@pytest.mark.parametrize("keywords", [{"base": 2}, {"eps": 1e-2}, {"temperature": 2.5}])
def test_keywords_act_on_every_statistic_they_belong_to(keywords):
    (p, q), labels = make_pair("logits")
    comparison = compare(p, q, labels=labels, form="logits", **keywords)
    assert_agrees(comparison, p, q, labels, ("logits", "logits"), **keywords)
    assert (comparison.kl != compare(p, q, form="logits").kl).all()


@pytest.mark.parametrize("forms", [("probs", "logits"), ("log_probs", "counts")])
def test_mixed_forms(forms):
    (p, _), labels = make_pair(forms[0])
    (_, q), _ = make_pair(forms[1])
    keywords = {"temperature": 1.5} if "logits" in forms else {}
    comparison = compare(p, q, labels=labels, form=forms, **keywords)
    assert_agrees(comparison, p, q, labels, forms, **keywords)


def test_types_of_the_columns():
    (p, q), labels = make_pair("probs")
    for name, column in columns_of(compare(p, q, labels=labels)).items():
        kinds = {"tied_p": bool, "tied_q": bool, "same_top": bool, "valid": bool}
        kinds |= {"top_p": np.int32, "top_q": np.int32}
        assert column.dtype == kinds.get(name, np.float64), name
        assert column.shape == (40,)


def test_same_top_takes_the_lowest_index_among_equals():
    p = [[0.4, 0.4, 0.2], [0.0, 0.5, 0.5], [0.2, 0.4, 0.4]]
    q = [[0.5, 0.3, 0.2], [0.1, 0.5, 0.4], [0.2, 0.3, 0.5]]
    np.testing.assert_array_equal(compare(p, q).same_top, [True, True, False])
    zeros = [[-0.0, 0.0, -1.0]], [[0.0, -0.0, -1.0]]
    assert compare(*zeros, form="logits").same_top.all()


@pytest.mark.parametrize("form", _kernels.FORMS)
def test_block_by_block_equals_whole_bitwise(form):
    (p, q), labels = make_pair(form, dtype=np.float32)
    whole = compare(p, q, labels=labels, form=form)
    blocks = Comparison(form=form)
    for start, stop in [(0, 1), (1, 1), (1, 18), (18, 40)]:
        blocks.update(p[start:stop], q[start:stop], labels[start:stop])
        assert len(blocks) == stop
        assert blocks.kl.size == stop  # reading between updates changes nothing
    assert_same_bits(blocks, whole)
    assert blocks.summary() == whole.summary()


def test_workers_change_no_bit():
    (p, q), labels = make_pair("logits")
    one, two = (compare(p, q, labels=labels, form="logits", workers=n) for n in (1, 2))
    assert_same_bits(one, two)


def test_leading_axes_are_flattened_in_c_order():
    (p, q), labels = make_pair("probs")
    flat = compare(p, q, labels=labels)
    deep = compare(p.reshape(2, 4, 5, 50), q.reshape(2, 4, 5, 50), labels=labels.reshape(2, 4, 5))
    assert_same_bits(deep, flat)
    swapped = (np.moveaxis(x.reshape(8, 5, 50), 0, 1) for x in (p, q))
    order = np.arange(40).reshape(8, 5).T.ravel()
    np.testing.assert_array_equal(compare(*swapped).kl, flat.kl[order])
    row = compare(p[3], q[3], labels=labels[3])
    assert row.kl.tolist() == [flat.kl[3]]


def test_inputs_are_not_changed():
    (p, q), labels = make_pair("logits")
    before = [x.copy() for x in (p, q, labels)]
    for x in (p, q, labels):
        x.flags.writeable = False
    compare(p, q, labels=labels, form="logits", temperature=2.0, eps=1e-5)
    for x, y in zip((p, q, labels), before, strict=True):
        np.testing.assert_array_equal(x, y)


def test_no_rows():
    empty = np.empty((0, 5))
    for comparison in (Comparison(), compare(empty, empty)):
        summary = comparison.summary()
        assert len(comparison) == 0
        assert comparison.kl.shape == comparison.valid.shape == (0,)
        assert summary["rows"] == {"total": 0, "used": 0, "left_out": 0, "masked": 0, "infinite": 0}
        assert math.isnan(summary["statistics"]["kl"]["mean"])
        assert summary["statistics"]["kl"]["count"] == 0


def spoil(p, q, labels):
    p[3, 1], q[7, 0], p[9] = np.nan, -1.0, 0.0
    labels[11] = 50
    return {3, 7, 9, 11}


def test_invalid_rows_are_left_out_of_every_statistic():
    (p, q), labels = make_pair("probs")
    clean = compare(p, q, labels=labels)
    bad = spoil(p, q, labels)
    comparison = compare(p, q, labels=labels, invalid="nan")
    good = np.array([row not in bad for row in range(40)])
    np.testing.assert_array_equal(comparison.valid, good)
    for name, column in columns_of(comparison).items():
        np.testing.assert_array_equal(column[good], getattr(clean, name)[good])
        left_out = column[~good]
        empty = {"b": False, "i": -1, "f": np.nan}[column.dtype.kind]
        np.testing.assert_array_equal(left_out, np.full(4, empty, column.dtype))
    summary = comparison.summary()
    assert summary["rows"] == {"total": 40, "used": 36, "left_out": 4, "masked": 0, "infinite": 0}
    for name in WITH_MEAN:
        values = getattr(clean, name)[good]
        assert summary["statistics"][name]["count"] == 36
        assert summary["statistics"][name]["mean"] == values.mean()


def test_a_bad_block_is_named_and_adds_nothing():
    (p, q), labels = make_pair("probs")
    comparison = Comparison()
    comparison.update(p, q, labels)
    before, bits = len(comparison), columns_of(comparison)
    bad_p, bad_q = p.copy(), q.copy()
    bad_q[1, 0] = np.nan
    bad_p[[17, 20], 2] = np.nan
    with pytest.raises(InvalidRowsError, match=r"row 41 of q") as caught:
        comparison.update(bad_p, bad_q, labels)
    assert (caught.value.array, caught.value.row) == ("q", 41)
    with pytest.raises(kl_c.InvalidRowsError) as of_the_block:
        kl_c.kl_divergence(bad_p, bad_q)
    assert caught.value.count == of_the_block.value.count
    assert caught.value.reason == of_the_block.value.reason
    bad_labels = labels.copy()
    bad_labels[5] = -1
    with pytest.raises(InvalidRowsError) as caught:
        comparison.update(p, q, bad_labels)
    assert caught.value.row == 45
    assert len(comparison) == before
    for name, column in columns_of(comparison).items():
        np.testing.assert_array_equal(column, bits[name])


def test_an_infinite_row_is_never_left_out():
    (p, q), labels = make_pair("logits")
    q[5, labels[5]] = -np.inf
    comparison = compare(p, q, labels=labels, form="logits", invalid="nan")
    summary = comparison.summary()
    assert comparison.valid.all()
    assert summary["rows"] == {"total": 40, "used": 40, "left_out": 0, "masked": 0, "infinite": 1}
    for name in ("kl", "cross_entropy", "nll_q"):
        statistic = summary["statistics"][name]
        assert statistic["mean"] == statistic["maximum"] == math.inf
        assert math.isnan(statistic["standard_error"])
        assert statistic["infinite"] == 1
        assert math.isfinite(statistic["median"]) and math.isfinite(statistic["p95"])
        assert statistic["p99.9"] == math.inf  # its place 38.961 lies next to the infinite row
    assert summary["perplexity"]["q"] == math.inf
    assert math.isfinite(summary["perplexity"]["p"])
    for name in ("reverse_kl", "js", "entropy_q"):
        assert math.isfinite(summary["statistics"][name]["mean"])


def test_summary_is_what_numpy_says_where_all_is_finite():
    (p, q), labels = make_pair("logits", rows=1001)
    comparison = compare(p, q, labels=labels, form="logits")
    summary = comparison.summary()
    assert list(summary["statistics"]) == WITH_MEAN
    for name in WITH_MEAN:
        values, statistic = getattr(comparison, name), summary["statistics"][name]
        assert statistic["mean"] == values.mean()
        spread = values.std(ddof=1) / np.sqrt(1001)
        assert statistic["standard_error"] == pytest.approx(spread, rel=limits.FLOAT64)
        if values.dtype == bool:
            assert set(statistic) == {"mean", "standard_error", "count", "infinite"}
            continue
        fractions = {f"p{x:g}": x / 100 for x in (0.1, 1, 5, 10, 25, 75, 90, 95, 99, 99.9)}
        fractions["median"] = 0.5
        others = {"mean", "standard_error", "minimum", "maximum", "count", "infinite"}
        others |= {"rms", "rms_standard_error"} if name == "label_change" else set()
        assert set(statistic) == {*fractions, *others}
        assert statistic["minimum"] == values.min()
        for key, fraction in fractions.items():
            quantile = np.quantile(values, fraction)
            expected = pytest.approx(quantile, rel=limits.FLOAT64, abs=limits.FLOAT64)
            assert statistic[key] == expected, (name, key)
        assert statistic["maximum"] == values.max()


def test_perplexity_does_not_depend_on_the_base():
    (p, q), labels = make_pair("logits")
    in_nats, in_bits = (
        compare(p, q, labels=labels, form="logits", base=base).summary() for base in (None, 2)
    )
    assert (in_nats["unit"], in_bits["unit"]) == ("nats", "bits")
    for side in ("p", "q"):
        nll = getattr(compare(p, q, labels=labels, form="logits"), f"nll_{side}")
        assert in_nats["perplexity"][side] == pytest.approx(
            math.exp(nll.mean()), rel=limits.FLOAT64
        )
        assert in_bits["perplexity"][side] == pytest.approx(
            in_nats["perplexity"][side], rel=limits.FLOAT64
        )


def test_labels_are_given_with_every_block_or_with_none():
    (p, q), labels = make_pair("probs")
    comparison = Comparison()
    comparison.update(p, q)
    with pytest.raises(ValueError, match="labels with every block or with none"):
        comparison.update(p, q, labels)
    with pytest.raises(AttributeError, match="nll_p needs labels"):
        _ = comparison.nll_p
    assert "perplexity" not in comparison.summary()
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = comparison.nothing
    assert set(WITHOUT_LABELS) <= set(dir(comparison))


def test_blocks_must_agree():
    (p, q), labels = make_pair("probs")
    comparison = Comparison()
    comparison.update(p, q)
    wrong = [
        ((p, q[:-1]), r"same shape, got \(40, 50\) and \(39, 50\)"),
        ((p, q[:, :-1]), r"same shape, got \(40, 50\) and \(40, 49\)"),
        ((p[None], q), "same shape"),
        ((p[:, :10], p[:, :10]), "expected 50 outcomes as in the blocks before, got 10"),
        ((0.5, 0.5), "0-D"),
    ]
    for blocks, message in wrong:
        with pytest.raises(ValueError, match=message):
            comparison.update(*blocks)
    with pytest.raises(ValueError, match=r"shape of the rows, \(40,\), got \(39,\)"):
        compare(p, q, labels=labels[:-1])
    assert len(comparison) == 40


def test_wrong_settings_are_refused_before_any_block():
    wrong = [
        {"form": "odds"},
        {"form": ("probs", "odds")},
        {"temperature": 0.0, "form": "logits"},
        {"temperature": 2.0},
        {"eps": -0.1},
        {"eps": 1.5},
        {"base": 1},
        {"base": -2.0},
        {"invalid": "drop"},
        {"workers": 0},
    ]
    for settings in wrong:
        with pytest.raises(ValueError, match=r"."):
            Comparison(**settings)


def test_wrong_dtypes_are_refused():
    (p, q), labels = make_pair("probs")
    for bad in (p.astype(complex), p.astype(object), np.ma.masked_array(p)):
        with pytest.raises(TypeError):
            compare(bad, q)
    with pytest.raises(TypeError):
        compare(p, q, labels=labels.astype(float))
    with pytest.raises(ValueError, match="outcome"):
        compare(np.empty((3, 0)), np.empty((3, 0)))


def test_saved_rows_come_back(tmp_path):
    (p, q), labels = make_pair("probs")
    spoil(p, q, labels)
    comparison = Comparison(form=("probs", "counts"), eps=1e-9, invalid="nan", base=2)
    comparison.update(p, q, labels)
    path = tmp_path / "rows.bin"  # the name is taken as it is
    comparison.save(path)
    assert [file.name for file in tmp_path.iterdir()] == ["rows.bin"]
    loaded = Comparison.load(path)
    assert loaded.settings == comparison.settings
    assert_same_bits(loaded, comparison)
    loaded.update(p, q, labels)
    assert len(loaded) == 80
    with pytest.raises(ValueError, match="expected 50 outcomes"):
        loaded.update(p[:, :5], q[:, :5], labels)
    with np.load(path, allow_pickle=False) as archive:
        assert '"version"' in str(archive["settings"])


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    comparison = compare([[0.5, 0.5]], [[0.25, 0.75]])
    path = tmp_path / "rows.npz"
    comparison.save(path)
    before = path.read_bytes()

    def fails_half_way(file, **arrays):
        file.write(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(np, "savez", fails_half_way)
    with pytest.raises(OSError, match="no space left"):
        comparison.save(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["rows.npz"]


def damaged_files(tmp_path):
    good = tmp_path / "good.npz"
    compare([[0.5, 0.5]], [[0.25, 0.75]]).save(good)
    with np.load(good) as archive:
        arrays = dict(archive)
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "truncated").write_bytes(good.read_bytes()[:-40])
    (tmp_path / "text").write_text("not an archive")
    np.save(tmp_path / "array.npy", arrays["kl"])
    np.savez(tmp_path / "other.npz", kl=arrays["kl"])
    np.savez(tmp_path / "short.npz", **arrays | {"kl": np.empty(0)})
    np.savez(tmp_path / "dtype.npz", **arrays | {"kl": arrays["kl"].astype(np.float32)})
    np.savez(tmp_path / "object.npz", **arrays | {"kl": np.array([None])})
    with zipfile.ZipFile(tmp_path / "plain.zip", "w") as archive:
        archive.writestr("note", "no array")
    return [path for path in sorted(tmp_path.iterdir()) if path != good]


def test_damaged_files_are_named(tmp_path):
    files = damaged_files(tmp_path)
    assert len(files) == 9
    for path in files:
        with pytest.raises(ValueError, match=f"{path.name}: expected rows written by"):
            Comparison.load(path)
    with pytest.raises(FileNotFoundError):
        Comparison.load(tmp_path / "missing.npz")


def test_repr_says_what_it_holds():
    (p, q), _ = make_pair("logits")
    p[0, 0] = np.nan
    comparison = compare(p, q, form="logits", invalid="nan", base=2)
    mean = comparison.summary()["statistics"]["kl"]["mean"]
    assert repr(comparison) == (
        "<Comparison(form='logits', invalid='nan', base=2.0): 39 rows used, 1 left out, "
        f"0 infinite, mean kl {mean:.4g} bits>"
    )
    assert "0 rows used" in repr(Comparison())


def test_copies_and_pickles():
    comparison = compare([[0.5, 0.5]], [[0.25, 0.75]])
    for twin in (copy.deepcopy(comparison), pickle.loads(pickle.dumps(comparison))):
        assert twin.summary() == comparison.summary()


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_half_precision_rows(name):
    if name == "bfloat16":
        ml_dtypes = pytest.importorskip("ml_dtypes", reason="NumPy itself has no bfloat16")
        dtype = np.dtype(ml_dtypes.bfloat16)
    else:
        dtype = np.dtype(name)
    (p, q), labels = make_pair("logits", dtype=dtype)
    comparison = compare(p, q, labels=labels, form="logits")
    assert_agrees(comparison, p, q, labels, ("logits", "logits"))


def test_torch_tensors():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    (p, q), labels = make_pair("logits", dtype=np.float32)
    expected = compare(p, q, labels=labels, form="logits")
    tensors = [torch.from_numpy(x) for x in (p, q, labels)]
    assert_same_bits(compare(*tensors[:2], labels=tensors[2], form="logits"), expected)
    halves = [tensor.bfloat16() for tensor in tensors[:2]]
    widened = [tensor.float().numpy() for tensor in halves]
    top = widened[0].argmax(-1) == widened[1].argmax(-1)
    np.testing.assert_array_equal(compare(*halves, form="logits").same_top, top)
