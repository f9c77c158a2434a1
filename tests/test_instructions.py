"""The check of the instruction counts: growth is named, and only like is compared with like."""

import json
import runpy

import pytest

MADE_WITH = {"compiler": "GCC 12.2.0"}

# Of measures that another's kernel scores, or one that several share.
KERNELS = {
    "js_distance": "js_divergence",
    "jeffreys_divergence": "kl_divergence",
    "hellinger_distance": "affinity",
    "bhattacharyya_distance": "affinity",
    "renyi_divergence": "power_divergence",
    "tsallis_divergence": "power_divergence",
    "alpha_divergence": "power_divergence",
    "perplexity": "entropy",
    "renyi_entropy": "power_entropy",
    "tsallis_entropy": "power_entropy",
}


@pytest.fixture(scope="module")
def compare(source_tree):
    return runpy.run_path(str(source_tree / "bench" / "instructions.py"))["compare"]


def kept(**counts):
    return {"made with": MADE_WITH, "counts": counts}


def test_growth_above_five_per_cent_is_a_fault(compare):
    faults = compare("kernels", kept(kl=100, js=100), MADE_WITH, {"kl": 105, "js": 106})
    assert faults == ["js: 100 -> 106, +6.0%"]


def test_missing_counts_are_faults(compare):
    faults = compare("kernels", kept(old=1), MADE_WITH, {"new": 1})
    assert faults == ["new: no count is kept", "old: no count is found"]


def test_a_gain_asks_to_be_kept(compare, capsys):
    assert compare("kernels", kept(kl=100), MADE_WITH, {"kl": 90}) == []
    assert "kl: 100 -> 90, -10.0%: keep it" in capsys.readouterr().out


def test_another_compiler_is_not_compared(compare, capsys):
    assert compare("kernels", kept(kl=1), {"compiler": "GCC 13.1.0"}, {"kl": 2}) == []
    assert "not comparable" in capsys.readouterr().out


def test_every_measure_of_rows_has_a_count(source_tree):
    from kl_c import _kernels

    counts = json.loads((source_tree / "bench" / "results" / "instructions.json").read_text())
    names = " ".join(counts["kernels, per outcome"]["counts"])
    for measure in _kernels.MEASURES:
        assert f" {KERNELS.get(measure, measure)}, " in names
    assert counts["reasons"]
