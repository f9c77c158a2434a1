"""The picture: how the per-token KL of the copies is distributed, on a logarithmic axis."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kl_c._files import replacing

__all__ = ["draw"]

Floats = NDArray[np.float64]

# Three of the colours of Okabe and Ito, "Color Universal Design" (2008), which every common kind of
# colour vision tells apart: blue, bluish green, vermilion.
COLOURS = ("#0072B2", "#009E73", "#D55E00")
INK = "#222222"
FAINT = "#777777"

INCHES = (8.0, 4.6)
DOTS_PER_INCH = 160
BINS_PER_DECADE = 8
HEADROOM = 1.22  # for the names above the highest bars


def draw(path: Path, kl: Mapping[int, Floats], outcomes: int) -> None:
    """Write the distributions of ``kl``, per token in nats for each number of bits, to ``path``.

    Scores of exactly 0 have no place on a logarithmic axis and stand in bars of their own.

    Raises
    ------
    ImportError
        Without matplotlib.
    """
    from matplotlib.figure import Figure  # no pyplot: it would look for a display

    tokens = len(next(iter(kl.values())))
    figure = Figure(figsize=INCHES)
    zeros, spread = figure.subplots(
        1, 2, sharey=True, gridspec_kw={"width_ratios": [1, 6.5], "wspace": 0.04}
    )
    figure.subplots_adjust(left=0.085, right=0.975, bottom=0.15, top=0.84)
    figure.text(
        0.02,
        0.93,
        "What rounding the weights does to a language model",
        color=INK,
        fontsize=14,
        fontweight="bold",
    )
    figure.text(
        0.02,
        0.865,
        f"KL divergence of a copy with rounded weights from the base model, for each of "
        f"{tokens:,} words of held-out text",
        color=INK,
        fontsize=9.5,
    )
    for axes in (zeros, spread):
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(colors=INK, labelsize=9)
        axes.grid(axis="y", color="#E4E4E4", linewidth=0.8)
        axes.set_axisbelow(True)
    _draw_zeros(zeros, kl)
    _draw_spread(spread, kl, outcomes)
    zeros.set_ylim(0, HEADROOM * zeros.get_ylim()[1])

    with replacing(path) as file:
        figure.savefig(file, dpi=DOTS_PER_INCH, format=path.suffix[1:])


def _draw_zeros(axes: Any, kl: Mapping[int, Floats]) -> None:
    for place, (scores, colour) in enumerate(zip(kl.values(), COLOURS, strict=True)):
        count = np.count_nonzero(scores == 0)
        share = 100 * count / len(scores)
        axes.bar(place, share, width=0.8, color=colour)
        _write(axes, f"{count:,}", (place, share), 3, color=colour, fontsize=9)
    axes.set_xticks(range(len(kl)), [str(bits) for bits in kl])
    axes.tick_params(axis="x", length=0)
    axes.set_xlim(-0.8, len(kl) - 0.2)
    axes.set_xlabel("exactly 0\n(words, by bits)", color=INK, fontsize=9.5)
    axes.set_ylabel("share of the words, %", color=INK, fontsize=9.5)


def _draw_spread(axes: Any, kl: Mapping[int, Floats], outcomes: int) -> None:
    bins = _bins(np.concatenate(list(kl.values())))
    axes.set_xscale("log")
    for (bits, scores), colour in zip(kl.items(), COLOURS, strict=True):
        # Percent of all words, zeros included: both panels share one scale.
        weights = np.full(len(scores), 100 / len(scores))
        heights, _ = np.histogram(scores, bins, weights=weights)
        axes.stairs(heights, bins, fill=True, color=colour, alpha=0.25)
        axes.stairs(heights, bins, color=colour, linewidth=1.6)
        top = heights.max()
        median = np.median(scores)
        if median > 0:
            axes.vlines(median, 0, 1.02 * top, color=colour, linewidth=1.6, ls=(0, (4, 2)))
        # The names stand at the median, or at the highest bar when the median is not on this axis.
        at = (median if median > 0 else bins[heights.argmax()], top)
        # One below the other: medians a decade apart leave no more room beside each other.
        _write(axes, _figure(median), at, 5, color=INK, fontsize=9)
        _write(axes, "median", at, 16, color=INK, fontsize=9)
        _write(axes, f"{bits} bits", at, 28, color=colour, fontsize=12, fontweight="bold")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(bins[0], bins[-1])
    axes.set_xlabel(
        f"KL(base ‖ copy) of one word's prediction among {outcomes:,}, in nats (logarithmic)",
        color=INK,
        fontsize=9.5,
    )


def _bins(scores: Floats) -> Floats:
    """Edges of bars of one width on the logarithmic axis, over whole decades."""
    shown = scores[(scores > 0) & np.isfinite(scores)]
    exponents = np.floor(np.log10(shown)) if len(shown) else np.zeros(1)
    first, last = int(exponents.min()), int(exponents.max()) + 1
    return np.logspace(first, last, (last - first) * BINS_PER_DECADE + 1)


def _write(axes: Any, text: str, at: tuple[float, float], points_above: float, **how: Any) -> None:
    axes.annotate(
        text, at, xytext=(0, points_above), textcoords="offset points", ha="center", **how
    )


def _figure(value: float) -> str:
    """Two digits times a power of ten, in matplotlib's mathematics."""
    if value == 0:
        return "0"
    digits, exponent = f"{value:.1e}".split("e")
    return rf"${digits}\!\times\!10^{{{int(exponent)}}}$"
