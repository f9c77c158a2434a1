"""The statistics against what llama-perplexity itself printed, line by line.

The program compares live logits of the candidate with a file of the base, by a divergence of its
own that leaves out whatever lies at log p <= -16: `kl-c score --as-llamacpp` does so too.
"""

import re
from pathlib import Path

import numpy as np
import pytest

import limits
from kl_c import _statistics, _summary
from kl_c._cli import main
from kl_c._cli.as_llamacpp import columns
from kl_c._formats import open_rows

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


def columns_of(clip):
    """The columns of a comparison, of the rows as that program sees them."""
    base = open_rows(str(FILES / f"base_clip{clip}.kld"))
    return columns(base.read(0, base.rows), np.load(FILES / "q4_logits.npy"), base.labels)


def printed_by_it(clip):
    return (FILES / f"table_q4_clip{clip}.txt").read_text()


def printed_in(text):
    """name of the line -> (value, uncertainty or None), each as (number, half its last digit)."""
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
    printed = printed_in(printed_by_it(clip))
    summary = _summary.summarise_rows(columns_of(clip), _statistics.Settings())
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


@pytest.mark.parametrize("clip", [16, 24])
def test_the_program_prints_its_lines(clip, capsys):
    """The same lines in the same order, to the last digit but for a few roundings of float32."""
    files = [str(FILES / name) for name in (f"base_clip{clip}.kld", "q4_logits.npy")]
    assert main(["score", *files, "--form", "logits", "--as-llamacpp"]) == 0
    text = capsys.readouterr().out
    theirs = printed_by_it(clip)
    shape = re.compile(r"-?\d+\.\d+")
    wanted = theirs[theirs.index("====== Perplexity") :].rstrip().splitlines()
    found = text.rstrip().splitlines()
    assert [shape.sub("", x).split() for x in found] == [shape.sub("", x).split() for x in wanted]
    assert [len(line) for line in found] == [len(line) for line in wanted]
    # All but five digit by digit: perplexities of 200,000 show 12 digits of float32 exponentials.
    assert sum(mine != its for mine, its in zip(found, wanted, strict=True)) <= 5
    ours, printed = printed_in(text), printed_in(theirs)
    change, largest = columns_of(clip)["label_change"], columns_of(clip)["kl"].max()
    span = limits.UNIT_ROUNDOFF_NARROWER * 154 * max(largest, 100 * np.ptp(change))
    perplexities = ours["Mean PPL(Q)"][0][0] + ours["Mean PPL(base)"][0][0]
    for line, figures in ours.items():
        more = limits.LLAMA_CPP * perplexities if line == "Mean PPL(Q)-PPL(base)" else span
        for mine, its in zip(figures, printed[line], strict=True):
            if mine is None or its is None:
                assert mine is its
            else:
                allowed = 2 * its[1] + limits.LLAMA_CPP * abs(its[0]) + more
                assert abs(mine[0] - its[0]) <= allowed, line


def test_what_it_does_not_compare_is_refused(capsys):
    logits = str(FILES / "q4_logits.npy")
    assert main(["score", logits, logits, "--form", "logits", "--as-llamacpp"]) == 2
    assert "expected a _logits_ file as the base, found" in capsys.readouterr().err
    base = str(FILES / "base_clip16.kld")
    assert main(["score", base, logits, "--form", "logits,counts", "--as-llamacpp"]) == 2
    assert "found counts" in capsys.readouterr().err


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
