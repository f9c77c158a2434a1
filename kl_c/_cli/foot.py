"""The lines below the tables: what to know before believing them, and how to make them again."""

from collections.abc import Callable
from typing import Any

from kl_c._cli.clipping import mark
from kl_c._cli.layout import cell
from kl_c._cli.report import of_one
from kl_c._cli.sides import OPTIONS
from kl_c._label_shift import LabelShift, warning_for
from kl_c._uncertainty import ENOUGH, FEWEST

__all__ = [
    "cautions_of",
    "errors",
    "foot_of",
    "interval_cells",
    "interval_heads",
    "of_each",
    "origin_of",
]


def errors(one: dict[str, Any]) -> tuple[str, str]:
    """Which standard errors are shown: in words, and their key in the summary."""
    groups = one.get("clusters", {"status": "refused"})
    if groups["status"] == "refused":
        return "rows as independent", "standard_error"
    return f"{groups['count']} groups", "clustered_error"


def interval_heads(one: dict[str, Any]) -> list[str]:
    """Of the columns that an interval takes; none where there are none."""
    intervals = one["intervals"]
    return [] if "refused" in intervals else [f"{intervals['confidence']:.0%} from", "to"]


def interval_cells(one: dict[str, Any], name: str) -> list[str]:
    """What stands in these columns; dashes for what has no interval."""
    if "refused" in one["intervals"]:
        return []
    found = one["intervals"]["of"].get(name, {"low": None, "high": None})
    return [cell(found["low"]), cell(found["high"])]


def foot_of(facts: dict[str, Any]) -> list[str]:
    """All lines below the tables."""
    return cautions_of(facts) + origin_of(facts)


def cautions_of(facts: dict[str, Any]) -> list[str]:
    """What a reader should know before believing the figures, if anything."""
    return of_each(facts, _cautions) + _refused_differences(facts)


def origin_of(facts: dict[str, Any]) -> list[str]:
    """Version, command, settings, rows and files: what it takes to make the figures again."""
    return [
        *of_each(facts, _made),
        *of_each(facts, _settings),
        *of_each(facts, _rows),
        *_files(facts),
    ]


def of_each(facts: dict[str, Any], lines: Callable[[dict[str, Any]], list[str]]) -> list[str]:
    """What is said of each candidate: once where it is said of all, else after their names."""
    candidates = facts["candidates"]
    said = {one["name"]: lines(of_one(facts, one)) for one in candidates}
    return _merged(said)


def _merged(said: dict[str, list[str]]) -> list[str]:
    names: dict[str, list[str]] = {}
    for name, lines in said.items():
        for line in lines:
            names.setdefault(line, []).append(name)
    return [
        line if len(those) == len(said) else f"{', '.join(those)}: {line}"
        for line, those in names.items()
    ]


def _refused_differences(facts: dict[str, Any]) -> list[str]:
    known = [one["intervals"].get("refused") for one in facts["candidates"]]
    pairs = {one["name"]: one["paired"] for one in facts["candidates"] if "paired" in one}
    return _merged(
        {
            name: [f"no paired differences: {pair['refused']}"]
            if pair.get("refused") not in (None, *known)
            else []
            for name, pair in pairs.items()
        }
    )


def _made(one: dict[str, Any]) -> list[str]:
    return [f"kl_c {one['version']}, backend {one['backend']}", one["command"]]


def _settings(one: dict[str, Any]) -> list[str]:
    form = one["form"] if isinstance(one["form"], str) else " and ".join(one["form"])
    eps = "default" if one["eps"] is None else f"{one['eps']:g}"
    mask = "no mask" if one["mask"] is None else f"mask {one['mask']['path']}"
    return [
        f"form {form}, temperature {one['temperature']:g}, eps {eps}",
        f"outcomes {one['outcomes']}, invalid rows {one['invalid']}, {mask}",
    ]


def _rows(one: dict[str, Any]) -> list[str]:
    rows = one["rows"]
    masked = f", {rows['masked']} masked" if rows["masked"] else ""
    return [
        f"rows: {rows['used']} used, {rows['left_out']} left out{masked}, "
        f"{rows['infinite']} infinite"
    ]


def _files(facts: dict[str, Any]) -> list[str]:
    """What tells the files, and the text that they are of, from others."""
    candidates = facts["candidates"]
    files = {"p": facts["p"]}
    if len(candidates) == 1:
        files["q"] = candidates[0]["q"]
    else:
        files |= {one["name"]: one["q"] for one in candidates}
    files |= {option: facts[option] for option in OPTIONS if facts[option] is not None}
    lines = [
        f"{name}: {file['bytes']} bytes, sampled hash {file['sampled_hash']}"
        for name, file in files.items()
    ]
    hashed = facts["token_hash"]
    return lines if hashed is None else [*lines, f"labels of all rows: hash {hashed}"]


def _cautions(one: dict[str, Any]) -> list[str]:
    said = []
    groups = one.get("clusters", {"status": "enough"})
    if groups["status"] == "refused":
        said.append(
            f"{groups['count']} groups: errors by groups take {FEWEST}; rows of one group are "
            "seldom independent"
        )
    elif groups["status"] == "few":
        said.append(f"{groups['count']} groups: below {ENOUGH}, errors by groups are rough")
    if "refused" in one["intervals"]:
        said.append(f"no intervals: {one['intervals']['refused']}")
    if line := one.get("resolution"):
        said.append(
            f"rounding of {' and '.join(line['sides'])} explains a mean kl of {cell(line['kl'])}"
            + (": the mean kl is at the resolution of the files" if line["reached"] else "")
        )
    if one["clipping"] is not None:
        said.append(
            "clipped rows: >= marks what is larger if the outcomes at the floor lie deeper in "
            "truth, <= what is smaller, ? what nobody knows"
        )
    ties = {side: one["statistics"][f"tied_{side}"]["mean"] for side in ("p", "q")}
    if any(share > 0 for share in ties.values()):
        said.append(f"ties for the top outcome: {ties['p']:.2%} of p, {ties['q']:.2%} of q")
    if one["outcomes"] != "equal":
        mean_p, most_p, mean_q, most_q = (
            f"{one['statistics'][f'beyond_{side}'][key]:.2g}"
            for side in ("p", "q")
            for key in ("mean", "maximum")
        )
        said.append(
            f"mass of the outcomes left out: p {mean_p} (at most {most_p}), q {mean_q} (at most "
            f"{most_q})"
        )
    again = one.get("verification", {"largest": {}})
    if again["largest"]:
        name, worst = max(again["largest"].items(), key=lambda item: item[1]["deviation"])
        said.append(
            f"{again['rows']} rows scored again in {again['digits']} digits: largest relative "
            f"deviation {worst['deviation']:.1e} ({name}, row {worst['row']})"
        )
    for gate in one["gates"]:
        ((side, limit),) = gate["fails"].items()
        part, _, figure = gate["name"].partition(".")
        marked = mark(one, figure if part == "likelihood" or figure == "rms" else part)
        verdict = "CROSSED" if gate["crossed"] else "passed"
        why = " (a part of the rows)" if one["partial"] else ""
        said.append(
            f"gate: {gate['name']} is {marked}{cell(gate['value'])}, fails {side} {limit:g}: "
            f"{verdict}{why}"
        )
    shifted = warning_for(LabelShift(**one["label_shift"])) if "label_shift" in one else None
    return said if shifted is None else [*said, f"warning: {shifted}"]
