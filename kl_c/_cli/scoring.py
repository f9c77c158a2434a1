"""The pass over the files: the base is read once, and every candidate is scored beside it."""

import argparse
from collections.abc import Sequence
from typing import NamedTuple

from kl_c import _kernels
from kl_c._cli.candidates import Candidate
from kl_c._cli.checkpoint import Checkpoint
from kl_c._cli.floors import Floors
from kl_c._cli.forms import refuse_probabilities_as_logits, settle_form
from kl_c._cli.interrupt import stopping
from kl_c._cli.progress import progress
from kl_c._cli.sides import Sides
from kl_c._errors import InputError
from kl_c._formats import BLOCK_BYTES, RowFile
from kl_c._formats.rows import check_unchanged
from kl_c.comparison import Comparison

__all__ = ["Reading", "begin_comparison", "score"]


def begin_comparison(args: argparse.Namespace, base: RowFile, other: RowFile) -> Comparison:
    """A comparison of two files, without rows yet, once its settings fit them."""
    if args.log_base is not None and args.log_base <= 1:  # a unit below 0 turns every order around
        raise InputError(f"--base: expected a number above 1, found {args.log_base:g}")
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


class Reading(NamedTuple):
    """How far the files were read, and what clipping took from the base."""

    rows: int
    floors: Floors


def score(
    base: RowFile,
    candidates: Sequence[Candidate],
    sides: Sides,
    checkpoint: Checkpoint | None = None,
) -> Reading:
    """Feed the files to the comparisons, block by block, to their end or until Ctrl-C; from where
    the checkpoint stands.

    Raises
    ------
    KeyboardInterrupt
        Where that comes before the first row.
    """
    row_bytes = base.row_bytes + sum(candidate.file.row_bytes for candidate in candidates)
    step = max(1, BLOCK_BYTES // row_bytes)
    floors = Floors()
    for file in (base, *(candidate.file for candidate in candidates)):
        file.workers = candidates[0].comparison.settings.workers
    clipped = any(candidate.file.clips for candidate in candidates)
    read = 0 if checkpoint is None else checkpoint.restore(floors)
    with stopping() as stopped, progress(base.rows) as advance:
        advance(read)
        for start in range(read, max(1, base.rows), step):
            if stopped():
                break
            stop = min(base.rows, start + step)
            try:
                block = base.stored(start, stop)
            finally:
                check_unchanged(base)
            if clipped and not base.clips:
                floors.measure(block, candidates[0].comparison.settings.forms()["p"])
            for candidate in candidates:
                try:
                    try:
                        rows = candidate.file.stored(start, stop)
                        if base.clips and not candidate.file.clips:
                            candidate.floors.measure(
                                rows, candidate.comparison.settings.forms()["q"]
                            )
                        candidate.comparison.update(block, rows, **sides.of(start, stop))
                        candidate.floors.add(candidate.file.floor(start, stop))
                    finally:  # before a row of zeros is scored or refused for what no file holds
                        check_unchanged(base, candidate.file)
                except _kernels.InvalidRowsError as error:
                    names = {"p": base.path, "q": candidate.file.path}
                    path = names.get(error.array, sides.path_of_labels)
                    raise InputError(
                        f"{path}: {error} (--invalid nan leaves such rows out)"
                    ) from error
                except ValueError as error:  # k and outcomes against the width of the rows
                    raise InputError(f"{base.path}: {error}") from error
            floors.add(base.floor(start, stop))  # of what comparing has counted
            check_unchanged(base)
            advance(stop - start)
            read = stop
            done = stopped() or stop == base.rows  # what comes then may take long, and fail
            if checkpoint is not None and (done or checkpoint.is_due()):
                checkpoint.write(floors, read)
    if sides.groups_by_axis:  # and a file of one part must not meet the groups of another
        for candidate in candidates:
            candidate.comparison._groups_by_axis = True
    if read == 0 < base.rows:
        raise KeyboardInterrupt
    return Reading(read, floors)
