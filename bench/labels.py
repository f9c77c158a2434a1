"""What the mutual information of two columns of labels costs, beside scikit-learn's.

    python bench/labels.py [--rows N]    # scikit-learn comes with the extra bench

Writes bench/results/labels.json, from which bench/quote.py makes the table of docs/information.md.
The unit is two calls of np.bincount, one for each column, which both must at least be read for; of
labels that bincount cannot take, none. With 10^7 rows two minutes, most of them scikit-learn's.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

import kl_c
import machine
import report
import results
from documents import markdown
from protocol import Scale, contest, largest_error

ROWS = 10**7
TIMES = Scale(rounds=3, seconds=0.0)
AGREE = 1e-6  # scikit-learn's sum of both signs keeps fewer digits


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=ROWS, help="of the longest columns")
    parser.add_argument(
        "--results", type=Path, default=results.place("labels"), help="write there instead"
    )
    options = parser.parse_args()
    lines = []
    for name, x, y in columns(options.rows):
        lines.append({"name": name, "rows": len(x), **measured(x, y)})
        print(*row(lines[-1]), sep="  ", flush=True)
    result = {"quick": options.rows < ROWS, **machine.describe(), "lines": lines}
    result["versions"]["scikit-learn"] = machine.installed("scikit-learn")
    results.write(result, options.results)
    return 0


def columns(rows: int):
    """Few labels, a table near as large as the columns, more labels than a table has room for."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 100, rows, dtype=np.int32)
    y = (x + rng.integers(0, 50, rows, dtype=np.int32)) % 70
    yield "int32, 100 x 70 labels", x, y
    x = rng.integers(0, 10**5, rows)
    yield "int64, 10^5 x 20 labels", x, (x + rng.integers(0, 5, rows)) % 20
    few = rows // 10
    x = rng.integers(0, 10**5, few)
    yield "int64, 10^5 x 10^5 labels", x, (x + rng.integers(0, 5, few)) % 10**5
    names = np.array([f"label {i}" for i in range(100)])
    x = rng.integers(0, 100, few)
    yield "strings, 100 x 100 labels", names[x], names[(x + rng.integers(0, 50, few)) % 100]


def measured(x: np.ndarray, y: np.ndarray) -> dict:
    """The least time of each in ns, once both agree."""
    from sklearn.metrics import mutual_info_score  # not where only the table is written

    contestants = {
        "kl_c": lambda: kl_c.mutual_information(labels=(x, y)),
        "scikit-learn": lambda: mutual_info_score(x, y),
    }
    if x.dtype.kind == "i":
        contestants["np.bincount"] = lambda: (np.bincount(x), np.bincount(y))
    error = largest_error(contestants["scikit-learn"](), contestants["kl_c"]())
    if error is None or error > AGREE:
        raise SystemExit(f"the answers differ by {error}")
    samples = contest(contestants, TIMES)
    return {"samples": samples, "least": {name: min(times) for name, times in samples.items()}}


def table(result: dict) -> str:
    """For the document."""
    versions = ", ".join(f"{name} {result['versions'][name]}" for name in ("numpy", "scikit-learn"))
    foot = f"{result['machine']['processor']}; {versions}, one thread."
    head = ("Labels", "Rows", "`labels=(x, y)`", "`np.bincount` of x and of y", "scikit-learn")
    return f"{markdown(head, [row(line) for line in result['lines']])}\n\n{foot}"


def row(line: dict) -> tuple[str, ...]:
    ours = line["least"]["kl_c"]

    def shown(name: str) -> str:
        if name not in line["least"]:
            return "-"
        time = line["least"][name]
        share = "" if name == "kl_c" else f" ({report.number(time / ours)} times)"
        return report.duration(time) + share

    return (
        line["name"],
        f"{line['rows']:.0e}".replace("e+0", "e"),
        *map(shown, ("kl_c", "np.bincount", "scikit-learn")),
    )


if __name__ == "__main__":
    sys.exit(main())
