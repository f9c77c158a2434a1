"""The files that a command writes."""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from kl_c._errors import InputError
from kl_c._files import replacing

__all__ = ["check_outputs", "each_in_turn", "for_each", "write_text"]

NAME = "{name}"


def check_outputs(outputs: Iterable[str | None], inputs: Iterable[str]) -> None:
    """Refuse before the work what could not be written after it."""
    read = {os.path.realpath(path) for path in inputs}
    written = set()
    for path in (Path(path) for path in outputs if path is not None):
        if not path.parent.is_dir():
            raise InputError(f"{path}: expected an existing directory, found no {path.parent}")
        if path.is_dir():
            raise InputError(f"{path}: expected the name of a file to write, found a directory")
        if not os.access(path.parent, os.W_OK):
            raise InputError(f"{path}: expected a directory to write to, found it read-only")
        if os.path.realpath(path) in read:
            raise InputError(f"{path}: expected a file to write, found one of the inputs")
        if os.path.realpath(path) in written:
            raise InputError(f"{path}: expected a file of its own, found that of another output")
        written.add(os.path.realpath(path))


def write_text(path: str, text: str) -> None:
    """The whole text or nothing, in UTF-8; names of files that this cannot hold are escaped."""
    with replacing(path) as file:
        file.write(text.encode(errors="backslashreplace"))


def each_in_turn(*outputs: Callable[[], object]) -> None:
    """Write them all, and raise what went wrong first once the others are written."""
    failed: list[Exception] = []
    for output in outputs:
        try:
            output()
        except (InputError, OSError) as error:
            failed.append(error)
    if failed:
        raise failed[0]


def for_each(names: Sequence[str], option: str, pattern: str | None) -> dict[str, str]:
    """A path for each candidate, of a pattern in which ``{name}`` stands for its name."""
    if pattern is None:
        return {}
    if len(names) > 1 and NAME not in pattern:
        raise InputError(
            f"{option}: expected {NAME} in the path, for the name of each of {len(names)} "
            f"candidates, found {pattern}"
        )
    return {name: pattern.replace(NAME, name) for name in names}
