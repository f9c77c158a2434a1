"""Cycles per vector of every row kernel from L1, and their table in src/README.md.

    python bench/cycles.py                  # compile, run, print
    python bench/cycles.py src/README.md    # and write the table between its markers

x86 only: it counts time-stamp cycles, which tick at one rate whatever the clock of the core does.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from documents import between, markdown

ROOT = Path(__file__).resolve().parent.parent
FLAGS = "-std=c11 -O3 -ffp-contract=off -fno-math-errno -fno-trapping-math".split()


def measure() -> list[dict]:
    compiler = os.environ.get("CC", "cc")
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "cycles")
        sources = [ROOT / "bench/cycles.c", *sorted(ROOT.glob("src/*.c"))]
        subprocess.run(
            [compiler, *FLAGS, f"-I{ROOT / 'src'}", *sources, "-lm", "-o", program], check=True
        )
        runs = [json.loads(subprocess.check_output([program])) for _ in range(5)]
    for row, *others in zip(*runs, strict=True):
        row["cycles per vector"] = min(x["cycles per vector"] for x in (row, *others))
    return runs[0]


def table(rows: list[dict]) -> str:
    """One line per measure and form, one column per backend and dtype."""
    columns = sorted({(row["backend"], row["dtype"], row["lanes"]) for row in rows})
    cells: dict[tuple[str, str], dict] = {}
    for row in rows:
        key = row["measure"], row["form"]
        where = row["backend"], row["dtype"], row["lanes"]
        cells.setdefault(key, {})[where] = f"{row['cycles per vector']:.1f}"
    head = (
        "Cycles per vector, from L1",
        *(f"{backend}, {lanes} x {dtype}" for backend, dtype, lanes in columns),
    )
    return markdown(
        head,
        [
            (f"`{measure}`, {form}", *(found[column] for column in columns))
            for (measure, form), found in cells.items()
        ],
    )


def main() -> None:
    written = table(measure())
    print(written)
    for document in map(Path, sys.argv[1:]):
        document.write_text(between(document.read_text(), "cycles", written))


if __name__ == "__main__":
    main()
