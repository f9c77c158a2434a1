"""How far the memory of a fresh process rises while one batch is scored: prints bytes.

    python bench/memory.py LAYOUT ROWS OUTCOMES

The peak is the kernel's own count of resident memory (Linux), which sees what C allocates. It is
kept per CPU and summed up now and then, so a figure below some 100 KiB is not told from 0.
"""

import sys
from pathlib import Path

import numpy as np

import kl_c

WARM_UP_OUTCOMES = 4096  # loads the code that the batch will run; its pages count as resident too


def layouts(rows: int, outcomes: int):
    """Layout -> (p, q, keywords). Made without temporaries, which would leave pages to reuse."""
    value = 1 / outcomes

    def full(dtype="float32", *, first=False):
        return np.full((outcomes, rows) if first else (rows, outcomes), value, dtype)

    return {
        "probs, float32": lambda: (full(), full(), {}),
        "logits, float32": lambda: (full(), full(), {"form": "logits"}),
        "axis=0": lambda: (full(first=True), full(first=True), {"axis": 0}),
        "float32 against float64": lambda: (full(), full("float64"), {}),
        "big-endian": lambda: (full(">f4"), full(">f4"), {}),
        "probs against logits": lambda: (full(), full(), {"form": ("probs", "logits")}),
    }


NAMES = tuple(layouts(1, 1))


def status(key: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise KeyError(key)


def rise(layout: str, rows: int, outcomes: int) -> int:
    p, q, keywords = layouts(1, WARM_UP_OUTCOMES)[layout]()
    kl_c.kl_divergence(p, q, **keywords)
    p, q, keywords = layouts(rows, outcomes)[layout]()
    Path("/proc/self/clear_refs").write_text("5")  # sets the peak to what is resident now
    before = status("VmHWM")
    kl_c.kl_divergence(p, q, **keywords)
    return status("VmHWM") - before


if __name__ == "__main__":
    print(rise(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
