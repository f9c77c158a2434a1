"""What ``kl-c score`` takes: its arguments and options, and what their texts mean."""

import argparse

from kl_c import _kernels
from kl_c._cli import gate, plots
from kl_c._cli.candidates import Written
from kl_c._cli.inputs import add_raw_arguments
from kl_c._errors import InputError

__all__ = ["add_arguments"]

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
  kl-c score base.npy Q8=q8.npy@8.5 Q6=q6.npy@6.6 --form logits --fail-above Q8:kl.mean=0.01
      several candidates, with their bits per weight: one table, and how each differs from the
      one before it; a limit for one of them
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
    parser.add_argument(
        "candidates",
        metavar="CANDIDATE",
        nargs="+",
        type=Written.read,
        help="q, a file of the same shape, or several, as FILE or NAME=FILE@SIZE: the name that "
        "the table calls it by (by default that of the file), its size in bits per weight (@8.5) "
        "or in bytes (@4.9GB, @4.6GiB). A FILE with an = is written =FILE, unless a / comes "
        "first; one that ends in what could be a size, FILE@",
    )
    add_raw_arguments(parser, pair=True)
    parser.add_argument(
        "--form",
        type=_form,
        help=f"how the rows are given: {', '.join(_kernels.FORMS)}; two with a comma when "
        "base and candidates differ, as in probs,logits; needed for every file that does not say "
        "it itself",
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
        "--report",
        metavar="FILE.html",
        help="write tables and pictures as one page that needs no network (pictures need "
        "matplotlib)",
    )
    plots.add_argument(parser)
    parser.add_argument(
        "--as-llamacpp",
        action="store_true",
        help="print the figures of llama-perplexity --kl-divergence in place of the table: its "
        "truncated sum, rows as independent; BASE is its file, and there is one candidate",
    )
    parser.add_argument(
        "--strata",
        action="append",
        default=[],
        metavar="BY",
        help="a table of rows of each kind: by confidence (the probability of p's likeliest "
        "outcome), entropy (of p), position (of the row in its group) or FILE.npy, an integer per "
        "row; may be given several times",
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
        "--rows",
        metavar="FILE",
        help="write the score of every row: FILE.csv, FILE.parquet (needs pyarrow), else for "
        "Comparison.load and kl-c table, as FILE.npz; with several candidates {name} "
        "in it stands for the name of each, as in rows-{name}.npz",
    )
    parser.add_argument(
        "--checkpoint",
        metavar="FILE",
        help="keep what was read in FILE every half minute and at Ctrl-C, go on from there when "
        "the same run is started again, and remove it when that is complete",
    )


def _form(text: str) -> str | tuple[str, ...]:
    names = tuple(text.split(","))
    return names[0] if len(names) == 1 else names


def _count(text: str) -> int:
    if not text.isdecimal():
        raise InputError(f"--verify: expected a number of rows, found {text}")
    return int(text)


def _outcomes(text: str) -> str | int:
    return int(text) if text.isdecimal() else text
