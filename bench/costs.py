"""What a process pays around the kernels: the import, the memory, and what threads gain."""

import os
import platform
import subprocess
import sys
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import inputs
import memory
from kl_c import kl_divergence
from protocol import Absent, Measurement, Scale, contest

# Timed inside the new interpreter, so that its start stays outside.
IMPORT = """
import time
{before}
start = time.perf_counter_ns()
import {module}
print(time.perf_counter_ns() - start)
"""
OTHERS = ("numpy", "scipy.special", "scipy.stats", "torch", "numba", "numexpr", "numkong")


def import_beyond_numpy(scale: Scale) -> Measurement:
    """Milliseconds; of other modules one import in each process tells enough."""
    samples = {"import kl_c": imported("kl_c", scale.imports)}
    for module in OTHERS:
        if find_spec(module.partition(".")[0]):
            samples[f"import {module}"] = imported(module, 1)
    return Measurement(min(samples["import kl_c"]) / 1e6, samples)


def imported(module: str, times: int) -> list[int]:
    """Nanoseconds beyond those of NumPy."""
    program = IMPORT.format(before="" if module == "numpy" else "import numpy", module=module)
    return [in_new_process("-P", "-c", program) for _ in range(times)]


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
