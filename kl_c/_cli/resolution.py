"""How much of a KL divergence the rounding of stored rows explains by itself.

Storing a value x to the nearest multiple of its spacing s moves it by an error of variance
s**2 / 12, and log p by that over the temperature (from logits and log_probs) or over x (from probs
and counts). Errors e of log p shift the distribution, of which KL is half the variance under p to
second order; for independent errors its mean is

    1/2 (sum p var(e) - sum p**2 var(e)),

and errors of both sides add up. A mean KL that is not well above this line says nothing of the
models that made the rows.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kl_c._formats import RowFile
from kl_c.comparison import Comparison

__all__ = ["explained_by_rounding", "resolution"]

NARROW = ("float16", "bfloat16")
ROWS = 64  # evenly spread: milliseconds each, where the mean need not be better than a tenth
TIMES = 2  # a mean KL below so many times the line is called one with it


def resolution(
    comparison: Comparison, base: RowFile, other: RowFile, mean_kl: float
) -> dict[str, Any] | None:
    """What rounding explains, where a side is stored with 16 bits; in the comparison's unit.

    Returns
    -------
    dict or None
        ``kl`` the mean over ``rows`` rows, evenly spread over those used; ``sides`` that are stored
        so; ``reached``, whether the mean KL is below twice that.
    """
    files = {"p": base, "q": other}
    narrow = {
        side: file
        for side, file in files.items()
        if file.format == "_logits_" or file.dtype.name in NARROW
    }
    used = np.flatnonzero(comparison.valid)
    if not narrow or not used.size:
        return None
    picked = used[np.unique(np.linspace(0, used.size - 1, ROWS).astype(int))].tolist()
    forms = comparison.settings.forms()
    temperature = comparison.settings.temperature
    explained = []
    for row in picked:  # once each and in order: a stream that goes back starts over
        read = {side: file.read(row, row + 1) for side, file in files.items()}
        spacings = [
            _error_of_log(
                read[side], file.spacing(row, row + 1, read[side]), forms[side], temperature
            )
            for side, file in narrow.items()
        ]
        p = _distribution(read["p"][0], forms["p"], temperature)
        explained.append(explained_by_rounding(p, spacings))
    unit = comparison.settings.base
    line = float(np.mean(explained)) / (1 if unit is None else np.log(unit))
    return {
        "kl": line,
        "rows": len(picked),
        "sides": list(narrow),
        "reached": bool(mean_kl < TIMES * line),
    }


def explained_by_rounding(p: NDArray[Any], spacings: list[NDArray[Any]]) -> float:
    """The mean KL, in nats, of p and itself with logarithms rounded to such spacings."""
    variance = sum(spacing**2 for spacing in spacings) / 12
    return float(np.sum(p * variance) - np.sum(p**2 * variance)) / 2


def _distribution(row: NDArray[Any], form: str, temperature: float) -> NDArray[Any]:
    x = row.astype(np.float64)
    if form in ("log_probs", "logits"):
        x = np.exp((x - x.max()) / (temperature if form == "logits" else 1))
    p: NDArray[Any] = x / x.sum()
    return p


def _error_of_log(
    block: NDArray[Any], spacing: NDArray[Any], form: str, temperature: float
) -> NDArray[Any]:
    """The spacing of log p around each outcome; 0 where nothing is stored to be rounded."""
    x = block[0].astype(np.float64)
    spacing = np.broadcast_to(spacing, block.shape)[0].astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        if form in ("probs", "counts"):
            spacing = spacing / x
        elif form == "logits":
            spacing = spacing / temperature
    return np.where(np.isfinite(spacing) & np.isfinite(x), spacing, 0.0)
