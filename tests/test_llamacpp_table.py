"""The statistics against what llama-perplexity itself printed, line by line.

The program compares live logits of the candidate with a file of the base: 16-bit codes of
log-probabilities, cut off so many nats below the largest. The few lines below make of the base's
live logits what that file holds, and of the rows the program's own divergence, which leaves out
whatever lies at log p <= -16. Everything from there on is the library's.
"""

import re
from pathlib import Path

import numpy as np
import pytest

import limits
from kl_c import _statistics, _summary

FILES = Path(__file__).with_name("llamacpp")
LINES = {
    "Mean PPL(Q)": ("perplexity_q", 1),
    "Mean PPL(base)": ("perplexity_p", 1),
    "Cor(ln(PPL(Q)), ln(PPL(base)))": ("correlation", 100),
    "Mean ln(PPL(Q)/PPL(base))": ("log_ratio", 1),
    "Mean PPL(Q)/PPL(base)": ("ratio", 1),
    "Mean PPL(Q)-PPL(base)": ("difference", 1),
}
PERCENTILES = {"Maximum": "maximum", "Median": "median", "Minimum": "minimum"}
PERCENTILES |= {f"{x:.1f}%": f"p{x:g}" for x in (99.9, 99, 95, 90, 75, 25, 10, 5, 1, 0.1)}


def decoded(logits, clip):
    """log p of the file's codes."""
    top = logits.max(1, keepdims=True)
    low = np.maximum(logits.min(1, keepdims=True), top - np.float32(clip))
    weights = np.exp(logits - top).astype(np.float64).sum(1, keepdims=True)
    least = low - top - np.log(weights).astype(np.float32)
    scale = (top - low) / np.float32(65535)
    codes = np.where(logits > low, np.rint(1 / scale * (logits - low)), 0)
    return scale * codes.astype(np.float32) + least


def columns_of(clip):
    """The columns of a comparison, of the rows as that program sees them."""
    base, other = (np.load(FILES / f"{name}_logits.npy") for name in ("base", "q4"))
    file = (FILES / "base_clip16.kld").read_bytes()
    length, _, chunks = np.frombuffer(file, "<i4", 3, 8)
    tokens = np.frombuffer(file, "<i4", chunks * length, 20).reshape(chunks, length)
    labels = tokens[:, length // 2 + 1 :].ravel()
    rows = np.arange(len(base))
    log_p = decoded(base, clip)
    shifted = other - other.max(1, keepdims=True)
    log_q = shifted - np.log(np.exp(shifted).astype(np.float64).sum(1, keepdims=True))
    nll_p, nll_q = (-x[rows, labels].astype(np.float64) for x in (log_p, log_q))
    terms = np.exp(log_p) * (log_p - log_q)
    return {
        "kl": np.where(log_p > -16, terms, 0).astype(np.float64).sum(1),
        "same_top": log_p.argmax(1) == other.argmax(1),
        "nll_p": nll_p,
        "nll_q": nll_q,
        "label_change": np.exp(-nll_q) - np.exp(-nll_p),
        "valid": np.ones(len(rows), bool),
        "masked": np.zeros(len(rows), bool),
    }


def printed_in(clip):
    """name of the line -> (value, uncertainty or None), each as (number, half its last digit)."""
    text = (FILES / f"table_q4_clip{clip}.txt").read_text()
    _, text = text.split("====== Perplexity statistics ======")
    number = r"(-?\d+\.\d+)"
    found = {}
    for line in text.splitlines():
        match = re.fullmatch(rf"\s*(.*?)\s*:\s*{number}\s*%?(?:\s*±\s*{number}\s*%?)?", line)
        if match:
            name, *numbers = match.groups()
            found[" ".join(name.split())] = [
                None if x is None else (float(x), 0.5 * 10.0 ** -len(x.split(".")[1]))
                for x in numbers
            ]
    return found


@pytest.mark.parametrize("clip", [16, 24])
def test_the_printed_table_line_by_line(clip):
    columns, printed = columns_of(clip), printed_in(clip)
    summary = _summary.summarise_rows(columns, _statistics.Settings())
    checked = set()

    def agrees(line, *ours, span=0.0):
        shown = [x for x in printed[line] if x is not None]
        for (figure, half), value in zip(shown, ours, strict=True):
            allowed = half + limits.LLAMA_CPP * abs(value) + span
            assert abs(figure - value) <= allowed, (line, figure, value)
        checked.add(line)

    perplexities = sum(summary["perplexity"].values())
    for line, (name, factor) in LINES.items():
        found = summary["likelihood"][name].values()
        span = limits.LLAMA_CPP * perplexities if name == "difference" else 0
        agrees(line, *(factor * x for x in found), span=span)
    for head, name, factor in (("KLD", "kl", 1), ("Δp", "label_change", 100)):
        found = summary["statistics"][name]
        agrees(f"Mean {head}", factor * found["mean"], factor * found["standard_error"])
        # It takes the place f (n - 1) of a percentile in float32.
        span = limits.UNIT_ROUNDOFF_NARROWER * (found["count"] - 1)
        span *= factor * (found["maximum"] - found["minimum"])
        for word, key in PERCENTILES.items():
            if f"{word} {head}" in printed:
                agrees(f"{word} {head}", factor * found[key], span=span)
    change, top = (summary["statistics"][name] for name in ("label_change", "same_top"))
    agrees("RMS Δp", 100 * change["rms"], 100 * change["rms_standard_error"])
    agrees("Same top p", 100 * top["mean"], 100 * top["standard_error"])
    assert checked == set(printed)
    assert len(checked) == 34


def test_public_figures_are_consistent():
    """Of another run: two perplexities, their errors and correlation give what else it printed."""
    of_q, error_q, of_p, error_p, correlation = 7.017811, 0.078949, 6.793059, 0.075277, 0.9874
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 5000))  # made to have exactly these moments
    x = (x - x.mean()) / x.std(ddof=1)
    y -= y.mean()
    y -= x * (x @ y) / (x @ x)
    y = correlation * x + np.sqrt(1 - correlation**2) * y / y.std(ddof=1)
    root = np.sqrt(5000)
    nll_p = np.log(of_p) + x * root * error_p / of_p
    nll_q = np.log(of_q) + y * root * error_q / of_q
    rows = {"kl": nll_p, "nll_p": nll_p, "nll_q": nll_q, "label_change": nll_p}
    rows |= {"valid": np.ones(5000, bool), "masked": np.zeros(5000, bool)}
    found = _summary.summarise_rows(rows, _statistics.Settings())["likelihood"]
    assert found["correlation"]["value"] == pytest.approx(correlation, rel=limits.FLOAT64 * 100)
    for name, value, error in (("log_ratio", 0.032550, 0.00178), ("ratio", 1.033085, 0.00184)):
        assert abs(found[name]["value"] - value) <= 0.5e-6 + 1e-6  # perplexities of six decimals
        assert abs(found[name]["standard_error"] - error) <= 1e-5
