"""What a figure depends on: the machine, the compiler, the versions and the commit."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

import instruction_set
import kl_c

PACKAGES = ("kl_c", "numpy", "scipy", "torch", "numexpr", "numba", "numkong", "ml_dtypes")


def describe() -> dict:
    return {
        "machine": {
            "processor": processor(),
            "CPUs": len(os.sched_getaffinity(0)),
            "caches": caches(),
            "memory, GiB": round(memory_in_bytes() / 2**30, 1),
            "system": platform.platform(),
        },
        "versions": {
            "python": platform.python_version(),
            **{name: installed(name) for name in PACKAGES},
        },
        "BLAS": blas(),
        "SIMD of NumPy": instruction_set.of_numpy(),
        "kl_c": kl_c.show_config(),
        "commit": commit(),
    }


def processor() -> str:
    """The model with its numbers: some machines hide the name of the model but not these."""
    fields: dict[str, str] = {}
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            key, _, value = line.partition(":")
            fields.setdefault(key.strip(), value.strip())
    except OSError:
        return platform.processor() or platform.machine()
    name = fields.get("model name", platform.machine())
    if "model" in fields:
        name += f" (family {fields['cpu family']}, model {fields['model']})"
    return name


def caches() -> dict[str, str]:
    found = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = ((index / x).read_text().strip() for x in ("level", "type", "size"))
        if kind != "Instruction":
            found[f"L{level}"] = size
    return found


def memory_in_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def blas() -> str:
    library = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return f"{library['name']} {library['version']}"


def commit() -> str:
    """The commit of the tree this file lies in, or "unknown" (an sdist, or no git).

    Marked "-dirty" when what is measured or what measures was changed since; what a run writes
    itself does not count.
    """
    measured = (".", ":!bench/results", ":!docs", ":!*.md")
    found = git("rev-parse", "HEAD")
    if found is None:
        return "unknown"
    return found[:12] + "-dirty" * bool(git("status", "--porcelain", "--", *measured))


def git(*arguments: str) -> str | None:
    command = ["git", "--no-optional-locks", *arguments]
    root = Path(__file__).resolve().parent.parent
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def load() -> float:
    """Programs that wanted to run, averaged over the last minute."""
    return round(os.getloadavg()[0], 2)
