"""The report as tables for people: with rich where it is installed, else as plain text.

Both print the same words and figures, the tables within 80 columns: first the means with their
errors, then the distributions of what differs from row to row, then the likelihoods.
"""

import importlib.util
import math
from typing import Any, NamedTuple

from kl_c._formats import describe
from kl_c._label_shift import LabelShift, warning_for
from kl_c._uncertainty import ENOUGH, FEWEST

__all__ = ["Table", "contents", "print_report"]

# What is shown of all that the JSON holds, as far as it was taken.
MEANS = (
    "kl",
    "reverse_kl",
    "js",
    "total_variation",
    "largest_change",
    "cross_entropy",
    "entropy_p",
    "entropy_q",
    "same_top",
    "topk_overlap",
    "topk_ordered",
    "top_in_topk",
    "nll_p",
    "nll_q",
    "label_change",
    "beyond_p",
    "beyond_q",
)
DISTRIBUTIONS = ("kl", "reverse_kl", "js", "total_variation", "label_change")
PERCENTILES = {
    "maximum": "maximum",
    "99.9 %": "p99.9",
    "99 %": "p99",
    "95 %": "p95",
    "90 %": "p90",
    "75 %": "p75",
    "median": "median",
    "25 %": "p25",
    "10 %": "p10",
    "5 %": "p5",
    "1 %": "p1",
    "0.1 %": "p0.1",
    "minimum": "minimum",
}

GAP = "  "  # between columns


class Table(NamedTuple):
    """Cells as they are printed: the first column to the left, the others to the right."""

    head: list[str]
    rows: list[list[str]]

    def widths(self) -> list[int]:
        """What each column needs."""
        return [max(map(len, column)) for column in zip(self.head, *self.rows, strict=True)]


def contents(facts: dict[str, Any]) -> tuple[list[str], list[Table], list[str]]:
    """The head, the tables and the foot of a report."""
    return _head(facts), _tables(facts), _foot(facts)


def print_report(facts: dict[str, Any]) -> None:
    """Print them to standard output."""
    if importlib.util.find_spec("rich") is None:
        _print_plain(*contents(facts))
    else:
        _print_rich(*contents(facts))


def _head(facts: dict[str, Any]) -> list[str]:
    lines = [
        f"{side} = {facts[side]['path']} ({describe(facts[side]['shape'], facts[side]['dtype'])})"
        for side in ("p", "q")
    ]
    lines += [f"{side}: {facts[side]['note']}" for side in ("p", "q") if "note" in facts[side]]
    return [*lines, f"kl = KL(p || q), reverse_kl = KL(q || p), in {facts['unit']}"]


def _tables(facts: dict[str, Any]) -> list[Table]:
    statistics = facts["statistics"]
    head, error = _errors(facts)
    means = Table(
        ["statistic", "mean", head, "count", "infinite"],
        [
            [name, *(_cell(statistics[name][key]) for key in ("mean", error, "count", "infinite"))]
            for name in MEANS
            if name in statistics
        ],
    )
    shown = [name for name in DISTRIBUTIONS if name in statistics]
    percentiles = Table(
        ["percentile", *shown],
        [
            [percentile, *(_cell(statistics[name][key]) for name in shown)]
            for percentile, key in PERCENTILES.items()
        ],
    )
    if "likelihood" not in facts:
        return [means, percentiles]
    rows = {x: (found["value"], found.get(error)) for x, found in facts["likelihood"].items()}
    rows = {f"{x}, nats" if x == "log_ratio" else x: cells for x, cells in rows.items()}
    change = statistics["label_change"]
    rows["rms label_change"] = (change["rms"], change[f"rms_{error}"])
    likelihood = Table(
        ["likelihood", "value", head], [[name, *map(_cell, cells)] for name, cells in rows.items()]
    )
    return [means, percentiles, likelihood]


def _errors(facts: dict[str, Any]) -> tuple[str, str]:
    """Which standard errors are shown: their head, and their key in the summary."""
    groups = facts.get("clusters", {"status": "refused"})
    if groups["status"] == "refused":
        return "SE (rows as independent)", "standard_error"
    return f"SE ({groups['count']} groups)", "clustered_error"


def _foot(facts: dict[str, Any]) -> list[str]:
    form = facts["form"] if isinstance(facts["form"], str) else " and ".join(facts["form"])
    eps = "default" if facts["eps"] is None else f"{facts['eps']:g}"
    rows = facts["rows"]
    masked = f", {rows['masked']} masked" if rows["masked"] else ""
    return [
        *_cautions(facts),
        f"kl_c {facts['version']}, backend {facts['backend']}",
        facts["command"],
        f"form {form}, temperature {facts['temperature']:g}, eps {eps}",
        f"rows: {rows['used']} used, {rows['left_out']} left out{masked}, "
        f"{rows['infinite']} infinite",
    ]


def _cautions(facts: dict[str, Any]) -> list[str]:
    """What a reader should know before believing the figures, if anything."""
    said = []
    groups = facts.get("clusters", {"status": "enough"})
    if groups["status"] == "refused":
        said.append(
            f"{groups['count']} groups: errors by groups take {FEWEST}; rows of one group are "
            "seldom independent"
        )
    elif groups["status"] == "few":
        said.append(f"{groups['count']} groups: below {ENOUGH}, errors by groups are rough")
    if line := facts.get("resolution"):
        said.append(
            f"rounding of {' and '.join(line['sides'])} explains a mean kl of {_cell(line['kl'])}"
            + (": the mean kl is at the resolution of the files" if line["reached"] else "")
        )
    ties = {side: facts["statistics"][f"tied_{side}"]["mean"] for side in ("p", "q")}
    if any(share > 0 for share in ties.values()):
        said.append(f"ties for the top outcome: {ties['p']:.2%} of p, {ties['q']:.2%} of q")
    if facts["outcomes"] != "equal":
        mean_p, most_p, mean_q, most_q = (
            f"{facts['statistics'][f'beyond_{side}'][key]:.2g}"
            for side in ("p", "q")
            for key in ("mean", "maximum")
        )
        said.append(
            f"mass of the outcomes left out: p {mean_p} (at most {most_p}), q {mean_q} (at most "
            f"{most_q})"
        )
    again = facts.get("verification", {"largest": {}})
    if again["largest"]:
        name, worst = max(again["largest"].items(), key=lambda item: item[1]["deviation"])
        said.append(
            f"{again['rows']} rows scored again in {again['digits']} digits: largest relative "
            f"deviation {worst['deviation']:.1e} ({name}, row {worst['row']})"
        )
    for gate in facts["gates"]:
        ((side, limit),) = gate["fails"].items()
        verdict = "CROSSED" if gate["crossed"] else "passed"
        said.append(
            f"gate: {gate['name']} is {_cell(gate['value'])}, fails {side} {limit:g}: {verdict}"
        )
    shifted = warning_for(LabelShift(**facts["label_shift"])) if "label_shift" in facts else None
    return said if shifted is None else [*said, f"warning: {shifted}"]


def _cell(value: float | int | None) -> str:
    if isinstance(value, int):
        return str(value)
    if value is None or math.isnan(value):
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
