"""Rows scored again in 50 digits: sound rows deviate by rounding, a spoilt score shows."""

import numpy as np
import pytest

import kl_c
import limits
from every_measure import rows
from kl_c import _kernels
from kl_c._cli import main, verify
from oracle import Exact
from program import of_the_only

pytest.importorskip("mpmath")


@pytest.fixture
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def verified(capsys, *arguments):
    assert main(["score", "base.npy", "other.npy", *arguments, "--json", "-"]) == 0
    return of_the_only(capsys.readouterr().out)["verification"]


@pytest.mark.parametrize("form", _kernels.FORMS)
@pytest.mark.parametrize("more", [(), ("--bits",), ("--eps", "0.01")])
def test_what_the_library_finds_is_what_the_definitions_say(inside, capsys, form, more):
    shape = (30, 40)
    np.save("base.npy", rows(shape, form))
    np.save("other.npy", rows(shape, form, seed=1))
    np.save("labels.npy", np.arange(30) % 40)
    found = verified(capsys, "--form", form, "--verify", "12", "--labels", "labels.npy", *more)
    assert 12 <= found["rows"] <= 22 and found["digits"] == 50
    assert set(found["largest"]) >= {"kl", "reverse_kl", "js", "nll_p", "nll_q", "total_variation"}
    for name, worst in found["largest"].items():
        assert worst["deviation"] <= limits.FLOAT64, name


def test_the_definitions_are_those_of_the_tests(inside):
    """Two writings of the formulas, of which neither has seen the other."""
    p, q = (rows((1, 9), "logits", seed=seed)[0] for seed in (0, 1))
    comparison = kl_c.compare(p[None], q[None], form="logits", temperature=0.5)
    context = verify.require_mpmath()
    found = verify._exact(context, comparison, p, q, 0)
    exact = Exact(p, q, "logits", 0.5)
    pairs = {"kl": exact.kl_divergence(), "js": exact.js_divergence(), "entropy_p": exact.entropy()}
    for name, value in pairs.items():
        assert abs(found[name] / value - 1) < 1e-48, name


@pytest.mark.parametrize("name", ["kl", "reverse_kl", "js", "entropy_q", "total_variation"])
def test_a_spoilt_score_shows(inside, capsys, monkeypatch, name):
    np.save("base.npy", rows((30, 40), "logits"))
    np.save("other.npy", rows((30, 40), "logits", seed=1))
    true = kl_c.Comparison.update

    def spoilt(self, *arguments, **keywords):
        true(self, *arguments, **keywords)
        getattr(self, name)[17] *= 1 + 1e-6

    monkeypatch.setattr(kl_c.Comparison, "update", spoilt)
    worst = verified(capsys, "--form", "logits", "--verify", "30")["largest"]
    assert worst[name]["row"] == 17
    assert worst[name]["deviation"] == pytest.approx(1e-6, rel=1e-3)
    others = [x["deviation"] for other, x in worst.items() if other != name]
    assert max(others) <= limits.FLOAT64


def test_infinite_and_equal_rows_and_shared_outcomes(inside, capsys):
    base, other = rows((6, 40), "logits"), rows((6, 40), "logits", seed=1)
    other[2] = base[2]
    base[3] = 0
    other[3, 5] = -np.inf
    np.save("base.npy", base)
    np.save("other.npy", np.hstack([other, other[:, :3]]))
    worst = verified(capsys, "--form", "logits", "--verify", "6", "--outcomes", "common")["largest"]
    assert max(x["deviation"] for x in worst.values()) <= limits.FLOAT64


def test_the_table_says_it_and_bad_counts_are_refused(inside, capsys):
    np.save("base.npy", rows((6, 40), "logits"))
    np.save("other.npy", rows((6, 40), "logits", seed=1))
    pair = ["score", "base.npy", "other.npy", "--form", "logits", "--verify"]
    assert main([*pair, "3"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "6 rows scored again in 50 digits: largest relative deviation" in text
    for wrong in ("-1", "many"):
        assert main([*pair, wrong]) == 2
        assert "--verify" in capsys.readouterr().err
