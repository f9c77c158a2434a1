"""How far the memory of a fresh process rises over its inputs and its output during each call.

Run as a program with the name of a layout: prints the measures with their bytes, as JSON. What
counts is the peak of resident memory as Linux reports it, which sees what C allocates.
"""

import ctypes
import functools
import inspect
import json
import sys
from pathlib import Path

import numpy as np

import kl_c

ROWS, OUTCOMES = 256, 65536  # 64 MiB of float32
STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def can_be_measured():
    try:
        RESET.write_text("5")
    except OSError:
        return False
    return "VmHWM:" in STATUS.read_text()


def filled(dtype="float32", shape=(ROWS, OUTCOMES), value=1 / OUTCOMES):
    """Without a temporary, which would leave memory to hide in."""
    return np.full(shape, value, dtype)


def twice(array):
    return array, array


# Layout -> (p, q, form), of 64 MiB at least each but where q is broadcast. Uniform rows stand for
# any: no kernel's memory depends on the values.
LAYOUTS = {
    "probs": lambda: (*twice(filled()), "probs"),
    "counts": lambda: (*twice(filled(value=3)), "counts"),
    "log_probs": lambda: (*twice(filled(value=-np.log(OUTCOMES))), "log_probs"),
    "logits": lambda: (*twice(filled(value=3)), "logits"),
    "float64": lambda: (*twice(filled("float64")), "probs"),
    "float16": lambda: (*twice(filled("float16", (ROWS, 2 * OUTCOMES), 2**-17)), "probs"),
    "integers": lambda: (*twice(filled("int32", value=1)), "counts"),
    "big-endian": lambda: (*twice(filled(">f4")), "probs"),
    "strided": lambda: (*twice(filled(shape=(ROWS, 2 * OUTCOMES))[:, ::2]), "probs"),
    "reversed": lambda: (*twice(filled()[::-1, ::-1]), "probs"),
    "outcomes first": lambda: (*twice(filled(shape=(OUTCOMES, ROWS)).T), "probs"),
    "two dtypes": lambda: (filled(), filled("float64"), "probs"),
    "two forms": lambda: (filled(), filled(value=3), ("probs", "logits")),
    "broadcast": lambda: (filled(), filled(shape=(1, OUTCOMES)), "probs"),
    "many rows": lambda: (*twice(filled(shape=(ROWS * OUTCOMES // 8, 8), value=1 / 8)), "probs"),
}


def calls(p, q, form):
    """Measure -> a call of it, its output made and touched beforehand."""
    one, other = (form, form) if isinstance(form, str) else form
    scores, terms = filled("float64", p.shape[:-1]), filled("float64", p.shape)
    labels = filled("int32", q.shape[:-1], 1)
    yield "check_rows", lambda: kl_c.check_rows(p, form=one), p[..., 0].size
    yield "nll", lambda: kl_c.nll(labels, q, form=other, out=scores[: len(q)]), 0
    for name, kind in kl_c._kernels.MEASURES.items():
        if kind in ("single", "pair"):
            given, forms = ((p,), one) if kind == "single" else ((p, q), form)
            measure = getattr(kl_c, name)
            order = {"alpha": 0.7} if "alpha" in inspect.signature(measure).parameters else {}
            yield name, functools.partial(measure, *given, form=forms, out=scores, **order), 0
    if p.ndim == q.ndim == 2 and p.shape == q.shape:
        # The table of the kernel, and the columns made from it, which are the result.
        statistics = len(p) * len(kl_c._kernels.STATISTICS) * 8
        yield "compare", lambda: kl_c.compare(p, q, form=form), 2 * statistics
    if "logits" not in (one, other):
        yield "rel_entr", lambda: kl_c.rel_entr(p, q, form=form, out=terms), 0


def peak():
    (line,) = (x for x in STATUS.read_text().splitlines() if x.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def rise(call, output):
    RESET.write_text("5")  # the peak becomes what is resident now
    before = peak()
    call()
    return peak() - before - output


def main():
    p, q, form = LAYOUTS[sys.argv[1]]()
    for _, call, _ in calls(p[:1], q[:1], form):
        call()  # the pages of the code that the calls run count as well
    ctypes.CDLL(None).malloc_trim(0)
    print(json.dumps({name: rise(call, output) for name, call, output in calls(p, q, form)}))


if __name__ == "__main__":
    main()
