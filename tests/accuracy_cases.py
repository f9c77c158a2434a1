"""What the accuracy test asks: rows of the zoo, the calls on them, and their exact values."""

from typing import NamedTuple

import oracle
import rows_zoo
from every_measure import takes
from kl_c import _kernels

HEADLINES = ("uniform, Zipf", "softmax N(0, 4)", "peak, other peak", "near, d = 1e-03")
UNEQUAL = (*HEADLINES, "near, d = 1e-06", "near, d = 1e-09")  # with unequal masses and shifts
PERIOD = 61  # prime to every width, so that each lane meets each value
LONGEST = 131072
# Orders on both sides of where the kernel changes roles; test_family.py asks for more.
ORDERS = {
    "renyi_divergence": (0.3, 2.5),
    "tsallis_divergence": (0.75,),
    "alpha_divergence": (-0.5, 1.5),
    "renyi_entropy": (0.3, 2.5),
    "tsallis_entropy": (0.75,),
}


class Case(NamedTuple):
    measure: str
    args: tuple
    kwargs: dict
    exact: list  # one (high, low) pair per result, in nats, as oracle.split gives it
    family: str
    form: str
    dtype: str


def lengths(widths, dtype):
    """Around the width of every backend, and around its blocks: (short, long)."""
    short, long = {1, 2, 7}, set()
    for lanes, block in widths:
        w = lanes[dtype]
        tail = w // 2 + 1
        short |= {n for n in (w - 1, w, w + 1, 3 * w + tail) if n > 0}
        long |= {block - 1, block, block + 1, 3 * block + tail}
    return sorted(short), sorted(long - short)


def rows(form, dtype, short, long):
    """Rows of the zoo in one form and dtype: (family, p, q)."""

    def stand_for(p, q, at_p=(1, 0), at_q=(1, 0)):
        return rows_zoo.in_form(p, form, dtype, *at_p), rows_zoo.in_form(q, form, dtype, *at_q)

    for n in short:
        pairs = rows_zoo.families(n)
        for family, (p, q) in pairs.items():
            yield family, *stand_for(p, q)
        if form == "counts":
            yield "ragged counts", *rows_zoo.ragged(n, dtype)
        if form == "logits":
            yield "masked logits", *rows_zoo.masked_logits(n, dtype)
    for n in short[1::3]:
        pairs = rows_zoo.families(n)
        for family in UNEQUAL:
            p, q = pairs[family]
            if form == "probs":
                defect = 1 + rows_zoo.MASS_DEFECT[dtype]
                yield f"{family}, mass off", *stand_for(p, q, (1, 0), (defect, 0))
            if form == "counts":
                for ratio in rows_zoo.MASS_RATIOS[dtype]:
                    yield f"{family}, mass x {ratio}", *stand_for(p, q, (100, 0), (100 * ratio, 0))
                for scale in rows_zoo.SCALES[dtype]:
                    yield f"{family}, both x {scale}", *stand_for(p, q, (scale, 0), (scale, 0))
            if form == "logits":
                for shift in rows_zoo.SHIFTS:
                    yield f"{family}, p + {shift}", *stand_for(p, q, (1, shift))
                    yield f"{family}, q + {shift}", *stand_for(p, q, (1, 0), (1, shift))
                    yield f"{family}, both + {shift}", *stand_for(p, q, (1, shift), (1, shift))
    pairs = rows_zoo.families(PERIOD)
    for n in (*long, LONGEST):
        for family in UNEQUAL:
            p, q = (rows_zoo.cyclic(x, n) for x in pairs[family])
            yield f"{family}, repeated", *stand_for(p, q)


def calls(measure, kind, p, q, form):
    """The calls of one measure on one pair: (args, kwargs, arguments of the oracle's method)."""
    keywords = {"form": form}
    if measure in ORDERS:
        rows = (p,) if kind == "single" else (p, q)
        for order in ORDERS[measure]:
            yield rows, keywords | {"alpha": order}, {"alpha": order}
    elif kind == "single":
        yield (p,), keywords, {}
    elif kind == "labels":
        for label in {0, p.size - 1}:
            yield (label, q), keywords, {"label": label}
    elif measure.startswith("js_"):
        for weight in (0.5, 0.25):
            yield (p, q), keywords | {"weight": weight}, {"weight": weight}
    elif kind != "elementwise" or (form != "logits" and p.size < LONGEST):
        yield (p, q), keywords, {}
        if takes(measure, "eps"):
            yield (p, q), keywords | {"eps": 1e-3}, {"eps": 1e-3}


def cases(dtype, widths):
    """Every measure and form in one dtype."""
    short, long = lengths(widths, dtype)
    for form in _kernels.FORMS:
        for family, p, q in rows(form, dtype, short, long):
            exact = oracle.Exact(p, q, form)
            for measure, kind in _kernels.MEASURES.items():
                for args, kwargs, question in calls(measure, kind, p, q, form):
                    value = getattr(exact, measure)(**question)
                    value = value if isinstance(value, list) else [value]
                    value = [oracle.split(x) for x in value]
                    name = f"{family}, n = {p.size}"
                    yield Case(measure, args, kwargs, value, name, form, dtype)
