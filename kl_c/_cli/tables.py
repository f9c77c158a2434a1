"""The report as lines and tables: what one candidate comes to.

First the means with their errors, then the distributions of what differs from row to row, then the
likelihoods; all within 80 columns.
"""

from typing import Any

from kl_c._cli.clipping import clipping_table, mark
from kl_c._cli.foot import errors, foot_of, interval_cells, interval_heads
from kl_c._cli.layout import Table, cell
from kl_c._cli.report import of_one
from kl_c._cli.several import head_of_several, tables_of_several
from kl_c._cli.strata import strata_tables
from kl_c._formats import describe

__all__ = ["contents", "head_and_tables"]

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
LIKELIHOODS = {"log_ratio": "log_ratio, nats", "rms": "rms label_change"}
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


def contents(facts: dict[str, Any]) -> tuple[list[str], list[Table], list[str]]:
    """The head, the tables and the foot of a report."""
    return *head_and_tables(facts), foot_of(facts)


def head_and_tables(facts: dict[str, Any]) -> tuple[list[str], list[Table]]:
    """What stands above the foot."""
    if len(facts["candidates"]) > 1:
        head, tables = head_of_several(facts), tables_of_several(facts)
    else:
        one = of_one(facts, facts["candidates"][0])
        head, tables = _head(one), _tables(one)
    return [*_cut_short(facts), *head], [*tables, *strata_tables(facts)]


def _cut_short(facts: dict[str, Any]) -> list[str]:
    """The first thing to know, where there is something of it."""
    if (partial := facts["partial"]) is None:
        return []
    return [f"PARTIAL: interrupted after {partial['rows']} of {partial['of']} rows"]


def _head(one: dict[str, Any]) -> list[str]:
    lines = [
        f"{side} = {one[side]['path']} ({describe(one[side]['shape'], one[side]['dtype'])})"
        for side in ("p", "q")
    ]
    lines += [f"{side}: {one[side]['note']}" for side in ("p", "q") if "note" in one[side]]
    lines.append(f"kl = KL(p || q), reverse_kl = KL(q || p), in {one['unit']}")
    return [*lines, f"errors: {errors(one)[0]}"]


def _tables(one: dict[str, Any]) -> list[Table]:
    statistics = one["statistics"]
    error = errors(one)[1]
    bounds = interval_heads(one)
    means = Table(
        ["statistic", "mean", "SE", *bounds, "count", "infinite"],
        [
            [
                name,
                mark(one, name) + cell(statistics[name]["mean"]),
                cell(statistics[name][error]),
                *interval_cells(one, name),
                *(cell(statistics[name][key]) for key in ("count", "infinite")),
            ]
            for name in MEANS
            if name in statistics
        ],
    )
    shown = [name for name in DISTRIBUTIONS if name in statistics]
    percentiles = Table(
        ["percentile", *(name + (" " + mark(one, name)).rstrip() for name in shown)],
        [
            [percentile, *(cell(statistics[name][key]) for name in shown)]
            for percentile, key in PERCENTILES.items()
        ],
    )
    if "likelihood" not in one:
        return [means, percentiles, *clipping_table(one, MEANS)]
    found = {x: (y["value"], y.get(error)) for x, y in one["likelihood"].items()}
    change = statistics["label_change"]
    found["rms"] = (change["rms"], change[f"rms_{error}"])
    likelihood = Table(
        ["likelihood", "value", "SE", *bounds],
        [
            [
                LIKELIHOODS.get(name, name),
                mark(one, name) + cell(value),
                cell(uncertainty),
                *interval_cells(one, name),
            ]
            for name, (value, uncertainty) in found.items()
        ],
    )
    return [means, percentiles, likelihood, *clipping_table(one, (*MEANS, *found))]
