"""How all pictures look: sizes that can be read on a phone, colours, and how a file is written."""

import io
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kl_c._files import replacing
from kl_c._pictures.colours import (
    BLACK,
    BLUE,
    FAINT,
    GREEN,
    GREY,
    GRID,
    INK,
    ORANGE,
    PINK,
    RED,
    SKY,
)

__all__ = [
    "ENDINGS",
    "Look",
    "add_legend",
    "as_svg",
    "begin",
    "dress",
    "keep_within",
    "looks",
    "plain",
    "save",
    "set_log",
]

ENDINGS = (".png", ".pdf", ".svg")

# At 390 pixels, the width of a phone, the smallest letters are 8 pixels high.
INCHES = (6.4, 4.8)
DOTS_PER_INCH = 200
TITLE, WORDS, SMALL = 14, 11, 10
MOST_COLUMNS = 4  # of a legend
LINE = 0.22  # inches of one line of it
LONGEST = 32  # characters of a name
MARGIN = 1.5  # a factor, above and below what a logarithmic axis shows


class Look(NamedTuple):
    """Of one candidate: lines are told apart by their marks and strokes too."""

    colour: str
    mark: str
    stroke: Any


COLOURS = (BLUE, GREEN, RED, ORANGE, PINK, SKY, BLACK, GREY)
MARKS = "osD^vPX*"
STROKES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))


def looks(count: int) -> list[Look]:
    """One for each candidate; after eight the colours come again with another stroke."""
    marks = cycle(MARKS)
    found = (Look(colour, next(marks), stroke) for stroke in cycle(STROKES) for colour in COLOURS)
    return list(islice(found, count))


def plain(name: str) -> str:
    """A name as it stands, but for the middle of a long one: matplotlib reads mathematics between
    dollars, leaves what begins with an underscore out of legends, and cannot write what UTF-8
    cannot hold."""
    name = name.encode(errors="backslashreplace").decode()
    if len(name) > LONGEST:
        name = f"{name[: LONGEST // 2]}…{name[-LONGEST // 2 :]}"
    escaped = name.replace("$", r"\$")
    return f" {escaped}" if escaped.startswith("_") else escaped


def begin(title: str, words: str) -> tuple[Any, Any]:
    """A figure with a title and what it shows in a line, and its axes."""
    from matplotlib.figure import Figure  # no pyplot: it would look for a display
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = Figure(figsize=INCHES, layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08))
    figure.suptitle(title, x=0.02, ha="left", color=INK, fontsize=TITLE, fontweight="bold")
    axes = figure.subplots()
    axes.set_title(words, loc="left", color=INK, fontsize=SMALL, pad=10)
    dress(axes)
    return figure, axes


def dress(axes: Any) -> None:
    """Faint lines behind the data, no box around it."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK, labelsize=SMALL)
    axes.xaxis.label.set(color=INK, fontsize=WORDS)
    axes.yaxis.label.set(color=INK, fontsize=WORDS)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)


def set_log(axis: Any) -> None:
    """A logarithmic axis whose numbers can be read: where it spans less than a decade too."""
    from matplotlib.ticker import LogFormatterSciNotation

    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    axis.set_minor_formatter(LogFormatterSciNotation(minor_thresholds=(1, 0.4)))
    axis.set_tick_params(which="minor", labelsize=SMALL - 2, labelcolor=FAINT)


def keep_within(axes: Any, values: Sequence[float]) -> None:
    """Let a logarithmic y axis span these values; an interval that reaches 0 leaves it below."""
    shown = [value for value in values if 0 < value < np.inf]
    if shown:
        axes.set_ylim(min(shown) / MARGIN, max(shown) * MARGIN)
    else:
        axes.set_yscale("linear")
        axes.set_ylim(0, 1)
        words = "no mean above 0"
        axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", color=FAINT)


def add_legend(figure: Any) -> None:
    """Below the axes: beside the curves it would cover some of them.

    In as many columns as there is room for; with many rows the figure becomes taller, so that the
    axes do not become flat.
    """
    labels = figure.axes[0].get_legend_handles_labels()[1]
    for columns in range(min(len(labels), MOST_COLUMNS), 0, -1):
        legend = figure.legend(
            loc="outside lower center",
            ncols=columns,
            frameon=False,
            fontsize=SMALL,
            labelcolor=INK,
            borderpad=0,
        )
        if columns == 1 or legend.get_window_extent().width < 0.95 * figure.bbox.width:
            break
        legend.remove()
    rows = -(-len(labels) // columns)
    width, height = INCHES
    figure.set_size_inches(width, height + max(0, rows - 2) * LINE)


def save(figure: Any, path: Path) -> None:
    """Write the figure in the format that the name ends in; the name appears when it is whole."""
    with replacing(path) as file:
        _write(figure, file, path.suffix[1:].lower())


def as_svg(figure: Any) -> str:
    """The figure as an element of a page."""
    file = io.BytesIO()
    _write(figure, file, "svg")
    text = file.getvalue().decode()
    return text[text.index("<svg") :]


def _write(figure: Any, file: Any, kind: str) -> None:
    import matplotlib

    # The same run, the same bytes.
    metadata = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
    with matplotlib.rc_context({"svg.hashsalt": "kl_c"}):
        figure.savefig(file, dpi=DOTS_PER_INCH, format=kind, metadata=metadata[kind])
