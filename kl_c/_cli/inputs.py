"""The files that a command reads: how their options are given, and whether they go together."""

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np

from kl_c import _kernels
from kl_c._errors import InputError
from kl_c._formats import RawLayout, RowFile, open_rows
from kl_c._formats.rows import bfloat16

__all__ = [
    "accept",
    "add_raw_arguments",
    "check_rows_file",
    "open_all",
    "raw_layouts",
]


def add_raw_arguments(parser: argparse.ArgumentParser, *, pair: bool) -> None:
    """Declare what describes numbers without a header."""
    parser.add_argument(
        "--dtype",
        metavar="TYPE",
        help="of a file of bare numbers: float32, float16, bfloat16, float64 ..."
        + ("; two with a comma when the files differ" if pair else ""),
    )
    parser.add_argument(
        "--shape",
        metavar="ROWSxOUTCOMES",
        help="of a file of bare numbers, as in 1000x32000 or 8x512x32000",
    )


def raw_layouts(args: argparse.Namespace) -> tuple[RawLayout | None, RawLayout | None]:
    """What bare numbers are on each side, as far as it was said."""
    if args.dtype is None and args.shape is None:
        return None, None
    if args.dtype is None or args.shape is None:
        raise InputError("expected --dtype and --shape together, found one of them")
    try:
        shape = tuple(int(length) for length in args.shape.split("x"))
    except ValueError:
        shape = ()
    if not shape or min(shape) < 0:
        raise InputError(f"--shape: expected numbers as in 1000x32000, found {args.shape}")
    dtypes = [_dtype(name) for name in args.dtype.split(",")]
    if len(dtypes) > 2:
        raise InputError(f"--dtype: expected one type or two, found {args.dtype}")
    return RawLayout(dtypes[0], shape), RawLayout(dtypes[-1], shape)


def open_all(args: argparse.Namespace) -> list[RowFile]:
    """The base and the candidates, once they agree in shape and, where two know it, in their text.

    They are read side by side, so that none is let in that could not be scored with the rest.
    """
    raw = raw_layouts(args)
    base = open_rows(args.base, raw[0])
    others = [open_rows(written.path, raw[1]) for written in args.candidates]
    files = [base, *others]
    for file in files:
        check_rows_file(file)
    for other in others:
        _check_same_shape(base, other, args.outcomes)
    with_text = [file for file in files if file.tokens is not None]
    for file in with_text[1:]:
        _check_same_text(with_text[0], file)
    return files


def _check_same_shape(base: RowFile, other: RowFile, outcomes: str | int) -> None:
    # A batch may stand beside its rows one after another, but not beside another batch.
    flat = len(base.shape) != len(other.shape)
    same_rows = base.rows == other.rows if flat else base.shape[:-1] == other.shape[:-1]
    if not same_rows or (outcomes == "equal" and base.shape[-1] != other.shape[-1]):
        hint = " (--outcomes common scores the outcomes that both have)" if same_rows else ""
        raise InputError(
            f"{other.path}: expected shape {base.shape} as in {base.path}, found "
            f"{other.shape}{hint}"
        )


def check_rows_file(file: RowFile) -> None:
    """Refuse an array that is no set of rows of real numbers."""
    if len(file.shape) not in (2, 3):
        raise InputError(
            f"{file.path}: expected rows x outcomes or batch x length x outcomes, found "
            f"{len(file.shape)} dimensions, shape {file.shape}"
        )
    if file.shape[-1] == 0:
        raise InputError(f"{file.path}: expected at least one outcome, found {file.shape}")
    accept(file, _kernels.check_rows, np.empty((0, 1), file.dtype))


def _check_same_text(base: RowFile, other: RowFile) -> None:
    """Rows of different texts have nothing to do with each other, though they score plausibly."""
    expected, found = base.tokens, other.tokens
    assert expected is not None and found is not None
    if expected.shape != found.shape:
        raise InputError(
            f"{other.path}: expected {expected.shape} tokens as in {base.path}, found {found.shape}"
        )
    different = np.argwhere(expected != found)
    if len(different):
        chunk, place = different[0].tolist()
        raise InputError(
            f"{other.path}: expected the tokens of {base.path}, {expected[chunk, place]} in chunk "
            f"{chunk} at position {place}, found {found[chunk, place]} (and "
            f"{len(different) - 1} more differ)"
        )


def accept(file: RowFile, measure: Callable[..., Any], *no_rows: Any) -> None:
    """Let the measure judge the dtype on no rows, and name the file where it refuses."""
    try:
        measure(*no_rows)
    except TypeError as error:
        raise InputError(f"{file.path}: {error}") from error


def _dtype(name: str) -> np.dtype[Any]:
    if name == "bfloat16":
        return bfloat16("--dtype", name)
    try:
        dtype = np.dtype(name)
    except TypeError:
        dtype = np.dtype(object)
    if dtype.kind not in "biuf":  # objects would be pointers out of the file
        raise InputError(f"--dtype: expected a type of real numbers, found {name}")
    return dtype
