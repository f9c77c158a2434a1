"""The report as lines and tables: several candidates, one row each."""

from typing import Any

from kl_c._cli.clipping import mark, mark_of_difference
from kl_c._cli.foot import errors, interval_cells, interval_heads, of_each
from kl_c._cli.layout import Table, cell
from kl_c._cli.report import of_one
from kl_c._formats import describe

__all__ = ["SIZES", "head_of_several", "tables_of_several", "unit_of_sizes"]

PERCENTILES = {"median": "median", "90 %": "p90", "99 %": "p99", "99.9 %": "p99.9"}
PERCENTILES |= {"maximum": "maximum"}
# How a size is shown: the head of its column, what that means, and what its unit is divided by.
SIZES = {
    "bits_per_weight": ("bpw", "bits per weight", 1),
    "bytes": ("GB", "size in 10^9 bytes", 10**9),
}
OF_THE_LIKELIEST = ("topk_overlap", "topk_ordered", "top_in_topk")
DIFFERENCES = ("kl", "same_top", "perplexity_q")  # as far as there are labels


def head_of_several(facts: dict[str, Any]) -> list[str]:
    """Which file is called what, and what the columns mean."""
    candidates = facts["candidates"]
    files = [("p", facts["p"]), *((one["name"], one["q"]) for one in candidates)]
    lines = [
        f"{name} = {file['path']} ({describe(file['shape'], file['dtype'])})"
        for name, file in files
    ]
    lines += [f"{name}: {file['note']}" for name, file in files if "note" in file]
    unit = unit_of_sizes(facts)
    meaning = "" if unit is None else f"; {SIZES[unit][0]}: {SIZES[unit][1]}"
    lines.append(f"kl = KL(p || candidate), in {facts['unit']}{meaning}")
    return lines + of_each(facts, lambda one: [f"errors: {errors(one)[0]}"])


def tables_of_several(facts: dict[str, Any]) -> list[Table]:
    """Means and likelihoods, the distribution of kl, and what differs between neighbours."""
    candidates = facts["candidates"]
    tables = [
        _means(facts),
        *_agreement(facts),
        Table(
            ["percentiles of kl", *PERCENTILES],
            [
                [one["name"], *(_cell_of_kl(one, x) for x in PERCENTILES.values())]
                for one in candidates
            ],
        ),
    ]
    compared = [one for one in candidates if "differences" in one.get("paired", {})]
    return [*tables, _differences(compared, candidates)] if compared else tables


def _means(facts: dict[str, Any]) -> Table:
    unit = unit_of_sizes(facts)
    ones = [of_one(facts, one) for one in facts["candidates"]]
    with_intervals = all(interval_heads(one) for one in ones)
    labelled = "likelihood" in ones[0]
    head = [
        "candidate",
        *([] if unit is None else [SIZES[unit][0]]),
        *("mean kl", *(interval_heads(ones[0]) if with_intervals else ["SE"]), "same_top"),
        *(("perplexity", "ratio") if labelled else ()),
    ]
    rows = []
    for one in ones:
        kl, top = one["statistics"]["kl"], one["statistics"]["same_top"]
        row = [one["name"]]
        if unit is not None:
            row.append("-" if one["size"] is None else f"{one['size'][unit] / SIZES[unit][2]:.4g}")
        around = interval_cells(one, "kl") if with_intervals else [cell(kl[errors(one)[1]])]
        row += [_cell_of_kl(one, "mean"), *around, cell(top["mean"])]
        if labelled:
            row += [
                mark(one, x) + cell(one["likelihood"][x]["value"])
                for x in ("perplexity_q", "ratio")
            ]
        rows.append(row)
    if labelled:  # rows that are left out for one candidate change the base's too
        of_p = {
            mark(one, "perplexity_p") + cell(one["likelihood"]["perplexity_p"]["value"])
            for one in ones
        }
        if len(of_p) == 1:
            rows.insert(0, ["p", *["-"] * (len(head) - 3), *of_p, cell(1.0)])
    return Table(head, rows)


def _agreement(facts: dict[str, Any]) -> list[Table]:
    """How far the k likeliest outcomes agree, where they were asked for."""
    if facts["k"] is None:
        return []
    rows = [
        [one["name"], *(cell(one["statistics"][name]["mean"]) for name in OF_THE_LIKELIEST)]
        for one in facts["candidates"]
    ]
    return [Table([f"the {facts['k']} likeliest", *OF_THE_LIKELIEST], rows)]


def _cell_of_kl(one: dict[str, Any], key: str) -> str:
    return mark(one, "kl") + cell(one["statistics"]["kl"][key])


def _differences(compared: list[dict[str, Any]], candidates: list[dict[str, Any]]) -> Table:
    others = {one["name"]: one for one in candidates}
    confidence = compared[0]["paired"]["confidence"]
    rows = []
    for one in compared:
        found = one["paired"]["differences"]
        for name in DIFFERENCES:
            if name in found:
                interval = found[name]
                figures = (interval[x] for x in ("low", "high", "p_value"))
                other = others[one["paired"]["with"]]
                label = f"{one['name']} - {other['name']}"
                mean = mark_of_difference(one, other, name) + cell(interval["value"])
                rows.append([label, name, mean, *map(cell, figures)])
    return Table(["difference", "of", "mean", f"{confidence:.0%} from", "to", "p-value"], rows)


def unit_of_sizes(facts: dict[str, Any]) -> str | None:
    """The one unit in which the candidates have sizes, if any has one."""
    sizes = (one["size"] for one in facts["candidates"] if one["size"] is not None)
    return next((unit for size in sizes for unit in size), None)
