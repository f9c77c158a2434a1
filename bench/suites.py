"""The parts of the benchmark, each a list of lines and a way to print what they found."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import cases
import duels
import files
import grid
import growth
import growth_report
import matrix_report
import report
from protocol import BRIEF, FULL, QUICK, Measurement, Scale


class Line(Protocol):
    @property
    def name(self) -> str: ...

    def take(self, scale: Scale) -> Measurement: ...


@dataclass(frozen=True)
class Suite:
    file: str  # of the results
    lines: Sequence[Line]
    full: Scale
    text: Callable[[dict], str]

    def scale(self, *, quick: bool) -> Scale:
        return QUICK if quick else self.full


# In every layout; the measures beside them, of which there are more, in the first and the last.
IN_EVERY_LAYOUT = (
    *("kl_divergence", "cross_entropy", "js_divergence", "js_distance", "entropy"),
    *("rel_entr", "nll", "compare"),
)
MATRIX = tuple(cell for cell in grid.CELLS if cell.measure in IN_EVERY_LAYOUT)
FAMILY = tuple(
    cell
    for cell in grid.CELLS
    if cell.measure not in IN_EVERY_LAYOUT and cell.layout in (grid.LONG, grid.ONE_PAIR)
)
SUITES = {
    "table": Suite("latest", cases.LINES, FULL, report.text),
    "matrix": Suite("matrix", (*MATRIX, *duels.DUELS), BRIEF, matrix_report.text),
    "family": Suite("family", FAMILY, BRIEF, matrix_report.text),
    "growth": Suite("growth", growth.POINTS, replace(BRIEF, processes=2), growth_report.text),
    # Each sample is a process of its own already, and takes seconds.
    "files": Suite("files", files.POINTS, replace(BRIEF, processes=1), growth_report.text),
}
