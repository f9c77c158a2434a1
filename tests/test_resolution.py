"""What rounding alone explains of a KL divergence, against rows that are rounded."""

import math
from pathlib import Path

import numpy as np
import pytest

import kl_c
from kl_c._cli import main
from kl_c._cli.resolution import explained_by_rounding
from kl_c._formats import open_rows
from program import of_the_only

DATA = Path(__file__).parent / "llamacpp"


def assert_as_far_as_the_line_says(exact, stored, spacing):
    """Within five standard deviations of a mean over rows whose errors are uniform."""
    p = np.exp(exact - exact.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    spacing = spacing.astype(np.float64)
    line = np.mean([explained_by_rounding(*row) for row in zip(p, spacing[:, None], strict=True)])
    variance = np.sum(p**2 * spacing**4) / 720  # of the sum of p e**2 / 2 over all rows
    found = kl_c.kl_divergence(exact, stored, form="logits").mean()
    assert abs(found - line) < 5 * math.sqrt(variance) / len(p)


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_rows_that_are_rounded_are_as_far_as_the_line_says(kind):
    dtype = pytest.importorskip("ml_dtypes").bfloat16 if kind == "bfloat16" else np.float16
    logits = np.load(DATA / "base_logits.npy").astype(np.float64)
    shifts = np.random.default_rng(0).uniform(size=(64, 1, 1))  # each rounds anew
    exact = (logits + shifts).reshape(-1, logits.shape[1])
    stored = exact.astype(dtype)
    assert_as_far_as_the_line_says(exact, stored, abs(np.spacing(stored)))


def test_rows_of_llamacpp_are_as_far_as_the_line_says():
    file = open_rows(str(DATA / "base_clip24.kld"))
    logits = np.load(DATA / "base_logits.npy").astype(np.float64)
    assert_as_far_as_the_line_says(logits, file.read(0, file.rows), file.spacing(0, file.rows))


@pytest.mark.parametrize("unit", [(), ("--bits",)])
def test_a_mean_at_the_resolution_is_marked(tmp_path, monkeypatch, capsys, unit):
    monkeypatch.chdir(tmp_path)
    logits = np.load(DATA / "base_logits.npy")
    np.save("base.npy", logits)
    np.save("same.npy", logits.astype(np.float16))
    np.save("other.npy", np.load(DATA / "q4_logits.npy").astype(np.float16))
    score = ["score", "base.npy", "same.npy", "--form", "logits", *unit]
    assert main([*score, "--json", "-"]) == 0
    found = of_the_only(capsys.readouterr().out)
    mean, line = found["statistics"]["kl"]["mean"], found["resolution"]
    assert line["reached"] and line["sides"] == ["q"] and line["rows"] == 64
    assert 0.5 * mean < line["kl"] < 2 * mean
    assert main(score) == 0
    assert "at the resolution of the files" in capsys.readouterr().out
    assert main(["score", "base.npy", "other.npy", "--form", "logits", *unit]) == 0
    text = capsys.readouterr().out
    assert "rounding of q explains" in text and "at the resolution" not in text
    assert main(["score", "base.npy", "base.npy", "--form", "logits"]) == 0
    assert "rounding" not in capsys.readouterr().out


def test_both_sides_count_and_the_temperature_divides(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = np.load(DATA / "base_logits.npy").astype(np.float16)
    np.save("narrow.npy", rows)
    np.save("wide.npy", rows.astype(np.float32))

    def line(*arguments):
        assert main(["score", *arguments, "--form", "logits", "--json", "-"]) == 0
        return of_the_only(capsys.readouterr().out)["resolution"]["kl"]

    assert line("narrow.npy", "narrow.npy") == pytest.approx(2 * line("wide.npy", "narrow.npy"))
    flat = np.zeros((4, 8), np.float16)
    flat[:, ::2] = 1  # of spacing 2**-10, the zeros of the least there is
    np.save("flat.npy", flat)
    hot = line("flat.npy", "flat.npy", "--temperature", "1000")
    p, spacing = np.full(8, 1 / 8), np.where(flat[0] == 1, 2.0**-10, 2.0**-24) / 1000
    assert hot == pytest.approx(explained_by_rounding(p, [spacing, spacing]), rel=1e-3)


def test_a_stream_is_gone_through_once(tmp_path, monkeypatch):
    """A compressed file that is asked for a row again would be unpacked from its beginning."""
    monkeypatch.chdir(tmp_path)
    logits = np.load(DATA / "base_logits.npy").astype(np.float16)
    np.savez_compressed("base.npz", logits)
    np.save("other.npy", logits.astype(np.float32))
    file = open_rows("base.npz")
    asked = []
    read = type(file).read

    def watched(self, start, stop):
        asked.append((start, stop))
        return read(self, start, stop)

    monkeypatch.setattr(type(file), "read", watched)
    assert main(["score", "base.npz", "other.npy", "--form", "logits"]) == 0
    rows = [start for start, stop in asked if stop == start + 1]
    assert rows == sorted(set(rows)) and len(rows) == 64
