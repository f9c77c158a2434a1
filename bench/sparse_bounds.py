"""How wide the bounds of sparse dumps are, on the logits of the demo.

    kl-c demo --keep DIR && python bench/sparse_bounds.py DIR

Of every copy and k: the true KL of each word, that of the bucket, and the bounds, with lists on
both sides and with the copy whole. Writes bench/results/sparse.json, from which bench/quote.py
makes the table of docs/sparse.md. A minute or two, most of it for the ordering of whole rows.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

import kl_c
import results
from documents import markdown

COPIES = ("8-bit", "6-bit", "4-bit")
KS = (20, 100, 1000)
ROWS = 128  # at one time


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="what kl-c demo --keep wrote")
    parser.add_argument(
        "--results", type=Path, default=results.place("sparse"), help="write there instead"
    )
    options = parser.parse_args()
    base = np.load(options.folder / "base.npy", mmap_mode="r")
    lines = []
    for copy in COPIES:
        other = np.load(options.folder / f"{copy}.npy", mmap_mode="r")
        floor = least(base, other)
        for k in KS:
            lines.append({"copy": copy, "k": k, "floor": floor, **measured(base, other, k, floor)})
            print(*row(lines[-1]), sep="  ", flush=True)
    result = {
        "quick": False,
        "kl_c": {"version": kl_c.__version__},
        "rows": base.shape[0],
        "outcomes": base.shape[1],
        "lines": lines,
    }
    results.write(result, options.results)
    return 0


def least(*models: np.ndarray) -> float:
    """The smallest probability of any outcome in any row, and a little less."""
    found = [
        log_probs(np.asarray(model[start : start + ROWS])).min()
        for model in models
        for start in range(0, len(model), ROWS)
    ]
    return float(np.exp(min(found)) * (1 - 1e-6))


def measured(base: np.ndarray, other: np.ndarray, k: int, floor: float) -> dict:
    """Medians over the rows, in nats where it is a divergence."""
    both = kl_c.SparseComparison(bounds=True, vocabulary=base.shape[1])
    vouched = kl_c.SparseComparison(bounds=True, vocabulary=base.shape[1], floor=floor)
    one = kl_c.SparseComparison(bounds=True, form="logits")
    whole = kl_c.Comparison(form="logits")
    for start in range(0, len(base), ROWS):
        p, q = (np.asarray(x[start : start + ROWS]) for x in (base, other))
        list_p, list_q = likeliest(p, k), likeliest(q, k)
        both.update(list_p, list_q)
        vouched.update(list_p, list_q)
        one.update(list_p, q)
        whole.update(p, q)
    found = {"kl": middle(whole.kl), "js": middle(whole.js), "rest": middle(both.rest_p)}
    for name, comparison in (("both", both), ("vouched", vouched), ("one", one)):
        found[name] = {"bucket": middle(comparison.kl)}
        for measure in ("kl", "js", "total_variation"):
            low, high = comparison.lower[measure], comparison.upper[measure]
            width = high - low if np.isfinite(high).all() else None
            found[name][measure] = {
                "lower": middle(low),
                "width": None if width is None else middle(width),
                # By the rounding of float32 lists a bound may be off; how many rows show it.
                "outside": int(np.sum(getattr(whole, measure) < low * (1 - 1e-3) - 1e-6)),
            }
    return found


def likeliest(logits: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Ids and float32 log-probabilities of each row, as a serving engine writes them."""
    wide = log_probs(logits)
    ids = np.argpartition(-wide, k, axis=-1)[:, :k]
    return ids, np.take_along_axis(wide, ids, -1).astype(np.float32)


def log_probs(logits: np.ndarray) -> np.ndarray:
    wide = logits.astype(np.float64)
    wide -= wide.max(-1, keepdims=True)
    wide -= np.log(np.exp(wide).sum(-1, keepdims=True))
    return wide


def middle(values: np.ndarray) -> float:
    return float(np.median(values))


def table(result: dict) -> str:
    """For the document: one line for each copy and k."""
    head = (
        "Copy",
        "k",
        "Not listed",
        "KL",
        "Bucket, lists on both sides",
        "Lower bound, lists on both sides",
        "Width, lists on both sides",
        "Width, both with a floor",
        "Width, the copy whole",
        "Width of JS, lists on both sides",
    )
    return markdown(head, [row(line) for line in result["lines"]])


def row(line: dict) -> tuple[str, ...]:
    both, one = line["both"], line["one"]
    return (
        line["copy"],
        str(line["k"]),
        f"{line['rest']:.1%}",
        number(line["kl"]),
        number(both["bucket"]),
        number(both["kl"]["lower"]),
        number(both["kl"]["width"]),
        number(line["vouched"]["kl"]["width"]),
        number(one["kl"]["width"]),
        number(both["js"]["width"]),
    )


def number(value: float | None) -> str:
    return "infinite" if value is None else f"{value:.2g}"


if __name__ == "__main__":
    sys.exit(main())
