"""The measures as expressions of NumPy, and what evaluates such an expression.

One text per measure serves every library that can be given one: NumPy, numexpr, numba and torch.
The letters are the rows, P and Q what normalises them: the mass of counts, the log-sum of logits.
"""

import functools
import re
from collections.abc import Callable

import numpy as np

Calls = dict[str, Callable[[], np.ndarray]]

LINEAR, LOG = ("probs", "counts"), ("log_probs", "logits")
TERMS = {
    "kl_divergence": {LINEAR: "p * log(p / q)", LOG: "exp(p) * (p - q)"},
    "cross_entropy": {LINEAR: "-p * log(q)", LOG: "-exp(p) * q"},
    "entropy": {LINEAR: "-p * log(p)", LOG: "-exp(p) * p"},
    "js_divergence": {
        LINEAR: "(p * log(2 * p / (p + q)) + q * log(2 * q / (p + q))) / 2",
        LOG: "(exp(p) * (p - log((exp(p) + exp(q)) / 2))"
        " + exp(q) * (q - log((exp(p) + exp(q)) / 2))) / 2",
    },
}
NORMALISED = {"probs": "x", "counts": "(x / X)", "log_probs": "x", "logits": "(x - X)"}


def term(measure: str, form: str) -> str | None:
    """What one outcome adds to the measure, or None for a measure without such a term."""
    for forms, text in TERMS.get(measure, {}).items():
        if form in forms:
            return re.sub(
                r"\b[pq]\b",
                lambda x: NORMALISED[form].replace("x", x[0]).replace("X", x[0].upper()),
                text,
            )
    return None


def shown(measure: str, form: str) -> str:
    """The expression before the row is normalised, where a name has room for it."""
    text = term(measure, "probs" if form in LINEAR else "log_probs")
    return f"({text}).sum(-1)" if len(text) < 20 else "the definition"


def numpy_calls(measure: str, form: str, arrays: tuple) -> Calls:
    text = term(measure, form)
    if text is None:
        return {}
    evaluate = eval(f"lambda p, q, P, Q: ({text}).sum(-1)", {"log": np.log, "exp": np.exp})
    letters = lettered(form, arrays)
    return {f"NumPy, {shown(measure, form)}": lambda: evaluate(**letters())}


def numexpr_calls(measure: str, form: str, arrays: tuple) -> Calls:
    import numexpr

    text = term(measure, form)
    if text is None:
        return {}
    numexpr.set_num_threads(1)
    text = f"sum({text}, axis={arrays[0].ndim - 1})"
    letters = lettered(form, arrays)
    return {"numexpr": lambda: numexpr.evaluate(text, local_dict=letters())}


def numba_calls(measure: str, form: str, arrays: tuple) -> Calls:
    import numba

    text = term(measure, form)
    if text is None:
        return {}
    loop = compiled_loop(numba, text, form, single=len(arrays) == 1)
    p, q = (np.atleast_2d(x) for x in (arrays[0], arrays[-1]))
    return {"numba": lambda: loop(p, q)}


def lettered(form: str, arrays: tuple) -> Callable[[], dict[str, np.ndarray | None]]:
    """The letters of an expression, normalisers computed in each call if the form has any.

    A single distribution stands for both.
    """
    p, q = arrays[0], arrays[-1]
    if NORMALISED[form] == "x":
        letters = {"p": p, "q": q, "P": None, "Q": None}
        return lambda: letters

    def computed():
        of_p = normaliser(p, form)
        return {"p": p, "q": q, "P": of_p, "Q": of_p if q is p else normaliser(q, form)}

    return computed


def normaliser(x, form: str):
    if form == "counts":
        return x.sum(-1, keepdims=True)
    top = x.max(-1, keepdims=True)
    return top + np.log(np.exp(x - top).sum(-1, keepdims=True))


# What numba compiles for one measure and form: the rows one by one, each in plain loops.
LOOP = """
def scores(p, q):
    result = np.empty(len(p))
    for i in range(len(p)):
        P = of_row(p[i])
        Q = {of_q}
        total = 0.0
        for j in range(p.shape[1]):
            total += of_outcome(p[i, j], q[i, j], P, Q)
        result[i] = total
    return result
"""
OF_ROW = {
    "probs": "def of_row(x): return 1.0",
    "log_probs": "def of_row(x): return 0.0",
    "counts": "def of_row(x): return x.sum()",
    "logits": """
def of_row(x):
    top, total = x.max(), 0.0
    for j in range(len(x)):
        total += math.exp(x[j] - top)
    return top + math.log(total)
""",
}


@functools.cache
def compiled_loop(numba, text: str, form: str, *, single: bool):
    import math

    names: dict = {"np": np, "math": math, "log": math.log, "exp": math.exp}
    of_outcome = f"def of_outcome(p, q, P, Q): return {text}"
    loop = LOOP.format(of_q="P" if single else "of_row(q[i])")
    for name, source in (("of_row", OF_ROW[form]), ("of_outcome", of_outcome), ("scores", loop)):
        exec(source, names)
        names[name] = numba.njit(names[name])
    return names["scores"]
