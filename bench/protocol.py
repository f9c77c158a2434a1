"""How a time is taken: every contestant in turn, in one process, and the least of each.

Taken in turn, the contestants meet the same neighbours, and the least is the time without them. A
neighbour that never leaves still shows: one that computes slows a kernel more than ``np.dot``, one
that reads slows ``np.dot`` more. The report's spread over the processes tells.
"""

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from time import perf_counter, perf_counter_ns
from timeit import Timer

import numpy as np

Contestants = Mapping[str, Callable[[], object]]


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    rows: int = 128
    outcomes: int = 131072  # one float32 array of 64 MiB, larger than the last-level cache
    vocabulary_rows: int = 512
    vocabulary: int = 32000
    short_rows: int = 100_000
    short_outcomes: int = 16
    cached_outcomes: int = 2048  # a float32 pair of 16 KiB, half of the smallest usual L1 cache
    calls: int = 20_000  # of a small call, timed together
    processes: int = 5
    rounds: int = 5  # at least, of each contest,
    seconds: float = 4.0  # at least, for each contest
    most_rounds: int = 10**6
    patience: float = 3600.0  # seconds after which a contest ends however few its rounds
    imports: int = 10
    most_elements: int = 2**27  # of a batch while it grows
    gigabyte: int = 10**9  # of a file while it grows
    file_seconds: float = 15.0  # after which a file is not scored once more

    @property
    def elements(self) -> int:
        return self.rows * self.outcomes


FULL = Scale()
# Many lines, so that each has less time; their figures say where to look, the table judges.
BRIEF = replace(FULL, calls=2000, processes=3, rounds=2, seconds=0.1, most_rounds=8, patience=0.5)
QUICK = replace(
    FULL,
    rows=16,
    outcomes=8192,
    vocabulary_rows=32,
    vocabulary=2000,
    short_rows=1000,
    calls=500,
    processes=1,
    rounds=2,
    seconds=0.0,
    imports=2,
    most_elements=2**17,
    gigabyte=4_000_000,
)


class Absent(Exception):
    """What a line needs is not on this machine; the text names it."""


@dataclass
class Measurement:
    """One line in one process: the figure, and all that it was made from."""

    figure: float
    samples: dict[str, list[int]]  # contestant -> what was read off each round
    unit: str = "ns"  # of the samples
    errors: dict[str, float | None] = field(
        default_factory=dict
    )  # largest relative; None: no number
    facts: dict = field(default_factory=dict)  # what else the report says of the line


def contest(
    contestants: Contestants, scale: Scale, *, touched: bool = False
) -> dict[str, list[int]]:
    """Nanoseconds of every call, the contestants called in turn: a, b, a, b ...

    ``touched`` says that each was called before, so that its outputs are there and what is loaded
    on first use is loaded.
    """
    if not touched:
        for call in contestants.values():
            call()
    samples: dict[str, list[int]] = {name: [] for name in contestants}
    collecting = gc.isenabled()
    gc.disable()
    try:
        start = perf_counter()
        while wanted(scale, len(next(iter(samples.values()))), perf_counter() - start):
            for name, call in contestants.items():
                before = perf_counter_ns()
                call()
                samples[name].append(perf_counter_ns() - before)
    finally:
        if collecting:
            gc.enable()
    return samples


def wanted(scale: Scale, rounds: int, seconds: float) -> bool:
    """Whether a contest goes on after so many rounds and seconds."""
    if rounds == 0:
        return True
    if seconds > scale.patience or rounds >= scale.most_rounds:
        return False
    return rounds < scale.rounds or seconds < scale.seconds


def looped(statement: str | Callable, calls: int, **names) -> Callable[[], object]:
    """So many calls timed as one, the loop costing each contestant the same few ns a call."""
    return partial(Timer(statement, globals=names).timeit, calls)


def largest_error(values, exact) -> float | None:
    """The largest relative error, None where a value is no number or not finite."""
    values, exact = np.asarray(values, np.float64), np.asarray(exact, np.float64)
    off = np.abs(values - exact)
    with np.errstate(divide="ignore", invalid="ignore"):
        worst = float(np.max(np.where(off == 0, 0.0, off / np.abs(exact))))
    return worst if np.isfinite(worst) else None
