"""Results that are complete are not lost: neither with an output that fails nor with Ctrl-C."""

import gc
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import kl_c._cli.score as command
import row_files
from kl_c._cli import main

SCORE = ("score", "base.npy", "a.npy", "--form", "logits")


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    base = rng.normal(scale=8, size=(30, 50)).astype(np.float32)
    np.save("base.npy", base)
    np.save("a.npy", base + rng.normal(size=base.shape).astype(np.float32))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("option", ["--json", "--markdown", "--rows", "--report"])
def test_an_output_that_fails_takes_no_other_with_it(capsys, option):
    others = {"--json": "x.json", "--markdown": "x.md", "--rows": "x.npz"}
    others.pop(option, None)
    given = [text for pair in others.items() for text in pair]
    assert main([*SCORE, option, "/dev/full", *given, "--fail-above", "kl.mean=0"]) == 2
    said = capsys.readouterr()
    assert "mean" in said.out
    assert "kl-c: a gate is crossed: kl.mean\n" in said.err
    assert said.err.splitlines()[-1].startswith("kl-c: /dev/full: expected to read or write it")
    assert all(os.path.getsize(path) for path in others.values())
    gc.collect()  # not in a later test: NumPy 1.26 leaves an archive open that it cannot write


def test_a_reader_that_goes_away_costs_no_file():
    program = [sys.executable, "-m", "kl_c", *SCORE, "--json", "x.json"]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(program, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")
    assert json.loads(Path("x.json").read_text())["candidates"]


def test_standard_output_may_be_closed():
    program = f"{sys.executable} -m kl_c {' '.join(SCORE)} --json x.json >&-"
    done = subprocess.run(program, shell=True, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert os.path.exists("x.json")


def test_a_name_that_utf_8_cannot_hold(capsys):
    os.rename("a.npy", b"a\xff.npy")
    name = os.fsdecode(b"a\xff.npy")
    options = ("--markdown", "x.md", "--report", "x.html")
    assert main(["score", "base.npy", name, "--form", "logits", *options]) == 0
    assert "udcff" in Path("x.md").read_text(encoding="utf-8")
    assert Path("x.html").read_text(encoding="utf-8")


def test_ctrl_c_while_rows_are_scored_again(monkeypatch, capsys):
    def pressed(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "verify", pressed)
    assert main([*SCORE, "--verify", "3", "--json", "x.json"]) == 130
    said = capsys.readouterr()
    assert "mean" in said.out and said.err == "kl-c: interrupted after 30 of 30 rows\n"
    facts = json.loads(Path("x.json").read_text())
    assert facts["partial"] is None and "verification" not in facts["candidates"][0]


def test_a_finished_reading_is_kept_until_all_is_written(monkeypatch, capsys):
    assert main([*SCORE, "--checkpoint", "x.ckpt", "--json", "/dev/full"]) == 2
    assert os.path.exists("x.ckpt")
    assert main([*SCORE, "--checkpoint", "x.ckpt", "--json", "x.json"]) == 0
    assert not os.path.exists("x.ckpt")


def test_two_outputs_of_one_name(capsys):
    assert main([*SCORE, "--json", "x", "--markdown", "./x"]) == 2
    assert "found that of another output" in capsys.readouterr().err


def test_a_fault_of_the_program_is_no_crossed_gate(monkeypatch, capsys):
    monkeypatch.setattr(command, "report", lambda *given: 1 // 0)
    assert main(SCORE) == 70
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_gate_on_what_clipping_leaves_unknown(capsys):
    rows = {name: np.load(f"{name}.npy") for name in ("base", "a")}
    for name, logits in rows.items():
        row_files.write_logits(f"{name}.kld", np.zeros((2, 32), int), logits)
    files = ("base.kld", "a.kld", "--form", "logits,logits")
    gate = ("--fail-above", "kl.mean=1e9")
    assert main(["score", *files, *gate]) == 0
    assert "gate: kl.mean is >=" in capsys.readouterr().out
    assert main(["score", *files, "--temperature", "2", *gate]) == 1
    assert "gate: kl.mean is ?" in capsys.readouterr().out


@pytest.mark.parametrize("base", ["0.5", "1", "-2"])
def test_a_unit_that_turns_every_order_around(capsys, base):
    assert main([*SCORE, "--base", base]) == 2
    assert f"--base: expected a number above 1, found {base}" in capsys.readouterr().err


def test_a_gate_on_rows_left_out(capsys):
    rows = np.load("a.npy")
    rows[1:] = np.nan
    np.save("a.npy", rows)
    gate = ("--invalid", "nan", "--fail-above", "rows.left_out=5")
    assert main([*SCORE, *gate]) == 1
    assert "gate: rows.left_out is 29.00, fails above 5: CROSSED" in capsys.readouterr().out


def test_a_name_that_cannot_be_printed(capsys):
    assert main(["score", "base.npy", "a\nb=a.npy", "--form", "logits"]) == 2
    assert "expected a name that can be printed" in capsys.readouterr().err


def test_signals_are_given_back():
    before = signal.getsignal(signal.SIGINT)
    assert main(SCORE) == 0
    assert signal.getsignal(signal.SIGINT) is before
