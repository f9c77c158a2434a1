"""Writes the tables of a document from the JSON of the runs, so that no figure is typed by hand.

    python bench/quote.py README.md --speed bench/results/latest.json --accuracy accuracy.json

A table stands between ``<!-- speed table: begin -->`` and ``<!-- speed table: end -->``, and
likewise for ``accuracy``. The accuracy file is the one that the tests write.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import report
from cases import LINES, PEER_UNIT
from kl_c import _kernels


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("document", type=Path)
    parser.add_argument("--speed", type=Path, metavar="FILE", help="written by bench/run.py")
    parser.add_argument(
        "--accuracy", type=Path, metavar="FILE", help="written by tests/test_accuracy.py"
    )
    options = parser.parse_args()
    if not (options.speed or options.accuracy):
        parser.error("give --speed, --accuracy or both")
    try:
        document = options.document.read_text()
        if options.speed:
            document = between(document, "speed", speed_tables(read(options.speed)))
        if options.accuracy:
            document = between(document, "accuracy", accuracy_table(read(options.accuracy)))
    except (OSError, ValueError) as error:
        parser.error(str(error))
    options.document.write_text(document)
    return 0


def read(path: Path):
    try:
        return json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None


def between(document: str, name: str, table: str) -> str:
    begin, end = (f"<!-- {name} table: {x} -->" for x in ("begin", "end"))
    if document.count(begin) != 1 or document.count(end) != 1:
        raise ValueError(f"the document must hold {begin!r} and {end!r}, once each")
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    replaced, count = pattern.subn(lambda _: f"{begin}\n{table}\n{end}", document)
    if count != 1:
        raise ValueError(f"{end!r} stands before {begin!r}")
    return replaced


def speed_tables(result: dict) -> str:
    if result["quick"] or [x["name"] for x in result["lines"]] != [x.name for x in LINES]:
        raise ValueError(
            "only a full run of the whole table is for quoting, neither quick nor part"
        )
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
    return f"{goals}\n\n{peers}\n\n```text\n{report.foot(result)}\n```"


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


def markdown(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.strip() for cell in line)} |" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
