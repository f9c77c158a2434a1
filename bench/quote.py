"""Writes the tables of the documents from the JSON of the runs, so that no figure is typed by hand.

    python bench/quote.py [--check] [--accuracy FILE]

Every table of `TABLES` is written from bench/results. --check writes nothing and fails where a
document says something else. The accuracy file is the one that tests/test_accuracy.py writes.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import all_pairs
import dumps
import growth_report
import labels
import matrix_report
import report
import results
import sparse_bounds
from cases import PEER_UNIT
from documents import between, markdown
from kl_c import _kernels

ROOT = results.HERE.parent
NOT_YET = "Not measured yet: see bench/README.md."


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="only compare")
    parser.add_argument(
        "--accuracy", type=Path, metavar="FILE", help="written by tests/test_accuracy.py"
    )
    options = parser.parse_args()
    differing = []
    try:
        for name in dict.fromkeys(document for document, *_ in TABLES):
            path = ROOT / name
            old = new = path.read_text()
            for document, table, needed, write in TABLES:
                if document == name:
                    new = between(new, table, written(needed, write))
            if options.accuracy and name == "README.md":
                new = between(new, "accuracy", accuracy_table(results.read(options.accuracy)))
            if new != old:
                differing.append(name)
                if not options.check:
                    path.write_text(new)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    for name in differing:
        print(f"{name} {'differs from' if options.check else 'rewritten from'} bench/results")
    return 1 if options.check and differing else 0


def written(needed: tuple[str, ...], write: Callable[..., str]) -> str:
    """A table, or that there is none because nothing was measured."""
    paths = [results.place(name) for name in needed]
    if not all(path.exists() for path in paths):
        return NOT_YET
    found = [results.read(path) for path in paths]
    if any(result["quick"] for result in found):
        raise ValueError("a quick run is not for quoting")
    return write(*found)


def speed_tables(result: dict) -> str:
    rows = [report.row(entry) for entry in result["lines"]]
    goals = markdown(
        ("What", "Measured", "Unit", "Must", "Aim", "Met"),
        [(name, figure, unit, must, aim, met) for name, figure, _, must, aim, met, unit in rows],
    )
    times = []
    for entry in result["lines"]:
        if entry["unit"] == PEER_UNIT and "absent" not in entry:
            times.append((f"**{entry['name']}**", "", ""))
            times += [report.detail(entry, contestant) for contestant in entry["least"]]
    size = "{rows} x {outcomes}".format(**result["scale"])
    peers = markdown((f"KL divergence of {size}", "Time", "Largest relative error"), times)
    return "\n\n".join([goals, peers, foot(result)])


def limits_table(result: dict) -> str:
    figures = {entry["name"]: entry for entry in result["lines"]}
    rows = []
    for name, limit in report.limits(result):
        entry = figures[name]
        rows.append((name, report.number(entry["figure"]), report.goal(entry["aim"]), limit))
    if not rows:
        return "Every line reaches its aim."
    return markdown(("Line below its aim", "Measured", "Aim", "Limited by"), rows)


def matrix_tables(result: dict) -> str:
    tables = [
        f"**{title}**\n\n{markdown(head, rows)}"
        for title, head, rows in matrix_report.tables(result)
    ]
    return "\n\n".join([*tables, foot(result)])


def peers_table(result: dict) -> str:
    absent = matrix_report.absent_libraries(matrix_report.present(result))
    table = markdown(*matrix_report.duel_rows(result))
    return table + (f"\n\nAbsent: {', '.join(absent)}." if absent else "")


def growth_tables(growth: dict, files: dict) -> str:
    head, rows = growth_report.slopes(growth)
    _, more = growth_report.slopes(files)
    return f"{markdown(head, [*rows, *more])}\n\n{foot(growth)}"


def foot(result: dict) -> str:
    return f"```text\n{report.foot(result)}\n```"


def accuracy_table(found: list[dict]) -> str:
    """Per measure and dtype the case nearest to its limit, of all forms and backends."""
    beyond = sum(not row["share of limit"] <= 1 for row in found)
    if beyond:
        raise ValueError(f"{beyond} of the accuracy results are beyond their limit")
    nearest: dict[tuple[str, str], dict] = {}
    for row in found:
        if not row["plain"]:  # near equality: said in words, not by a ratio to almost nothing
            continue
        key = row["measure"], row["dtype"]
        if key not in nearest or row["share of limit"] > nearest[key]["share of limit"]:
            nearest[key] = row
    cells = [
        (f"`{measure}`", *(accuracy(nearest[measure, dtype]) for dtype in _kernels.DTYPES))
        for measure in _kernels.MEASURES
    ]
    return markdown(("Relative error (share of its limit)", *_kernels.DTYPES), cells)


def accuracy(row: dict) -> str:
    return f"{row['relative error']:.1e} ({row['share of limit']:.0%}), {row['form']}"


BENCHMARKS = "docs/benchmarks.md"
SPARSE = "docs/sparse.md"
INFORMATION = "docs/information.md"
PAIRS = "docs/pairwise.md"
# Document, table, the results that it is made from, and what makes it.
TABLES: tuple[tuple[str, str, tuple[str, ...], Callable[..., str]], ...] = (
    ("README.md", "speed", ("latest",), speed_tables),
    (BENCHMARKS, "limits", ("latest",), limits_table),
    (BENCHMARKS, "matrix", ("matrix",), matrix_tables),
    (BENCHMARKS, "peers", ("matrix",), peers_table),
    (BENCHMARKS, "growth", ("growth", "files"), growth_tables),
    (BENCHMARKS, "dumps", ("dumps",), dumps.table),
    (SPARSE, "sparse widths", ("sparse",), sparse_bounds.table),
    (INFORMATION, "labels", ("labels",), labels.table),
    (PAIRS, "pairs", ("pairs",), all_pairs.table),
)


if __name__ == "__main__":
    sys.exit(main())
