"""No call makes a temporary of the size of its input, whatever the layout."""

import json
import subprocess
import sys

import pytest

import memory_of_calls
from kl_c import _kernels

LIMIT = 2**20  # bytes beyond inputs and output
CALLS = {*_kernels.MEASURES, "check_rows", "compare"}
NOT_EVERYWHERE = {"rel_entr", "compare"}  # not from logits; of two arrays of rows alone

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not memory_of_calls.can_be_measured(),
    reason="the peak of resident memory can be read and reset on Linux only",
)


@pytest.mark.parametrize("layout", memory_of_calls.LAYOUTS)
def test_nothing_of_the_size_of_the_input_is_allocated(layout):
    done = subprocess.run(
        [sys.executable, memory_of_calls.__file__, layout],
        stdout=subprocess.PIPE,
        check=True,
    )
    rises = json.loads(done.stdout)
    assert CALLS - NOT_EVERYWHERE <= set(rises) <= CALLS
    assert not {name: size for name, size in rises.items() if size > LIMIT}
