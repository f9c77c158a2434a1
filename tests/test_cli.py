"""``kl-c`` run as a program: its commands and options, the table, the JSON, the rows."""

import inspect
import os
import pty
import re
import subprocess
import sys
from importlib import metadata

import numpy as np
import pytest

import kl_c
import kl_c._cli
from kl_c import Comparison, compare
from kl_c._cli import tables
from kl_c._formats import open_rows
from kl_c._formats.rows import token_hash
from program import WITHOUT_RICH, complaint, of_the_only, run

OPTIONS = ("--form", "logits")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Logits of 60 rows, float32, and a label for each."""
    folder = tmp_path_factory.mktemp("files")
    rng = np.random.default_rng(0)
    p = (rng.normal(size=(60, 300)) * 3).astype(np.float32)
    np.save(folder / "base.npy", p)
    np.save(folder / "other.npy", (p + rng.normal(size=p.shape) * 0.1).astype(np.float32))
    np.save(folder / "labels.npy", rng.integers(0, 300, 60))
    return folder


def loaded(folder):
    return [np.load(folder / f"{name}.npy") for name in ("base", "other", "labels")]


def score_json(folder, *options, names=("base.npy", "other.npy")):
    return of_the_only(run("score", *names, *options, "--json", "-", cwd=folder).stdout)


def test_version_and_help(tmp_path):
    version = run("--version", cwd=tmp_path).stdout
    assert version == f"kl-c {kl_c.show_config()['version']}\n"
    assert metadata.version("kl_c") in version
    assert "example: kl-c score" in run("--help", cwd=tmp_path).stdout
    assert "examples:" in run("score", "--help", cwd=tmp_path).stdout


def test_installed_command_is_the_same_program():
    (script,) = metadata.entry_points(group="console_scripts", name="kl-c")
    assert script.load() is kl_c._cli.main


def test_every_keyword_of_compare_is_an_option(tmp_path):
    text = run("score", "--help", cwd=tmp_path).stdout
    keywords = [
        name
        for name, parameter in inspect.signature(compare).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    ]
    assert "labels" in keywords
    assert [name for name in keywords if f"\n  --{name} " not in text] == []


@pytest.mark.parametrize(
    ("options", "keywords"),
    [
        ((), {}),
        (("--temperature", "2.5"), {"temperature": 2.5}),
        (("--eps", "1e-3"), {"eps": 1e-3}),
        (("--invalid", "nan"), {"invalid": "nan"}),
        (("--base", "10"), {"base": 10}),
        (("--bits",), {"base": 2}),
        (("--workers", "1"), {"workers": 1}),
    ],
)
def test_options_are_the_keywords_of_compare(files, options, keywords):
    p, q, labels = loaded(files)
    expected = compare(p, q, labels=labels, form="logits", **keywords).summary()
    found = score_json(files, *OPTIONS, "--labels", "labels.npy", *options)
    assert {key: found[key] for key in expected} == expected
    for name in ("temperature", "eps", "invalid", "base"):
        if name in keywords:
            assert found[name] == keywords[name]


def test_json_says_how_it_was_made(files):
    found = score_json(files, *OPTIONS)
    config = kl_c.show_config()
    assert (found["version"], found["backend"]) == (config["version"], config["backend"])
    assert found["command"] == "kl-c score base.npy other.npy --form logits --json -"
    side = {"path": "base.npy", "shape": [60, 300], "dtype": "float32", "format": "npy"}
    side["bytes"] = (files / "base.npy").stat().st_size
    assert {name: found["p"][name] for name in side} == side
    assert found["p"]["sampled_hash"] != found["q"]["sampled_hash"]
    assert (found["form"], found["temperature"], found["eps"]) == ("logits", 1.0, None)
    assert found["rows"] == {"total": 60, "used": 60, "left_out": 0, "masked": 0, "infinite": 0}
    assert "perplexity" not in found


def test_json_file_and_rows_file(files, tmp_path):
    done = run(
        "score",
        *(files / "base.npy", files / "other.npy", *OPTIONS, "--labels", files / "labels.npy"),
        *("--json", "out.json", "--rows", "rows"),
        cwd=tmp_path,
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.json", "rows"]
    assert "99.9 %" in done.stdout  # the table is printed beside the files
    p, q, labels = loaded(files)
    expected = compare(p, q, labels=labels, form="logits")
    rows = Comparison.load(tmp_path / "rows")
    for name in ("kl", "reverse_kl", "js", "same_top", "nll_q", "valid"):
        np.testing.assert_array_equal(getattr(rows, name), getattr(expected, name))
    found = of_the_only((tmp_path / "out.json").read_text())
    assert found["statistics"] == expected.summary()["statistics"]


def test_infinite_and_left_out_rows_are_counted_and_null_in_json(tmp_path):
    p = np.full((5, 3), 1 / 3)
    q = np.array([[0.5, 0.5, 0], [0.2, 0.3, 0.5], [0.2, 0.3, 0.5], [np.nan, 0, 1], [0.3, 0.3, 0.4]])
    np.save(tmp_path / "base.npy", p)
    np.save(tmp_path / "other.npy", q)
    options = ("--form", "probs", "--eps", "0", "--invalid", "nan")
    found = score_json(tmp_path, *options)
    assert found["rows"] == {"total": 5, "used": 4, "left_out": 1, "masked": 0, "infinite": 1}
    kl = found["statistics"]["kl"]
    assert kl["mean"] is kl["standard_error"] is kl["maximum"] is None
    assert (kl["count"], kl["infinite"]) == (4, 1)
    assert kl["median"] == pytest.approx(
        np.median(kl_c.kl_divergence(p, q, eps=0, invalid="nan")[[0, 1, 2, 4]])
    )
    text = run("score", "base.npy", "other.npy", *options, cwd=tmp_path).stdout
    assert "rows: 4 used, 1 left out, 1 infinite" in text
    (line,) = [line for line in text.splitlines() if line.startswith("kl  ")][:1]
    assert line.split() == ["kl", "inf", "-", "4", "1"]  # too few rows for intervals


def rows_of(table):
    """first cell -> the other cells, below the head and the rule."""
    rows = (re.split("  +", line) for line in table.splitlines()[2:])
    return {name: cells for name, *cells in rows}


@pytest.mark.parametrize("rich", [True, False])
def test_table(files, rich):
    pytest.importorskip("scipy", reason="without it there are no intervals")
    if rich:
        pytest.importorskip("rich", reason="the table of rich needs the cli extra")
    text = run(
        "score", "base.npy", "other.npy", *OPTIONS, "--labels", "labels.npy", cwd=files, rich=rich
    ).stdout
    p, q, labels = loaded(files)
    comparison = compare(p, q, labels=labels, form="logits")
    summary = comparison.summary()
    assert max(map(len, text.splitlines())) <= 80
    lines = text.splitlines()
    assert lines[:4] == [
        "p = base.npy (60 x 300 float32)",
        "q = other.npy (60 x 300 float32)",
        "kl = KL(p || q), reverse_kl = KL(q || p), in nats",
        "errors: rows as independent",
    ]
    means, percentiles, likelihood = map(rows_of, text.split("\n\n")[1:-1])
    shown = dict.fromkeys(means) | {"label_change": None}
    assert list(means) == [name for name in tables.MEANS if name in summary["statistics"]]
    for name in shown:
        statistic = summary["statistics"][name]
        cells = means[name]
        interval = comparison.interval(name)
        figures = [statistic["mean"], statistic["standard_error"], interval.low, interval.high]
        assert [float(cell) for cell in cells[:4]] == pytest.approx(figures, rel=1e-3), name
        assert cells[4:] == ["60", "0"]
    assert list(percentiles) == list(tables.PERCENTILES)
    for head, key in tables.PERCENTILES.items():
        figures = [
            summary["statistics"][name][key]
            for name in ("kl", "reverse_kl", "js", "total_variation", "label_change")
        ]
        assert [float(cell) for cell in percentiles[head]] == pytest.approx(figures, rel=1e-3)
    change = summary["statistics"]["label_change"]
    rows = {x: list(found.values()) for x, found in summary["likelihood"].items()}
    rows = {f"{x}, nats" if x == "log_ratio" else x: figures for x, figures in rows.items()}
    rows["rms label_change"] = [change["rms"], change["rms_standard_error"]]
    assert list(likelihood) == list(rows)
    for name, figures in rows.items():
        cells = [float(cell) for cell in likelihood[name][:2] if cell != "-"]
        assert cells == pytest.approx(figures, rel=1e-3)
    config = kl_c.show_config()
    files_read = {"p": "base.npy", "q": "other.npy", "labels": "labels.npy"}
    facts = {name: open_rows(str(files / path)).facts() for name, path in files_read.items()}
    assert lines[-9:] == [
        f"kl_c {config['version']}, backend {config['backend']}",
        "kl-c score base.npy other.npy --form logits --labels labels.npy",
        "form logits, temperature 1, eps default",
        "outcomes equal, invalid rows raise, no mask",
        "rows: 60 used, 0 left out, 0 infinite",
        *(f"{x}: {f['bytes']} bytes, sampled hash {f['sampled_hash']}" for x, f in facts.items()),
        f"labels of all rows: hash {token_hash(labels)}",
    ]


def test_table_is_the_same_with_and_without_rich(files):
    pytest.importorskip("rich", reason="the table of rich needs the cli extra")
    for columns in ("40", "80", "120"):
        env = os.environ | {"COLUMNS": columns}
        with_rich, without = (
            run("score", "base.npy", "other.npy", *OPTIONS, cwd=files, rich=rich, env=env).stdout
            for rich in (True, False)
        )
        assert with_rich == without


def test_columns_are_aligned(files):
    text = run("score", "base.npy", "other.npy", *OPTIONS, cwd=files, rich=False).stdout
    for table in text.split("\n\n")[1:-1]:
        assert len({len(line) for line in table.splitlines()}) == 1


@pytest.mark.parametrize("rich", [True, False])
def test_progress_is_shown_on_a_terminal_only(files, rich):
    if rich:
        pytest.importorskip("rich", reason="the bar of rich needs the cli extra")
    arguments = ["score", "base.npy", "other.npy", *OPTIONS]
    assert run(*arguments, cwd=files, rich=rich).stderr == ""
    program = ["-m", "kl_c"] if rich else ["-c", WITHOUT_RICH]
    leader, terminal = pty.openpty()
    done = subprocess.run(
        [sys.executable, *program, *arguments], cwd=files, stdout=subprocess.PIPE, stderr=terminal
    )
    os.close(terminal)
    seen = os.read(leader, 1 << 16)
    os.close(leader)
    assert done.returncode == 0
    assert b"60" in seen and b"rows" in seen


def test_a_reader_that_stops_early_is_no_error(files):
    read, write = os.pipe()
    os.close(read)
    program = subprocess.Popen(
        [sys.executable, "-m", "kl_c", "score", "base.npy", "other.npy", *OPTIONS],
        cwd=files,
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(write)
    _, errors = program.communicate(timeout=60)
    assert (program.returncode, errors) == (141, "")


def test_an_interrupt_is_one_line(files):
    interrupted = "import kl_c.comparison as c\ndef stop(*_, **__): raise KeyboardInterrupt\n"
    interrupted += "c.Comparison.update = stop\n" + WITHOUT_RICH
    done = subprocess.run(
        [sys.executable, "-c", interrupted, "score", "base.npy", "other.npy", *OPTIONS],
        cwd=files,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "kl-c: interrupted\n")


def test_wrong_usage(files):
    usage = [
        ((), "COMMAND"),
        (("sccore",), "sccore"),
        (("score", "base.npy"), "CANDIDATE"),
        (("score", "base.npy", "other.npy", "--form", "odds"), "odds"),
        (("score", "base.npy", "other.npy", "--form", "probs,logits,logits"), "form"),
        (("score", "base.npy", "other.npy", *OPTIONS, "--temperature", "warm"), "warm"),
        (("score", "base.npy", "other.npy", *OPTIONS, "--temperature", "0"), "temperature"),
        (("score", "base.npy", "other.npy", *OPTIONS, "--eps", "2"), "eps"),
        (("score", "base.npy", "other.npy", *OPTIONS, "--base", "1"), "base"),
        (("score", "base.npy", "other.npy", *OPTIONS, "--base", "3", "--bits"), "--bits"),
        (("score", "base.npy", "other.npy", *OPTIONS, "--invalid", "drop"), "drop"),
        (("score", "base.npy", "other.npy", *OPTIONS, "--workers", "0"), "workers"),
        (("score", "base.npy", "other.npy", *OPTIONS, "--colour"), "--colour"),
    ]
    for arguments, culprit in usage:
        assert culprit in complaint(*arguments, cwd=files)


def test_command_line_parts_are_imported_when_they_run(files):
    listing = "import sys; from kl_c._cli import main; main(); print(*sys.modules, file=sys.stderr)"
    for arguments, absent in [
        (
            ["score", "base.npy", "other.npy", *OPTIONS, "--json", "-"],
            {"rich", "matplotlib", "pyarrow", "kl_c._demo"},
        ),
        (["score", "base.npy", "other.npy", *OPTIONS], {"matplotlib", "kl_c._demo"}),
    ]:
        done = subprocess.run(
            [sys.executable, "-c", listing, *arguments], cwd=files, capture_output=True, text=True
        )
        assert absent.isdisjoint(done.stderr.split())
        assert "kl_c._cli.score" in done.stderr.split()
