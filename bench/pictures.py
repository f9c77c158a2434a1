"""Draws the pictures of the documentation from the JSON of the runs, and from nothing else.

    python bench/pictures.py [--quick] [--results DIR] [--output DIR]

Reads bench/results and writes to docs; --quick reads and writes bench/results/quick. What was not
measured is not drawn.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

import chart_growth
import chart_rates
import chart_small
import results

ROOT = results.HERE.parent
WIDTH = 9.0  # inches; at this resolution a little more than a README is wide
STYLE = {
    "figure.dpi": 120,
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
}
# Picture -> what draws it from the results by name; False when its results are not there.
PICTURES: dict[str, Callable[[Figure, dict], bool]] = {
    "bench-read-rate": chart_rates.draw,
    "bench-outcomes": chart_growth.draw_outcomes,
    "bench-growth": chart_growth.draw_rows_and_files,
    "bench-small-call": chart_small.draw_calls,
    "bench-import": chart_small.draw_imports,
}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="the results of a quick run")
    parser.add_argument("--results", type=Path, metavar="DIR")
    parser.add_argument("--output", type=Path, metavar="DIR")
    options = parser.parse_args()
    source = options.results or results.place("", quick=options.quick).parent
    output = options.output or (source if options.quick else ROOT / "docs")
    output.mkdir(parents=True, exist_ok=True)
    for path in draw_all(source, output):
        print(path)
    return 0


def draw_all(source: Path, output: Path) -> list[Path]:
    """Draw what the results in ``source`` allow; returns the files."""
    found = {path.stem: results.read(path) for path in sorted(source.glob("*.json"))}
    written = []
    with matplotlib.rc_context(STYLE):
        for name, draw in PICTURES.items():
            figure = Figure(figsize=(WIDTH, WIDTH / 2), layout="constrained")
            if draw(figure, found):
                path = output / f"{name}.png"
                figure.savefig(path, metadata={"Software": None})
                written.append(path)
    return written


if __name__ == "__main__":
    sys.exit(main())
