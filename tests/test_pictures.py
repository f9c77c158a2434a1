"""The pictures: what stands in them, read back from matplotlib's figures and from the files."""

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from kl_c import compare
from kl_c._cli import main
from kl_c._cli.plots import run_of
from kl_c._pictures import PICTURES, figure_of
from kl_c._pictures.curves import Curve, Point, Run, points_of
from kl_c._pictures.style import looks
from program import as_facts

pytest.importorskip("matplotlib", reason="comes with the extra cli")

FORM = ("--form", "logits")
TRIO = ("base.npy", "Q8=q8.npy@8.5", "Q6=q6.npy@6.6", "Q4=q4.npy@4.85")


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Logits of 12 texts of 30 words, and of three copies."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    base = (rng.normal(size=(12, 30, 40)) * 3).astype(np.float32)
    np.save("base.npy", base)
    for name, scale in (("q8", 0.05), ("q6", 0.1), ("q4", 0.3)):
        np.save(f"{name}.npy", base + (scale * rng.normal(size=base.shape)).astype(np.float32))


def comparisons():
    base = np.load("base.npy")
    return [compare(base, np.load(f"{name}.npy"), form="logits") for name in ("q8", "q6", "q4")]


@pytest.fixture
def run(files, capsys):
    assert main(["score", *TRIO, *FORM, "--json", "-"]) == 0
    return run_of(as_facts(capsys.readouterr().out), comparisons())


def curve(name="Q", size=None, mean=np.nan, low=np.nan, high=np.nan, kl=None):
    return Curve(name, size, mean, low, high, kl, [], [])


def texts(figure):
    """Every word in a figure."""
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


@pytest.mark.parametrize("picture", PICTURES)
@pytest.mark.parametrize(
    ("ending", "begins"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_each_picture_is_written_the_same_again(files, capsys, picture, ending, begins):
    path = Path(f"out.{ending}")
    written = []
    for _ in range(2):
        assert main(["score", *TRIO, *FORM, "--plot", f"{picture}={path}"]) == 0
        written.append(path.read_bytes())
    assert written[0].startswith(begins)
    assert written[0] == written[1]


def test_a_pattern_writes_all_that_there_is(files, capsys):
    assert main(["score", *TRIO, *FORM, "--plot", "kl-{picture}.svg", "--plot", "one.png"]) == 0
    assert sorted(p.name for p in Path().glob("kl-*")) == sorted(f"kl-{x}.svg" for x in PICTURES)
    assert Path("one.png").exists()
    assert main(["score", "base.npy", "q8.npy", *FORM, "--plot", "of-{picture}.png"]) == 0
    assert sorted(p.stem for p in Path().glob("of-*")) == [
        *("of-confidence", "of-distribution", "of-position")
    ]


def test_the_distribution_counts_every_row(run):
    figure = figure_of("distribution", run)
    (axes,) = figure.axes
    assert axes.get_xscale() == "log" and axes.get_ylim()[0] == 0
    steps = [patch for patch in axes.patches if not patch.get_fill()]
    for patch, candidate in zip(steps, run.curves, strict=True):
        heights, edges, _ = patch.get_data()
        assert heights.sum() == pytest.approx(100)
        expected, _ = np.histogram(candidate.kl, edges)
        np.testing.assert_allclose(heights, 100 * expected / candidate.kl.size)
    labels = [text for text in texts(figure) if ": median " in text]
    assert [label.split(":")[0] for label in labels] == ["Q8", "Q6", "Q4"]


def test_rows_that_have_no_place_on_the_axis_are_said():
    kl = np.array([0, 0, 0, 1e-3, 2e-3, 1e-2, np.inf])
    figure = figure_of("distribution", Run([curve(kl=kl)], "nats", ""))
    (label,) = (text for text in texts(figure) if ": median " in text)
    assert label.endswith("; 3 of 7 exactly 0; 1 of 7 infinite")
    heights, _, _ = figure.axes[0].patches[-1].get_data()
    assert heights.sum() == pytest.approx(100 * 3 / 7)
    for kl in (np.zeros(5), np.full(5, np.inf), np.full(5, 1e-300)):
        figure = figure_of("distribution", Run([curve(kl=kl)], "nats", ""))
        figure.draw_without_rendering()
    assert isinstance(figure_of("distribution", Run([curve(kl=kl[:0])], "nats", "")), str)


def test_sizes_stand_against_means_with_their_intervals(run):
    pytest.importorskip("scipy", reason="without it there are no intervals")
    figure = figure_of("size", run)
    (axes,) = figure.axes
    assert axes.get_yscale() == "log"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("bits per weight", "mean KL, nats")
    by_size = sorted(run.curves, key=lambda x: x.size)
    line = axes.lines[0].get_xydata()
    np.testing.assert_allclose(line, [(x.size, x.mean) for x in by_size])
    spans = [
        segments.get_segments()[0]
        for segments in axes.collections
        if type(segments).__name__ == "LineCollection"
    ]
    for span, candidate, comparison in zip(spans, run.curves, comparisons(), strict=True):
        interval = comparison.interval("kl")
        np.testing.assert_allclose(span, [(candidate.size, x) for x in interval[2:4]], rtol=1e-6)
    assert {"Q8", "Q6", "Q4"} <= set(texts(figure))
    assert "Mean KL(base ‖ candidate), with 95 % intervals" in texts(figure)


def test_what_a_picture_of_sizes_cannot_show_is_said():
    curves = [curve("A", 8.5, 0.0, 0.0, 0.0), curve("B", 6.0, 1e-3, -1e-3, 3e-3), curve("C")]
    figure = figure_of("size", Run(curves, "bits", "bits per weight"))
    assert "Not shown: A (mean 0), C (no size)" in texts(figure)
    low, high = figure.axes[0].get_ylim()
    assert 1e-4 < low < 1e-3 < 3e-3 < high  # an interval that reaches 0 ends below the axis
    assert figure_of("size", Run(curves[2:], "bits", "")) == "sizes (NAME=FILE@SIZE)"


def test_points_by_confidence_and_position_are_strata_of_the_library(files):
    pytest.importorskip("scipy", reason="without it there are no intervals")
    comparison = comparisons()[1]
    found = points_of(comparison, "confidence", 0.95)
    for point, stratum in zip(found, comparison.strata("confidence"), strict=True):
        kl = stratum.summary["statistics"]["kl"]
        assert (point.start, point.stop, point.rows) == (stratum.low, stratum.high, kl["count"])
        assert point.mean == pytest.approx(kl["mean"], nan_ok=True)
    found = points_of(comparison, "position", 0.95)
    assert found[0].start == 0 and found[-1].stop == 30
    assert all(one.stop == other.start for one, other in pairwise(found))
    positions = np.tile(np.arange(30), 12)
    for point in found:
        rows = (positions >= point.start) & (positions < point.stop + (point.stop == 30))
        assert point.rows == rows.sum()
        base, other = (
            np.load(name)[:, int(point.start) : int(point.stop)] for name in ("base.npy", "q6.npy")
        )
        mine = compare(base, other, form="logits")
        interval = mine.interval("kl")
        assert (point.mean, point.low, point.high) == pytest.approx(
            (interval.value, interval.low, interval.high), rel=1e-9
        )


def test_pictures_along_something_show_their_points(run):
    figure = figure_of("position", run)
    for line, candidate in zip(figure.axes[0].lines, run.curves, strict=True):
        points = [((p.start + p.stop - 1) / 2, p.mean) for p in candidate.position]
        np.testing.assert_allclose(line.get_xydata(), points)
    figure = figure_of("confidence", run)
    names = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    rows = [int(name.split("\n")[-1].replace(",", "")) for name in names]
    assert sum(rows) == 360
    assert [name.split("\n")[0] for name in names] == [
        *("0–", "0.1–", "0.25–", "0.5–", "0.75–", "0.9–", "0.99–")
    ]


@pytest.mark.parametrize("count", [1, 3, 9])
@pytest.mark.parametrize("picture", PICTURES)
def test_nothing_is_cut_off_and_nothing_overlaps(run, picture, count):
    names = [f"candidate-{number}-of-some-length" for number in range(count)]
    curves = [run.curves[i % 3]._replace(name=name) for i, name in enumerate(names)]
    figure = figure_of(picture, run._replace(curves=curves))
    figure.draw_without_rendering()
    page = figure.bbox
    axes = figure.axes[0].get_tightbbox()
    legends = [legend.get_window_extent() for legend in figure.legends]
    for box in [axes, *legends]:
        assert page.x0 - 1 <= box.x0 and box.x1 <= page.x1 + 1, picture
        assert page.y0 - 1 <= box.y0 and box.y1 <= page.y1 + 1, picture
    assert all(legend.y1 <= axes.y0 + 1 for legend in legends)
    assert figure.axes[0].get_window_extent().height > page.height / 4


def test_a_bound_is_marked(files, capsys):
    data = Path(__file__).with_name("llamacpp")
    pair = [str(data / "base_clip16.kld"), f"Q4={data / 'q4_clip16.kld'}@4.5"]
    assert main(["score", *pair, "--json", "-"]) == 0
    run = run_of(as_facts(capsys.readouterr().out), [None])
    assert "Q4 (>=)" in texts(figure_of("size", run))


@pytest.mark.parametrize("picture", PICTURES)
def test_names_are_no_mathematics(run, picture):
    curves = [
        x._replace(name=name)
        for x, name in zip(run.curves, ("a$_b", "_c", r"$\frac$"), strict=True)
    ]
    figure = figure_of(picture, run._replace(curves=curves))
    figure.draw_without_rendering()
    shown = [text.split(":")[0] for text in texts(figure)]
    assert [name for name in (r"a\$_b", " _c", r"\$\frac\$") if name not in shown] == []


def test_looks_differ():
    assert len(set(looks(24))) == 24
    assert len({look.colour for look in looks(8)}) == 8


def test_wrong_usage_and_what_cannot_be_drawn(files, capsys, monkeypatch):
    pair = ["score", "base.npy", "q8.npy", *FORM]
    for plot, words in [
        ("kl.bmp", "--plot: expected [PICTURE=]FILE"),
        ("sizes=kl.bmp", "found sizes=kl.bmp"),
        ("nowhere/kl.png", "expected an existing directory"),
        ("q8.npy.png/x.png", "expected an existing directory"),
        ("size=kl.png", "kl.png: expected a size (NAME=FILE@SIZE), found none"),
    ]:
        assert main([*pair, "--plot", plot]) == 2
        out, err = capsys.readouterr()
        assert words in err and err.count("\n") == 1 and not out
    assert not list(Path().glob("*.png"))
    assert main([*pair, "--plot", "a=b.png"]) == 0  # no picture is called so: a file
    assert Path("a=b.png").exists()
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main([*pair, "--plot", "kl.png"]) == 2
    assert "--plot: expected matplotlib, found none" in capsys.readouterr().err


def test_a_run_without_rows_or_groups_is_drawn(files, capsys):
    np.save("flat.npy", np.load("base.npy").reshape(360, 40))
    np.save("none.npy", np.empty((0, 40), np.float32))
    np.save("bad.npy", np.full((3, 40), np.nan, np.float32))
    assert main(["score", "flat.npy", "flat.npy", *FORM, "--plot", "same-{picture}.png"]) == 0
    assert main(["score", "none.npy", "none.npy", *FORM, "--plot", "none-{picture}.png"]) == 0
    bad = ["score", "bad.npy", "bad.npy", *FORM, "--invalid", "nan"]
    assert main([*bad, "--plot", "bad-{picture}.png"]) == 0
    capsys.readouterr()


def test_point_of_a_stratum_that_json_holds():
    kl = {"mean": None, "standard_error": None, "count": 0}
    point = Point.of({"low": 0.0, "high": 0.1, "statistics": {"kl": kl}}, 0.95)
    assert np.isnan([point.mean, point.low, point.high]).all() and point.rows == 0
