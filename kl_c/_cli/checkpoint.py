"""What was read of the files so far, kept in a file, so that a run can go on where it was ended.

Scores do not depend on the blocks that rows come in, so that a continued run ends with the figures
of one that was never stopped, to the last bit. The file is of one run: of these files, by their
size and sampled hash, these settings, this version and this backend. Any other run is refused.
"""

import json
import os
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kl_c import _kernels
from kl_c._cli.candidates import Candidate
from kl_c._cli.floors import Floors
from kl_c._cli.sides import Sides
from kl_c._errors import InputError
from kl_c._files import replacing
from kl_c._formats import RowFile
from kl_c._saved import DAMAGED

__all__ = ["Checkpoint"]

SECONDS = 30.0  # between two writings
SHARE = 20  # and so many times as long as the last one took
FORMAT = 1

Arrays = dict[str, NDArray[Any]]


class Checkpoint:
    """The file of one run."""

    def __init__(
        self, path: str, base: RowFile, candidates: Sequence[Candidate], sides: Sides
    ) -> None:
        self.path = path
        self._base = base
        self._candidates = candidates
        self._sides = sides
        self._written = time.monotonic()
        self._took = 0.0

    def restore(self, floors: Floors) -> int:
        """Fill comparisons and floors with what the file holds, if it is there; how many rows.

        Raises
        ------
        InputError
            When the file is of another run, or no checkpoint at all.
        """
        if not os.path.exists(self.path):
            return 0
        try:
            with np.load(self.path, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            state = json.loads(str(arrays.pop("state")))
            found, rows = state["run"], int(state["rows"])
        except (OSError, *DAMAGED, AttributeError) as error:
            raise InputError(
                f"{self.path}: expected what --checkpoint wrote, found another file"
            ) from error
        for name, expected in self._run().items():
            if found.get(name) != expected:
                raise InputError(
                    f"{self.path}: expected a checkpoint of this run, found one with another "
                    f"{name}: {_differing(expected, found.get(name))}"
                )
        floors.restore(_of("p", arrays))
        for number, candidate in enumerate(self._candidates):
            candidate.floors.restore(_of(f"q{number}", arrays))
            columns = _of(f"rows{number}", arrays)
            widths = (self._base.shape[-1], candidate.file.shape[-1])
            last = None if not rows else self._base.read(rows - 1, rows)
            candidate.comparison._restore(
                columns, widths, last, **self._sides.of(max(0, rows - 1), rows)
            )
        return rows

    def is_due(self) -> bool:
        """Whether it is time to write again."""
        return time.monotonic() - self._written >= max(SECONDS, SHARE * self._took)

    def write(self, floors: Floors, rows: int) -> None:
        """Keep what was read so far; the name is that of the last complete writing."""
        began = time.monotonic()
        state = {"run": self._run(), "rows": rows}
        arrays: Arrays = {"state": np.array(json.dumps(state))}
        arrays |= {f"p/{name}": array for name, array in floors.arrays().items()}
        for number, candidate in enumerate(self._candidates):
            found = {f"q{number}": candidate.floors.arrays()}
            found[f"rows{number}"] = candidate.comparison._columns()
            arrays |= {
                f"{part}/{name}": array for part, of in found.items() for name, array in of.items()
            }
        with replacing(self.path) as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        self._written = time.monotonic()
        self._took = self._written - began

    def remove(self) -> None:
        """Once the run is complete."""
        if os.path.exists(self.path):
            os.remove(self.path)

    def _run(self) -> dict[str, Any]:
        """What tells this run from others, as JSON gives it back."""
        config = _kernels.show_config()
        settings = [candidate.comparison.settings._asdict() for candidate in self._candidates]
        for one in settings:
            del one["workers"]  # the scores are the same for any number
        run = {
            "format": FORMAT,
            "version": config["version"],
            "backend": config["backend"],
            "base": self._base.facts(),
            "candidates": [candidate.file.facts() for candidate in self._candidates],
            "settings": settings,
            "labels, tokens, mask or groups": {
                name: file.facts() for name, file in self._sides.files.items()
            },
        }
        again: dict[str, Any] = json.loads(json.dumps(run))
        return again


def _differing(expected: Any, found: Any) -> str:
    """The innermost part of two descriptions that is not the same."""
    while type(expected) is type(found):
        if isinstance(expected, dict) and expected.keys() == found.keys():
            places: Any = expected.keys()
        elif isinstance(expected, list) and len(expected) == len(found):
            places = range(len(expected))
        else:
            break
        place = next(place for place in places if expected[place] != found[place])
        if not isinstance(expected[place], (dict, list)):
            return f"{place} {found[place]} in place of {expected[place]}"
        expected, found = expected[place], found[place]
    return f"{found} in place of {expected}"


def _of(part: str, arrays: Arrays) -> Arrays:
    """The arrays of one part, by their own names."""
    start = f"{part}/"
    return {
        name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)
    }
