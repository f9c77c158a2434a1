"""Text and tables on standard output: with rich where it is installed, else as plain text.

Both print the same words and figures.
"""

import importlib.util
import math
from typing import NamedTuple

__all__ = ["Table", "cell", "show"]

GAP = "  "  # between columns


class Table(NamedTuple):
    """Cells as they are printed: the first column to the left, the others to the right."""

    head: list[str]
    rows: list[list[str]]

    def widths(self) -> list[int]:
        """What each column needs."""
        return [max(map(len, column)) for column in zip(self.head, *self.rows, strict=True)]


def cell(value: float | int | None) -> str:
    """A figure as it is printed: four digits, counts in full, a dash where there is none."""
    if isinstance(value, int):
        return str(value)
    if value is None or math.isnan(value):
        return "-"
    return f"{value:#.4g}".rstrip(".")


def show(head: list[str], tables: list[Table], foot: list[str]) -> None:
    """Print lines, tables and lines to standard output."""
    if importlib.util.find_spec("rich") is None:
        _print_plain(head, tables, foot)
    else:
        _print_rich(head, tables, foot)


def _print_plain(head: list[str], tables: list[Table], foot: list[str]) -> None:
    print(*head, sep="\n")
    for table in tables:
        first, *others = table.widths()
        rule = ["-" * (first + sum(others) + len(GAP) * len(others))]
        print()
        for line in (table.head, rule, *table.rows):
            cells = [text.rjust(width) for text, width in zip(line[1:], others, strict=False)]
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
