"""Every measure x form x dtype of the library's own list, in every layout, as one list of cells.

The matrix (`matrix.py`) and the pytest suite (`test_bench.py`) time these same calls. ``compare``
stands beside the measures: it computes all statistics of a row at once.
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

import inputs
import kl_c
from kl_c import _kernels, reference
from protocol import Measurement, Scale, contest, largest_error, looped

CHECKED_ROWS = 3  # of each result: first, middle, last
ORDER = 0.7  # of the measures that have one
KINDS = _kernels.MEASURES | {"compare": "statistics"}


@dataclass(frozen=True)
class Layout:
    name: str  # at full scale
    shape: Callable[[Scale], tuple[int, int]]  # rows, outcomes
    axis: int = -1
    one_pair: bool = False  # a single row, given as arrays of one axis


LONG = Layout("128 x 131072", lambda scale: (scale.rows, scale.outcomes))
VOCABULARY = Layout("512 x 32000", lambda scale: (scale.vocabulary_rows, scale.vocabulary))
SHORT = Layout("100000 x 16", lambda scale: (scale.short_rows, scale.short_outcomes))
FIRST_AXIS = Layout("131072 x 128, axis=0", LONG.shape, axis=0)
ONE_PAIR = Layout("one pair of 16", lambda scale: (1, scale.short_outcomes), one_pair=True)
LAYOUTS = (LONG, VOCABULARY, SHORT, FIRST_AXIS, ONE_PAIR)


@dataclass(frozen=True)
class Call:
    """One call of the library, and what it reads."""

    measure: str
    arguments: tuple
    keywords: dict

    @property
    def function(self) -> Callable:
        return getattr(kl_c, self.measure)

    def __call__(self):
        return self.function(*self.arguments, **self.keywords)

    @property
    def arrays(self) -> tuple:
        """p and q, as far as the measure has them."""
        return self.arguments[-1:] if KINDS[self.measure] == "labels" else self.arguments

    def times(self, calls: int) -> Callable[[], object]:
        """So many calls as one, written as a user writes them."""
        names = {f"x{i}": argument for i, argument in enumerate(self.arguments)}
        given = ", ".join([*names, *(f"{key}={key}" for key in self.keywords)])
        return looped(f"f({given})", calls, f=self.function, **names, **self.keywords)

    def error(self) -> float | None:
        """The largest relative error, in some rows spread over the batch."""
        if self.arguments[-1].ndim == 1:
            return self.error_of(self(), self.arguments)
        axis = self.keywords.get("axis", -1)
        batch = self.arrays[0].shape[1 + axis]  # of two axes, one is of outcomes
        rows = np.unique(np.linspace(0, batch - 1, CHECKED_ROWS).astype(int))
        sample = (x.take(rows, 0 if x.ndim == 1 else 1 + axis) for x in self.arguments)
        result = self()
        values = result.kl if self.measure == "compare" else result
        return self.error_of(values[rows], sample)

    def error_of(self, values, arguments) -> float | None:
        # Of all that `compare` computes, its KL.
        of_reference = "kl_divergence" if self.measure == "compare" else self.measure
        keywords = {k: v for k, v in self.keywords.items() if k not in ("out", "labels")}
        exact = getattr(reference, of_reference)(*arguments, **keywords)
        return largest_error(values, exact)


@dataclass(frozen=True)
class Cell:
    measure: str
    form: str
    dtype: str
    layout: Layout

    @property
    def name(self) -> str:
        return f"{self.measure}, {self.form}, {self.dtype}, {self.layout.name}"

    def call(self, scale: Scale) -> Call:
        rows, outcomes = self.layout.shape(scale)
        axis = self.layout.axis
        pair = inputs.pair(self.form, self.dtype, rows, outcomes, outcomes_first=axis == 0)
        if self.layout.one_pair:
            pair = tuple(x[0] for x in pair)
        # Keywords only where they differ from the default: so is the library called.
        keywords: dict = {} if self.form == "probs" else {"form": self.form}
        kind = KINDS[self.measure]
        if axis != -1 and kind != "elementwise":
            keywords["axis"] = axis
        if "alpha" in inspect.signature(getattr(kl_c, self.measure)).parameters:
            keywords["alpha"] = ORDER
        if kind == "single":
            return Call(self.measure, pair[:1], keywords)
        if kind == "labels":
            return Call(self.measure, (inputs.labels(pair[1], axis), pair[1]), keywords)
        if kind == "statistics":
            return Call(self.measure, pair, keywords | {"labels": inputs.labels(pair[1], axis)})
        if kind == "elementwise" and not self.layout.one_pair:
            # Where to write is given, else the time is that of getting fresh pages.
            dtype = np.float64 if self.dtype == "float64" else np.float32
            return Call(self.measure, pair, keywords | {"out": np.empty(pair[0].shape, dtype)})
        return Call(self.measure, pair, keywords)

    def read(self, call: Call) -> tuple:
        """Two arrays whose ``np.dot`` reads as many bytes as the call does."""
        dtype = "float64" if self.dtype == "float64" else "float32"
        if self.reads_labels_only:
            labelled = np.ones(np.size(call.arguments[0]), dtype)
            return labelled, labelled
        arrays = tuple(inputs.as_read(x, dtype) for x in call.arrays)
        return arrays if len(arrays) == 2 else tuple(np.split(arrays[0], 2))

    @property
    def reads_labels_only(self) -> bool:
        """`nll` of probs looks at one entry of each row."""
        return self.measure == "nll" and self.form == "probs"

    def take(self, scale: Scale) -> Measurement:
        call = self.call(scale)
        a, b = self.read(call)
        elements = a.size if self.reads_labels_only else call.arrays[0].size
        calls = max(1, scale.calls * scale.short_outcomes // elements)
        contestants = {
            "np.dot": looped("f(a, b)", calls, f=np.dot, a=a, b=b),
            "kl_c": call.times(calls),
        }
        errors = {"kl_c": call.error()}  # calls it too
        np.dot(a, b)
        samples = contest(contestants, scale, touched=True)
        facts = {
            "measure": self.measure,
            "form": self.form,
            "dtype": self.dtype,
            "layout": self.layout.name,
            "calls": calls,
            "elements": elements,
            "bytes": a.nbytes if self.reads_labels_only else sum(x.nbytes for x in call.arrays),
        }
        share = min(samples["np.dot"]) / min(samples["kl_c"])
        return Measurement(share, samples, errors=errors, facts=facts)


def cells() -> Iterator[Cell]:
    """In the order in which the inputs are made: a measure is what changes fastest."""
    for layout in LAYOUTS:
        for form in _kernels.FORMS:
            for dtype in _kernels.DTYPES:
                for measure in KINDS:
                    if defined(measure, form, layout):
                        yield Cell(measure, form, dtype, layout)


def defined(measure: str, form: str, layout: Layout) -> bool:
    kind = KINDS[measure]
    if kind == "elementwise":  # a logit means nothing without its row; terms have no axis
        return form != "logits" and layout.axis == -1
    if kind == "statistics":  # of rows x outcomes
        return layout.axis == -1 and not layout.one_pair
    return True


CELLS = tuple(cells())
