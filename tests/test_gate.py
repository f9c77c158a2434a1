"""The gate: what passes it, and that everything else does not."""

import numpy as np
import pytest

from kl_c._cli import main
from program import of_the_only

FORM = ("--form", "logits")


@pytest.fixture
def pair(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(3)
    base = rng.normal(size=(40, 30)).astype(np.float32)
    np.save("base.npy", base)
    np.save("other.npy", base + rng.normal(scale=0.1, size=base.shape).astype(np.float32))
    np.save("labels.npy", rng.integers(30, size=40))


def score(capsys, *arguments, files=("base.npy", "other.npy")):
    """Exit code and JSON."""
    code = main(["score", *files, *FORM, "--json", "-", *arguments])
    return code, of_the_only(capsys.readouterr().out)


def figure(facts, name):
    part, _, key = name.partition(".")
    if part == "likelihood":
        return facts["likelihood"][key]["value"]
    return facts["statistics"][part][key]


@pytest.mark.parametrize(
    "name",
    [
        "kl.mean",
        "kl.p99.9",
        "reverse_kl.maximum",
        "kl.minimum",
        "label_change.rms",
        "kl.median",
        "total_variation.p1",
        "same_top.mean",
        "likelihood.ratio",
        "likelihood.perplexity_q",
    ],
)
def test_a_figure_at_its_limit_passes_and_beyond_does_not(pair, capsys, name):
    labels = ("--labels", "labels.npy")
    _, facts = score(capsys, *labels)
    value = figure(facts, name)
    step = abs(value) * 1e-9 + 1e-12
    for option, beyond in (("--fail-above", value - step), ("--fail-below", value + step)):
        code, facts = score(capsys, *labels, option, f"{name}={value!r}")
        assert code == 0 and not facts["gates"][0]["crossed"]
        code, facts = score(capsys, *labels, option, f"{name}={beyond!r}")
        assert code == 1
        (gate,) = facts["gates"]
        assert gate["name"] == name and gate["crossed"] and gate["value"] == value


def test_every_gate_counts(pair, capsys):
    loose, tight = "kl.mean=100", "kl.p99=0"
    assert score(capsys, "--fail-above", loose, "reverse_kl.mean=100")[0] == 0
    code, facts = score(capsys, "--fail-above", loose, tight, "--fail-below", "same_top.mean=0")
    assert code == 1
    assert [gate["crossed"] for gate in facts["gates"]] == [False, True, False]
    assert score(capsys, "--fail-above", loose, "--fail-above", tight)[0] == 1


@pytest.mark.parametrize("option", ["--fail-above", "--fail-below"])
def test_what_is_no_finite_number_crosses(pair, capsys, option):
    harmless = {"--fail-above": "1e300", "--fail-below": "-1e300"}[option]
    # Missing: there are no labels.
    for name in ("nll_q.mean", "likelihood.ratio", "label_change.rms"):
        assert score(capsys, option, f"{name}={harmless}")[0] == 1
    # NaN: groups that there are not.
    assert score(capsys, option, f"kl.clustered_error={harmless}")[0] == 1
    # Infinite.
    holes = np.load("other.npy")
    holes[7, 3] = -np.inf
    np.save("holes.npy", holes)
    code, facts = score(capsys, option, f"kl.mean={harmless}", files=("base.npy", "holes.npy"))
    assert code == 1 and facts["gates"][0]["value"] is None
    assert score(capsys, option, f"kl.median={harmless}", files=("base.npy", "holes.npy"))[0] == 0


@pytest.mark.parametrize("option", ["--fail-above", "--fail-below"])
def test_no_rows_cross(pair, capsys, option):
    np.save("none.npy", np.empty((0, 30), np.float32))
    harmless = {"--fail-above": "kl.mean=1e300", "--fail-below": "kl.infinite=-1"}[option]
    assert score(capsys, option, harmless, files=("none.npy", "none.npy"))[0] == 1
    bad = np.full((3, 30), np.nan, np.float32)
    np.save("bad.npy", bad)
    files = ("bad.npy", "bad.npy")
    assert score(capsys, option, harmless, "--invalid", "nan", files=files)[0] == 1
    assert score(capsys, option, "kl.infinite=5", "--invalid", "nan", files=files)[0] == 1


@pytest.mark.parametrize(
    "wrong",
    [
        "kl",
        "kl=1",
        "kl.mean",
        "kl.mean=",
        "kl.mean=nan",
        "kl.mean=inf",
        "kl.mean=much",
        "kl.average=1",
        "ks.mean=1",
        "kl.p98=1",
        "same_top.p99=1",
        "same_top.rms=1",
        "likelihood.mean=1",
        "top_p.mean=1",
    ],
)
def test_an_unknown_name_is_wrong_usage(pair, capsys, wrong):
    assert main(["score", "base.npy", "other.npy", *FORM, "--fail-above", wrong]) == 2
    out, err = capsys.readouterr()
    assert not out and err.startswith("kl-c: --fail-above: expected") and wrong.split("=")[0] in err


def test_results_are_written_before_a_gate_fails(pair, capsys):
    written = ("--json", "found.json", "--rows", "rows.npz", "--fail-above", "kl.mean=0")
    assert main(["score", "base.npy", "other.npy", *FORM, *written]) == 1
    out, err = capsys.readouterr()
    with open("found.json") as file:
        assert of_the_only(file.read())["gates"][0]["crossed"]
    assert np.load("rows.npz")["kl"].size == 40
    value = np.load("rows.npz")["kl"].mean()
    assert f"gate: kl.mean is {value:.4g}, fails above 0" in out
    assert err == "kl-c: a gate is crossed: kl.mean\n"
