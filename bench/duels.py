"""The library against its peers: where both can answer, with the error of every answer.

A fast wrong answer is no peer's answer: only those within ``TOLERATED`` of the exact value count
in the figure. All are reported.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

import peers
from grid import CHECKED_ROWS, LONG, ONE_PAIR, SHORT, Cell
from kl_c import _kernels, reference
from protocol import Absent, Measurement, Scale, contest, largest_error, looped

TOLERATED = 1e-3  # of a float32 expression that nobody tuned; a hidden epsilon exceeds it


@dataclass(frozen=True)
class Duel:
    cell: Cell

    @property
    def name(self) -> str:
        return f"{self.cell.name}, peers"

    def take(self, scale: Scale) -> Measurement:
        call = self.cell.call(scale)
        others, absent = peers.calls(call.measure, self.cell.form, call.arguments)
        rows, elements = batch_of(call.arguments[0]), call.arguments[0].size
        # Every contestant is called through one more function, ours too.
        functions = {"kl_c": partial(call.function, *call.arguments, **call.keywords)} | others
        errors = errors_of(functions, call, rows)
        calls = max(1, scale.calls * scale.short_outcomes // elements)
        samples = contest(
            {name: looped(f, calls) for name, f in functions.items()}, scale, touched=True
        )
        facts = {
            "measure": call.measure,
            "form": self.cell.form,
            "dtype": self.cell.dtype,
            "layout": self.cell.layout.name,
            "calls": calls,
            "elements": elements,
            "absent libraries": absent,
        }
        return Measurement(fastest_over_ours(samples, errors), samples, errors=errors, facts=facts)


def fastest_over_ours(samples: dict, errors: dict) -> float:
    """The least time of a peer that answers right, as a multiple of ours."""
    right = [x for x in samples if errors[x] is not None and errors[x] < TOLERATED]
    times = [min(samples[name]) for name in right if name != "kl_c"]
    if not times:
        raise Absent("a peer that answers right")
    return min(times) / min(samples["kl_c"])


def batch_of(p) -> int:
    return 1 if p.ndim == 1 else len(p)


def errors_of(functions, call, rows: int) -> dict[str, float | None]:
    """The largest relative error of each contestant, in some rows spread over the batch."""
    chosen = np.unique(np.linspace(0, rows - 1, CHECKED_ROWS).astype(int))
    sample = (np.atleast_2d(x)[chosen] for x in call.arguments)
    exact = getattr(reference, call.measure)(*sample, **call.keywords)
    with np.errstate(all="ignore"):  # what a peer says of zeros is its own affair
        answers = {name: np.atleast_1d(f())[chosen] for name, f in functions.items()}
    return {name: largest_error(answer, exact) for name, answer in answers.items()}


def duels() -> Iterator[Duel]:
    """KL from every form in the float types that all peers have; the other reductions in one."""
    for layout in (LONG, SHORT, ONE_PAIR):
        for form in _kernels.FORMS:
            for dtype in ("float64", "float32"):
                yield Duel(Cell("kl_divergence", form, dtype, layout))
        for form in ("probs", "logits"):
            for measure in ("cross_entropy", "entropy", "js_divergence"):
                yield Duel(Cell(measure, form, "float32", layout))


DUELS = tuple(duels())
