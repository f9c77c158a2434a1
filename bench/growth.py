"""How the time grows with the outcomes of one row and with the rows of a batch.

Twice the numbers should take twice the time. Where they do not, the note of the series says why.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

import inputs
import peers
from duels import errors_of
from grid import Call
from protocol import Absent, Contestants, Measurement, Scale, contest, looped

LOOPED = 2**12  # outcomes that are timed at once: shorter rows are scored several times


@dataclass(frozen=True)
class Series:
    name: str
    grows: str  # what the sizes count
    sizes: tuple[int, ...]
    shape: Callable[[int], tuple[int, int]]  # rows and outcomes of a size
    contestants: Callable[[Call, str], tuple[Contestants, list[str]]]
    form: str
    dtype: str
    note: str


@dataclass(frozen=True)
class Point:
    series: Series
    size: int

    @property
    def name(self) -> str:
        return f"{self.series.name}, {self.size} {self.series.grows}"

    def take(self, scale: Scale) -> Measurement:
        form, dtype = self.series.form, self.series.dtype
        rows, outcomes = self.series.shape(self.size)
        elements = rows * outcomes
        if elements > scale.most_elements:
            raise Absent("the time for so many")
        pair = inputs.pair(form, dtype, rows, outcomes)
        if self.series.grows == "outcomes":
            pair = tuple(x[0] for x in pair)
        call = Call("kl_divergence", pair, {} if form == "probs" else {"form": form})
        contestants, absent = self.series.contestants(call, form)
        contestants = {"np.dot": partial(np.dot, *(x.ravel() for x in pair)), **contestants}
        calls = max(1, LOOPED // elements)
        errors = errors_of({k: f for k, f in contestants.items() if k != "np.dot"}, call, rows)
        contestants["np.dot"]()
        samples = contest(
            {name: looped(f, calls) for name, f in contestants.items()}, scale, touched=True
        )
        facts = {
            "series": self.series.name,
            "size": self.size,
            "grows": self.series.grows,
            "calls": calls,
            "elements": elements,
            "bytes": sum(x.nbytes for x in pair),
            "absent libraries": absent,
        }
        ours = next(name for name in contestants if name != "np.dot")
        per_outcome = min(samples[ours]) / calls / elements
        return Measurement(per_outcome, samples, errors=errors, facts=facts)


def against_peers(call: Call, form: str) -> tuple[Contestants, list[str]]:
    others, absent = peers.calls(call.measure, form, call.arguments)
    return {"kl_c": bound(call)} | others, absent


def one_and_two_workers(call: Call, form: str) -> tuple[Contestants, list[str]]:
    counts = (1, 2) if len(os.sched_getaffinity(0)) > 1 else (1,)
    absent = [] if len(counts) == 2 else ["a second CPU"]
    return {f"workers={n}": bound(call, workers=n) for n in counts}, absent


def bound(call: Call, **more) -> partial:
    return partial(call.function, *call.arguments, **call.keywords, **more)


ONE_ROW = "A short row costs the call alone; the time turns linear where the kernel outweighs it."
BATCH = "A few rows cost the call alone; a batch beyond the last-level cache waits for memory."
SERIES = (
    *(
        Series(
            f"one row, {form}, {dtype}",
            "outcomes",
            tuple(2**k for k in range(3, 21)),
            lambda n: (1, n),
            against_peers,
            form,
            dtype,
            ONE_ROW,
        )
        for form, dtype in (("probs", "float32"), ("probs", "float64"), ("logits", "float32"))
    ),
    *(
        Series(
            f"rows of {outcomes}, probs, float32",
            "rows",
            sizes,
            lambda rows, outcomes=outcomes: (rows, outcomes),
            one_and_two_workers,
            "probs",
            "float32",
            BATCH,
        )
        for outcomes, sizes in (
            (16, (1, 10, 100, 1000, 10_000, 100_000)),
            (1024, (1, 10, 100, 1000, 10_000, 100_000)),
            (131072, (1, 4, 16, 64, 256, 512)),
        )
    ),
)
POINTS = tuple(Point(series, size) for series in SERIES for size in series.sizes)
