"""The four parts of the benchmark, each a list of lines and a way to print what they found."""

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


SUITES = {
    "table": Suite("latest", cases.LINES, FULL, report.text),
    "matrix": Suite("matrix", (*grid.CELLS, *duels.DUELS), BRIEF, matrix_report.text),
    "growth": Suite("growth", growth.POINTS, replace(BRIEF, processes=2), growth_report.text),
    # Each sample is a process of its own already, and takes seconds.
    "files": Suite("files", files.POINTS, replace(BRIEF, processes=1), growth_report.text),
}
