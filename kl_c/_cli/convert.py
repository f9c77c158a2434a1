"""``kl-c convert IN OUT``: rows from one format into another, block by block."""

import argparse
import os
from typing import Any, BinaryIO, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from kl_c import _kernels
from kl_c._cli.forms import refuse_probabilities_as_logits
from kl_c._cli.inputs import add_raw_arguments, check_rows_file, raw_layouts
from kl_c._cli.outputs import check_outputs
from kl_c._cli.progress import progress
from kl_c._errors import InputError
from kl_c._files import replacing
from kl_c._formats import BLOCK_BYTES, RowFile, describe, open_rows
from kl_c._formats.llamacpp import CLIPS, Layout
from kl_c._formats.llamacpp_writer import LogitsWriter
from kl_c._formats.rows import check_unchanged
from kl_c._formats.writers import ArrayWriter, begin_npy, begin_safetensors

__all__ = ["add_arguments", "run"]

# The formats that can be written, and the endings of names that ask for them.
TARGETS = {
    "npy": (".npy",),
    "safetensors": (".safetensors",),
    "_logits_": (".kld", ".logits"),
    "raw": (".raw", ".bin"),
}

EXAMPLES = """\
examples:
  kl-c convert base.kld base.npy
      llama.cpp's reference logits as float32 log-probabilities
  kl-c convert logits.safetensors base.kld --tokens tokens.npy
      logits of another program for llama-perplexity --kl-divergence; tokens is chunks x n_ctx,
      and each chunk has n_ctx - 1 - n_ctx // 2 rows
"""


class Writer(Protocol):
    """What takes the blocks."""

    def write(self, block: NDArray[Any], /) -> None: ...


class Text(NamedTuple):
    """The tokens of a ``_logits_`` file, chunks x n_ctx, and how far its rows reach."""

    tokens: NDArray[Any]
    clip: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = EXAMPLES
    parser.add_argument("source", metavar="IN", help="a file of rows in any format that is read")
    parser.add_argument("target", metavar="OUT", help="the file to write")
    endings = ", ".join(f"{ending} {name}" for name, all_ in TARGETS.items() for ending in all_)
    parser.add_argument(
        "--to",
        choices=[*TARGETS],
        help=f"the format of OUT (by default what its name ends in: {endings})",
    )
    add_raw_arguments(parser, pair=False)
    parser.add_argument(
        "--tokens",
        metavar="FILE",
        help="for _logits_: the tokens (integers), chunks x n_ctx, or in one line with --n-ctx; "
        "taken from IN where it has them",
    )
    parser.add_argument("--n-ctx", type=int, metavar="N", help="for _logits_: tokens of a chunk")
    parser.add_argument(
        "--clip",
        type=int,
        choices=[*CLIPS],
        help="for _logits_: how far below the likeliest outcome a row ends, in nats: "
        + ", ".join(f"{clip} as {program}" for clip, program in CLIPS.items())
        + " (default 16)",
    )
    parser.add_argument(
        "--force-form",
        action="store_true",
        help="for _logits_: take rows that look like probabilities for logits",
    )


def run(args: argparse.Namespace) -> int:
    """Write the rows of one file into another."""
    source = open_rows(args.source, raw_layouts(args)[0])
    check_rows_file(source)
    target = args.to or _target_by_name(args.target)
    text = _text(args, source) if target == "_logits_" else None
    if text is None:
        for option in ("tokens", "n_ctx", "clip"):
            if getattr(args, option) is not None:
                raise InputError(
                    f"--{option.replace('_', '-')}: expected with _logits_, found {target}"
                )
    elif not args.force_form:
        refuse_probabilities_as_logits(source, "logits")
    check_outputs([args.target], source.files)
    with replacing(args.target) as file:
        _copy(source, _writer(target, file, source, text), check=text is not None)
    print(f"{args.target}: {describe(source.shape, source.dtype)} from {source.path}, as {target}")
    return 0


def _target_by_name(path: str) -> str:
    ending = os.path.splitext(path)[1].lower()
    for name, endings in TARGETS.items():
        if ending in endings:
            return name
    raise InputError(
        f"{path}: expected a name that ends in one of "
        f"{', '.join(e for endings in TARGETS.values() for e in endings)}, or --to; found neither"
    )


def _writer(target: str, file: BinaryIO, source: RowFile, text: Text | None) -> Writer:
    if text is not None:
        return LogitsWriter(file, text.tokens, source.shape[-1], text.clip)
    if target == "npy":
        return begin_npy(file, source.shape, source.dtype)
    if target == "safetensors":
        return begin_safetensors(file, "logits", source.shape, source.dtype)
    return ArrayWriter(file)


def _copy(source: RowFile, writer: Writer, *, check: bool) -> None:
    step = max(1, BLOCK_BYTES // max(1, source.row_bytes))
    with progress(source.rows) as advance:
        for start in range(0, source.rows, step):
            stop = min(source.rows, start + step)
            block = source.read(start, stop)
            if check:
                _check_logits(source, block, start)
            try:
                writer.write(block)
            finally:  # what vanished was written as zeros, or could not be written
                check_unchanged(source)
            advance(stop - start)


def _check_logits(source: RowFile, block: NDArray[Any], start: int) -> None:
    """Refuse rows that a float32 scale and floor cannot hold."""
    codes = np.asarray(_kernels.check_rows(block, form="logits"))
    bad = np.flatnonzero(codes)
    if bad.size:
        rule = _kernels.ROW_RULES[int(codes[bad[0]])]
        raise InputError(
            f"{source.path}: expected rows of logits, found row {start + bad[0]} invalid ({rule})"
        )


def _text(args: argparse.Namespace, source: RowFile) -> Text:
    """The tokens that go before the rows, once there is a row for each that is scored."""
    clip = args.clip or min(CLIPS)
    if args.tokens is None:
        if source.tokens is None:
            raise InputError(f"{source.path}: expected --tokens for a _logits_ file, found none")
        tokens: NDArray[Any] = source.tokens
        path = source.path
    else:
        file = open_rows(args.tokens)
        path = file.path
        if file.dtype.kind not in "iu" or len(file.shape) not in (1, 2):
            raise InputError(f"{path}: expected integers, chunks x n_ctx, found {file}")
        tokens = np.array(file.read(0, file.rows)) if 0 not in file.shape else np.empty((0, 0), int)
        if len(file.shape) == 1:
            n_ctx = args.n_ctx
            if n_ctx is None or n_ctx < 1 or tokens.size % n_ctx:
                raise InputError(
                    f"{path}: expected chunks x n_ctx tokens, or --n-ctx that divides them, found "
                    f"{tokens.size} in one line and --n-ctx {n_ctx}"
                )
            tokens = tokens.reshape(-1, n_ctx)
    if args.n_ctx not in (None, tokens.shape[1]):
        raise InputError(f"{path}: expected chunks of {args.n_ctx}, found {tokens.shape[1]} tokens")
    layout = Layout(tokens.shape[1], source.shape[-1], tokens.shape[0])
    layout.check(path)
    if source.rows != layout.rows:
        raise InputError(
            f"{source.path}: expected {layout.rows} rows for {layout.n_chunk} chunks of "
            f"{layout.n_ctx} tokens, {layout.n_tok} scored in each; found {source.rows}"
        )
    layout.check_labels(path, tokens)
    limits = np.iinfo(np.int32)
    if tokens.min() < limits.min or tokens.max() > limits.max:
        raise InputError(f"{path}: expected tokens that fit into int32, found {tokens.max()}")
    return Text(tokens, clip)
