"""``kl-c score BASE OTHER``: two files compared row by row, in flat memory."""

import argparse
import sys

from kl_c import _kernels
from kl_c._cli.errors import InputError
from kl_c._cli.floors import Floors
from kl_c._cli.forms import refuse_probabilities_as_logits, settle_form
from kl_c._cli.inputs import Labels, add_raw_arguments, open_labels, open_pair
from kl_c._cli.outputs import check_outputs
from kl_c._cli.progress import progress
from kl_c._cli.report import as_json, report
from kl_c._cli.tables import print_report
from kl_c._files import replacing
from kl_c._formats import BLOCK_BYTES, RowFile
from kl_c._formats.rows import check_unchanged, token_hash
from kl_c.comparison import Comparison

__all__ = ["add_arguments", "run"]

EXAMPLES = """\
examples:
  kl-c score base.npy quantised.npy --form logits
      logits of two models for the same tokens: KL(base || quantised) of each token
  kl-c score base.npy quantised.npy --form logits --labels tokens.npy --bits
      with the tokens that came: perplexities too, everything in bits
  kl-c score base.kld quantised.kld
      two files of llama-perplexity --kl-divergence-base; they say their form and their tokens
  kl-c score before.npy after.npy --form counts --json result.json --rows rows.npz
      histograms; the table's figures as JSON, and the score of every row for NumPy
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments; each keyword of ``compare`` has an option of its name."""
    parser.epilog = EXAMPLES
    parser.add_argument(
        "base",
        metavar="BASE",
        help="p, the side that expectations are taken over: rows x outcomes or batch x length x "
        "outcomes in a .npy, .npz (FILE:NAME), safetensors (FILE:NAME, an index of shards, or a "
        "pattern of files) or llama.cpp's _logits_ file",
    )
    parser.add_argument("other", metavar="OTHER", help="q, a file of the same shape")
    add_raw_arguments(parser, pair=True)
    parser.add_argument(
        "--form",
        type=_form,
        help=f"how the rows are given: {', '.join(_kernels.FORMS)}; two with a comma when the "
        "files differ, as in probs,logits; needed for every file that does not say it itself",
    )
    parser.add_argument(
        "--force-form",
        action="store_true",
        help="take --form logits at its word, even for rows that look like probabilities",
    )
    parser.add_argument(
        "--labels",
        metavar="FILE",
        help="the outcome that came true in each row (integers): adds the negative "
        "log-likelihoods and the perplexities; _logits_ files have it",
    )
    parser.add_argument(
        "--temperature", type=float, default=1.0, metavar="T", help="divides the logits (default 1)"
    )
    parser.add_argument(
        "--eps",
        type=float,
        metavar="P",
        help="smallest probability inside the logarithm; 0 is exact and may be infinite "
        "(default 2**-126 for probs and counts, 0 for log_probs and logits)",
    )
    parser.add_argument(
        "--invalid",
        default="raise",
        metavar="RULE",
        help="rows that are no distribution: raise (stop and name the row, the default), nan "
        "(leave them out and count them), ignore (do not look for them)",
    )
    unit = parser.add_mutually_exclusive_group()
    unit.add_argument(
        "--base", type=float, metavar="B", dest="log_base", help="unit of the result (default nats)"
    )
    unit.add_argument(
        "--bits", action="store_const", const=2.0, dest="log_base", help="the same as --base 2"
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=-1,
        metavar="N",
        help="threads (default -1: all that this process may use)",
    )
    parser.add_argument(
        "--json",
        metavar="FILE",
        help="write the figures as JSON; - writes them to standard output in place of the table",
    )
    parser.add_argument(
        "--rows", metavar="FILE.npz", help="write the score of every row, for Comparison.load"
    )


def run(args: argparse.Namespace) -> int:
    """Compare the two files, write what was asked for, print the table."""
    base, other = open_pair(args)
    labels = open_labels(args.labels, base, other)
    label_files = () if labels is None else labels.source.files
    check_outputs([args.json, args.rows], [*base.files, *other.files, *label_files])
    comparison = _comparison(args, base, other)
    floors = _score(comparison, base, other, labels)
    if args.rows is not None:
        comparison.save(args.rows)
    source = None if labels is None else labels.source
    facts = report(comparison, base, other, source, args.argv)
    for side, floor in floors.items():
        facts[side] |= floor.facts()
    if labels is not None:
        facts["token_hash"] = token_hash(labels.values)
    if args.json == "-":
        sys.stdout.write(as_json(facts))
        return 0
    if args.json is not None:
        with replacing(args.json) as file:
            file.write(as_json(facts).encode())
    print_report(facts)
    return 0


def _form(text: str) -> str | tuple[str, ...]:
    names = tuple(text.split(","))
    return names[0] if len(names) == 1 else names


def _comparison(args: argparse.Namespace, base: RowFile, other: RowFile) -> Comparison:
    try:
        comparison = Comparison(
            form=settle_form(args.form, base, other),
            temperature=args.temperature,
            eps=args.eps,
            invalid=args.invalid,
            base=args.log_base,
            workers=args.workers,
        )
    except (TypeError, ValueError) as error:
        raise InputError(str(error)) from error
    if not args.force_form:
        forms = comparison.settings.forms()
        refuse_probabilities_as_logits(base, forms["p"])
        refuse_probabilities_as_logits(other, forms["q"])
    return comparison


def _score(
    comparison: Comparison, base: RowFile, other: RowFile, labels: Labels | None
) -> dict[str, Floors]:
    """Feed the files to the comparison, block by block; also what each side's clipping took."""
    step = max(1, BLOCK_BYTES // (base.row_bytes + other.row_bytes))
    sides = {"p": base, "q": other}
    floors = {side: Floors() for side in sides}
    with progress(base.rows) as advance:
        for start in range(0, max(1, base.rows), step):
            stop = min(base.rows, start + step)
            for side, file in sides.items():
                floors[side].add(file.floor(start, stop))
            try:
                _update(comparison, base, other, labels, slice(start, stop))
            except _kernels.InvalidRowsError as error:
                names = {side: file.path for side, file in sides.items()}
                path = names.get(error.array, "" if labels is None else labels.source.path)
                raise InputError(f"{path}: {error} (--invalid nan leaves such rows out)") from error
            advance(stop - start)
    return floors


def _update(
    comparison: Comparison, base: RowFile, other: RowFile, labels: Labels | None, rows: slice
) -> None:
    """Score one block."""
    try:
        # The groups of the files join their labels here once ``update`` takes groups.
        comparison.update(
            base.read(rows.start, rows.stop),
            other.read(rows.start, rows.stop),
            None if labels is None else labels.values[rows],
        )
    finally:  # before a row of zeros is scored or refused for what the file does not hold
        check_unchanged(base, other)
