"""The files that a command writes."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from kl_c._errors import InputError

__all__ = ["check_outputs", "for_each"]

NAME = "{name}"


def check_outputs(outputs: Iterable[str | None], inputs: Iterable[str]) -> None:
    """Refuse before the work what could not be written after it."""
    paths = [Path(path) for path in outputs if path not in (None, "-")]
    read = {os.path.realpath(path) for path in inputs}
    for path in paths:
        if not path.parent.is_dir():
            raise InputError(f"{path}: expected an existing directory, found no {path.parent}")
        if path.is_dir():
            raise InputError(f"{path}: expected the name of a file to write, found a directory")
        if not os.access(path.parent, os.W_OK):
            raise InputError(f"{path}: expected a directory to write to, found it read-only")
        if os.path.realpath(path) in read:
            raise InputError(f"{path}: expected a file to write, found one of the inputs")
        read.add(os.path.realpath(path))


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
