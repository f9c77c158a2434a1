"""What ``kl-c score`` reads a second, from files of each type that hold the same rows.

    python bench/dumps.py [--rounds N]

Two models' logits as float32 and float16 .npy and as llama.cpp's `_logits_`, in the page cache.
Every round takes the types in turn, each with one worker and with two, and ``np.dot`` over the
float32 files; a figure is the least of all rounds. Timed is the pass over the files, all statistics
of every row, without the start of Python and the printing. Writes bench/results/dumps.json, from
which bench/quote.py makes a table of docs/benchmarks.md.
"""

import argparse
import contextlib
import io
import os
import sys
import tempfile
from pathlib import Path
from time import perf_counter_ns

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

import kl_c._cli.score as command
import machine
import results
from documents import markdown
from kl_c._cli import main as kl_c_main
from kl_c._formats.llamacpp_writer import LogitsWriter

CHUNKS, N_CTX, OUTCOMES = 2, 256, 128256  # 254 rows: 130 MB in each float32 file
TYPES = {
    "float32": ("base.npy", "other.npy", "--form", "logits"),
    "float16": ("base-half.npy", "other-half.npy", "--form", "logits"),
    "_logits_": ("base.kld", "other.kld"),
}
WORKERS = (1, 2)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument(
        "--results", type=Path, default=results.place("dumps"), help="write there instead"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = write(Path(folder))
        samples = measured(Path(folder), options.rounds)
    result = {
        "quick": False,
        **machine.describe(),
        "rows": rows,
        "outcomes": OUTCOMES,
        "load": os.getloadavg()[1],
        "least": {name: min(times) for name, times in samples.items()},
        "samples": samples,
    }
    results.write(result, options.results)
    print(table(result))
    return 0


def write(folder: Path) -> int:
    """The files of all types; the number of their rows."""
    rng = np.random.default_rng(0)
    rows = CHUNKS * (N_CTX - 1 - N_CTX // 2)
    base = rng.normal(scale=3, size=(rows, OUTCOMES)).astype(np.float32)
    other = base + rng.normal(scale=0.1, size=base.shape).astype(np.float32)
    for name, logits in (("base", base), ("other", other)):
        np.save(folder / f"{name}.npy", logits)
        np.save(folder / f"{name}-half.npy", logits.astype(np.float16))
        with open(folder / f"{name}.kld", "wb") as file:
            LogitsWriter(file, np.zeros((CHUNKS, N_CTX), int), OUTCOMES, 16).write(logits)
    return rows


def measured(folder: Path, rounds: int) -> dict[str, list[int]]:
    """Nanoseconds by type and workers, and of ``np.dot``, all in turn."""
    samples: dict[str, list[int]] = {}
    pair = [np.load(folder / f"{name}.npy").ravel() for name in ("base", "other")]
    for _ in range(rounds):
        start = perf_counter_ns()
        np.dot(*pair)
        samples.setdefault("np.dot", []).append(perf_counter_ns() - start)
        for workers in WORKERS:
            for name, (base, other, *more) in TYPES.items():
                arguments = [str(folder / base), str(folder / other), *more]
                taken = scored([*arguments, "--workers", str(workers)])
                samples.setdefault(f"{name}, workers={workers}", []).append(taken)
    return samples


def scored(arguments: list[str]) -> int:
    """Nanoseconds of the pass over the files in one run of the program."""
    taken = 0
    score = command.score

    def timed(*given):
        nonlocal taken
        start = perf_counter_ns()
        found = score(*given)
        taken = perf_counter_ns() - start
        return found

    command.score = timed
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            status = kl_c_main(["score", *arguments, "--json", "-"])
    finally:
        command.score = score
    if status != 0:
        raise RuntimeError(f"kl-c score ended with {status}")
    return taken


def table(result: dict) -> str:
    """For the document: one line for each type."""
    least, rows = result["least"], result["rows"]
    head = (
        "Files of",
        "Rows a second, one worker",
        "Share of float32",
        "Share of the read rate",
        "Rows a second, two workers",
        "Share of float32",
        "Two workers over one",
    )
    lines = []
    for name in TYPES:
        one, two = (least[f"{name}, workers={workers}"] for workers in WORKERS)
        one32, two32 = (least[f"float32, workers={workers}"] for workers in WORKERS)
        lines.append(
            (
                name,
                f"{rows / one * 1e9:,.0f}",
                f"{one32 / one:.2f}",
                f"{least['np.dot'] / one:.2f}",
                f"{rows / two * 1e9:,.0f}",
                f"{two32 / two:.2f}",
                f"{one / two:.2f}",
            )
        )
    load = f"Programs that wanted to run meanwhile, this one among them: {result['load']:.1f}."
    return f"{markdown(head, lines)}\n\n{load}"


if __name__ == "__main__":
    sys.exit(main())
