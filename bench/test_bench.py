"""Times of every cell of the matrix, for a look while working: ``pytest bench -k entropy``.

The calls and arrays are those of the matrix. What the library must reach is judged by bench/run.py
alone, whose ratios repeat where these times do not.
"""

import numpy as np
import pytest

import inputs
from grid import CELLS, ONE_PAIR
from protocol import BRIEF

# That it is the right function: the limits of the errors are the tests' business.
RIGHT = 1e-4


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_cell(benchmark, cell):
    call = cell.call(BRIEF)
    small = cell.layout is ONE_PAIR
    benchmark.pedantic(
        call.function,
        args=call.arguments,
        kwargs=call.keywords,
        rounds=BRIEF.most_rounds if small else BRIEF.rounds,
        iterations=BRIEF.calls if small else 1,
        warmup_rounds=1,
    )
    error = call.error()
    assert error is not None and error < RIGHT


def test_np_add(benchmark):
    """What the small calls are compared with."""
    p, q = inputs.pair("probs", "float64", *ONE_PAIR.shape(BRIEF))
    benchmark(np.add, p[0], q[0])
