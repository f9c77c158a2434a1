"""Planted errors: each entry of mutations/table.toml must turn the test that it names red.

A suite that stays green with an error in the sources would not have caught that error. The search
texts are held against the sources on every run; the planted errors are built and tested by
`make mutations`, one build of the library each.
"""

import os
import shutil
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import kl_c

TABLE = Path(__file__).parent / "mutations" / "table.toml"
MUTATIONS = tomllib.loads(TABLE.read_text())["mutation"]
KINDS = {"polynomial term", "tail loop", "validity check", "argument order", "statistic"}
GREEN, RED = pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED

each_mutation = pytest.mark.parametrize(
    "mutation", MUTATIONS, ids=[mutation["name"] for mutation in MUTATIONS]
)


def run(arguments: list[str], folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env={**os.environ, "KL_C_WERROR": "0", **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def install_with(mutation: dict[str, str], tree: Path, folder: Path) -> Path:
    """Build a copy of the tree with the error planted; return the folder it is installed in."""
    if mutation["file"].startswith("kl_c/"):
        return install_python_with(mutation, tree, folder / "installed")
    copy, target = folder / "tree", folder / "installed"
    # Hidden folders hold environments, "build" the objects of the true sources.
    shutil.copytree(tree, copy, ignore=shutil.ignore_patterns(".*", "build", "*.egg-info"))
    patched = copy / mutation["file"]
    text = patched.read_text()
    patched.write_text(text.replace(mutation["search"], mutation["replace"]))
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--target", str(target)]
    # Optimised a little only: that takes half the time and changes no bit of an answer.
    built = run(["pip", "install", *options, str(copy)], folder, KL_C_CFLAGS="-O1")
    assert built.returncode == 0, built.stdout
    imported = "import kl_c, sys; sys.exit(not kl_c.__file__.startswith(sys.argv[1]))"
    subprocess.run(
        [sys.executable, "-c", imported, str(target)],
        env={**os.environ, "PYTHONPATH": str(target)},
        check=True,
    )
    return target


def install_python_with(mutation: dict[str, str], tree: Path, target: Path) -> Path:
    """The same for the Python half: a copy of the library as it is installed, but for one file."""
    shutil.copytree(Path(kl_c.__file__).parent, target / "kl_c")
    text = (tree / mutation["file"]).read_text()
    (target / mutation["file"]).write_text(text.replace(mutation["search"], mutation["replace"]))
    return target


def test_every_kind_of_error_is_planted():
    assert {mutation["kind"] for mutation in MUTATIONS} == KINDS


@each_mutation
def test_search_text_occurs_once(mutation, source_tree):
    assert (source_tree / mutation["file"]).read_text().count(mutation["search"]) == 1
    assert mutation["replace"] != mutation["search"]


@pytest.fixture(scope="module")
def installed(source_tree, tmp_path_factory):
    """Where the library with each error is, by name; two builds at a time."""
    with ThreadPoolExecutor(2) as pool:
        builds = {
            mutation["name"]: pool.submit(
                install_with, mutation, source_tree, tmp_path_factory.mktemp("planted")
            )
            for mutation in MUTATIONS
        }
        return {name: build.result() for name, build in builds.items()}


@pytest.mark.mutation
@each_mutation
def test_planted_error_turns_its_test_red(mutation, source_tree, installed):
    named = ["pytest", "-q", mutation["test"]]
    backend = {"KL_C_BACKEND": mutation["backend"]} if "backend" in mutation else {}
    unpatched = run(named, source_tree, **backend)
    assert unpatched.returncode == GREEN, unpatched.stdout
    target = installed[mutation["name"]]
    patched = run(named, source_tree, PYTHONPATH=str(target), **backend)
    # Exactly "tests failed": a test that cannot be collected or a crash would prove nothing.
    assert patched.returncode == RED, patched.stdout
