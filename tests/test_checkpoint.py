"""A run that ends early and is continued: the same figures as one that was never stopped."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

import row_files
from kl_c import Comparison
from kl_c._cli import checkpoint, main, scoring
from program import press_at

ROWS, WIDTH, BLOCK = 60, 40, 8
SCORE = ("score", "base.npy", "a=a.npy", "b=b.kld")
OPTIONS = ("--form", "logits", "--labels", "labels.npy", "--groups", "groups.npy", "--k", "3")
CHECKPOINT = ("--checkpoint", "run.ckpt")

KILLED = """
import os, signal, sys
from kl_c import Comparison
from kl_c._cli import checkpoint, main, scoring
checkpoint.SECONDS = checkpoint.SHARE = 0
scoring.BLOCK_BYTES = int(sys.argv[1])
left, update = int(sys.argv[2]), Comparison.update
def killed(self, *arrays, **keywords):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    return update(self, *arrays, **keywords)
Comparison.update = killed
sys.exit(main(sys.argv[3:]))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A base that is no llama.cpp's file beside a candidate that is: all that floors can hold."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    base = rng.normal(scale=6, size=(ROWS, WIDTH)).astype(np.float32)
    a, b = (base + rng.normal(size=base.shape).astype(np.float32) for _ in "ab")
    np.save("base.npy", base)
    np.save("a.npy", a)
    row_files.write_logits("b.kld", np.zeros((4, 32), int), b)
    np.save("labels.npy", rng.integers(WIDTH, size=ROWS))
    np.save("groups.npy", np.arange(ROWS) // 7)
    monkeypatch.setattr(scoring, "BLOCK_BYTES", block_bytes())
    monkeypatch.setattr(checkpoint, "SECONDS", 0)
    monkeypatch.setattr(checkpoint, "SHARE", 0)
    return tmp_path


def block_bytes():
    return BLOCK * 3 * WIDTH * 4


def outcome(capsys, *options, code=0):
    """All that a run says and keeps, but for the command that it quotes."""
    kept = ("--json", "x.json", "--rows", "{name}.npz")
    assert main([*SCORE, *OPTIONS, *kept, *options]) == code
    capsys.readouterr()
    with open("x.json") as file:
        facts = json.load(file)
    for one in facts["candidates"]:
        del one["rows_file"]
    rows = {name: Comparison.load(f"{name}.npz")._columns() for name in "ab"}
    return facts | {"command": None}, rows


def assert_same(found, expected):
    assert found[0] == expected[0]
    for name, columns in expected[1].items():
        assert found[1][name].keys() == columns.keys()
        for column, values in columns.items():
            assert found[1][name][column].tobytes() == values.tobytes(), (name, column)


def test_continued_after_an_interrupt(folder, monkeypatch, capsys):
    whole = outcome(capsys)
    with monkeypatch.context() as patch:
        press_at(patch, 5)
        part, _ = outcome(capsys, *CHECKPOINT, code=130)
    assert part["partial"] == {"rows": 3 * BLOCK, "of": ROWS}
    reads = []
    given = Comparison.update
    monkeypatch.setattr(
        Comparison,
        "update",
        lambda self, p, *rest, **k: reads.append(len(p)) or given(self, p, *rest, **k),
    )
    assert_same(outcome(capsys, *CHECKPOINT), whole)
    assert sum(reads) == 2 * (ROWS - 3 * BLOCK)  # what was read is not read again
    assert not os.path.exists("run.ckpt")


@pytest.mark.parametrize("update", [2, 7, 12, 16])
def test_continued_after_a_kill(folder, capsys, update):
    whole = outcome(capsys)
    arguments = [*SCORE, *OPTIONS, *CHECKPOINT]
    program = [sys.executable, "-c", KILLED, str(block_bytes()), str(update), *arguments]
    done = subprocess.run(program, capture_output=True, text=True, cwd=folder)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert os.path.exists("run.ckpt") == (update > 2)  # the first block was complete
    assert_same(outcome(capsys, *CHECKPOINT), whole)


def test_every_block_a_run_of_its_own(folder, monkeypatch, capsys):
    whole = outcome(capsys)
    for _ in range(ROWS // BLOCK):
        with monkeypatch.context() as patch:
            press_at(patch, 1)
            outcome(capsys, *CHECKPOINT, code=130)
    assert_same(outcome(capsys, *CHECKPOINT), whole)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (("--temperature", "2"), "settings"),
        (("--k", "2"), "settings"),
        (("--mask", "mask.npy"), "labels, tokens, mask or groups"),
    ],
)
def test_another_run_is_refused(folder, monkeypatch, capsys, change, named):
    np.save("mask.npy", np.arange(ROWS) > 2)
    with monkeypatch.context() as patch:
        press_at(patch, 1)
        outcome(capsys, *CHECKPOINT, code=130)
    assert main([*SCORE, *OPTIONS, *CHECKPOINT, *change]) == 2
    said = capsys.readouterr().err
    assert said.startswith(
        f"kl-c: run.ckpt: expected a checkpoint of this run, found one with another {named}: "
    )
    assert os.path.exists("run.ckpt")


def test_another_file_is_refused(folder, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        press_at(patch, 1)
        outcome(capsys, *CHECKPOINT, code=130)
    np.save("a.npy", np.load("a.npy") + 1)
    assert main([*SCORE, *OPTIONS, *CHECKPOINT]) == 2
    assert "another candidates" in capsys.readouterr().err


@pytest.mark.parametrize("contents", [b"", b"anything", "rows"])
def test_what_is_no_checkpoint_is_kept(folder, capsys, contents):
    if contents == "rows":
        outcome(capsys)
        os.rename("a.npz", "run.ckpt")
    else:
        with open("run.ckpt", "wb") as file:
            file.write(contents)
    with open("run.ckpt", "rb") as file:
        before = file.read()
    assert main([*SCORE, *OPTIONS, *CHECKPOINT]) == 2
    assert capsys.readouterr().err.startswith("kl-c: run.ckpt: expected what --checkpoint wrote")
    with open("run.ckpt", "rb") as file:
        assert file.read() == before


def test_it_is_not_written_all_the_time(folder, monkeypatch, capsys):
    monkeypatch.setattr(checkpoint, "SECONDS", 3600)
    written = []
    monkeypatch.setattr(checkpoint.Checkpoint, "write", lambda *given: written.append(given[-1]))
    outcome(capsys, *CHECKPOINT)
    assert written == [ROWS]  # at the end: what comes then may fail
