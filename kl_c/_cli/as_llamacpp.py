"""The table of ``llama-perplexity --kl-divergence``, from the same files.

That program sums p log(p/q) over the outcomes with log p > -16 alone, in float32, and takes every
row as independent. Its figures are told here as it tells them, to be held against older ones; they
are not those of the other tables, which are of whole, normalised rows.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kl_c._cli.sides import Sides
from kl_c._errors import InputError
from kl_c._formats import BLOCK_BYTES, RowFile
from kl_c._formats.rows import check_unchanged
from kl_c._statistics import Columns, Settings
from kl_c._summary import summarise_rows

__all__ = ["as_llamacpp", "refuse_other_files"]

DROPPED = -16  # log p up to which an outcome is left out of the sum

# Head of the line, key among the likelihoods, and how its figures are written.
LIKELIHOODS = (
    ("Mean PPL(Q)                   ", "perplexity_q", "{:10.6f}"),
    ("Mean PPL(base)                ", "perplexity_p", "{:10.6f}"),
    ("Cor(ln(PPL(Q)), ln(PPL(base)))", "correlation", "{:6.2f}%"),
    ("Mean ln(PPL(Q)/PPL(base))     ", "log_ratio", "{:10.6f}"),
    ("Mean PPL(Q)/PPL(base)         ", "ratio", "{:10.6f}"),
    ("Mean PPL(Q)-PPL(base)         ", "difference", "{:10.6f}"),
)
PERCENTILES = (
    ("Maximum", 1.0),
    ("99.9%  ", 0.999),
    ("99.0%  ", 0.99),
    ("95.0%  ", 0.95),
    ("90.0%  ", 0.9),
    ("75.0%  ", 0.75),
    ("Median ", 0.5),
    ("25.0%  ", 0.25),
    ("10.0%  ", 0.1),
    (" 5.0%  ", 0.05),
    (" 1.0%  ", 0.01),
    (" 0.1%  ", 0.001),
    ("Minimum", 0.0),
)
ONLY_OF_CHANGES = (0.75, 0.25)


def refuse_other_files(base: RowFile, sides: Sides, form_of_other: str) -> None:
    """Refuse what that program does not compare."""
    if base.format != "_logits_":
        raise InputError(
            f"--as-llamacpp: expected a _logits_ file as the base, found {base.path} "
            f"({base.format})"
        )
    if form_of_other not in ("logits", "log_probs"):
        raise InputError(f"--as-llamacpp: expected logits of the candidate, found {form_of_other}")
    assert sides.labels is not None  # the base has them


def as_llamacpp(base: RowFile, other: RowFile, sides: Sides) -> str:
    """The table, as text."""
    step = max(1, BLOCK_BYTES // (base.row_bytes + other.row_bytes))
    blocks = []
    for start in range(0, base.rows, step):
        stop = min(base.rows, start + step)
        assert sides.labels is not None
        block = columns(base.read(start, stop), other.read(start, stop), sides.labels[start:stop])
        check_unchanged(base, other)
        blocks.append(block)
    joined = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    return "\n".join(_lines(joined)) + "\n"


def columns(log_p: NDArray[Any], logits: NDArray[Any], labels: NDArray[Any]) -> Columns:
    """What that program computes of each row: float32, but for the sums."""
    live = logits.astype(np.float32)
    shifted = live - live.max(1, keepdims=True)
    log_sums = np.log(np.exp(shifted).sum(1, keepdims=True, dtype=np.float64))
    log_q = shifted - log_sums.astype(np.float32)
    rows = np.arange(len(log_p))
    nll_p, nll_q = (-x[rows, labels].astype(np.float64) for x in (log_p, log_q))
    terms = np.where(log_p > DROPPED, np.exp(log_p) * (log_p - log_q), 0)
    return {
        "kl": terms.sum(1, dtype=np.float64),
        "same_top": log_p.argmax(1) == live.argmax(1),
        "nll_p": nll_p,
        "nll_q": nll_q,
        "label_change": np.exp(-nll_q) - np.exp(-nll_p),
        "valid": np.ones(len(rows), bool),
        "masked": np.zeros(len(rows), bool),
    }


def _percentile(values: NDArray[Any], fraction: float) -> float:
    """Its place among the values, and what lies between two, in float32."""
    ordered = np.sort(values.astype(np.float32))
    place = np.float32(fraction) * np.float32(len(ordered) - 1)
    below = int(place)
    part = place - np.float32(below)
    above = min(below + 1, len(ordered) - 1)
    return float((np.float32(1) - part) * ordered[below] + part * ordered[above])


def _lines(rows: Columns) -> Iterator[str]:
    summary = summarise_rows(rows, Settings())
    yield "====== Perplexity statistics ======"
    for head, name, form in LIKELIHOODS:
        found = summary["likelihood"][name]
        if "standard_error" in found:
            yield f"{head}: {form.format(found['value'])} ± {form.format(found['standard_error'])}"
        else:
            yield f"{head}: {form.format(100 * found['value'])}"
    kl, change, top = (summary["statistics"][x] for x in ("kl", "label_change", "same_top"))
    yield "\n====== KL divergence statistics ======"
    yield f"Mean    KLD: {kl['mean']:10.6f} ± {kl['standard_error']:10.6f}"
    for head, fraction in PERCENTILES:
        if fraction not in ONLY_OF_CHANGES:
            yield f"{head} KLD: {_percentile(rows['kl'], fraction):10.6f}"
    yield "\n====== Token probability statistics ======"
    yield f"Mean    Δp: {100 * change['mean']:6.3f} ± {100 * change['standard_error']:5.3f} %"
    for head, fraction in PERCENTILES:
        yield f"{head} Δp: {100 * _percentile(rows['label_change'], fraction):6.3f}%"
    yield f"RMS Δp    : {100 * change['rms']:6.3f} ± {100 * change['rms_standard_error']:5.3f} %"
    yield f"Same top p: {100 * top['mean']:6.3f} ± {100 * top['standard_error']:5.3f} %"
