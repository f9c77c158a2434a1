"""Times of small calls and of one batch, for a look while working: ``pytest bench``.

Every measure is timed, from the list of the compiled module. What the library must reach is judged
by bench/run.py alone, whose ratios repeat where these times do not.
"""

import numpy as np
import pytest

import kl_c
from kl_c import _kernels, reference

SMALL = 16
ROWS, OUTCOMES = 32, 32768
LABELLED = 3  # the outcome that nll asks for


def arguments(kind: str, shape: tuple[int, ...]) -> tuple:
    logits = np.random.default_rng(20).standard_normal((2, *shape))
    p, q = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    if kind == "labels":
        return np.full(shape[:-1], LABELLED), q
    return (p,) if kind == "single" else (p, q)


@pytest.mark.parametrize(("measure", "kind"), _kernels.MEASURES.items())
@pytest.mark.parametrize("shape", [(SMALL,), (ROWS, OUTCOMES)], ids=["small call", "batch"])
def test_measure(benchmark, measure, kind, shape):
    given = arguments(kind, shape)
    result = benchmark(getattr(kl_c, measure), *given)
    exact = getattr(reference, measure)(*given)
    # Only that it is the right function: the limits of the errors are the tests' business.
    np.testing.assert_allclose(result, exact, rtol=1e-9, atol=1e-12)


def test_np_add(benchmark):
    """What the small calls are compared with."""
    benchmark(np.add, *arguments("pair", (SMALL,)))
