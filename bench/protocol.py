"""How a time is taken: every contestant in turn, in one process, and the least of each.

Taken in turn, the contestants meet the same neighbours, and the least is the time without them. A
neighbour that never leaves still shows: one that computes slows a kernel more than ``np.dot``, one
that reads slows ``np.dot`` more. The report's spread over the processes tells.
"""

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import perf_counter_ns


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    rows: int = 128
    outcomes: int = 131072  # one float32 array of 64 MiB, larger than the last-level cache
    short_rows: int = 100_000
    short_outcomes: int = 16
    cached_outcomes: int = 2048  # a float32 pair of 16 KiB, half of the smallest usual L1 cache
    calls: int = 20_000  # of a small call, timed together
    processes: int = 5
    rounds: int = 5  # at least, of each contest
    seconds: float = 2.5  # at least, for each contest
    imports: int = 10

    @property
    def elements(self) -> int:
        return self.rows * self.outcomes


FULL = Scale()
QUICK = Scale(
    rows=16,
    outcomes=8192,
    short_rows=1000,
    calls=500,
    processes=1,
    rounds=2,
    seconds=0.0,
    imports=2,
)


class Absent(Exception):
    """What a line needs is not on this machine; the text names it."""


@dataclass
class Measurement:
    """One line in one process: the figure, and all that it was made from."""

    figure: float
    samples: dict[str, list[int]]  # contestant -> what was read off each round
    unit: str = "ns"  # of the samples
    errors: dict[str, float] = field(default_factory=dict)  # contestant -> largest relative error


def contest(contestants: Mapping[str, Callable[[], object]], scale: Scale) -> dict[str, list[int]]:
    """Nanoseconds of every call, the contestants called in turn: a, b, a, b ..."""
    for call in contestants.values():  # touches outputs and loads what is loaded on first use
        call()
    samples: dict[str, list[int]] = {name: [] for name in contestants}
    collecting = gc.isenabled()
    gc.disable()
    try:
        end = perf_counter_ns() + scale.seconds * 1e9
        rounds = 0
        while rounds < scale.rounds or perf_counter_ns() < end:
            for name, call in contestants.items():
                start = perf_counter_ns()
                call()
                samples[name].append(perf_counter_ns() - start)
            rounds += 1
    finally:
        if collecting:
            gc.enable()
    return samples
