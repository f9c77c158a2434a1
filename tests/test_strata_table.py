"""Intervals and strata as ``kl-c score`` states them, against the library."""

import re

import numpy as np
import pytest

from kl_c import compare
from kl_c._cli import main
from program import as_facts, of_the_only

FORM = ("--form", "logits")


@pytest.fixture
def arrays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    base = (rng.normal(size=(12, 9, 40)) * 3).astype(np.float32)
    arrays = {"base": base, "labels": rng.integers(0, 40, (12, 9))}
    for name, scale in (("q8", 0.05), ("q6", 0.1)):
        arrays[name] = base + (scale * rng.normal(size=base.shape)).astype(np.float32)
    arrays["kinds"] = rng.integers(0, 3, (12, 9)).astype(np.int16)
    for name, array in arrays.items():
        np.save(f"{name}.npy", array)
    return arrays


def rows_of(table):
    """first cell -> the other cells."""
    rows = (re.split("  +", line) for line in table.splitlines())
    return {name: cells for name, *cells in rows}


@pytest.mark.parametrize("grouped", [True, False])
@pytest.mark.parametrize("bits", [(), ("--bits",)])
def test_intervals_are_those_of_the_library(arrays, capsys, grouped, bits):
    pytest.importorskip("scipy")
    names = ("base", "q8", "labels")
    if not grouped:
        for name in names:
            np.save(f"{name}.npy", arrays[name].reshape(108, *arrays[name].shape[2:]))
    p, q, labels = (np.load(f"{name}.npy") for name in names)
    unit = 2 if bits else None
    comparison = compare(p, q, labels=labels, form="logits", base=unit)
    run = ["score", "base.npy", "q8.npy", *FORM, "--labels", "labels.npy", *bits, "--json", "-"]
    assert main(run) == 0
    found = of_the_only(capsys.readouterr().out)["intervals"]
    assert found["confidence"] == 0.95
    likelihoods = {"perplexity_p", "perplexity_q", "log_ratio", "ratio", "difference", "rms"}
    assert set(found["of"]) == set(comparison.summary()["statistics"]) | likelihoods
    for name, interval in found["of"].items():
        expected = comparison.interval(name)._asdict()
        expected = {x: None if np.isnan(y) else y for x, y in expected.items()}
        assert interval == expected, name


@pytest.mark.parametrize("by", ["confidence", "entropy", "position", "kinds.npy"])
def test_strata_are_those_of_the_library(arrays, capsys, by):
    comparison = compare(arrays["base"], arrays["q8"], labels=arrays["labels"], form="logits")
    key = arrays["kinds"] if by.endswith("npy") else by
    expected = comparison.strata(key)
    run = ["score", "base.npy", "q8.npy", *FORM, "--labels", "labels.npy", "--strata", by]
    assert main([*run, "--json", "-"]) == 0
    (found,) = of_the_only(capsys.readouterr().out)["strata"]
    assert found["by"] == by
    assert (found["file"] or {"path": None})["path"] == (by if by.endswith("npy") else None)
    for part, stratum in zip(found["parts"], expected, strict=True):
        assert (part["low"], part["high"]) == (stratum.low, stratum.high)
        assert part["rows"] == stratum.summary["rows"]
        for name in ("mean", "median"):
            value = stratum.summary["statistics"]["kl"][name]
            assert part["statistics"]["kl"][name] == (None if np.isnan(value) else value)
    assert main(run) == 0
    table = capsys.readouterr().out.split("\n\n")[-2]
    assert max(map(len, table.splitlines())) <= 80
    shown = rows_of(table)
    assert shown[f"by {by}"] == ["rows", "mean kl", "SE", "99 %", "same_top", "ratio"]
    lines = list(shown.items())[2:]  # below the head and the rule
    for (name, cells), stratum in zip(lines, expected, strict=True):
        ends = [f"{x:.4g}" for x in (stratum.low, stratum.high)]
        assert name == (ends[0] if by.endswith("npy") else " to ".join(ends))
        summary = stratum.summary
        kl, top = summary["statistics"]["kl"], summary["statistics"]["same_top"]
        figures = [kl["mean"], kl["clustered_error"], kl["p99"], top["mean"]]
        figures.append(summary["likelihood"]["ratio"]["value"])
        assert cells[0] == str(summary["rows"]["used"])
        cells = [np.nan if cell == "-" else float(cell) for cell in cells[1:]]
        assert cells == pytest.approx(figures, rel=1e-3, nan_ok=True)


def test_strata_of_several_stand_beside_each_other(arrays, capsys):
    run = ["score", "base.npy", "q8.npy", "q6.npy", *FORM, "--strata", "confidence"]
    assert main([*run, "--json", "-"]) == 0
    first, second = (
        one["strata"][0]["parts"] for one in as_facts(capsys.readouterr().out)["candidates"]
    )
    assert main(run) == 0
    shown = rows_of(capsys.readouterr().out.split("\n\n")[-2])
    assert shown.pop("mean kl by confidence") == ["rows", "q8", "q6"]
    lines = list(shown.values())[1:]
    assert len(lines) == len(first) == 7
    for cells, *parts in zip(lines, first, second, strict=True):
        assert cells[0] == str(parts[0]["rows"]["used"])
        for cell, part in zip(cells[1:], parts, strict=True):
            mean = part["statistics"]["kl"]["mean"]
            assert cell == "-" if mean is None else float(cell) == pytest.approx(mean, rel=1e-3)


def test_strata_of_other_rows_stand_apart_and_many_stay_narrow(arrays, capsys):
    holes = arrays["q6"].copy()
    holes[3, 4] = np.nan
    np.save("q6.npy", holes)
    many = [f"candidate-{letter}=q8.npy" for letter in "abcdef"]
    run = ["score", "base.npy", *many, "q6.npy", *FORM, "--invalid", "nan", "--strata", "entropy"]
    assert main(run) == 0
    tables = [
        x for x in capsys.readouterr().out.split("\n\n") if x.startswith("mean kl by entropy")
    ]
    heads = [rows_of(table)["mean kl by entropy"][1:] for table in tables]
    names = [text.split("=")[0] for text in many]
    assert heads == [names[:5], names[5:], ["q6"]]


def test_what_names_no_strata_is_refused(arrays, capsys):
    np.save("short.npy", np.zeros(5, int))
    np.save("floats.npy", np.zeros((12, 9)))
    np.save("tokens.npy", np.arange(108).reshape(12, 9))
    for by, words in [
        (
            "confidance",
            "--strata: expected confidence, entropy, position or a file, found confidance",
        ),
        ("short.npy", "short.npy: expected one integer for each row of base.npy, shape (12, 9)"),
        ("floats.npy", "floats.npy: expected strata as integers, found dtype float64"),
        ("tokens.npy", "tokens.npy: expected at most 100 strata, found 108 integers"),
    ]:
        assert main(["score", "base.npy", "q8.npy", *FORM, "--strata", by]) == 2
        assert words in capsys.readouterr().err
