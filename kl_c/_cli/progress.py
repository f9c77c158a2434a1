"""A progress bar on standard error, for people who watch a terminal."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["progress"]


@contextmanager
def progress(total: int) -> Iterator[Callable[[int], None]]:
    """Yield a function that is told how many more rows are done. Silent without a terminal."""
    if not sys.stderr.isatty():
        yield lambda rows: None
    elif importlib.util.find_spec("rich") is None:
        yield from _plain(total)
    else:
        yield from _rich(total)


def _plain(total: int) -> Iterator[Callable[[int], None]]:
    done = 0

    def advance(rows: int) -> None:
        nonlocal done
        done += rows
        print(f"\r{done} of {total} rows ({done / max(1, total):.0%})", end="", file=sys.stderr)

    try:
        yield advance
    finally:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _rich(total: int) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("rows"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda rows: bar.advance(task, rows)
