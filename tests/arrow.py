"""pyarrow, or a skip that says why there is none: it refuses a NumPy that is too old for it."""

from importlib import import_module

import pytest


def arrow():
    """The package with all parts that tests use; skips a test, or a module that asks at its top."""
    try:
        for part in ("feather", "parquet"):
            import_module(f"pyarrow.{part}")
    except ImportError as error:
        pytest.skip(f"pyarrow cannot be imported: {error}", allow_module_level=True)
    return import_module("pyarrow")
