"""What a process pays around the kernels: the import, the memory, and what threads gain."""

import os
import platform
import subprocess
import sys
from functools import partial
from pathlib import Path

import inputs
import memory
from kl_c import kl_divergence
from protocol import Absent, Measurement, Scale, contest

# Timed inside the new interpreter, so that its start and NumPy's import stay outside.
IMPORT = """
import time, numpy
start = time.perf_counter_ns()
import kl_c
print(time.perf_counter_ns() - start)
"""


def import_beyond_numpy(scale: Scale) -> Measurement:
    """Milliseconds."""
    times = [in_new_process("-P", "-c", IMPORT) for _ in range(scale.imports)]
    return Measurement(min(times) / 1e6, {"import kl_c": times})


def extra_memory(scale: Scale) -> Measurement:
    """KiB, of the layout that takes most."""
    if platform.libc_ver()[0] != "glibc":
        raise Absent("Linux with glibc")
    program = str(Path(memory.__file__))
    size = str(scale.rows), str(scale.outcomes)
    rises = {name: [in_new_process(program, name, *size)] for name in memory.NAMES}
    return Measurement(max(max(rises.values())) / 1024, rises, unit="bytes")


def two_workers(scale: Scale) -> Measurement:
    if len(os.sched_getaffinity(0)) < 2:
        raise Absent("a second CPU")
    p, q = inputs.pair("probs", "float32", 4 * scale.rows, scale.outcomes)
    samples = contest(
        {f"workers={n}": partial(kl_divergence, p, q, workers=n) for n in (1, 2)}, scale
    )
    return Measurement(min(samples["workers=1"]) / min(samples["workers=2"]), samples)


def in_new_process(*arguments: str) -> int:
    command = [sys.executable, *arguments]
    return int(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
