"""``kl-c sparse BASE OTHER``: files of the likeliest outcomes of each row, on one side or both."""

import argparse
import shlex
import sys
from typing import Any

from kl_c import _kernels
from kl_c._cli.foot import errors
from kl_c._cli.forms import refuse_probabilities_as_logits, settle_form
from kl_c._cli.layout import Table, cell, show
from kl_c._cli.lists import IDS, LOG_PROBS, Lists
from kl_c._cli.outputs import check_outputs, each_in_turn, write_text
from kl_c._cli.progress import progress
from kl_c._cli.report import as_json
from kl_c._cli.sides import OPTIONS, Sides
from kl_c._errors import InputError
from kl_c._formats import BLOCK_BYTES, describe
from kl_c._formats.rows import check_unchanged, token_hash
from kl_c.sparse import SparseComparison

__all__ = ["add_arguments", "run"]

EXAMPLES = """\
examples:
  kl-c sparse base.npz other.npz --bounds --vocabulary 128256
      two files with arrays ids and logprobs (rows x k): the least that KL can be, and the most
  kl-c sparse base.parquet:top_ids,top_logprobs quantised.npy --form logits --bounds
      lists against whole rows; the columns by their names
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments; each keyword of ``compare_sparse`` has an option of its name."""
    parser.epilog = EXAMPLES
    parser.add_argument(
        "base",
        metavar="BASE",
        help="p: FILE:IDS,LOGPROBS, two arrays or columns of a .npz, safetensors, Parquet or Arrow "
        f"file; FILE if they are called {' or '.join(IDS)} and {' or '.join(LOG_PROBS)}; or whole "
        "rows, in any file that kl-c score reads",
    )
    parser.add_argument("other", metavar="OTHER", help="q, in the same way")
    parser.add_argument(
        "--tail",
        default="bucket",
        metavar="HOW",
        help="bucket (the default: one more outcome, a lower bound), renormalize (what both list) "
        "or uniform (the rest spread evenly; takes --vocabulary)",
    )
    parser.add_argument(
        "--bounds", action="store_true", help="the least and the most that each figure can be"
    )
    parser.add_argument("--vocabulary", type=int, metavar="N", help="how many outcomes there are")
    parser.add_argument(
        "--k",
        type=int,
        metavar="N",
        help="how many entries of a list are the likeliest (default all of them)",
    )
    parser.add_argument(
        "--floor",
        type=float,
        default=0.0,
        metavar="P",
        help="a probability that every outcome has, as far as you know: makes upper bounds finite",
    )
    parser.add_argument("--form", help=f"of whole rows: {', '.join(_kernels.FORMS)}")
    parser.add_argument(
        "--invalid",
        default="raise",
        metavar="RULE",
        help="rows that are no lists: raise (the default) or nan (leave them out)",
    )
    for option, what in OPTIONS.items():
        parser.add_argument(
            f"--{option}", metavar="FILE", help=f"one {what} for each row, as in kl-c score"
        )
    unit = parser.add_mutually_exclusive_group()
    unit.add_argument(
        "--base", type=float, metavar="B", dest="log_base", help="unit of the result (default nats)"
    )
    unit.add_argument(
        "--bits", action="store_const", const=2.0, dest="log_base", help="the same as --base 2"
    )
    parser.add_argument("--workers", type=int, default=-1, metavar="N", help="threads")
    parser.add_argument(
        "--json", metavar="FILE", help="write the figures as JSON; - in place of the table"
    )


def run(args: argparse.Namespace) -> int:
    """Compare the two files, write what was asked for, print the table."""
    p, q = Lists.open(args.base), Lists.open(args.other)
    if q.values.shape[:-1] != p.values.shape[:-1]:
        raise InputError(
            f"{q.path}: expected {p.values.shape[:-1]} rows as in {p.path}, found "
            f"{q.values.shape[:-1]}"
        )
    sides = Sides.open(args, p.values, [q.values])
    read = [*p.files, *q.files, *sides.files.values()]
    check_outputs(
        [None if args.json == "-" else args.json], [path for file in read for path in file.files]
    )
    comparison = _comparison(args, p, q)
    _score(comparison, p, q, sides)
    facts = _facts(comparison, p, q, sides, args.argv)
    if args.json == "-":
        sys.stdout.write(as_json(facts))
        return 0

    def json_text() -> None:
        if args.json is not None:
            write_text(args.json, as_json(facts))

    each_in_turn(lambda: show(_head(facts), _tables(facts), _foot(facts)), json_text)
    return 0


def _comparison(args: argparse.Namespace, p: Lists, q: Lists) -> SparseComparison:
    form = "probs"
    for side in (p, q):
        if side.ids is None:
            form = settle_form(args.form, side.values, side.values)
            refuse_probabilities_as_logits(side.values, form)
    try:
        return SparseComparison(
            tail=args.tail,
            bounds=args.bounds,
            vocabulary=args.vocabulary,
            k=args.k,
            floor=args.floor,
            form=form,
            invalid=args.invalid,
            base=args.log_base,
            workers=args.workers,
        )
    except (TypeError, ValueError) as error:
        raise InputError(str(error)) from error


def _score(comparison: SparseComparison, p: Lists, q: Lists, sides: Sides) -> None:
    files = [*p.files, *q.files]
    rows = p.values.rows
    step = max(1, BLOCK_BYTES // sum(file.row_bytes for file in files))
    with progress(rows) as advance:
        for start in range(0, max(1, rows), step):
            stop = min(rows, start + step)
            try:
                try:
                    comparison.update(
                        p.read(start, stop), q.read(start, stop), **sides.of(start, stop)
                    )
                finally:  # before rows are scored or refused for what no file holds
                    check_unchanged(*files)
            except _kernels.InvalidRowsError as error:
                path = {"p": p.path, "q": q.path}.get(error.array, sides.path_of_labels)
                raise InputError(f"{path}: {error} (--invalid nan leaves such rows out)") from error
            except ValueError as error:
                raise InputError(f"{p.path}, {q.path}: {error}") from error
            advance(stop - start)


def _facts(
    comparison: SparseComparison, p: Lists, q: Lists, sides: Sides, arguments: list[str]
) -> dict[str, Any]:
    config = _kernels.show_config()
    return {
        "version": config["version"],
        "backend": config["backend"],
        "command": shlex.join(["kl-c", *arguments]),
        "p": p.facts(),
        "q": q.facts(),
        **{name: sides.files[name].facts() if name in sides.files else None for name in OPTIONS},
        "token_hash": None if sides.labels is None else token_hash(sides.labels),
        "form": None if p.ids is not None and q.ids is not None else comparison.settings.form,
        "invalid": comparison.settings.invalid,
        "base": comparison.settings.base,
        **comparison.summary(),
    }


def _head(facts: dict[str, Any]) -> list[str]:
    lines = []
    for side in ("p", "q"):
        file = facts[side]
        what = describe(file["shape"], file["dtype"])
        if "ids" in file:
            what = f"lists of {what}"
            if file["shortest"] < file["shape"][-1]:
                what += f", some shorter, down to {file['shortest']}"
        lines.append(f"{side} = {file['path']} ({what})")
    return [
        *lines,
        f"kl = KL(p || q), reverse_kl = KL(q || p), in {facts['unit']}; tail {facts['tail']}",
        f"errors: {errors(facts)[0]}",
    ]


def _tables(facts: dict[str, Any]) -> list[Table]:
    error = errors(facts)[1]
    means = Table(
        ["statistic", "mean", "SE", "median", "count", "infinite"],
        [
            [name, *(cell(found.get(x)) for x in ("mean", error, "median", "count", "infinite"))]
            for name, found in {**facts["statistics"], **facts["lists"]}.items()
        ],
    )
    if "bounds" not in facts:
        return [means]
    bounds = Table(
        ["bounds", "least mean", "most mean", "median width", "most infinite"],
        [
            [
                name,
                cell(found["lower"]["mean"]),
                cell(found["upper"]["mean"]),
                cell(found["width"]["median"]),
                cell(found["upper"]["infinite"]),
            ]
            for name, found in facts["bounds"].items()
        ],
    )
    return [means, bounds]


def _foot(facts: dict[str, Any]) -> list[str]:
    given = {name: facts[name] for name in ("vocabulary", "k", "floor")}
    settings = [f"{x} {'default' if y is None else format(y, 'g')}" for x, y in given.items()]
    rows = facts["rows"]
    said = []
    if facts["tail"] == "bucket":
        said.append(
            "tail bucket: divergences, entropies and cross-entropy are no more than those of any "
            "rows with the stored values"
        )
    if "nll_p" in facts["statistics"] and facts["tail"] != "uniform":
        said.append("nll and perplexities count unlisted labels at the least that they can be")
    return [
        *said,
        f"kl_c {facts['version']}, backend {facts['backend']}",
        facts["command"],
        f"{', '.join(settings)}, form {facts['form'] or 'log_probs'}, invalid {facts['invalid']}",
        f"rows: {rows['used']} used, {rows['left_out']} left out, {rows['masked']} masked, "
        f"{rows['infinite']} infinite",
        *(f"{x}: {facts[x]['bytes']} bytes, hash {facts[x]['sampled_hash']}" for x in ("p", "q")),
    ]
