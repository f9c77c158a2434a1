"""What others would write for a measure of each row: name -> call, for every library at hand.

Several expressions stand for each library, because the shortest is not the fastest; what is quoted
is the fastest. A name begins with its library.
"""

import functools
from importlib import import_module

import numpy as np

import textbook
from protocol import Absent
from textbook import Calls

LOOP = " row by row"


def needed(name: str):
    try:
        return import_module(name)
    except ImportError:
        raise Absent(name.partition(".")[0]) from None


def calls(measure: str, form: str, arrays: tuple) -> tuple[Calls, list[str]]:
    """The calls of all libraries, and the names of the libraries that are absent."""
    found: Calls = {}
    absent = []
    for library in LIBRARIES:
        try:
            found |= of_library(library, measure, form, arrays)
        except Absent:
            absent.append(library)
    return found, absent


def of_library(library: str, measure: str, form: str, arrays: tuple) -> Calls:
    package, found = LIBRARIES[library]
    needed(package)
    return found(measure, form, arrays)


def library_of(name: str) -> str:
    return name.partition(",")[0]


def is_loop(name: str) -> bool:
    """Whether it is no expression but a program: one row after the other, in a buffer in cache."""
    return name.endswith(LOOP)


def numpy_calls(measure: str, form: str, arrays: tuple) -> Calls:
    expression = textbook.numpy_calls(measure, form, arrays)
    if (measure, form) != ("kl_divergence", "probs") or arrays[0].ndim == 1:
        return expression
    return expression | numpy_without_temporaries(*arrays)


def numpy_without_temporaries(p, q) -> Calls:
    whole, row = np.empty_like(p), np.empty_like(p[0])

    def in_one_buffer():
        np.divide(p, q, out=whole)
        np.log(whole, out=whole)
        np.multiply(p, whole, out=whole)
        return whole.sum(-1)

    def row_by_row():
        scores = np.empty(len(p))
        for i in range(len(p)):
            np.divide(p[i], q[i], out=row)
            np.log(row, out=row)
            scores[i] = np.dot(p[i], row)
        return scores

    found = {"NumPy, the same in one buffer": in_one_buffer}
    if long_rows(p):
        found[f"NumPy, dot(p, log(p / q)){LOOP}"] = row_by_row
    return found


def special_calls(measure: str, form: str, arrays: tuple) -> Calls:
    if measure != "kl_divergence" or form == "counts":
        return {}
    special = needed("scipy.special")
    p, q = arrays
    if form == "probs":
        return {"scipy.special, rel_entr(p, q).sum(-1)": lambda: special.rel_entr(p, q).sum(-1)}
    name = "exp" if form == "log_probs" else "softmax"
    probs = np.exp if form == "log_probs" else functools.partial(special.softmax, axis=-1)
    return {
        f"scipy.special, rel_entr of {name}": lambda: special.rel_entr(probs(p), probs(q)).sum(-1)
    }


def stats_calls(measure: str, form: str, arrays: tuple) -> Calls:
    if measure not in ("kl_divergence", "entropy") or form not in textbook.LINEAR:
        return {}
    entropy = needed("scipy.stats").entropy
    letters = "p, q" if measure == "kl_divergence" else "p"
    return {f"scipy.stats, entropy({letters}, axis=-1)": lambda: entropy(*arrays, axis=-1)}


def spatial_calls(measure: str, form: str, arrays: tuple) -> Calls:
    if measure != "js_divergence" or form not in textbook.LINEAR:
        return {}
    distance = needed("scipy.spatial.distance").jensenshannon
    return {"scipy.spatial, jensenshannon squared": lambda: distance(*arrays, axis=-1) ** 2}


def numkong_calls(measure: str, form: str, arrays: tuple) -> Calls:
    numkong = needed("numkong")
    if form != "probs":
        return {}
    if measure == "kl_divergence":
        return {"NumKong, kullbackleibler": lambda: numkong.kullbackleibler(*arrays)}
    if measure == "js_divergence":
        distance = numkong.jensenshannon
        return {"NumKong, jensenshannon squared": lambda: np.square(distance(*arrays))}
    return {}


def torch_calls(measure: str, form: str, arrays: tuple) -> Calls:
    torch = one_thread_torch()
    p, q = (torch.from_numpy(x) for x in (arrays[0], arrays[-1]))
    found = {}
    if measure == "kl_divergence":
        found |= torch_kl_div(torch, form, p, q)
    if (measure, form) == ("kl_divergence", "probs") and p.ndim == 2:
        found |= torch_without_temporaries(torch, p, q)
    if (measure, form) == ("cross_entropy", "logits"):
        functional = torch.nn.functional
        found["torch, cross_entropy(q, softmax(p))"] = lambda: functional.cross_entropy(
            torch.atleast_2d(q), torch.atleast_2d(p.softmax(-1)), reduction="none"
        ).numpy()
    if (measure, form) == ("entropy", "logits"):
        found["torch, Categorical(logits=p).entropy()"] = lambda: (
            torch.distributions.Categorical(logits=p, validate_args=False).entropy().numpy()
        )
    expression = torch_expression(torch, measure, form)
    if expression:
        found["torch, the NumPy expression"] = lambda: expression(p, q).numpy()
    return found


def torch_kl_div(torch, form: str, p, q) -> Calls:
    kl_div = torch.nn.functional.kl_div

    def from_logs(log_p, log_q):
        return kl_div(log_q, log_p, log_target=True, reduction="none").sum(-1).numpy()

    if form == "logits":
        return {
            "torch, log_softmax twice, kl_div": lambda: from_logs(
                p.log_softmax(-1), q.log_softmax(-1)
            )
        }
    if form == "log_probs":
        return {"torch, kl_div(q, p, log_target=True)": lambda: from_logs(p, q)}
    divided = torch_normalised(form)
    return {
        "torch, kl_div(log(q), p)": lambda: (
            kl_div(divided(q).log(), divided(p), reduction="none").sum(-1).numpy()
        )
    }


def torch_expression(torch, measure: str, form: str):
    """The textbook's expression on tensors, which normalise themselves in their own way."""
    text = textbook.term(measure, "probs" if form in textbook.LINEAR else "log_probs")
    if text is None:
        return None
    evaluate = eval(f"lambda p, q: ({text}).sum(-1)", {"log": torch.log, "exp": torch.exp})
    normalised = torch_normalised(form)
    return lambda p, q: evaluate(normalised(p), q if measure == "entropy" else normalised(q))


def torch_normalised(form: str):
    if form == "counts":
        return lambda x: x / x.sum(-1, keepdim=True)
    return (lambda x: x.log_softmax(-1)) if form == "logits" else (lambda x: x)


def torch_without_temporaries(torch, p, q) -> Calls:
    whole, row = torch.empty_like(p), torch.empty_like(p[0])

    def in_one_buffer():
        torch.div(p, q, out=whole)
        return whole.log_().mul_(p).sum(-1).numpy()

    def row_by_row():
        scores = torch.empty(len(p), dtype=p.dtype)
        for i in range(len(p)):
            torch.div(p[i], q[i], out=row)
            scores[i] = torch.dot(p[i], row.log_())
        return scores.numpy()

    found = {"torch, the same in one buffer": in_one_buffer}
    if long_rows(p):
        found[f"torch, dot(p, log(p / q)){LOOP}"] = row_by_row
    return found


def long_rows(p) -> bool:
    """Whether rows are long enough that a call for each of them could be the fastest way."""
    return p.shape[-1] > len(p)


def one_thread_torch():
    torch = needed("torch")
    torch.set_num_threads(1)
    return torch


# Library -> (what must be importable, its calls for a measure, a form and one or two arrays).
LIBRARIES = {
    "NumPy": ("numpy", numpy_calls),
    "scipy.special": ("scipy.special", special_calls),
    "scipy.stats": ("scipy.stats", stats_calls),
    "scipy.spatial": ("scipy.spatial", spatial_calls),
    "torch": ("torch", torch_calls),
    "numexpr": ("numexpr", textbook.numexpr_calls),
    "numba": ("numba", textbook.numba_calls),
    "NumKong": ("numkong", numkong_calls),
}
