"""Measures the lines of the chosen parts in new processes, prints a report, keeps all samples.

    python bench/run.py [PART ...] [--quick] [--only REGEX] [--results DIR]

The parts are table, matrix, family, growth and files; without a name all of them are measured.

The figure of a line is the median over the processes. ``--quick`` tries the whole program on arrays
too small to judge by.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import instruction_set
import machine
import report
import results
from suites import SUITES, Suite

# One thread for every library: what is compared is work, not cores.
ONE_THREAD = dict.fromkeys(
    (
        "OPENBLAS_NUM_THREADS",
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
        "NUMBA_NUM_THREADS",
    ),
    "1",
)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("suites", nargs="*", metavar="PART", help=f"of {', '.join(SUITES)}")
    parser.add_argument("--quick", action="store_true", help="one process, small arrays")
    parser.add_argument("--only", default="", metavar="REGEX", help="lines whose name it finds")
    parser.add_argument("--results", type=Path, metavar="DIR", help="default: bench/results")
    options = parser.parse_args()
    chosen = options.suites or list(SUITES)
    if unknown := [name for name in chosen if name not in SUITES]:
        parser.error(f"{', '.join(unknown)}: expected some of {', '.join(SUITES)}")
    try:
        named = {
            name: [x.name for x in SUITES[name].lines if re.search(options.only, x.name)]
            for name in chosen
        }
    except re.error as error:
        parser.error(f"--only {options.only}: {error}")
    if not any(named.values()):
        parser.error(f"--only {options.only}: no line has such a name")

    where = machine.describe()
    for name in chosen:
        if not named[name]:
            continue
        suite = SUITES[name]
        result = measured(suite, name, named[name], options.quick, options.only, where)
        if result is None:
            say("the measuring process ended early; its own words stand above")
            return 1
        print(suite.text(result), report.foot(result), sep="\n\n", end="\n\n", flush=True)
        part = named[name] != [line.name for line in suite.lines]
        path = results.place(suite.file, quick=options.quick, part=part)
        results.write(result, options.results / path.name if options.results else path)
    return 0


def measured(
    suite: Suite, name: str, names: list[str], quick: bool, only: str, where: dict
) -> dict | None:
    """All that one part found, or None when one of its processes ended early."""
    scale = suite.scale(quick=quick)
    result = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": quick,
        "scale": asdict(scale),
        **where,
        "load before": machine.load(),
    }
    start = monotonic()
    processes = []
    for number in range(1, scale.processes + 1):
        found = {}
        for outcome in one_process(name, quick, only):
            line = outcome.pop("name")
            found[line] = outcome
            say(f"{name}, process {number} of {scale.processes}: {line}")
        if list(found) != names:
            return None
        processes.append(found)
    result["load after"] = machine.load()
    result["seconds"] = round(monotonic() - start)
    entries = {x: results.summed_up(x, [found[x] for found in processes]) for x in names}
    if name == "table":
        lines = {line.name: line for line in suite.lines}
        entries = {x: report.judged(lines[x], entries[x], quick=quick) for x in names}
    result["lines"] = list(entries.values())
    return result


def one_process(suite: str, quick: bool, only: str) -> Iterator[dict]:
    command = [sys.executable, str(results.HERE / "process.py"), suite, f"--only={only}"]
    environment = {**os.environ, **ONE_THREAD, **instruction_set.environment()}
    environment.pop("KL_C_NUM_THREADS", None)
    if quick:
        command.append("--quick")
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            yield json.loads(line)


def say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
