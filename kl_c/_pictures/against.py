"""The mean KL against something else: size, the base's confidence, position."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from kl_c._pictures.colours import FAINT
from kl_c._pictures.curves import Curve, Point, Run
from kl_c._pictures.style import SMALL, WORDS, add_legend, begin, keep_within, looks, plain, set_log

NAME = 1.5  # a factor, for the name above a point
LEAST = 1e-6  # of the mean: below every axis, and still a number that it can be asked for

__all__ = ["draw_confidence", "draw_position", "draw_size"]


def draw_size(run: Run) -> Any:
    """One point for each candidate with a size, with its name and its interval."""
    sized = [curve for curve in run.curves if curve.size is not None]
    if not sized:
        return "sizes (NAME=FILE@SIZE)"
    figure, axes = begin(run.title, _words("Mean KL(base ‖ candidate)", run))
    shown = sorted((c for c in sized if _has_place(c.mean)), key=lambda c: c.size or 0)
    missing = [curve for curve in run.curves if curve not in shown]
    axes.plot([c.size for c in shown], [c.mean for c in shown], color=FAINT, linewidth=1, zorder=1)
    for curve, look in zip(run.curves, looks(len(run.curves)), strict=True):
        if curve not in shown:
            continue
        _point(axes, curve.size, curve, look.colour, look.mark)
        axes.annotate(
            plain(curve.name),
            (curve.size, curve.mean),
            xytext=(7, 6),
            textcoords="offset points",
            color=look.colour,
            fontsize=WORDS,
            fontweight="bold",
        )
    set_log(axes.yaxis)
    axes.margins(x=0.14)
    values = _values(shown)
    keep_within(axes, [*values, *(NAME * value for value in values)])
    axes.set_xlabel(run.unit_of_sizes)
    axes.set_ylabel(f"mean KL, {run.unit}")
    if missing:
        reasons = (
            f"{plain(c.name)} (no size)" if c.size is None else f"{plain(c.name)} (mean {c.mean:g})"
            for c in missing
        )
        figure.supxlabel(f"Not shown: {', '.join(reasons)}", color=FAINT, fontsize=SMALL)
    return figure


def draw_confidence(run: Run) -> Any:
    """Rows by how sure the base is: a point for each candidate and stratum."""
    drawn = [curve for curve in run.curves if curve.confidence]
    if not drawn:
        return "rows that were used and kept, or strata by confidence"
    figure, axes = begin(
        run.title, _words("Mean KL(base ‖ candidate) by the base's confidence", run)
    )
    places = np.arange(len(drawn[0].confidence))
    width = 0.6 / len(drawn)
    for number, (curve, look) in enumerate(zip(drawn, looks(len(drawn)), strict=True)):
        shift = width * (number - (len(drawn) - 1) / 2)
        shown = [(x + shift, p) for x, p in zip(places, curve.confidence, strict=True)]
        shown = [(x, p) for x, p in shown if _has_place(p.mean)]
        axes.plot(
            [x for x, _ in shown],
            [p.mean for _, p in shown],
            color=look.colour,
            linewidth=1,
            alpha=0.5,
            marker=look.mark,
            markersize=0,
        )
        for x, point in shown:
            _point(axes, x, point, look.colour, look.mark)
        axes.plot([], [], color=look.colour, marker=look.mark, label=plain(curve.name))
    names = [f"{p.start:g}–\n{p.stop:g}\n{p.rows:,}" for p in drawn[0].confidence]
    axes.set_xticks(places, names)
    axes.set_xlim(-0.5, len(places) - 0.5)
    axes.tick_params(axis="x", length=0)
    set_log(axes.yaxis)
    keep_within(axes, _values(p for curve in drawn for p in curve.confidence))
    axes.set_xlabel(f"probability of the base's top outcome, number of {run.row}s")
    axes.set_ylabel(f"mean KL, {run.unit}")
    if len(drawn) > 1:
        add_legend(figure)
    return figure


def draw_position(run: Run) -> Any:
    """A line for each candidate along the text, with a band where there are intervals."""
    drawn = [curve for curve in run.curves if curve.position]
    if not drawn:
        return "rows that were used and kept, or strata by position"
    figure, axes = begin(run.title, _words("Mean KL along the text", run))
    for curve, look in zip(drawn, looks(len(drawn)), strict=True):
        points = [p for p in curve.position if _has_place(p.mean)]
        middles = [(p.start + p.stop - 1) / 2 for p in points]  # of whole numbers below `stop`
        axes.plot(
            middles,
            [p.mean for p in points],
            color=look.colour,
            linewidth=1.8,
            ls=look.stroke,
            marker=look.mark,
            markersize=3.5,
            label=plain(curve.name),
        )
        low = [max(p.low, LEAST * p.mean) for p in points]
        axes.fill_between(
            middles, low, [p.high for p in points], color=look.colour, alpha=0.15, lw=0
        )
    set_log(axes.yaxis)
    keep_within(axes, _values(p for curve in drawn for p in curve.position))
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel(f"position of the {run.row} in its group")
    axes.set_ylabel(f"mean KL, {run.unit}")
    if len(drawn) > 1:
        add_legend(figure)
    return figure


def _point(axes: Any, x: float | None, at: Any, colour: str, mark: str) -> None:
    """A mark with its interval; one that reaches 0 ends below the axis."""
    span = None
    if np.isfinite(at.low) and np.isfinite(at.high):
        span = [[at.mean - max(at.low, LEAST * at.mean)], [at.high - at.mean]]
    axes.errorbar(
        [x], [at.mean], span, color=colour, marker=mark, markersize=6, capsize=3, linewidth=1.6
    )


def _values(points: Iterable[Curve | Point]) -> list[float]:
    return [value for point in points for value in (point.low, point.mean, point.high)]


def _words(what: str, run: Run) -> str:
    return f"{what}, with 95 % intervals" if run.has_intervals else what


def _has_place(mean: float) -> bool:
    """Whether a logarithmic axis can show it."""
    return bool(0 < mean < np.inf)
