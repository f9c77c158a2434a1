"""What clipping does to each statistic: the true value lies where the report says it does.

Rows are clipped here by hand, without the rounding of any file, so that the bounds stand alone.
"""

import json

import numpy as np
import pytest

from kl_c import Comparison, compare
from kl_c._cli import clipping, main
from kl_c._cli.floors import Clipped, Floors
from kl_c._formats.llamacpp_writer import LogitsWriter

CLIP = 16.0
ROUNDING = 1e-11  # of float64, for rows of these sizes
EXACT = {"top_p", "top_q", "tied_p", "tied_q", "same_top"}


def clipped(logits, on):
    """Log-probabilities no further than the clip below the largest; the side as a file tells it."""
    log_p = logits - logits.max(-1, keepdims=True)
    log_p -= np.log(np.exp(log_p).sum(-1, keepdims=True))
    rows, n = log_p.shape
    if not on:
        furthest = -log_p.min(-1)
        nothing = np.zeros(rows)
        return log_p, Clipped(nothing, nothing, furthest, nothing, np.full(rows, float(n)))
    floor = log_p.max(-1, keepdims=True) - CLIP
    at_floor = log_p <= floor
    mass = at_floor.sum(-1) * np.exp(floor[:, 0])
    depth = -floor[:, 0]
    step = np.full(rows, CLIP / 65535)
    side = Clipped(mass, depth, depth + mass, step, n - at_floor.sum(-1).astype(float))
    return np.maximum(log_p, floor), side


def rows_of(kind, rng, rows=40, n=300):
    """Two sides of which the tails differ much, and a label for each row."""
    a = rng.normal(scale=8, size=(rows, n))
    b = a + rng.normal(scale=3, size=a.shape)
    if kind == "deep":  # what clipping hides lies far below
        a = np.where(a < -4, a - rng.exponential(60, a.shape), a)
        b = np.where(rng.random(a.shape) < 0.5, b, b - 80)
    elif kind == "flat":  # most outcomes lie just below the floor
        a = np.where(np.arange(n) < 2, 17.0, rng.normal(scale=0.3, size=a.shape))
        b = np.where(np.arange(n) < 1, 17.5, rng.normal(scale=0.3, size=a.shape))
    elif kind == "crossed":  # what one side hides is what the other side expects
        b = -a
    labels = rng.integers(n, size=rows)
    return a, b, labels


@pytest.mark.parametrize("base", [None, 2])
@pytest.mark.parametrize("sides", ["p", "q", "pq"])
@pytest.mark.parametrize("kind", ["usual", "deep", "flat", "crossed"])
def test_the_truth_lies_where_the_status_says(kind, sides, base):
    rng = np.random.default_rng(5)
    a, b, labels = rows_of(kind, rng)
    options = {"form": "logits", "base": base, "k": 3, "labels": labels}
    truth = compare(a, b, **options)
    (p, p_side), (q, q_side) = clipped(a, "p" in sides), clipped(b, "q" in sides)
    scored = compare(p, q, **options)
    columns = scored._columns()
    found = clipping.touched(columns, scored.settings, p_side, q_side)
    assert found
    assert not EXACT & set(found)
    for name in columns:
        if name in ("valid", "masked", "drop_next", "drop_previous") or name.startswith("drop"):
            continue
        true, value = (np.asarray(getattr(x, name), float) for x in (truth, scored))
        slack = ROUNDING * (1 + np.abs(value))
        if name not in found:
            np.testing.assert_allclose(value, true, rtol=0, atol=slack.max(), err_msg=name)
            continue
        status, off = found[name]
        assert status in (clipping.BOUNDED, clipping.LOWER, clipping.UNKNOWN), name
        if status == clipping.BOUNDED:
            assert (np.abs(true - value) <= off + slack).all(), name
        elif status == clipping.LOWER:
            assert (true >= value - off - slack).all(), name


def test_bounds_are_not_far_from_what_happens():
    """A bound that is thousands of times too wide would say nothing: rows made to be far off."""
    flat, near, _ = rows_of("flat", np.random.default_rng(7))
    lone, far = np.array([[0.0, -17.0]]), np.array([[-30.0, 0.0]])  # q expects what p hides
    most_of = {("total_variation", "entropy_p", "kl", "cross_entropy"): (flat, near)}
    for names, (a, b) in (most_of | {("js",): (lone, far)}).items():
        hidden = np.where(a < a.max(-1, keepdims=True) - CLIP, -1e3, a)  # nothing, in truth
        p, side = clipped(hidden, True)
        q, other = clipped(b, False)
        scored, truth = (compare(x, q, form="logits") for x in (p, hidden))
        found = clipping.touched(scored._columns(), scored.settings, side, other)
        for name in names:
            off = np.abs(getattr(truth, name) - getattr(scored, name)).max()
            assert found[name].off.max() < 20 * off, name


def test_kl_of_a_clipped_side_never_stands_bare(tmp_path, capsys):
    """In either direction, in the table of one candidate, of several, and in the JSON."""
    rng = np.random.default_rng(1)
    base = rng.normal(scale=8, size=(6, 4, 200)).astype(np.float32)
    other = base + rng.normal(scale=1, size=base.shape).astype(np.float32)
    np.save(tmp_path / "base.npy", base.reshape(-1, 200))
    np.save(tmp_path / "other.npy", other.reshape(-1, 200))
    for name, logits in (("base", base), ("other", other)):
        write(tmp_path / f"{name}.kld", logits)
    for left, right, marked, bare in (
        ("base.kld", "other.npy", "reverse_kl", "kl"),
        ("base.npy", "other.kld", "kl", "reverse_kl"),
    ):
        files = [str(tmp_path / left), str(tmp_path / right)]
        options = ["--form", "logits", "--json", str(tmp_path / "found.json")]
        assert main(["score", *files, *options]) == 0
        said = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line}
        assert f"{marked} >=" in said["percentile"]
        (found,) = json.loads((tmp_path / "found.json").read_text())["candidates"]
        assert found["clipping"][marked]["status"] == "lower bound"
        assert found["clipping"][bare]["status"] == "bounded"
        mean = found["statistics"][marked]["mean"]
        truth = compare(base, other, form="logits").summary()["statistics"]
        assert truth[marked]["mean"] >= mean - found["clipping"][marked]["bound"] - 1e-3
    several = [f"{name}={tmp_path / 'other.kld'}" for name in ("a", "b")]
    assert main(["score", str(tmp_path / "base.kld"), *several]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("a ") and ">=" in line for line in lines) == 2
    assert any(line.startswith("clipped rows: >=") for line in lines)


def test_rows_that_reach_no_clip_are_exact(tmp_path):
    rng = np.random.default_rng(2)
    logits = rng.normal(size=(6, 4, 50)).astype(np.float32)
    write(tmp_path / "narrow.kld", logits)
    found = tmp_path / "found.json"
    assert main(["score", *2 * [str(tmp_path / "narrow.kld")], "--json", str(found)]) == 0
    assert json.loads(found.read_text())["candidates"][0]["clipping"] is None


def test_labels_at_the_floor_make_a_lower_bound():
    rng = np.random.default_rng(3)
    a, b, _ = rows_of("usual", rng)
    for label, status in ((a.argmax(-1), "bounded"), (a.argmin(-1), "lower bound")):
        p, side = clipped(a, True)
        q, other = clipped(b, True)
        scored = compare(p, q, form="logits", labels=label)
        found = clipping.touched(scored._columns(), scored.settings, side, other)
        assert found["nll_p"].status == status


@pytest.mark.parametrize("options", [{"temperature": 2.0}, {"outcomes": 100}])
def test_what_changes_the_masses_is_unknown(options):
    a, b, _ = rows_of("usual", np.random.default_rng(4))
    (p, side), (q, other) = clipped(a, True), clipped(b, True)
    scored = Comparison(form="logits", **options)
    scored.update(p, q)
    found = clipping.touched(scored._columns(), scored.settings, side, other)
    assert {one.status for one in found.values()} == {"unknown"}
    assert {"kl", "reverse_kl", "js", "entropy_p", "total_variation"} <= set(found)


@pytest.mark.parametrize("form", ["logits", "probs"])
def test_no_outcome_is_less_likely_than_is_measured(form):
    rng = np.random.default_rng(6)
    logits = rng.normal(scale=5, size=(20, 60))
    p = np.exp(logits - logits.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    floors = Floors()
    floors.measure(logits if form == "logits" else p, form)
    furthest = floors.clipped(20).furthest
    assert (furthest >= -np.log(p.min(-1)) - ROUNDING).all()
    assert (furthest <= -np.log(p.min(-1)) + np.log(60) + ROUNDING).all()
    p[0, 0] = 0
    floors = Floors()
    floors.measure(p, "probs")
    assert floors.clipped(20).furthest[0] == np.inf


def write(path, logits):
    """Chunks x rows x outcomes as llama.cpp's file."""
    chunks, rows, n = logits.shape
    tokens = np.zeros((chunks, 2 * (rows + 1)), np.int32)
    with open(path, "wb") as file:
        LogitsWriter(file, tokens, n, int(CLIP)).write(logits.reshape(-1, n))
