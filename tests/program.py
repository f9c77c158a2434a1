"""The program ``kl-c``, run as a user runs it: as a process of its own."""

import json
import signal
import subprocess
import sys

import pytest

from kl_c import Comparison
from kl_c._cli.report import of_one

WITHOUT_RICH = """
import sys
sys.modules["rich"] = None  # what an import finds where it is not installed
from kl_c._cli import main
sys.exit(main())
"""


def run(*arguments, cwd, code=0, rich=True, env=None):
    """Run ``kl-c`` with these arguments in ``cwd`` and assert its exit code."""
    program = ["-m", "kl_c"] if rich else ["-c", WITHOUT_RICH]
    done = subprocess.run(
        [sys.executable, *program, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        env=env,
        timeout=300,
    )
    assert done.returncode == code, done.stderr
    return done


def complaint(*arguments, cwd, **options):
    """What the program says, in one line, about wrong usage or input."""
    done = run(*arguments, cwd=cwd, code=2, **options)
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("kl-c: ")
    return line.removeprefix("kl-c: ")


def as_facts(text):
    """What a strict reader of JSON gets."""
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def of_the_only(text):
    """The JSON of a run with one candidate, and what is said of that one beside what is shared."""
    facts = as_facts(text)
    (candidate,) = facts.pop("candidates")
    assert not set(facts) & set(candidate)
    return of_one(facts, candidate)


def press_at(monkeypatch, update, times=1):
    """Ctrl-C while this ``update`` of a comparison runs, counted from 1, whichever it is of."""
    calls, given = 0, Comparison.update

    def pressed(self, *arrays, **keywords):
        nonlocal calls
        calls += 1
        if calls == update:
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)
        return given(self, *arrays, **keywords)

    monkeypatch.setattr(Comparison, "update", pressed)
