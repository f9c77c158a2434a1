"""The stubs: what two type checkers make of them, and that they say what the module does."""

import ast
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kl_c import _kernels

EXAMPLES = Path(__file__).parent / "typing_examples"
STUB = ast.parse(Path(_kernels.__file__).with_name("_kernels.pyi").read_text())
STUB_FUNCTIONS = [node for node in STUB.body if isinstance(node, ast.FunctionDef)]


def run_checker(arguments: list[str], folder: Path) -> str:
    """Standard output of a checker that was started away from the tree."""
    run = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=folder, capture_output=True, text=True
    )
    assert run.returncode in (0, 1), run.stdout + run.stderr
    return run.stdout


def mypy_errors(example: Path, folder: Path) -> dict[int, str]:
    options = ["--strict", "--config-file=", f"--cache-dir={folder}", "--no-pretty"]
    printed = run_checker(["mypy", *options, str(example)], folder)
    found = re.findall(rf"{re.escape(str(example))}:(\d+): error: (.*)", printed)
    # An error elsewhere, say in the stub itself, must not pass for silence.
    assert len(found) == printed.count(": error: "), printed
    return {int(line): message for line, message in found}


def pyright_errors(example: Path, folder: Path) -> dict[int, str]:
    (folder / "pyrightconfig.json").write_text(json.dumps({"typeCheckingMode": "strict"}))
    options = ["--outputjson", "--project", str(folder), "--pythonpath", sys.executable]
    report = json.loads(run_checker(["basedpyright", *options, str(example)], folder))
    assert report["summary"]["filesAnalyzed"] == 1
    return {
        entry["range"]["start"]["line"] + 1: entry["message"]
        for entry in report["generalDiagnostics"]
        if entry["severity"] == "error"
    }


@pytest.mark.parametrize("errors_of", [mypy_errors, pyright_errors])
def test_accepted_examples(errors_of, tmp_path):
    assert errors_of(EXAMPLES / "accepted.py", tmp_path) == {}


@pytest.mark.parametrize("errors_of", [mypy_errors, pyright_errors])
def test_rejected_examples(errors_of, tmp_path):
    example = EXAMPLES / "rejected.py"
    lines = enumerate(example.read_text().splitlines(), start=1)
    marked = {number for number, line in lines if line.endswith("# rejected")}
    assert len(marked) > 10
    assert set(errors_of(example, tmp_path)) == marked


def parameters_in_stub(function: ast.FunctionDef) -> dict[str, tuple[str, str]]:
    """Kind and default, as written, of every parameter."""
    arguments = function.args
    assert arguments.vararg is None and arguments.kwarg is None
    positional = arguments.posonlyargs + arguments.args
    defaults = [None] * (len(positional) - len(arguments.defaults)) + arguments.defaults
    kinds = ["POSITIONAL_ONLY"] * len(arguments.posonlyargs)
    kinds += ["POSITIONAL_OR_KEYWORD"] * len(arguments.args)
    kinds += ["KEYWORD_ONLY"] * len(arguments.kwonlyargs)
    return {
        argument.arg: (kind, ast.unparse(default) if default else "required")
        for argument, kind, default in zip(
            positional + arguments.kwonlyargs, kinds, defaults + arguments.kw_defaults, strict=True
        )
    }


def parameters_in_module(function) -> dict[str, tuple[str, str]]:
    return {
        name: (
            parameter.kind.name,
            "required" if parameter.default is parameter.empty else repr(parameter.default),
        )
        for name, parameter in inspect.signature(function).parameters.items()
    }


@pytest.mark.parametrize("name", sorted({function.name for function in STUB_FUNCTIONS}))
def test_signature_in_the_stub_is_the_compiled_one(name):
    compiled = parameters_in_module(getattr(_kernels, name))
    *narrower, general = [
        parameters_in_stub(function) for function in STUB_FUNCTIONS if function.name == name
    ]
    assert general == compiled
    for overload in narrower:
        assert list(overload) == list(compiled)
        # An overload that is chosen by a keyword requires it; all else is as in the general one.
        required = {key: (kind, "required") for key, (kind, _) in compiled.items()}
        assert all(overload[key] in (compiled[key], required[key]) for key in compiled)


def test_stub_names_everything_public_and_nothing_else():
    variables = {node.target.id for node in STUB.body if isinstance(node, ast.AnnAssign)}
    classes = {node.name for node in STUB.body if isinstance(node, ast.ClassDef)}
    functions = {function.name for function in STUB_FUNCTIONS}
    public = {
        name
        for name, value in vars(_kernels).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    stubbed = {name for name in variables | classes | functions if not name.startswith("_")}
    assert stubbed == public
