"""The report as tables for people: with rich where it is installed, else as plain text.

Both print the same words and figures within 80 columns. The table is cut in two, means first, so
that every figure keeps four digits.
"""

import importlib.util
import math
from typing import Any, NamedTuple

from kl_c._formats import describe

__all__ = ["print_report"]

# Columns after the name of the statistic: head, and key in the summary.
MEANS = {
    "mean": "mean",
    "SE (rows as independent)": "standard_error",
    "count": "count",
    "infinite": "infinite",
}
PERCENTILES = {
    "median": "median",
    "90 %": "p90",
    "95 %": "p95",
    "99 %": "p99",
    "99.9 %": "p99.9",
    "maximum": "maximum",
}


GAP = "  "  # between columns


class Table(NamedTuple):
    """Cells as they are printed: the first column to the left, the others to the right."""

    head: list[str]
    rows: list[list[str]]

    def widths(self) -> list[int]:
        """What each column needs."""
        return [max(map(len, column)) for column in zip(self.head, *self.rows, strict=True)]


def print_report(facts: dict[str, Any]) -> None:
    """Print the head, the tables and the foot of a report to standard output."""
    if importlib.util.find_spec("rich") is None:
        _print_plain(_head(facts), _tables(facts), _foot(facts))
    else:
        _print_rich(_head(facts), _tables(facts), _foot(facts))


def _head(facts: dict[str, Any]) -> list[str]:
    lines = [
        f"{side} = {facts[side]['path']} ({describe(facts[side]['shape'], facts[side]['dtype'])})"
        for side in ("p", "q")
    ]
    lines += [f"{side}: {facts[side]['note']}" for side in ("p", "q") if "note" in facts[side]]
    return [*lines, f"kl = KL(p || q), reverse_kl = KL(q || p), in {facts['unit']}"]


def _tables(facts: dict[str, Any]) -> list[Table]:
    statistics = facts["statistics"]
    tables = [
        Table(
            ["statistic", *columns],
            [
                [name, *(_cell(summary[key]) for key in columns.values())]
                for name, summary in statistics.items()
                if all(key in summary for key in columns.values())
            ],
        )
        for columns in (MEANS, PERCENTILES)
    ]
    if "perplexity" in facts:
        sides = facts["perplexity"]
        tables.append(
            Table(["exp(mean nll)", *sides], [["perplexity", *map(_cell, sides.values())]])
        )
    return tables


def _foot(facts: dict[str, Any]) -> list[str]:
    form = facts["form"] if isinstance(facts["form"], str) else " and ".join(facts["form"])
    eps = "default" if facts["eps"] is None else f"{facts['eps']:g}"
    rows = facts["rows"]
    return [
        f"kl_c {facts['version']}, backend {facts['backend']}",
        facts["command"],
        f"form {form}, temperature {facts['temperature']:g}, eps {eps}",
        f"rows: {rows['used']} used, {rows['left_out']} left out, {rows['infinite']} infinite",
    ]


def _cell(value: float | int) -> str:
    if isinstance(value, int):
        return str(value)
    if math.isnan(value):
        return "-"
    return f"{value:#.4g}".rstrip(".")


def _print_plain(head: list[str], tables: list[Table], foot: list[str]) -> None:
    print(*head, sep="\n")
    for table in tables:
        first, *others = table.widths()
        rule = ["-" * (first + sum(others) + len(GAP) * len(others))]
        print()
        for line in (table.head, rule, *table.rows):
            cells = [cell.rjust(width) for cell, width in zip(line[1:], others, strict=False)]
            print(GAP.join([line[0].ljust(first), *cells]))
    print()
    print(*foot, sep="\n")


def _print_rich(head: list[str], tables: list[Table], foot: list[str]) -> None:
    from rich.box import Box
    from rich.console import Console
    from rich.table import Table as RichTable

    # Nothing but a rule under the head, as in the plain table, and in any encoding.
    rule = Box("    \n    \n -- \n" + 5 * "    \n", ascii=True)
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    # Rich would cut figures to fit a narrow terminal; let the terminal wrap the line instead.
    console.width = max(console.width, *(sum(t.widths()) + len(GAP) * len(t.head) for t in tables))
    with console.capture() as captured:  # rich would exit by itself when nobody reads any more
        console.print(*head, sep="\n")
        for table in tables:
            grid = RichTable(box=rule, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
            for number, name in enumerate(table.head):
                grid.add_column(name, justify="right" if number else "left", no_wrap=True)
            for row in table.rows:
                grid.add_row(*row)
            console.print()
            console.print(grid)
        console.print()
        console.print(*foot, sep="\n", style="dim")
    print(captured.get(), end="")
