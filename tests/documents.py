"""The tables and blocks of a page; blocks run as a reader would run them.

Blocks marked ``pycon`` and ``console`` are run in the order of the page, in one session and one
directory; what they print is compared with what stands there (``...`` stands for anything).
"""

import doctest
import re
import shlex
import subprocess
import sys
from typing import NamedTuple

OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROGRAM = (sys.executable, "-m", "kl_c")  # what kl-c starts
FIGURE = re.compile(r"[-+]?\d+(?:[.,]\d+)*(?:e[-+]\d+)?")
RULE = re.compile(r"-{5,}")  # below the head of a table, as wide as its figures make it


class Block(NamedTuple):
    kind: str
    text: str
    line: int


def blocks_of(text):
    """Every fenced block of a page."""
    return [Block(x[1], x[2], text[: x.start(2)].count("\n")) for x in FENCED.finditer(text)]


def complaints(page, blocks, program=PROGRAM, any_figures=False):
    """What the examples of a page print in place of what stands there, run in this directory.

    With ``any_figures`` a number in the output of a command stands for any number, as where it
    depends on the text of a Python.
    """
    session = {}
    for block in blocks:
        if block.kind == "pycon":
            yield from _run_python(page, block, session)
        elif block.kind == "console":
            yield from _run_shell(page, block, program, any_figures)


def _run_python(page, block, session):
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(optionflags=OPTIONS)
    test = parser.get_doctest(block.text, {}, page, page, block.line)
    test.globs = session
    said = []
    runner.run(test, out=said.append, clear_globs=False)
    assert test.examples
    return ["".join(said)] if runner.failures else []


def _run_shell(page, block, program, any_figures):
    """Each ``$ kl-c ...`` of the block, its output (standard error too) against the lines below."""
    found = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block.text, re.MULTILINE)
    assert found
    for command, expected in found:
        name, *arguments = shlex.split(command)
        assert name == "kl-c", command
        done = subprocess.run(
            [*program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        texts = (expected, done.stdout)
        if any_figures:
            texts = (RULE.sub("-----", FIGURE.sub("0", text)) for text in texts)
        if not doctest.OutputChecker().check_output(*texts, OPTIONS):
            yield f"{page}:{block.line}: {command} printed\n{done.stdout}"


def table(text, *head):
    """Cells of the one table with this head."""
    lines = text.splitlines()
    (start,) = (i for i, line in enumerate(lines) if cells_of(line) == list(head))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(cells_of(line))
    return rows


def cells_of(line):
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def code(cell):
    """What stands between backticks in a cell."""
    return re.findall(r"`([^`]+)`", cell)
