"""What the demo must show. Each check is a sentence with the figures that decided it.

Every comparison is written so that a NaN fails it.
"""

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kl_c import reference

__all__ = ["Check", "beats_unigram", "equals_reference", "rises"]

Floats = NDArray[np.float64]

# What KL from float32 logits keeps to: (above so many nats, relative error). A test compares this
# with the table of limits that the kernels are tested by.
LIMITS = ((1e-6, 1e-6), (1e-12, 1e-5))


class Check(NamedTuple):
    """A sentence that says what was found, and whether it is what must be."""

    passed: bool
    sentence: str


def beats_unigram(perplexity: float, unigram_perplexity: float) -> Check:
    """The model has learnt from context: it predicts held-out text better than word counts do."""
    return Check(
        perplexity < unigram_perplexity,
        f"perplexity of the base {perplexity:.1f}, of the unigram model {unigram_perplexity:.1f} "
        "(must be lower)",
    )


def rises(kl: Mapping[int, Floats]) -> list[Check]:
    """Fewer bits, larger mean KL. ``kl``: per token for each number of bits, in the order tested.

    All copies predict the same tokens, so the error is that of the mean of the differences.
    """
    checks = []
    for bits, fewer in pairwise(kl):
        rise = kl[fewer] - kl[bits]
        error = rise.std(ddof=1) / math.sqrt(len(rise))
        checks.append(
            Check(
                bool(rise.mean() > error),
                f"mean KL from {bits} to {fewer} bits: {rise.mean():+.3g} nats, standard error "
                f"{error:.2g} (must rise by more)",
            )
        )
    return checks


def equals_reference(bits: int, base: NDArray[Any], copy: NDArray[Any], kl: Floats) -> Check:
    """KL scores of some rows of logits against ``kl_c.reference``, within both sides' limits."""
    exact, bound = reference.kl_divergence(base, copy, form="logits", bound=True)
    limit = bound + np.select(
        [exact > above for above, _ in LIMITS], [relative * exact for _, relative in LIMITS]
    )
    error = np.abs(kl - exact)
    worst = np.argmax(error / limit)  # a NaN counts as the largest
    return Check(
        bool(np.all(error <= limit)),
        f"{len(exact)} rows at {bits} bits against kl_c.reference: worst error {error[worst]:.1e} "
        f"of {exact[worst]:.3g} nats, limit {limit[worst]:.1e}",
    )
