"""What clipping took from the rows of a file, gathered while they are read."""

from typing import Any

import numpy as np

from kl_c._formats.llamacpp import CLIPS, clip_of, is_clipped
from kl_c._formats.rows import Floor

__all__ = ["Floors"]


class Floors:
    """The floors of all rows of one side."""

    def __init__(self) -> None:
        self._blocks: list[Floor] = []

    def add(self, floor: Floor | None) -> None:
        """Take the rows of one block; None for a file that clips nothing."""
        if floor is not None:
            self._blocks.append(floor)

    def facts(self) -> dict[str, Any]:
        """``clip`` (None where no row reached one), ``floor`` and ``note``; else nothing."""
        if not self._blocks:
            return {}
        share, mass, span = map(np.concatenate, zip(*self._blocks, strict=True))
        clip = clip_of(span)
        clipped = int(np.count_nonzero(is_clipped(span, clip)))
        means = {"share": float(share.mean()), "mass_bound": float(mass.mean())}
        floor = {"rows": clipped, **means, "largest_mass_bound": float(mass.max())}
        if clip is not None:
            found = f"clip {clip} ({CLIPS[clip]}), reached in {clipped} of {span.size} rows"
        else:
            found = "no row reaches a clip"
        note = (
            f"{found}; {means['share']:.3g} of outcomes at the floor, mass there at most "
            f"{means['mass_bound']:.3g}"
        )
        return {"clip": clip, "floor": floor, "note": note}
