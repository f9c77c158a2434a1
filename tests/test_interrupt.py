"""Ctrl-C while files are read: what was read is summed up and marked as a part."""

import json
import signal

import numpy as np
import pytest

from kl_c import Comparison, compare
from kl_c._cli import main, scoring
from kl_c._cli.interrupt import stopping
from program import press_at

ROWS, BLOCK = 60, 8


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Two candidates, read eight rows at a time."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    base = rng.normal(size=(ROWS, 30)).astype(np.float32)
    others = {name: (base + rng.normal(size=base.shape)).astype(np.float32) for name in "ab"}
    np.save("base.npy", base)
    np.save("kinds.npy", np.arange(ROWS) % 3)
    for name, rows in others.items():
        np.save(f"{name}.npy", rows)
    monkeypatch.setattr(scoring, "BLOCK_BYTES", BLOCK * 3 * base[0].nbytes)
    return base, others


SCORE = ("score", "base.npy", "a.npy", "b.npy", "--form", "logits")


def test_what_was_read_is_summed_up(files, monkeypatch, capsys):
    base, others = files
    press_at(monkeypatch, 5)  # in the third block, which both candidates finish
    outputs = ("--json", "x.json", "--rows", "{name}.npz", "--markdown", "x.md")
    assert main([*SCORE, *outputs, "--strata", "kinds.npy", "--verify", "1"]) == 130
    done = 3 * BLOCK
    said = capsys.readouterr()
    assert said.out.startswith(f"PARTIAL: interrupted after {done} of {ROWS} rows\n")
    assert said.err == f"kl-c: interrupted after {done} of {ROWS} rows\n"
    with open("x.md") as file:
        assert "PARTIAL" in file.readline()
    with open("x.json") as file:
        facts = json.load(file)
    assert facts["partial"] == {"rows": done, "of": ROWS}
    for one in facts["candidates"]:
        expected = compare(base[:done], others[one["name"]][:done], form="logits")
        assert one["statistics"]["kl"]["mean"] == expected.summary()["statistics"]["kl"]["mean"]
        assert one["rows"]["total"] == done
        assert "verification" not in one
        assert [part["rows"]["total"] for part in one["strata"][0]["parts"]] == [done // 3] * 3
        assert np.array_equal(Comparison.load(f"{one['name']}.npz").kl, expected.kl)


def test_a_part_crosses_every_gate(files, monkeypatch, capsys):
    press_at(monkeypatch, 1)
    gates = ("--fail-above", "kl.mean=1e9", "--fail-below", "same_top.mean=-1")
    assert main([*SCORE, "--json", "-", *gates]) == 130
    facts = json.loads(capsys.readouterr().out)
    assert all(gate["crossed"] for one in facts["candidates"] for gate in one["gates"])


def test_a_part_is_not_combined_with_others(files, monkeypatch, capsys):
    press_at(monkeypatch, 1)
    assert main([*SCORE, "--json", "x.json"]) == 130
    capsys.readouterr()
    assert main(["table", "x.json"]) == 2
    found = f"x.json: expected a whole run, found {BLOCK} of {ROWS} rows"
    assert capsys.readouterr().err == f"kl-c: {found}\n"


def test_pressed_in_the_last_block_nothing_is_missing(files, monkeypatch, capsys):
    press_at(monkeypatch, 2 * -(-ROWS // BLOCK))
    assert main([*SCORE, "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["partial"] is None


def test_pressed_twice_it_ends_at_once(files, monkeypatch, capsys):
    press_at(monkeypatch, 5, times=2)
    assert main([*SCORE, "--json", "x.json"]) == 130
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "kl-c: interrupted\n")


def test_before_the_first_row_there_is_nothing_to_sum_up(files, monkeypatch, capsys):
    monkeypatch.setattr(scoring, "stopping", pressed_already)
    assert main(SCORE) == 130
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "kl-c: interrupted\n")


class pressed_already:
    def __enter__(self):
        return lambda: True

    def __exit__(self, *error):
        pass


def test_the_handler_is_put_back():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ValueError, match="x"), stopping():
        assert signal.getsignal(signal.SIGINT) is not before
        raise ValueError("x")
    assert signal.getsignal(signal.SIGINT) is before
