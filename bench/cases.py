"""The table: what is measured, in which unit, what it must reach and what it aims at.

Times are compared with one another, never quoted alone: with ``np.dot`` over the same bytes (the
read rate), with another kernel, or with a peer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import costs
from grid import FIRST_AXIS, LONG, Cell
from protocol import Measurement, Scale
from ratios import (
    half_against_float32_in_cache,
    half_logits_against_float32,
    peers_over_ours,
    short_rows_against_long,
    small_call,
)
from reasons import REASONS

PEER_UNIT = "x our time"


@dataclass(frozen=True)
class Line:
    name: str
    unit: str
    must: float | None  # None: told, not judged
    aim: float | None  # None: as much as the memory of the machine gives
    take: Callable[[Scale], Measurement]
    lower_is_better: bool = False

    @property
    def limit(self) -> str:
        """What keeps the figure below the aim, or nothing where nobody has said it yet."""
        return REASONS.get(self.name, "")

    def verdict(self, figure: float) -> str:
        def reached(goal: float) -> bool:
            return figure <= goal if self.lower_is_better else figure >= goal

        if self.aim is not None and reached(self.aim):
            return "aim"
        if self.must is None:
            return "no goal"
        return "must" if reached(self.must) else "no"


def read_rate(must: float, aim: float, measure: str, form: str, dtype: str, axis: int = -1) -> Line:
    where = "" if axis == -1 else f", axis={axis} of a C-ordered array"
    take = Cell(measure, form, dtype, FIRST_AXIS if axis == 0 else LONG).take
    return Line(f"{measure}, {form}, {dtype}{where}", "of the read rate", must, aim, take)


LINES = (
    read_rate(0.60, 0.75, "kl_divergence", "probs", "float32"),
    read_rate(0.42, 0.60, "kl_divergence", "probs", "float64"),
    read_rate(0.40, 0.55, "kl_divergence", "counts", "float32"),
    *(
        Line(
            f"kl_divergence, probs, {dtype}",
            "of float32 from L1, pairs/s",
            0.85,
            1.0,
            partial(half_against_float32_in_cache, dtype),
        )
        for dtype in ("float16", "bfloat16")
    ),
    read_rate(0.38, 0.60, "kl_divergence", "logits", "float32"),
    read_rate(0.45, 0.70, "kl_divergence", "log_probs", "float32"),
    *(
        Line(
            f"kl_divergence, logits, {dtype}",
            "of float32, pairs/s",
            0.85,
            1.1,
            partial(half_logits_against_float32, dtype),
        )
        for dtype in ("float16", "bfloat16")
    ),
    read_rate(0.50, 0.80, "cross_entropy", "probs", "float32"),
    read_rate(0.35, 0.60, "entropy", "probs", "float32"),
    read_rate(0.35, 0.60, "js_divergence", "probs", "float32"),
    read_rate(0.15, 0.35, "compare", "logits", "float32"),
    read_rate(0.30, 0.50, "kl_divergence", "probs", "float32", axis=0),
    Line(
        "kl_divergence, probs, float64, 10^5 rows of 16",
        "x long rows, per element",
        3.0,
        1.5,
        short_rows_against_long,
        lower_is_better=True,
    ),
    Line(
        "best NumPy expression, probs, float32",
        PEER_UNIT,
        5.0,
        8.0,
        partial(peers_over_ours, "NumPy", "probs"),
    ),
    Line(
        "NumPy in a loop over rows, probs, float32",
        PEER_UNIT,
        None,
        None,
        partial(peers_over_ours, "NumPy", "probs", loops=True),
    ),
    Line(
        "best torch expression, probs, float32, one thread",
        PEER_UNIT,
        6.0,
        9.0,
        partial(peers_over_ours, "torch", "probs"),
    ),
    Line(
        "torch in a loop over rows, probs, float32, one thread",
        PEER_UNIT,
        None,
        None,
        partial(peers_over_ours, "torch", "probs", loops=True),
    ),
    Line(
        "torch log_softmax and kl_div, logits, float32, one thread",
        PEER_UNIT,
        8.0,
        15.0,
        partial(peers_over_ours, "torch", "logits"),
    ),
    Line(
        "scipy.stats.entropy, probs, float32",
        PEER_UNIT,
        45.0,
        70.0,
        partial(peers_over_ours, "scipy.stats", "probs"),
    ),
    Line(
        "call on two float64 arrays of 16",
        "x np.add",
        0.35,
        0.20,
        small_call,
        lower_is_better=True,
    ),
    Line(
        "import kl_c after numpy", "ms", 2.0, 1.0, costs.import_beyond_numpy, lower_is_better=True
    ),
    Line(
        "workers=2, probs, float32, four times the rows",
        "x workers=1",
        1.5,
        None,
        costs.two_workers,
    ),
    Line("extra memory of a batch", "KiB", 1024.0, 64.0, costs.extra_memory, lower_is_better=True),
)

assert REASONS.keys() <= {line.name for line in LINES}
