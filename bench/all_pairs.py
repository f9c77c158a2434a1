"""What all pairs cost: against SciPy's cdist, the bare matrix product, and in memory.

    OPENBLAS_NUM_THREADS=1 python bench/all_pairs.py [speed] [memory]

One thread in every library. Each figure of speed is a ratio of two least times, taken in turn. The
memory is that of a process of its own, which holds 50,000 sparse rows of 30,000 outcomes, 1 % of
them stored, and looks for the 10 nearest of 256, a full block of rows: more take longer, and no
more memory. Writes bench/results/pairs.json, from which bench/quote.py makes the table of
docs/pairwise.md. Some minutes.
"""

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np

import kl_c
import machine
import results
from documents import markdown

OUTCOMES = 1000
ROWS = {
    "js_distance": 500,
    "kl_divergence": 2000,
}  # cdist takes as long for a pair of any number
ROUNDS = {"js_distance": 4, "kl_divergence": 20}
SPARSE_ROWS, SPARSE_OUTCOMES, STORED, K = 50_000, 30_000, 300, 10
QUERIES = 256  # a full block of rows: more of them take longer, and no more memory


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", default=["speed", "memory"])
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        print(json.dumps(memory()))
        return 0
    path = results.place("pairs")
    result = results.read(path) if path.exists() else {}
    result |= {"quick": False, **machine.describe()}
    if "speed" in options.parts:
        result["speed"] = speed()
        results.write(result, path)
    if "memory" in options.parts:
        command = [sys.executable, "-P", __file__, "--alone"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        result["memory"] = json.loads(done.stdout)
        results.write(result, path)
    return 0


def speed() -> list[dict]:
    from scipy.spatial.distance import cdist

    rng = np.random.default_rng(0)
    X, Y = rng.dirichlet(np.ones(OUTCOMES), (2, max(ROWS.values())))
    A, B = X[: ROWS["js_distance"]], Y[: ROWS["js_distance"]]
    return [
        in_turn(
            "js_distance",
            {
                "cdist": lambda: cdist(A, B, "jensenshannon"),
                "X and Y": lambda: kl_c.pairwise(A, B, "js_distance", form="counts"),
                "X alone": lambda: kl_c.pairwise(A, measure="js_distance", form="counts"),
            },
        ),
        in_turn(
            "kl_divergence",
            {
                "product": lambda: X @ Y.T,
                "X and Y": lambda: kl_c.pairwise(X, Y, "kl_divergence"),
            },
        ),
    ]


def in_turn(name: str, contestants: dict) -> dict:
    """All samples of each, of which the least count."""
    samples: dict[str, list[float]] = {contestant: [] for contestant in contestants}
    for _ in range(ROUNDS[name]):
        for contestant, call in contestants.items():
            start = time.perf_counter()
            call()
            samples[contestant].append(time.perf_counter() - start)
    return {"measure": name, "samples": samples}


def memory() -> dict:
    """Bytes of the rows, of the process with them, and of its peak."""
    rng = np.random.default_rng(0)
    step = SPARSE_OUTCOMES // STORED
    indices = np.empty((SPARSE_ROWS, STORED), np.int32)
    data = np.empty((SPARSE_ROWS, STORED), np.float32)
    for row in range(SPARSE_ROWS):
        indices[row] = np.arange(STORED) * step + rng.integers(0, step, STORED)
        data[row] = rng.random(STORED, np.float32)
    indptr = np.arange(0, indices.size + 1, STORED)
    shape = SPARSE_ROWS, SPARSE_OUTCOMES
    Y = data.ravel(), indices.ravel(), indptr, shape
    X = (
        *(x[: QUERIES * STORED] for x in Y[:2]),
        indptr[: QUERIES + 1],
        (QUERIES, SPARSE_OUTCOMES),
    )
    before, start = peak(), time.perf_counter()
    kl_c.nearest(X, Y, K, "js_divergence", form="counts")
    return {
        "rows": data.nbytes + indices.nbytes + indptr.nbytes,
        "before": before,
        "peak": peak(),
        "seconds": time.perf_counter() - start,
    }


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def table(result: dict) -> str:
    """For the document."""
    js, kl = ({name: min(x) for name, x in part["samples"].items()} for part in result["speed"])
    memory = result["memory"]
    sizes = {name: f"{rows} x {rows} rows of {OUTCOMES}" for name, rows in ROWS.items()}
    lines = [
        (
            f"`js_distance`, {sizes['js_distance']}: time of `cdist` over ours",
            ratio(js["cdist"] / js["X and Y"]),
        ),
        ("the same, of X with itself", ratio(js["cdist"] / js["X alone"])),
        (
            f"`kl_divergence`, {sizes['kl_divergence']}: share of the rate of `X @ Y.T`",
            f"{kl['product'] / kl['X and Y']:.2f}",
        ),
        (
            f"`nearest` of {QUERIES:,} among {SPARSE_ROWS:,} sparse rows, {SPARSE_OUTCOMES:,} "
            "outcomes, 1 % stored: peak of the whole process",
            f"{memory['peak'] / 1e6:.0f} MB, of which the rows {memory['rows'] / 1e6:.0f} MB",
        ),
    ]
    return markdown(("What", "Measured"), lines)


def ratio(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


if __name__ == "__main__":
    sys.exit(main())
