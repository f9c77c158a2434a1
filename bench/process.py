"""One process's share of a run: each chosen line once, one JSON object per line of output."""

import argparse
import json
import re
from dataclasses import asdict

from protocol import Absent
from suites import SUITES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suite", choices=SUITES)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    suite = SUITES[options.suite]
    scale = suite.scale(quick=options.quick)
    for line in suite.lines:
        if not re.search(options.only, line.name):
            continue
        try:
            outcome = asdict(line.take(scale))
        except Absent as absent:
            outcome = {"absent": str(absent)}
        print(json.dumps({"name": line.name, **outcome}), flush=True)


if __name__ == "__main__":
    main()
