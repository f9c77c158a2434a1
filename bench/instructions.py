"""Instructions of every kernel, per outcome, and of small calls, as callgrind counts them.

    python bench/instructions.py                    # count and print
    python bench/instructions.py --check            # fail where a count grew by more than 5 %
    python bench/instructions.py --write "reason"   # keep these counts, and why they may be so

Counts repeat exactly on a busy machine, but belong to a compiler, and those of small calls to a
Python and a NumPy too: with others they are not compared, and this is said. valgrind knows no
AVX-512, so the backends up to AVX2 are counted. Needs valgrind with its headers and a C compiler.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import kl_c

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "bench" / "results" / "instructions.json"
GROWTH = 0.05

sys.path.append(str(ROOT / "src"))
import c_program  # noqa: E402

Counts = dict[str, float]


def under_callgrind(folder: Path, *command: object) -> tuple[list[tuple[str, int, int]], str]:
    """(name, size, instructions) of each pair of marks, and what the command printed."""
    counts = folder / "counts"
    options = ["--tool=callgrind", "--instr-atstart=no", "--combine-dumps=yes", "-q"]
    done = subprocess.run(
        ["valgrind", *options, f"--callgrind-out-file={counts}", *map(str, command)],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    dumps = re.findall(
        r"^desc: Trigger: Client Request: ([^\n]*): (\d+)$.*?^summary: (\d+)$",
        counts.read_text(),
        re.MULTILINE | re.DOTALL,
    )
    return [(name, int(size), int(instructions)) for name, size, instructions in dumps], done.stdout


def kernels(folder: Path) -> tuple[dict[str, str], Counts]:
    """What the kernels were made with, and their instructions per outcome."""
    native = ROOT / "tests" / "native"
    include = f"-I{native}"
    parts = [(ROOT / "bench" / name, include) for name in ("instructions.c", "marks.c")]
    program = c_program.linked(folder / "instructions", [*parts, (native / "rows.c", include)])
    dumps, compiler = under_callgrind(folder, program)
    counted = {name: round(count / size, 2) for name, size, count in dumps if size}
    return {"compiler": compiler.strip()}, counted


def small_calls(folder: Path) -> tuple[dict[str, str], Counts]:
    """What the installed library was made with and runs on, and its instructions per call."""
    marks = folder / "marks.so"
    source = ROOT / "bench" / "marks.c"
    subprocess.run([*c_program.compiler(), "-shared", "-fPIC", source, "-o", marks], check=True)
    script = Path(__file__).with_name("small_calls.py")
    dumps, _ = under_callgrind(folder, sys.executable, "-P", script, marks)
    counted = {}
    for (name, times, first), (_, _, both) in zip(dumps[::2], dumps[1::2], strict=True):
        counted[name] = round((both - first) / times)
    nothing = counted.pop("nothing")
    made_with = {
        "compiler": kl_c.show_config()["compiler"],
        "python": "{}.{}".format(*sys.version_info),
        "numpy": np.__version__,
    }
    return made_with, {name: count - nothing for name, count in counted.items()}


SECTIONS = {"kernels, per outcome": kernels, "small calls": small_calls}


def compare(section: str, kept: dict, made_with: dict, counts: Counts) -> list[str]:
    """What must not be, each in a line; prints what may be."""
    if made_with != kept["made with"]:
        print(f"{section}: not comparable: kept for {kept['made with']}, this is {made_with}")
        return []
    faults = []
    for name in sorted({*counts, *kept["counts"]}):
        before, after = kept["counts"].get(name), counts.get(name)
        if before is None or after is None:
            faults.append(f"{name}: no count is {'kept' if before is None else 'found'}")
            continue
        change = f"{name}: {before} -> {after}, {after / before - 1:+.1%}"
        if after > before * (1 + GROWTH):
            faults.append(change)
        elif after < before * (1 - GROWTH):
            print(f"{change}: keep it by --write")
    print(f"{section}: {len(counts)} counts, {len(faults)} faults")
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with the kept counts")
    parser.add_argument("--write", metavar="REASON", help="keep the counts")
    options = parser.parse_args()
    if not shutil.which("valgrind"):
        parser.error("there is no valgrind on this machine")
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {"reasons": []}
    faults = []
    for section, measure in SECTIONS.items():
        with tempfile.TemporaryDirectory() as folder:
            made_with, counts = measure(Path(folder))
        if options.check:
            faults += compare(section, kept[section], made_with, counts)
        else:
            print("\n".join(f"{count:10}  {name}" for name, count in counts.items()))
        if options.write:
            kept[section] = {"made with": made_with, "counts": counts}
    if options.write:
        kept["reasons"].append(options.write)
        KEPT.write_text(json.dumps(kept, indent=1) + "\n")
    if faults:
        print("\n".join(faults))
        print("If this growth is wanted: make instructions BENCH_ARGS='--write \"why\"'")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
