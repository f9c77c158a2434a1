"""``--plot``: which pictures are wanted, and what they are drawn of."""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from kl_c._cli.candidates import Size
from kl_c._cli.clipping import mark
from kl_c._cli.intervals import CONFIDENCE
from kl_c._cli.several import SIZES, unit_of_sizes
from kl_c._errors import InputError
from kl_c._pictures import ENDINGS, PICTURES, draw
from kl_c._pictures.curves import Curve, Point, Run, points_of
from kl_c.comparison import Comparison

__all__ = [
    "Plot",
    "add_argument",
    "refuse_without_sizes",
    "require_matplotlib",
    "run_of",
    "write_plots",
]

EACH = "{picture}"


class Plot(NamedTuple):
    """One picture and its file; `wanted` is False for those that ``{picture}`` stands for."""

    picture: str
    path: str
    wanted: bool


def add_argument(parser: argparse.ArgumentParser) -> None:
    """Declare the option."""
    parser.add_argument(
        "--plot",
        type=_read,
        action="extend",
        default=[],
        metavar="[PICTURE=]FILE",
        help=f"write a picture to a {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]} file (needs "
        f"matplotlib): {', '.join(PICTURES)} (the first unless it is said), or with {EACH} in "
        "FILE all that the run can show; may be given several times",
    )


def _read(text: str) -> list[Plot]:
    picture, equals, path = text.partition("=")
    if not equals or picture not in PICTURES:
        picture, path = "", text
    if Path(path).suffix.lower() not in ENDINGS:
        raise InputError(
            f"--plot: expected [PICTURE=]FILE, of which FILE ends in {' or '.join(ENDINGS)} and "
            f"PICTURE is one of {', '.join(PICTURES)}, found {text}"
        )
    if picture or EACH not in path:
        return [Plot(picture or next(iter(PICTURES)), path, True)]
    return [Plot(each, path.replace(EACH, each), False) for each in PICTURES]


def refuse_without_sizes(plots: Sequence[Plot], sizes: Sequence[Size | None]) -> None:
    """Find out before the work that no candidate has what a picture is drawn against."""
    for plot in plots:
        if plot.picture == "size" and plot.wanted and not any(sizes):
            raise InputError(f"{plot.path}: expected a size (NAME=FILE@SIZE), found none")


def require_matplotlib(option: str) -> None:
    """Find out before the work that pictures can be drawn after it."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        raise InputError(
            f"{option}: expected matplotlib, found none: pip install matplotlib"
        ) from None


def run_of(facts: dict[str, Any], rows: Sequence[Comparison | None]) -> Run:
    """What pictures are drawn of: the facts, and the rows of each candidate where they are kept."""
    unit = unit_of_sizes(facts)
    curves = [
        _curve(one, unit, comparison)
        for one, comparison in zip(facts["candidates"], rows, strict=True)
    ]
    return Run(curves, facts["unit"], "" if unit is None else SIZES[unit][1])


def write_plots(plots: Sequence[Plot], run: Run) -> None:
    """Write the pictures.

    Raises
    ------
    InputError
        When one that was asked for by its name has nothing to show.
    """
    for plot in plots:
        lacking = draw(plot.picture, Path(plot.path), run)
        if lacking is not None and plot.wanted:
            raise InputError(f"{plot.path}: expected {lacking} for this picture, found none")


def _curve(one: dict[str, Any], unit: str | None, comparison: Comparison | None) -> Curve:
    size = None if unit is None or one["size"] is None else one["size"][unit] / SIZES[unit][2]
    interval = one["intervals"].get("of", {}).get("kl", {})
    mean, low, high = (
        math.nan if x is None else x
        for x in (one["statistics"]["kl"]["mean"], interval.get("low"), interval.get("high"))
    )
    if comparison is None:
        kl = None
        points = {
            strata["by"]: [Point.of(part, CONFIDENCE) for part in strata["parts"]]
            for strata in one["strata"]
        }
    else:
        kl = comparison.kl[comparison.valid]
        points = {by: points_of(comparison, by, CONFIDENCE) for by in ("confidence", "position")}
    marked = mark(one, "kl")  # a picture must not show more than a table
    return Curve(
        f"{one['name']} ({marked})" if marked else one["name"],
        size,
        mean,
        low,
        high,
        kl,
        points.get("confidence", []),
        points.get("position", []),
    )
