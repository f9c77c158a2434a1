"""``kl-c table A.json B.json ...``: runs that were saved at different times, in one table."""

import argparse
import json
import math
from collections.abc import Iterator
from importlib import resources
from itertools import pairwise
from typing import Any

from kl_c._cli import plots
from kl_c._cli.intervals import difference
from kl_c._cli.kept_rows import load_rows
from kl_c._cli.layout import show
from kl_c._cli.markdown import as_markdown
from kl_c._cli.outputs import check_outputs, each_in_turn, write_text
from kl_c._cli.page import as_page
from kl_c._cli.report import SCHEMA
from kl_c._cli.tables import contents
from kl_c._errors import InputError
from kl_c.comparison import Comparison

__all__ = ["add_arguments", "run"]

EXAMPLES = """\
examples:
  kl-c score base.npy Q8=q8.npy@8.5 --form logits --json q8.json --rows q8.npz
  kl-c score base.npy Q6=q6.npy@6.6 --form logits --json q6.json --rows q6.npz
  kl-c table q8.json q6.json --plot size=kl.png
      the table that one run with both would have printed, and a picture
"""

# What is of a run, where it may differ from one to the next; the rest must be the same in all.
OF_A_RUN = ("version", "backend", "command", "invalid")
# Where JSON's null stands for a number.
NUMBERS = (
    *("statistics", "perplexity", "likelihood", "label_shift", "intervals", "paired"),
    *("verification", "gates"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = EXAMPLES
    parser.add_argument(
        "runs",
        metavar="RUN.json",
        nargs="+",
        help="what kl-c score --json wrote; differences between neighbours take the rows that "
        "--rows FILE.npz kept with it",
    )
    parser.add_argument(
        "--markdown", metavar="FILE.md", help="write the table as Markdown, for a model card"
    )
    parser.add_argument(
        "--report", metavar="FILE.html", help="write tables and pictures as one page"
    )
    plots.add_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Combine the runs, write what was asked for, print the table."""
    if args.plot:
        plots.require_matplotlib("--plot")
    check_outputs([args.markdown, args.report, *(plot.path for plot in args.plot)], args.runs)
    runs = {path: _read(path) for path in args.runs}
    facts = _combined(runs)
    rows = _rows(runs)
    _add_differences(facts["candidates"], rows)

    def markdown() -> None:
        if args.markdown is not None:
            write_text(args.markdown, as_markdown(facts))

    def pictures() -> None:
        if args.plot or args.report is not None:
            kept = [rows.get(one["name"]) for one in facts["candidates"]]
            drawn = plots.run_of(facts, kept)
            if args.report is not None:
                write_text(args.report, as_page(facts, drawn))
            plots.write_plots(args.plot, drawn)

    each_in_turn(lambda: show(*contents(facts)), markdown, pictures)
    return 0


def _read(path: str) -> dict[str, Any]:
    """The facts of one run, with a number again where JSON has null in place of one."""
    schema = json.loads(resources.files("kl_c._cli").joinpath("score.schema.json").read_text())
    try:
        with open(path, encoding="utf-8") as file:
            facts: dict[str, Any] = json.load(file)
        if not isinstance(facts, dict) or "schema" not in facts:
            raise ValueError("another file")
        if (found := facts["schema"]) != SCHEMA:
            raise InputError(f"{path}: expected schema {SCHEMA} of kl-c score, found {found!r}")
        _refuse_lacking(schema, facts)
        if (partial := facts["partial"]) is not None:
            raise InputError(
                f"{path}: expected a whole run, found {partial['rows']} of {partial['of']} rows"
            )
        for one in facts["candidates"]:
            _refuse_lacking(schema["$defs"]["candidate"], one)
            for name in NUMBERS:
                if name in one:
                    one[name] = _numbers(one[name])
            for strata in one["strata"]:
                strata["parts"] = _numbers(strata["parts"])
        for _, _ in _must_be_same(facts):
            pass
        contents(facts)  # what it cannot be made of is no report
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        missing = isinstance(error, KeyError)
        reason = f"one without {error}" if missing else "another file"
        raise InputError(
            f"{path}: expected what kl-c score --json writes, found {reason}"
        ) from error
    return facts


def _refuse_lacking(schema: dict[str, Any], value: dict[str, Any]) -> None:
    for name in schema["required"]:
        if name not in value:
            raise KeyError(name)


def _numbers(value: Any) -> Any:
    """NaN for null; infinity where the count of infinite rows beside it says so."""
    if isinstance(value, dict):
        lost = math.inf if value.get("infinite") else math.nan
        return {
            name: lost if item is None and not name.endswith("error") else _numbers(item)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    return math.nan if value is None else value


def _must_be_same(facts: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What two runs share, or they are no two runs of one thing."""
    yield "sampled hash of the base", facts["p"]["sampled_hash"]
    yield "token hash", facts["token_hash"]
    for option in ("mask", "groups"):
        file = facts[option]
        yield f"sampled hash of --{option}", None if file is None else file["sampled_hash"]
    for name in ("temperature", "eps", "base", "k", "outcomes"):
        yield name, facts[name]
    for one in facts["candidates"]:
        form = one["form"]
        yield "form of the base", form if isinstance(form, str) else form[0]
        yield "number of rows", one["rows"]["total"]
        yield "number of masked rows", one["rows"]["masked"]
        yield "kinds of strata", [strata["by"] for strata in one["strata"]]


def _combined(runs: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The facts of all candidates as of one run; what differs between runs goes to each of them."""
    first, facts = next(iter(runs.items()))
    expected = dict(_must_be_same(facts))
    for path, run in runs.items():
        for name, value in _must_be_same(run):
            if value != expected[name]:
                raise InputError(
                    f"{path}: expected {name} {expected[name]} as in {first}, found {value}"
                )
    candidates = []
    seen: dict[str, str] = {}
    unit: str | None = None
    for path, run in runs.items():
        for one in run["candidates"]:
            if one["name"] in seen:
                raise InputError(
                    f"{path}: expected other names than in {seen[one['name']]}, found "
                    f"{one['name']} (kl-c score BASE NAME=FILE gives one)"
                )
            seen[one["name"]] = path
            for found in one["size"] or ():
                if unit not in (None, found):
                    raise InputError(f"{path}: expected sizes in {unit}, found {found}")
                unit = found
            candidates.append({**{name: run[name] for name in OF_A_RUN}, **one})
    return {**facts, "candidates": candidates}


def _rows(runs: dict[str, dict[str, Any]]) -> dict[str, Comparison]:
    """By the name of the candidate, as far as they were kept."""
    found = {}
    for path, run in runs.items():
        for one in run["candidates"]:
            rows = load_rows(one["rows_file"], path)
            if rows is not None:
                found[one["name"]] = rows
    return found


def _add_differences(candidates: list[dict[str, Any]], rows: dict[str, Comparison]) -> None:
    """Between neighbours, from the rows, unless their own run has stated them."""
    candidates[0].pop("paired", None)
    for one, other in pairwise(candidates):
        if other.get("paired", {}).get("with") == one["name"]:
            continue
        lacking = [x["name"] for x in (one, other) if x["name"] not in rows]
        if lacking:
            found = {"refused": f"no rows of {' and '.join(lacking)} (--rows FILE.npz keeps them)"}
        else:
            found = difference(rows[one["name"]], rows[other["name"]])
        other["paired"] = {"with": one["name"], **found}
