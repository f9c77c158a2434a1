"""How the KL of single rows is distributed, on a logarithmic axis."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kl_c._pictures.curves import Run
from kl_c._pictures.style import add_legend, begin, looks, plain

__all__ = ["draw"]

BINS = 60  # at most
BINS_PER_DECADE = 8


def draw(run: Run) -> Any:
    """A histogram for each candidate: the share of its rows per bar, those of exactly 0 included.

    Scores of exactly 0 have no place on a logarithmic axis; how many there are stands beside the
    candidate's name, and so does the number of infinite ones.
    """
    drawn = [curve for curve in run.curves if curve.kl is not None and curve.kl.size]
    if not drawn:
        return "rows that were used and kept"
    kl = [curve.kl for curve in drawn if curve.kl is not None]
    rows = {x.size for x in kl}
    count = f"{min(rows):,} {run.row}s" if len(rows) == 1 else f"each {run.row}"
    figure, axes = begin(run.title, f"KL(base ‖ candidate) of {count}; dashed: medians")
    bins = _bins(np.concatenate(kl))
    axes.set_xscale("log")
    for curve, scores, look in zip(drawn, kl, looks(len(drawn)), strict=True):
        # Percent of all rows, those not shown included: all histograms share one scale.
        weights = np.full(scores.size, 100 / scores.size)
        heights, _ = np.histogram(scores, bins, weights=weights)
        axes.stairs(heights, bins, fill=True, color=look.colour, alpha=0.15)
        axes.stairs(
            heights,
            bins,
            color=look.colour,
            linewidth=1.8,
            ls=look.stroke,
            label=_label(curve.name, scores),
        )
        median = np.median(scores)
        if 0 < median < np.inf:
            axes.vlines(median, 0, heights.max(), color=look.colour, linewidth=1.6, ls=(0, (4, 2)))
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(bins[0], bins[-1])
    axes.set_ylim(0, axes.get_ylim()[1])
    axes.set_xlabel(f"KL of one {run.row}, {run.unit}")
    axes.set_ylabel(f"share of the {run.row}s, %")
    add_legend(figure)
    return figure


def _label(name: str, scores: NDArray[np.float64]) -> str:
    """The name, the median, and what the axis cannot show."""
    text = f"{plain(name)}: median {_figure(float(np.median(scores)))}"
    for word, found in (("0", scores == 0), ("infinite", np.isinf(scores))):
        count = int(np.count_nonzero(found))
        if count:
            text += f"; {count:,} of {scores.size:,} {'exactly ' if word == '0' else ''}{word}"
    return text


def _bins(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Edges of bars of one width on the logarithmic axis, over whole decades."""
    shown = scores[(scores > 0) & np.isfinite(scores)]
    exponents = np.floor(np.log10(shown)) if shown.size else np.zeros(1)
    first, last = int(exponents.min()), int(exponents.max()) + 1
    per_decade = max(1, min(BINS_PER_DECADE, BINS // (last - first)))
    return np.logspace(first, last, (last - first) * per_decade + 1)


def _figure(value: float) -> str:
    """Two digits times a power of ten, in matplotlib's mathematics."""
    if value == 0 or not np.isfinite(value):
        return f"{value:g}"
    digits, exponent = f"{value:.1e}".split("e")
    return rf"${digits}\!\times\!10^{{{int(exponent)}}}$"
