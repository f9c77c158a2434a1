"""A measure stands in the list of the native half and in four more places; none may lack it."""

import ast
import doctest
import inspect
import re
from pathlib import Path

import numpy as np
import pytest

import kl_c
from kl_c import _kernels, reference
from kl_c._sparse_settings import SparseSettings
from kl_c._statistics import Settings

# Functions that are no measures and therefore have no formula in the list or the reference.
OTHER_FUNCTIONS = {"check_rows", "set_workers", "show_config"}
DATA = {"p", "q", "labels", "tokens", "mask", "groups"}  # what ``compare`` takes beside settings
# What only the package itself calls, and does not export: the kernel behind ``compare``, and what
# the readers of files ask: whether one became shorter.
INNER_FUNCTIONS = {"compare_rows", "vanished_pages"}


def functions_of(module) -> set[str]:
    """Public functions that the module itself defines."""
    return {
        name
        for name, value in vars(module).items()
        if inspect.isroutine(value)
        and not name.startswith("_")
        and value.__module__ == module.__name__
    }


def functions_in_stub() -> set[str]:
    stub = ast.parse(Path(_kernels.__file__).with_name("_kernels.pyi").read_text())
    return {node.name for node in stub.body if isinstance(node, ast.FunctionDef)}


# Every place that must know a measure, in the order in which CONTRIBUTING.md adds one, and the
# names it knows.
PLACES = {
    "the list in src/measures.inc.h": set(_kernels.MEASURES),
    "a def in src/_kernels.pyx": functions_of(_kernels),
    "a docstring in src/_kernels.pyx": {
        name for name in functions_of(_kernels) if inspect.getdoc(getattr(_kernels, name))
    },
    "a stub in kl_c/_kernels.pyi": functions_in_stub(),
    "__all__ in kl_c/__init__.py": set(kl_c.__all__),
    "a function in kl_c/reference.py": functions_of(reference),
}
# A name that any of the places takes for a measure is held against all of them.
NAMED_ANYWHERE = (
    (
        set(_kernels.MEASURES)
        | functions_of(_kernels)
        | functions_in_stub()
        | functions_of(reference)
    )
    - OTHER_FUNCTIONS
    - INNER_FUNCTIONS
)


def places_lacking(name: str) -> list[str]:
    return [place for place, names in PLACES.items() if name not in names]


@pytest.mark.parametrize("name", sorted(NAMED_ANYWHERE))
def test_measure_stands_in_every_place(name):
    lacking = places_lacking(name)
    assert not lacking, f"measure {name} lacks {'; '.join(lacking)}"


def test_every_missing_place_is_named():
    assert places_lacking("a_measure_nobody_wrote") == list(PLACES)


def test_list_in_the_native_half_is_the_list_of_the_module(source_tree):
    text = (source_tree / "src" / "measures.inc.h").read_text()
    listed = re.findall(r"^ +M\((\w+), (\w+)\)", text, re.MULTILINE)
    assert listed == list(_kernels.MEASURES.items())


@pytest.mark.parametrize("name", sorted(set(_kernels.MEASURES) | OTHER_FUNCTIONS))
def test_public_function_is_the_compiled_one(name):
    assert getattr(kl_c, name) is getattr(_kernels, name)


def test_every_name_in_all_exists():
    assert [name for name in kl_c.__all__ if not hasattr(kl_c, name)] == []
    assert set(kl_c.__all__) <= set(dir(kl_c))


@pytest.mark.parametrize(
    "name", sorted(name for name in kl_c.__all__ if callable(getattr(kl_c, name)))
)
def test_examples_in_docstrings(name):
    """Every public function and class has examples, and they print what they say."""
    public = getattr(kl_c, name)
    found = doctest.DocTestFinder(exclude_empty=True).find(
        public, name, globs={"kl_c": kl_c, "np": np}, module=False
    )
    examples = [test for test in found if test.examples]
    assert examples, f"the docstring of {name} has no example"
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    printed: list[str] = []
    for test in examples:
        runner.run(test, out=printed.append)
    assert runner.failures == 0, "".join(printed)


def test_inner_functions_are_not_exported():
    assert INNER_FUNCTIONS <= functions_of(_kernels)
    assert INNER_FUNCTIONS.isdisjoint(kl_c.__all__)


@pytest.mark.parametrize(
    ("settings", "places"),
    [
        (Settings, (kl_c.compare, kl_c.Comparison.__init__)),
        (SparseSettings, (kl_c.compare_sparse, kl_c.SparseComparison.__init__)),
    ],
)
def test_settings_are_the_same_in_every_place(settings, places):
    """They are spelled out where users and editors look for them; the list is one."""
    first, second = (
        {
            name: x.default
            for name, x in inspect.signature(public).parameters.items()
            if name not in DATA | {"self"}
        }
        for public in places
    )
    assert first == second
    assert list(first) == list(second) == list(settings._fields)
    assert settings._field_defaults in ({}, first)
