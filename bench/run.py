"""Measures every line of the table in new processes, prints the report and keeps all samples.

    python bench/run.py [--quick] [--only REGEX] [--json FILE]

The figure of a line is the median over the processes. ``--quick`` tries the whole program in some
seconds on arrays too small to judge by.
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

import machine
import report
from cases import LINES
from protocol import FULL, QUICK

HERE = Path(__file__).resolve().parent
# One thread for every library: what is compared is work, not cores.
ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one process, small arrays")
    parser.add_argument("--only", default="", metavar="REGEX", help="lines whose name it finds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="default: bench/results/*.json")
    options = parser.parse_args()
    try:
        names = [line.name for line in LINES if re.search(options.only, line.name)]
    except re.error as error:
        parser.error(f"--only {options.only}: {error}")
    if not names:
        parser.error(f"--only {options.only}: no line has such a name")
    scale = QUICK if options.quick else FULL

    result = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": options.quick,
        "scale": asdict(scale),
        **machine.describe(),
        "load before": machine.load(),
    }
    processes = []
    for number in range(1, scale.processes + 1):
        found = {}
        for outcome in one_process(options.quick, options.only):
            name = outcome.pop("name")
            found[name] = outcome
            say(f"process {number} of {scale.processes}: {name}")
        if list(found) != names:
            say("the measuring process ended early; its own words stand above")
            return 1
        processes.append(found)
    result["load after"] = machine.load()
    result["lines"] = [
        report.summed_up(line, [found[line.name] for found in processes], judged=not options.quick)
        for line in LINES
        if line.name in names
    ]
    print(report.text(result))
    # A part or a trial never stands where a full run is looked for.
    partial = "quick" if options.quick else "part" if options.only else "latest"
    report.write(result, options.json or HERE / "results" / f"{partial}.json")
    return 0


def one_process(quick: bool, only: str) -> Iterator[dict]:
    command = [sys.executable, str(HERE / "process.py"), f"--only={only}"]
    environment = {**os.environ, **ONE_THREAD}
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
