"""What others would write for the KL divergence of each row: name -> call.

Several expressions stand for each library, because the shortest is not the fastest; the figure
compares with the fastest.
"""

from collections.abc import Callable
from importlib import import_module

import numpy as np

from protocol import Absent

Calls = dict[str, Callable[[], np.ndarray]]


def needed(name: str):
    try:
        return import_module(name)
    except ImportError:
        raise Absent(name.partition(".")[0]) from None


def numpy_from_probs(p, q) -> Calls:
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

    return {
        "NumPy, (p * log(p / q)).sum(-1)": lambda: (p * np.log(p / q)).sum(-1),
        "NumPy, the same in one buffer": in_one_buffer,
        "NumPy, dot(p, log(p / q)) row by row": row_by_row,
    }


def torch_from_probs(p, q) -> Calls:
    torch = one_thread_torch()
    kl_div = torch.nn.functional.kl_div
    p, q = torch.from_numpy(p), torch.from_numpy(q)
    whole, row = torch.empty_like(p), torch.empty_like(p[0])

    def in_one_buffer():
        torch.div(p, q, out=whole)
        return whole.log_().mul_(p).sum(-1).numpy()

    def row_by_row():
        scores = torch.empty(len(p))
        for i in range(len(p)):
            torch.div(p[i], q[i], out=row)
            scores[i] = torch.dot(p[i], row.log_())
        return scores.numpy()

    return {
        "torch, (p * log(p / q)).sum(-1)": lambda: (p * (p / q).log()).sum(-1).numpy(),
        "torch, the same in one buffer": in_one_buffer,
        "torch, dot(p, log(p / q)) row by row": row_by_row,
        "torch, kl_div(log(q), p)": lambda: kl_div(q.log(), p, reduction="none").sum(-1).numpy(),
    }


def torch_from_logits(p, q) -> Calls:
    functional = one_thread_torch().nn.functional
    p, q = (one_thread_torch().from_numpy(x) for x in (p, q))

    def log_softmax_and_kl_div():
        log_p, log_q = functional.log_softmax(p, -1), functional.log_softmax(q, -1)
        terms = functional.kl_div(log_q, log_p, log_target=True, reduction="none")
        return terms.sum(-1).numpy()

    return {"torch, log_softmax twice, kl_div": log_softmax_and_kl_div}


def scipy_from_probs(p, q) -> Calls:
    stats = needed("scipy.stats")
    return {"scipy.stats.entropy(p, q, axis=-1)": lambda: stats.entropy(p, q, axis=-1)}


def one_thread_torch():
    torch = needed("torch")
    torch.set_num_threads(1)
    return torch
