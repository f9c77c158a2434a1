"""What clipping took from the rows of a file, gathered while they are read."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kl_c._formats.llamacpp import CLIPS, LARGEST_CODE, clip_of, is_clipped
from kl_c._formats.rows import Floor

__all__ = ["Clipped", "Floors"]


class Clipped(NamedTuple):
    """What clipping left of the rows of one side, an entry each; logarithms in nats."""

    mass: NDArray[np.float64]  # no more can lie at the floor; 0 in rows that are not clipped
    depth: NDArray[np.float64]  # -log of the floor
    furthest: NDArray[np.float64]  # the largest -log of an outcome; infinite where nobody knows
    step: NDArray[np.float64]  # between two codes
    above: NDArray[np.float64]  # how many outcomes stand above the floor


class Floors:
    """The floors of all rows of one side."""

    def __init__(self) -> None:
        self._blocks: list[Floor] = []
        self._furthest: list[NDArray[np.float64]] = []

    def add(self, floor: Floor | None) -> None:
        """Take the rows of one block; None for a file that clips nothing."""
        if floor is not None:
            self._blocks.append(floor)

    def measure(self, block: NDArray[Any], form: str) -> None:
        """Take the rows of one block that clips nothing, where the other side is clipped.

        No outcome is less likely than the least by the mass, which is at most n times the largest.
        """
        if not block.size:
            return
        least, most = (x.astype(np.float64) for x in (block.min(axis=1), block.max(axis=1)))
        with np.errstate(divide="ignore", invalid="ignore"):
            if form in ("probs", "counts"):
                least, most = np.log(least), np.log(most)
            furthest = most - least + np.log(block.shape[1])
        self._furthest.append(np.where(np.isnan(furthest), np.inf, furthest))

    def arrays(self) -> dict[str, NDArray[np.float64]]:
        """All that was taken, by name."""
        found = {}
        if self._blocks:
            joined = Floor(*map(np.concatenate, zip(*self._blocks, strict=True)))
            self._blocks = [joined]
            found = joined._asdict()
        if self._furthest:
            self._furthest = [np.concatenate(self._furthest)]
            found["furthest"] = self._furthest[0]
        return found

    def restore(self, arrays: dict[str, NDArray[np.float64]]) -> None:
        """Begin with what ``arrays`` gave."""
        of_floor = {name: array for name, array in arrays.items() if name != "furthest"}
        self._blocks = [Floor(**of_floor)] if of_floor else []
        self._furthest = [arrays["furthest"]] if "furthest" in arrays else []

    def clipped(self, rows: int) -> Clipped:
        """All of it, for so many rows."""
        none, unknown = np.zeros(rows), np.full(rows, np.inf)
        if not self._blocks:
            furthest = np.concatenate(self._furthest) if self._furthest else unknown
            return Clipped(none, none, furthest, none, unknown)
        _, mass, span, depth, above = map(np.concatenate, zip(*self._blocks, strict=True))
        mass = np.where(is_clipped(span, clip_of(span)), mass, 0.0)
        return Clipped(mass, depth, depth + mass, span / LARGEST_CODE, above)

    def facts(self) -> dict[str, Any]:
        """``clip`` (None where no row reached one), ``floor`` and ``note``; else nothing."""
        if not self._blocks:
            return {}
        share, mass, span, *_ = map(np.concatenate, zip(*self._blocks, strict=True))
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
