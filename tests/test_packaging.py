"""The sdist, the wheel built from it, and how plain the portable C is."""

import configparser
import email
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

import kl_c

# Directories whose every file belongs into the sdist, as far as they exist.
SHIPPED = ("src", "kl_c", "tests", "bench", "docs")
NATIVE_SOURCES = {".c", ".h", ".pyx", ".pxd", ".pxi", ".o"}


def files_of(tree: Path) -> set[str]:
    """Every shipped file of the tree, by its path from the root."""
    found = (path for folder in SHIPPED for path in (tree / folder).rglob("*"))
    return {
        path.relative_to(tree).as_posix()
        for path in found
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".so"
    }


@pytest.fixture(scope="session")
def project(source_tree) -> dict:
    return tomllib.loads((source_tree / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="session")
def distributions(source_tree, tmp_path_factory) -> Path:
    """A folder with the sdist and the wheel that was built from it, without compiler warnings.

    The build is isolated: it sees neither this environment's NumPy nor a Cython.
    """
    copy = tmp_path_factory.mktemp("packaging") / "tree"
    ignored = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__", "*.so")
    shutil.copytree(source_tree, copy, ignore=ignored)
    shutil.copytree(source_tree / ".ci", copy / ".ci")
    build = subprocess.run(
        [sys.executable, "-m", "build", "--outdir", "dist"],
        cwd=copy,
        env={**os.environ, "KL_C_WERROR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert build.returncode == 0, build.stdout
    return copy / "dist"


@pytest.fixture(scope="session")
def wheel(distributions):
    (path,) = distributions.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


@pytest.fixture(scope="session")
def sdist_files(distributions) -> set[str]:
    (path,) = distributions.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        members = [member.name for member in archive if member.isfile()]
    return {name.split("/", 1)[1] for name in members}


def test_sdist_holds_the_whole_project(source_tree, sdist_files):
    top = {"pyproject.toml", "setup.py", "MANIFEST.in", "LICENSE", "README.md", "Makefile"}
    assert top | {"CONTRIBUTING.md", "CHANGELOG.md", ".ci/run"} <= sdist_files
    assert files_of(source_tree) - sdist_files == set()


def test_sdist_holds_nothing_that_was_built(sdist_files):
    built = {".so", ".pyd", ".o", ".pyc"}
    assert [name for name in sdist_files if Path(name).suffix in built] == []
    assert "src/_kernels.c" not in sdist_files


def test_wheel_holds_the_python_half_and_one_extension(source_tree, wheel):
    names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    extensions = {name for name in names if name.endswith(sysconfig.get_config_var("EXT_SUFFIX"))}
    assert len(extensions) == 1
    package = {name for name in files_of(source_tree) if name.startswith("kl_c/")}
    assert names - extensions == package
    assert {"kl_c/py.typed", "kl_c/_kernels.pyi"} <= names


def test_wheel_holds_no_native_sources(wheel):
    assert [name for name in wheel.namelist() if Path(name).suffix in NATIVE_SOURCES] == []


def test_wheel_metadata(project, wheel):
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    head = email.message_from_bytes(wheel.read(name))
    required = [line for line in head.get_all("Requires-Dist") if "extra ==" not in line]
    assert required == ["numpy>=1.26"]
    assert head["Version"] == project["version"]
    assert head["Requires-Python"] == ">=3.11"
    assert head["License-Expression"] == "BSD-3-Clause"
    assert any(entry.endswith("licenses/LICENSE") for entry in wheel.namelist())


def test_wheel_installs_the_command(wheel):
    (name,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    entry_points = configparser.ConfigParser()
    entry_points.read_string(wheel.read(name).decode())
    assert dict(entry_points["console_scripts"]) == {"kl-c": "kl_c._cli:main"}


def test_version_has_one_source(project):
    assert kl_c.__version__ == metadata.version("kl_c") == project["version"]


def test_portable_c_has_no_gnu_extension(source_tree, tmp_path):
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC"))
    # The file of an instruction set is the one place for intrinsics and compiler pragmas.
    portable = [
        path
        for path in (source_tree / "src").glob("*.c")
        if path.stem == "backend_scalar" or not path.stem.startswith("backend_")
    ]
    assert {"backend_scalar.c", "dispatch.c"} <= {path.name for path in portable}
    flags = ["-std=c11", "-pedantic-errors", "-O3", "-Wall", "-Wextra", "-Werror"]
    include = ["-I", sysconfig.get_path("include")]
    version = ['-DKL_C_VERSION="0"']
    compiled = subprocess.run(
        [*compiler, *flags, *version, *include, "-c", *portable],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert compiled.returncode == 0, compiled.stderr
