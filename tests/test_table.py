"""Saved runs combined: the table of one run with all candidates, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from kl_c._cli import main
from kl_c._cli.report import SCHEMA

FORM = ("--form", "logits")
SIZES = {"q8": 8.5, "q6": 6.6, "q4": 4.85}


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    base = (rng.normal(size=(8, 7, 40)) * 3).astype(np.float32)
    np.save("base.npy", base)
    for number, name in enumerate(SIZES):
        noise = 0.1 * (number + 1) * rng.normal(size=base.shape)
        np.save(f"{name}.npy", base + noise.astype(np.float32))
    np.save("labels.npy", rng.integers(0, 40, (8, 7)))


def saved(name, *more, rows=True, base="base.npy"):
    """Score one candidate by itself."""
    Path("runs").mkdir(exist_ok=True)
    kept = ("--rows", f"runs/{name}.npz") if rows else ()
    candidate = f"{name.upper()}={name}.npy@{SIZES[name]}"
    assert main(["score", base, candidate, *FORM, *more, *kept, "--json", f"runs/{name}.json"]) == 0
    return f"runs/{name}.json"


def without_commands(text):
    return [line for line in text.splitlines() if "kl-c score" not in line]


@pytest.mark.parametrize(
    "more", [(), ("--labels", "labels.npy", "--bits", "--strata", "confidence")]
)
def test_runs_combine_into_the_table_of_one(files, capsys, more):
    pytest.importorskip("scipy")
    runs = [saved(name, *more) for name in SIZES]
    candidates = [f"{name.upper()}={name}.npy@{size}" for name, size in SIZES.items()]
    capsys.readouterr()
    assert main(["score", "base.npy", *candidates, *FORM, *more]) == 0
    expected = capsys.readouterr().out
    assert main(["table", *runs, "--markdown", "card.md"]) == 0
    text = capsys.readouterr().out
    assert without_commands(text) == without_commands(expected)
    for name in SIZES:
        assert f"{name.upper()}: kl-c score base.npy {name.upper()}=" in text
    assert "| Q6 - Q8 | kl |" in Path("card.md").read_text()


def test_a_run_by_itself_prints_its_own_table(files, capsys):
    holes = np.load("q8.npy")
    holes[1, 2, 3] = -np.inf
    np.save("q8.npy", holes)
    run = saved("q8", "--labels", "labels.npy", "--fail-above", "kl.median=9")
    printed = capsys.readouterr().out
    assert main(["table", run]) == 0
    assert capsys.readouterr().out == printed
    several = ["score", "base.npy", "q4.npy", "q6.npy", *FORM, "--json", "both.json"]
    assert main(several) == 0
    printed = capsys.readouterr().out
    assert main(["table", "both.json"]) == 0
    assert capsys.readouterr().out == printed


def test_runs_of_nothing_are_shown(files, capsys):
    np.save("none.npy", np.empty((0, 40), np.float32))
    assert main(["score", "none.npy", "none.npy", *FORM, "--json", "none.json"]) == 0
    printed = capsys.readouterr().out
    assert main(["table", "none.json"]) == 0
    assert capsys.readouterr().out == printed


def test_differences_take_the_rows(files, capsys):
    pytest.importorskip("scipy")
    runs = [saved("q8"), saved("q6", rows=False), saved("q4")]
    capsys.readouterr()
    assert main(["table", *runs]) == 0
    text = capsys.readouterr().out
    # Both differences lack the same rows, and it is said once.
    said = "no paired differences: no rows of Q6 (--rows FILE.npz keeps them)"
    assert [line for line in text.splitlines() if "no rows" in line] == [said]
    assert main(["table", runs[0], runs[2]]) == 0
    assert "Q4 - Q8" in capsys.readouterr().out
    Path("runs/q4.npz").unlink()
    assert main(["table", runs[0], runs[2]]) == 0
    assert "no rows of Q4" in capsys.readouterr().out
    Path("runs/q4.npz").write_bytes(Path("runs/q8.npz").read_bytes())
    assert main(["table", runs[0], runs[2]]) == 2
    err = capsys.readouterr().err
    assert err.startswith("kl-c: runs/q4.npz: expected the rows that runs/q4.json was made with")


def test_rows_are_found_from_wherever_the_report_is_read(files, capsys, monkeypatch):
    pytest.importorskip("scipy")
    saved("q8"), saved("q6")
    capsys.readouterr()
    monkeypatch.chdir("runs")
    assert main(["table", "q8.json", "q6.json"]) == 0
    assert "Q6 - Q8" in capsys.readouterr().out


def test_pictures_of_saved_runs(files, capsys):
    pytest.importorskip("matplotlib")
    runs = [saved(name) for name in SIZES]
    assert main(["table", *runs, "--plot", "all-{picture}.png"]) == 0
    assert len(list(Path().glob("all-*.png"))) == 4
    for path in Path("runs").glob("*.npz"):
        path.unlink()
    assert main(["table", *runs, "--plot", "few-{picture}.png"]) == 0
    assert [path.name for path in Path().glob("few-*")] == ["few-size.png"]
    assert main(["table", *runs, "--plot", "distribution=kl.png"]) == 2
    assert "kl.png: expected rows that were used and kept" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "field"),
    [
        (("--labels", "labels.npy"), "token hash None as in runs/q8.json, found"),
        (("--temperature", "2"), "temperature 1.0 as in runs/q8.json, found 2.0"),
        (("--eps", "0.01"), "eps None as in runs/q8.json, found 0.01"),
        (("--bits",), "base None as in runs/q8.json, found 2.0"),
        (("--k", "3"), "k None as in runs/q8.json, found 3"),
        (("--outcomes", "39"), "outcomes equal as in runs/q8.json, found 39"),
        (("--mask", "mask.npy"), "sampled hash of --mask None as in runs/q8.json, found"),
        (("--groups", "few.npy"), "sampled hash of --groups None as in runs/q8.json, found"),
        (("--form", "log_probs,logits"), "form of the base logits as in runs/q8.json, found log"),
        (("--strata", "entropy"), "kinds of strata [] as in runs/q8.json, found ['entropy']"),
    ],
)
def test_other_settings_are_refused(files, capsys, more, field):
    np.save("mask.npy", np.ones((8, 7), bool))
    np.save("few.npy", np.arange(8))
    base = np.load("base.npy").astype(np.float64)
    np.save("base.npy", base - np.log(np.exp(base).sum(-1, keepdims=True)))  # both forms fit
    assert main(["table", saved("q8"), saved("q6", *more)]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"kl-c: runs/q6.json: expected {field}") and err.count("\n") == 1


def test_another_base_or_text_is_refused(files, capsys):
    first = saved("q8", "--labels", "labels.npy")
    np.save("labels.npy", np.load("labels.npy")[::-1])
    assert main(["table", first, saved("q6", "--labels", "labels.npy")]) == 2
    assert "runs/q6.json: expected token hash " in capsys.readouterr().err
    np.save("other.npy", np.load("base.npy") + np.float32(0.5))
    first = saved("q8")
    assert main(["table", first, saved("q6", base="other.npy")]) == 2
    assert "runs/q6.json: expected sampled hash of the base " in capsys.readouterr().err


def test_names_and_sizes_go_together(files, capsys):
    run = saved("q8")
    Path("again.json").write_text(Path(run).read_text())
    assert main(["table", run, "again.json"]) == 2
    err = capsys.readouterr().err
    assert "again.json: expected other names than in runs/q8.json, found Q8" in err
    facts = json.loads(Path(saved("q6")).read_text())
    facts["candidates"][0]["size"] = {"bytes": 1e9}
    Path("bytes.json").write_text(json.dumps(facts))
    assert main(["table", run, "bytes.json"]) == 2
    assert "bytes.json: expected sizes in bits_per_weight, found bytes" in capsys.readouterr().err


def test_what_is_no_saved_run_is_refused(files, capsys):
    run = saved("q8", "--labels", "labels.npy")
    capsys.readouterr()
    facts = json.loads(Path(run).read_text())
    (one,) = facts["candidates"]
    broken = {
        "empty": "",
        "text": "kl",
        "number": "1",
        "list": "[]",
        "bytes": "\udcff",
        "cut": Path(run).read_text()[:-100],
        "old": json.dumps({**facts, "schema": SCHEMA + 1}),
        "none": json.dumps({**facts, "candidates": []}),
        "p": json.dumps({**facts, "p": None}),
        "type": json.dumps({**facts, "temperature": "hot"}),
    }
    for name in one:
        if name not in ("clusters", "perplexity", "label_shift", "likelihood"):
            lacking = {key: value for key, value in one.items() if key != name}
            broken[f"no-{name}"] = json.dumps({**facts, "candidates": [lacking]})
    for name, text in broken.items():
        path = f"{name}.json"
        Path(path).write_bytes(text.encode("utf-8", "surrogateescape"))
        assert main(["table", path]) == 2, name
        out, err = capsys.readouterr()
        assert err.startswith(f"kl-c: {path}: expected") and err.count("\n") == 1, name
        assert not out
    assert main(["table", "missing.json"]) == 2
    assert "missing.json: expected to read or write it, found: No such" in capsys.readouterr().err
