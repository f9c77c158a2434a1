"""``kl-c score`` on two files that grow: time, and the memory that it takes, which should not grow.

The files hold logits of a model's vocabulary in float32. They lie beside the results, grow between
the lines by appended blocks, and are gone when the process ends. A run maps them block by block; it
may find them in the page cache or on the disk, and the time of merely reading them says which.
"""

import functools
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, perf_counter_ns

from numpy.lib import format as npy_format

import inputs
from protocol import Absent, Measurement, Scale

RESULTS = Path(__file__).resolve().parent / "results"
SERIES, GROWS = "kl-c score, logits, float32", "GB in each file"
NOTE = "Files that the page cache does not hold come from the disk: see the time of reading them."
SPARE = 4 << 30  # bytes left free on the disk
READ_BLOCK = 16 << 20
# Timed inside, so that the start of Python stays outside; the peak is of the whole process.
SCORE = """
import contextlib, os, pathlib, sys, time
from kl_c._cli import main
with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
    start = time.perf_counter_ns()
    status = main(["score", *sys.argv[1:], "--form", "logits", "--json", "-"])
    taken = time.perf_counter_ns() - start
peak = pathlib.Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
print(status, taken, int(peak) * 1024)
"""


@dataclass(frozen=True)
class FilePoint:
    gigabytes: int

    @property
    def name(self) -> str:
        return f"{SERIES}, {self.gigabytes} {GROWS}"

    def take(self, scale: Scale) -> Measurement:
        size = int(self.gigabytes * scale.gigabyte)
        files = growing_pair(scale.vocabulary)
        files.grow_to(size)
        samples: dict[str, list[int]] = {"reading both": [], "workers=1": [], "workers=2": []}
        peaks: dict[str, list[int]] = {"workers=1": [], "workers=2": []}
        end = perf_counter() + scale.file_seconds
        for _ in range(scale.rounds):
            samples["reading both"].append(files.read())
            for name, found in peaks.items():
                taken, peak = scored(*files.paths, workers=name[-1])
                samples[name].append(taken)
                found.append(peak)
            if perf_counter() > end:
                break
        elements = files.rows * scale.vocabulary
        facts = {
            "series": SERIES,
            "size": self.gigabytes,
            "grows": GROWS,
            "calls": 1,
            "elements": elements,
            "bytes": 2 * size,
            "peak": peaks,
        }
        return Measurement(min(samples["workers=1"]) / elements, samples, facts=facts)


@dataclass
class GrowingPair:
    folder: tempfile.TemporaryDirectory  # removed with this object, when the process ends
    outcomes: int
    rows: int = 0

    @property
    def paths(self) -> tuple[Path, Path]:
        return Path(self.folder.name, "base.npy"), Path(self.folder.name, "other.npy")

    def grow_to(self, size: int) -> None:
        """Append rows until each file holds about so many bytes."""
        rows = max(1, size // (4 * self.outcomes))
        missing = 2 * (rows - self.rows) * 4 * self.outcomes
        if missing + SPARE > shutil.disk_usage(self.folder.name).free:
            raise Absent(f"{missing / 2**30:.0f} GiB of free disk")
        different = max(1, inputs.BLOCK // self.outcomes)
        block = inputs.pair("logits", "float32", different, self.outcomes)
        for path, values in zip(self.paths, block, strict=True):
            with open(path, "r+b" if path.exists() else "w+b") as file:
                npy_format.write_array_header_1_0(
                    file, {"descr": "<f4", "fortran_order": False, "shape": (rows, self.outcomes)}
                )
                file.seek(0, 2)
                for start in range(self.rows, rows, len(values)):
                    values[: rows - start].tofile(file)
        self.rows = rows

    def read(self) -> int:
        """Nanoseconds of reading both files, and of nothing else."""
        buffer = bytearray(READ_BLOCK)
        start = perf_counter_ns()
        for path in self.paths:
            with open(path, "rb", buffering=0) as file:
                while file.readinto(buffer):
                    pass
        return perf_counter_ns() - start


@functools.cache
def growing_pair(outcomes: int) -> GrowingPair:
    RESULTS.mkdir(exist_ok=True)
    return GrowingPair(tempfile.TemporaryDirectory(prefix="files-", dir=RESULTS), outcomes)


def scored(base: Path, other: Path, workers: str) -> tuple[int, int]:
    """Nanoseconds and peak bytes of one run of the program."""
    command = [sys.executable, "-P", "-c", SCORE, str(base), str(other), "--workers", workers]
    status, taken, peak = map(int, subprocess.check_output(command, text=True).split())
    if status != 0:
        raise RuntimeError(f"kl-c score ended with {status}")
    return taken, peak


POINTS = tuple(FilePoint(gigabytes) for gigabytes in (1, 2, 4, 8))
