"""What is imported, and what an import costs in modules."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import kl_c

ADDED_BY_IMPORT = """
import sys
import numpy
before = set(sys.modules)
import kl_c
# Not counted: what Cython registers as modules but comes from no file and has no spec, and the
# aliases under which NumPy 1.26 shows its own modules to extensions built for NumPy 2.
print(*sorted(
    name for name in set(sys.modules) - before
    if getattr(sys.modules[name], "__spec__", None) is not None and not name.startswith("numpy.")
))
"""


def test_the_tests_run_against_the_installed_library():
    installed = {Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib")}
    assert Path(kl_c.__file__).resolve().parents[1] in installed


def test_import_loads_the_compiled_module_and_nothing_else():
    added = subprocess.run(
        [sys.executable, "-c", ADDED_BY_IMPORT], capture_output=True, text=True, check=True
    ).stdout.split()
    assert added == ["kl_c", "kl_c._kernels"]
