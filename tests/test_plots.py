"""The pictures that explain: what is drawn, read back from matplotlib's figures, and the files."""

import doctest
import importlib.util
import struct
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

import kl_c
import limits
from kl_c import plots
from kl_c._pictures.gaussian_fits import best_fits, target

pytest.importorskip("matplotlib", reason="comes with the extra plots")

COINS = [0.5, 0.5], [0.9, 0.1]


def texts(figure):
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def test_examples_in_docstrings():
    for name in plots.__all__:
        (found,) = doctest.DocTestFinder().find(
            getattr(plots, name), name, globs={"kl_c": kl_c}, module=False
        )
        assert found.examples
        assert doctest.DocTestRunner().run(found).failed == 0


def test_contributions_are_the_terms_of_the_divergence():
    axes = plots.contributions(*COINS, labels=["heads", "tails"])
    above, below = axes.child_axes
    assert [bar.get_height() for bar in above.patches] == [0.5, 0.5, 0.9, 0.1]
    terms = [0.5 * np.log2(0.5 / 0.9), 0.5 * np.log2(0.5 / 0.1)]
    np.testing.assert_allclose(
        [bar.get_height() for bar in below.patches], terms, rtol=limits.FLOAT64
    )
    assert {"−0.424", "+1.161", "0.9", "0.1", "heads", "tails"} <= set(texts(axes.figure))
    assert below.get_title(loc="left") == "shares of KL(p ‖ q) = 0.737 bits"


def test_rows_within_tolerance_are_drawn_as_the_distributions_they_stand_for():
    axes = plots.contributions([0.5004, 0.5], [0.9, 0.1], base=None)
    shares = [bar.get_height() for bar in axes.child_axes[1].patches]
    expected = kl_c.kl_divergence([0.5004, 0.5], [0.9, 0.1])
    assert sum(shares) == pytest.approx(expected, rel=limits.REFERENCE_BOUND)
    assert axes.child_axes[1].get_title(loc="left").endswith(f"{expected:.3f} nats")


def test_an_outcome_that_q_lacks_is_infinite():
    axes = plots.contributions([0.5, 0.3, 0.2], [0.4, 0.6, 0.0])
    below = axes.child_axes[1]
    heights = [bar.get_height() for bar in below.patches]
    assert heights[2] > max(heights[:2]) and below.texts[2].get_text() == "∞"
    assert "= ∞ bits" in below.get_title(loc="left")
    axes = plots.contributions([0.0, 1.0], [1.0, 0.0])
    assert [text.get_text() for text in axes.child_axes[1].texts] == ["+0.000", "∞"]


def test_contributions_are_drawn_where_they_are_asked_for():
    from matplotlib.figure import Figure

    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert plots.contributions(*COINS, ax=right) is right
    assert len(right.child_axes) == 2 and not left.child_axes


@pytest.mark.parametrize("count", [1, 2, 10, 40])
def test_nothing_is_cut_off(count):
    p, q = np.random.default_rng(count).dirichlet(np.ones(count), 2)
    axes = plots.contributions(p, q)
    figure = axes.figure
    figure.draw_without_rendering()
    for inner in axes.child_axes:
        box = inner.get_tightbbox()
        assert figure.bbox.x0 - 1 <= box.x0 and box.x1 <= figure.bbox.x1 + 1
        assert figure.bbox.y0 - 1 <= box.y0 and box.y1 <= figure.bbox.y1 + 1
        for text in inner.texts:
            box, room = text.get_window_extent(), inner.get_window_extent()
            assert room.y0 - 1 <= box.y0 and box.y1 <= room.y1 + 1, text.get_text()


def test_wrong_input_is_named():
    for p, q, keywords, words in [
        ([[0.5, 0.5]], [0.5, 0.5], {}, r"p must be one row of outcomes, got shape \(1, 2\)"),
        ([0.5, 0.5], [0.5, 0.25, 0.25], {}, "same number of outcomes"),
        ([0.5, 0.6], [0.5, 0.5], {}, "p sums to 1.1"),
        (*COINS, {"labels": ["a"]}, "labels must be one for each of the 2 outcomes, got 1"),
    ]:
        with pytest.raises(ValueError, match=words):
            plots.contributions(p, q, **keywords)


def test_the_forward_fit_has_the_moments_of_the_target():
    x, p = target()
    forward, reverse = best_fits()
    for power in (1, 2):
        assert forward.row @ x**power == pytest.approx(p @ x**power, abs=limits.FITTED)
    # The reverse one is a minimum: nothing next to it is lower.
    assert reverse.reverse < forward.reverse and forward.forward < reverse.forward
    for mean, deviation in [(1e-2, 0), (-1e-2, 0), (0, 1e-2), (0, -1e-2)]:
        logits = -(((x - reverse.mean - mean) / (reverse.deviation + deviation)) ** 2) / 2
        beside = np.exp(logits) / np.exp(logits).sum()
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = np.where(beside > 0, beside * np.log(beside / p), 0)
        assert terms.sum() > reverse.reverse
    assert abs(reverse.mean + 1.8) < 0.1 and reverse.deviation < 1  # one hump alone


def test_both_fits_are_drawn_with_their_divergences():
    figure = plots.forward_reverse()
    _, p = target()
    for axes, fit in zip(figure.axes, best_fits(), strict=True):
        title = axes.get_title(loc="left")
        forward = np.sum(p * np.log(p / fit.row, where=fit.row > 0, out=np.zeros_like(p)))
        assert f"KL(p ‖ q) = {forward:.3f}" in title
        assert f"KL(q ‖ p) = {fit.reverse:.3f}" in title
        step = 0.02
        lines = [line.get_ydata().sum() * step for line in axes.lines]
        assert lines == pytest.approx([1, 1], rel=1e-9)


def test_the_heatmap_is_the_matrix_in_another_order():
    rng = np.random.default_rng(0)
    matrix = kl_c.pairwise(rng.dirichlet(np.ones(6), 9), measure="kl_divergence")  # not symmetric
    axes = plots.pairwise_heatmap(matrix)
    order = [int(label.get_text()) for label in axes.get_yticklabels()]
    assert sorted(order) == list(range(9))
    assert order == [int(label.get_text()) for label in axes.get_xticklabels()]
    np.testing.assert_array_equal(axes.images[0].get_array(), matrix[np.ix_(order, order)])

    def steps(places):
        both = (matrix + matrix.T) / 2
        return sum(both[a, b] for a, b in pairwise(places))

    assert steps(order) < min(steps(rng.permutation(9)) for _ in range(200))


@pytest.mark.parametrize("count", [1, 2, 13, 60])
def test_heatmaps_of_any_size(count):
    matrix = kl_c.pairwise(np.random.default_rng(1).dirichlet(np.ones(4), count))
    axes = plots.pairwise_heatmap(matrix, labels=[f"_row${i}" for i in range(count)])
    axes.figure.draw_without_rendering()
    box, page = axes.get_tightbbox(), axes.figure.bbox
    assert page.x0 - 1 <= box.x0 and box.x1 <= page.x1 + 1
    assert page.y0 - 1 <= box.y0 and box.y1 <= page.y1 + 1
    assert len(axes.texts) == (count**2 if count <= 12 else 0)
    assert len(axes.get_yticklabels()) == (count if count <= 40 else 0)


def test_a_matrix_that_is_none_is_named():
    for matrix, labels, words in [
        (np.ones((2, 3)), None, r"matrix must be square, .*got shape \(2, 3\)"),
        (np.empty((0, 0)), None, r"got shape \(0, 0\)"),
        ([[0, 1], [np.inf, 0]], None, "0 or more, got inf in row 1, column 0"),
        ([[0, np.nan], [1, 0]], None, "got nan in row 0, column 1"),
        ([[0, -1], [1, 0]], None, "got -1 in row 0, column 1"),
        ([[0, 1], [1, 0]], ["a"], "labels must be one for each of the 2 rows, got 1"),
    ]:
        with pytest.raises(ValueError, match=words):
            plots.pairwise_heatmap(matrix, labels=labels)


def test_the_script_draws_the_pictures_of_the_pages(source_tree, tmp_path):
    script = source_tree / "docs" / "make_pictures.py"
    subprocess.run([sys.executable, script, tmp_path], check=True, capture_output=True)
    spec = importlib.util.spec_from_file_location("make_pictures", script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert {path.stem for path in tmp_path.iterdir()} == set(module.PICTURES)
    for path in tmp_path.iterdir():
        kept = (source_tree / "docs" / path.name).read_bytes()
        assert size_of(path.read_bytes()) == size_of(kept)
    numbers = texts(module.contributions())
    assert {"−0.424", "+1.161"} <= set(numbers)
    pages = "".join(path.read_text() for path in (source_tree / "docs").glob("*.md"))
    assert all(f"]({name}.png)" in pages for name in module.PICTURES)
    heatmap = module.pairwise_heatmap().axes[0]
    topics = [label.get_text()[0] for label in heatmap.get_yticklabels()]
    assert sum(a != b for a, b in pairwise(topics)) == 2  # each topic stands together
    assert [text.get_text() for text in heatmap.texts] == [
        f"{value:.2g}" for value in heatmap.images[0].get_array().ravel()
    ]


def size_of(png):
    """Width and height in the head of the file."""
    assert png.startswith(b"\x89PNG")
    return struct.unpack(">II", png[16:24])


def test_nothing_of_matplotlib_is_loaded_or_changed_before_or_after():
    code = """
import sys, kl_c
kl_c.plots
assert "matplotlib" not in sys.modules
import matplotlib
settings = [name for name in matplotlib.rcParams if name != "backend"]  # which asks for a display
before = [matplotlib.rcParams[name] for name in settings]
kl_c.plots.contributions([0.5, 0.5], [0.9, 0.1])
kl_c.plots.forward_reverse()
assert "matplotlib.pyplot" not in sys.modules
assert [matplotlib.rcParams[name] for name in settings] == before
"""
    subprocess.run([sys.executable, "-c", code], check=True)
