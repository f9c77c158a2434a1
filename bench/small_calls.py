"""Runs small calls between marks, for callgrind to count; run and read by instructions.py.

Each call is repeated N and 2 N times: the difference is what N calls cost, less an empty loop's.
"""

import ctypes
import gc
import sys

import numpy as np

import kl_c

TIMES = 200
CALLS = {
    "nothing": "pass",
    "kl_divergence, 16 x float64": "kl_divergence(p, q)",
    "kl_divergence, 16 x float32": "kl_divergence(p32, q32)",
    "kl_divergence, two lists of 4": "kl_divergence(p_list, q_list)",
    "kl_divergence, counts, 16 x float64": "kl_divergence(p, q, form='counts')",
    "kl_divergence, 2 x 16 x float64": "kl_divergence(p_rows, q_rows)",
    "entropy, 16 x float64": "entropy(p)",
    "js_divergence, 16 x float64": "js_divergence(p, q)",
}


def arguments() -> dict:
    p, q = np.random.default_rng(20).dirichlet(np.ones(16), 2)
    return {
        **{name: getattr(kl_c, name) for name in kl_c.__all__},
        "p": p,
        "q": q,
        "p32": p.astype(np.float32),
        "q32": q.astype(np.float32),
        "p_list": [0.125, 0.25, 0.125, 0.5],
        "q_list": [0.25, 0.25, 0.25, 0.25],
        "p_rows": np.stack([p, q]),
        "q_rows": np.stack([q, p]),
    }


def main() -> None:
    marks = ctypes.CDLL(sys.argv[1])
    known = arguments()
    for name, call in CALLS.items():
        exec(f"def repeat(times):\n    for _ in times:\n        {call}", known)
        repeat = known["repeat"]
        repeat([None] * TIMES)  # until the interpreter has specialised the bytecode
        gc.disable()
        for times in (TIMES, 2 * TIMES):
            turns = [None] * times
            marks.begin()
            repeat(turns)
            marks.end(f"{name}: {times}".encode())
        gc.enable()


if __name__ == "__main__":
    main()
