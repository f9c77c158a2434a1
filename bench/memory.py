"""How far the memory of a fresh process rises while one batch is scored: prints bytes.

    python bench/memory.py LAYOUT ROWS OUTCOMES

Both counts are the operating system's (Linux), which sees what C allocates: the peak of resident
memory, which is kept per CPU and may be some 200 KiB off, and the pages touched for the first time,
exact unless a page is larger than usual or a buffer comes and goes. The larger one is printed.
"""

import ctypes
import resource
import sys
import threading
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
    # Elsewhere, so that the batch finds neither a used stack nor a used heap to stay hidden in.
    warm_up = threading.Thread(target=score, args=layouts(1, WARM_UP_OUTCOMES)[layout]())
    warm_up.start()
    warm_up.join()
    batch = layouts(rows, outcomes)[layout]()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # sets the peak to what is resident now
    resident, touched = status("VmHWM"), pages_touched()
    score(*batch)
    touched = pages_touched() - touched
    return max(status("VmHWM") - resident, touched * resource.getpagesize())


def score(p, q, keywords):
    kl_c.kl_divergence(p, q, **keywords)


def pages_touched() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


if __name__ == "__main__":
    print(rise(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
