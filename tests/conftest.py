"""Settings that every test shares."""

import os
from pathlib import Path

import hypothesis
import pytest

TREE = Path(__file__).resolve().parents[1]

# Inherited by every program a test starts: `python -c` must import the installed kl_c, not the
# sources in the directory it happens to be started in.
os.environ["PYTHONSAFEPATH"] = "1"

# The same examples on every run, and no deadline: a loaded machine is no reason to fail.
hypothesis.settings.register_profile("kl_c", derandomize=True, database=None, deadline=None)
hypothesis.settings.load_profile("kl_c")


@pytest.fixture(scope="session")
def source_tree() -> Path:
    """The tree of the project, for tests of the sources and of what is built from them."""
    if not (TREE / "setup.py").exists():
        pytest.skip("these tests were copied away from the source tree that they look into")
    return TREE
