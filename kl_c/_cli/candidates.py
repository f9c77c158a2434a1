"""The candidates of a run: how each is written, and what is kept of it while files are read.

``NAME=FILE@SIZE``, of which ``FILE`` is enough. What a text means never depends on which files
there are: a name is what stands before the first ``=`` and holds no ``/``, a size what stands after
the last ``@`` and reads as one. So ``runs/seed=3/a@v2.npy`` is a file as it is; ``=a=b.npy`` is one
that has no name here, and ``dump@8@`` one that has no size.
"""

import os
import re
from collections.abc import Sequence
from typing import NamedTuple, Self

from kl_c._cli.floors import Floors
from kl_c._errors import InputError
from kl_c._formats import RowFile
from kl_c.comparison import Comparison

__all__ = ["Candidate", "Size", "Written", "check_together"]

SIZE = re.compile(r"@(\d+(?:\.\d+)?|\.\d+)([A-Za-z]*)\Z")
BYTES = {"b": 1}
BYTES |= {f"{prefix}b": 1000**power for power, prefix in enumerate("kmgt", 1)}
BYTES |= {f"{prefix}ib": 1024**power for power, prefix in enumerate("kmgt", 1)}


class Size(NamedTuple):
    """How large a model is."""

    value: float
    unit: str  # "bits_per_weight" or "bytes"

    @classmethod
    def of(cls, number: str, unit: str, text: str) -> Self:
        """As the digits and letters after the ``@`` say."""
        if unit and unit.lower() not in BYTES:
            raise InputError(
                f"{text}: expected a size in bits per weight, as in @8.5, or in bytes, as in "
                f"@4.9GB or @4.6GiB, found @{number}{unit} (FILE@ is a file that is called so)"
            )
        value = float(number) * (BYTES[unit.lower()] if unit else 1)
        if not 0 < value < float("inf"):
            raise InputError(f"{text}: expected a size above 0, found @{number}{unit}")
        return cls(value, "bytes" if unit else "bits_per_weight")


class Written(NamedTuple):
    """A candidate as it stands on the command line."""

    name: str
    path: str
    size: Size | None

    @classmethod
    def read(cls, text: str) -> Self:
        """Take a text apart; a file that is given no name goes by its own, without the ending."""
        name, equals, path = text.partition("=")
        if not equals or "/" in name:
            name, path = "", text
        size = None
        if found := SIZE.search(path):
            size, path = Size.of(found[1], found[2], text), path[: found.start()]
        else:
            path = path.removesuffix("@")
        if not path:
            raise InputError(f"{text}: expected NAME=FILE@SIZE or FILE, found no file")
        if not name.isprintable():
            raise InputError(f"{text}: expected a name that can be printed, found {name!r}")
        return cls(name or os.path.splitext(os.path.basename(path))[0], path, size)


class Candidate:
    """One file that is compared with the base, and all that is found of it.

    Attributes
    ----------
    name, size : str, Size or None
        As given.
    file : RowFile
        Its rows, q.
    comparison : Comparison
        Of the base with it.
    floors : Floors
        What clipping took from its rows.
    """

    def __init__(self, written: Written, file: RowFile, comparison: Comparison) -> None:
        self.name = written.name
        self.size = written.size
        self.file = file
        self.comparison = comparison
        self.floors = Floors()


def check_together(candidates: Sequence[Written]) -> None:
    """Refuse candidates that a reader could not tell apart, or whose sizes do not compare."""
    seen: dict[str, str] = {}
    sized = next((candidate for candidate in candidates if candidate.size is not None), None)
    for candidate in candidates:
        if candidate.name in seen:
            raise InputError(
                f"{candidate.path}: expected a name of its own, found {candidate.name} as for "
                f"{seen[candidate.name]} (NAME={candidate.path} gives it one)"
            )
        seen[candidate.name] = candidate.path
        if sized is not None and candidate.size is not None and sized.size is not None:
            expected, found = sized.size.unit, candidate.size.unit
            if expected != found:
                expected, found = (unit.replace("_", " ") for unit in (expected, found))
                raise InputError(
                    f"{candidate.path}: expected a size in {expected} as for {sized.path}, found "
                    f"{found}"
                )
