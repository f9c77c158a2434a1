"""The native half by itself, in a C program without Python: tests/native/.

    make native                                        # prints the worst cases
    CC=clang make native PYTEST_ARGS='-k guards'
    make test-aarch64                                  # by a cross compiler, in an emulator

KL_C_NATIVE_RUNNER is put before the program; of KL_C_NATIVE_EVERY cases it takes one, a prime being
best, lest the same kernel be taken every time.
"""

import os
import runpy
import shlex
import subprocess

import pytest

RUNNER = shlex.split(os.environ.get("KL_C_NATIVE_RUNNER", ""))
EVERY = os.environ.get("KL_C_NATIVE_EVERY", "1")


@pytest.fixture(scope="module")
def program(source_tree, tmp_path_factory):
    c_program = runpy.run_path(str(source_tree / "src" / "c_program.py"))
    if c_program["compiler"]() is None:
        pytest.skip("there is no C compiler")
    folder = source_tree / "tests" / "native"
    include = f"-I{folder}"
    parts = [(source, include) for source in sorted(folder.glob("*.c"))]
    for backend in (source_tree / "src").glob("backend_*.c"):
        # The formulas alone, under another name than the backend that is linked beside them.
        renamed = f"-Dkl_{backend.stem}=formulas_of_{backend.stem}"
        parts.append((backend, include, renamed, '-DKL_INSTEAD_OF_ROWS="formulas.inc.h"'))
    return c_program["linked"](tmp_path_factory.mktemp("native") / "native", parts)


@pytest.mark.parametrize("part", ["accuracy", "guards", "batches", "columns"])
def test_native(part, program):
    done = subprocess.run(
        [*RUNNER, program, part, EVERY],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout
