"""``kl-c score BASE OTHER``: two files compared row by row, in flat memory."""

import argparse
import sys

from kl_c import _kernels
from kl_c._cli import gate
from kl_c._cli.as_llamacpp import as_llamacpp, refuse_other_files
from kl_c._cli.floors import Floors
from kl_c._cli.forms import refuse_probabilities_as_logits, settle_form
from kl_c._cli.inputs import add_raw_arguments, open_pair
from kl_c._cli.markdown import as_markdown
from kl_c._cli.outputs import check_outputs
from kl_c._cli.progress import progress
from kl_c._cli.report import as_json, report
from kl_c._cli.sides import Sides
from kl_c._cli.tables import print_report
from kl_c._cli.verify import require_mpmath, verify
from kl_c._errors import InputError
from kl_c._files import replacing
from kl_c._formats import BLOCK_BYTES, RowFile
from kl_c._formats.rows import check_unchanged
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
  kl-c score base.npy quantised.npy --form logits --fail-above kl.mean=0.05 kl.p99=1
      exit with 1 if a figure is above its limit, or is missing or not finite
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
        "--tokens",
        metavar="FILE.npy",
        help="in place of labels the tokens (batch x length): a row is scored by the token after "
        "it, and the last row of each sequence is left out",
    )
    parser.add_argument(
        "--mask",
        metavar="FILE.npy",
        help="bool, one per row: False leaves out the row, as for padding",
    )
    parser.add_argument(
        "--groups",
        metavar="FILE.npy",
        help="integers: rows of one group (a text, a chunk) depend on each other, which the errors "
        "then take into account; one per row or per entry of axis 0, which is the default for "
        "files of three axes",
    )
    parser.add_argument(
        "--k",
        type=int,
        metavar="N",
        help="compare the N likeliest outcomes of both rows as well",
    )
    parser.add_argument(
        "--outcomes",
        type=_outcomes,
        default="equal",
        metavar="WHICH",
        help="equal (the default: both files have as many), common (score the outcomes that both "
        "have) or a number (score the first N); reports the mass that is left out",
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
        "--markdown", metavar="FILE.md", help="write the table as Markdown, for a model card"
    )
    parser.add_argument(
        "--as-llamacpp",
        action="store_true",
        help="print the figures of llama-perplexity --kl-divergence in place of the table: its "
        "truncated sum, rows as independent; BASE is its file",
    )
    gate.add_arguments(parser)
    parser.add_argument(
        "--verify",
        type=_count,
        metavar="N",
        help="score N rows drawn at random, and the 10 of the largest KL, again in 50-digit "
        "arithmetic, and print the largest deviation (needs mpmath; seconds a row)",
    )
    parser.add_argument(
        "--rows", metavar="FILE.npz", help="write the score of every row, for Comparison.load"
    )


def run(args: argparse.Namespace) -> int:
    """Compare the two files, write what was asked for, print the table."""
    if args.verify is not None:
        require_mpmath()
    base, other = open_pair(args)
    sides = Sides.open(args, base, other)
    read = [base, other, *sides.files.values()]
    check_outputs(
        [args.json, args.rows, args.markdown], [path for file in read for path in file.files]
    )
    comparison = _comparison(args, base, other)
    if args.as_llamacpp:
        refuse_other_files(base, sides, comparison.settings.forms()["q"])
    floors = _score(comparison, base, other, sides)
    if args.rows is not None:
        comparison.save(args.rows)
    facts = report(comparison, base, other, sides, floors, args.argv)
    if args.verify is not None:
        facts["verification"] = verify(comparison, base, other, sides, args.verify)
    facts["gates"] = gate.judge([*args.fail_above, *args.fail_below], facts)
    if args.markdown is not None:
        with replacing(args.markdown) as file:
            file.write(as_markdown(facts).encode())
    if args.json == "-":
        sys.stdout.write(as_json(facts))
    else:
        if args.json is not None:
            with replacing(args.json) as file:
                file.write(as_json(facts).encode())
        if args.as_llamacpp:
            sys.stdout.write(as_llamacpp(base, other, sides))
        else:
            print_report(facts)
    crossed = [found["name"] for found in facts["gates"] if found["crossed"]]
    if crossed:
        print("kl-c: a gate is crossed:", *crossed, file=sys.stderr)
    return 1 if crossed else 0


def _form(text: str) -> str | tuple[str, ...]:
    names = tuple(text.split(","))
    return names[0] if len(names) == 1 else names


def _count(text: str) -> int:
    if not text.isdecimal():
        raise InputError(f"--verify: expected a number of rows, found {text}")
    return int(text)


def _outcomes(text: str) -> str | int:
    return int(text) if text.isdecimal() else text


def _comparison(args: argparse.Namespace, base: RowFile, other: RowFile) -> Comparison:
    try:
        comparison = Comparison(
            form=settle_form(args.form, base, other),
            temperature=args.temperature,
            eps=args.eps,
            invalid=args.invalid,
            base=args.log_base,
            workers=args.workers,
            k=args.k,
            outcomes=args.outcomes,
        )
    except (TypeError, ValueError) as error:
        raise InputError(str(error)) from error
    if not args.force_form:
        forms = comparison.settings.forms()
        refuse_probabilities_as_logits(base, forms["p"])
        refuse_probabilities_as_logits(other, forms["q"])
    return comparison


def _score(
    comparison: Comparison, base: RowFile, other: RowFile, sides: Sides
) -> dict[str, Floors]:
    """Feed the files to the comparison, block by block; also what each side's clipping took."""
    step = max(1, BLOCK_BYTES // (base.row_bytes + other.row_bytes))
    files = {"p": base, "q": other}
    floors = {side: Floors() for side in files}
    with progress(base.rows) as advance:
        for start in range(0, max(1, base.rows), step):
            stop = min(base.rows, start + step)
            for side, file in files.items():
                floors[side].add(file.floor(start, stop))
            try:
                try:
                    comparison.update(
                        base.read(start, stop), other.read(start, stop), **sides.of(start, stop)
                    )
                finally:  # before a row of zeros is scored or refused for what no file holds
                    check_unchanged(base, other)
            except _kernels.InvalidRowsError as error:
                names = {side: file.path for side, file in files.items()}
                path = names.get(error.array, sides.path_of_labels)
                raise InputError(f"{path}: {error} (--invalid nan leaves such rows out)") from error
            except ValueError as error:  # k and outcomes against the width of the rows
                raise InputError(f"{base.path}: {error}") from error
            advance(stop - start)
    if sides.groups_by_axis:  # and a file of one part must not meet the groups of another
        comparison._groups_by_axis = True
    return floors
