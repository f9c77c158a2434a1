"""Compile C programs around the native half with the flags of setup.py: for tests and benches.

$CC, $CFLAGS, $KL_C_CFLAGS and $LDFLAGS count as they do for the library. Objects are kept in
build/native and compiled again when a source, a flag or the compiler changed.
"""

import ast
import hashlib
import os
import shlex
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

SRC = Path(__file__).resolve().parent
OBJECTS = SRC.parent / "build" / "native"


def words(variable: str) -> list[str]:
    """What an environment variable adds to a command line."""
    return shlex.split(os.environ.get(variable, ""))


@cache
def flags() -> list[str]:
    """GCC_FLAGS of setup.py, which builds when it is imported."""
    for statement in ast.parse((SRC.parent / "setup.py").read_text()).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="GCC_FLAGS")], value=value):
                warnings = ["-Werror"] if os.environ.get("KL_C_WERROR") == "1" else []
                first, last = words("CFLAGS"), words("KL_C_CFLAGS")
                return [*first, *ast.literal_eval(value), *last, *warnings]
    raise LookupError("setup.py defines no GCC_FLAGS")


def compiler() -> list[str] | None:
    """The command of $CC, or of the first usual compiler that is there."""
    commands = [os.environ["CC"]] if os.environ.get("CC") else ["cc", "gcc", "clang"]
    found = map(shlex.split, commands)
    return next((command for command in found if shutil.which(command[0])), None)


@cache
def compiler_version() -> str:
    """The first line of what the compiler says of itself."""
    return subprocess.check_output([*compiler(), "--version"], text=True).splitlines()[0]


def compiled(source: Path, *options: str) -> Path:
    """The object of one C file."""
    command = [*compiler(), *flags(), f"-I{SRC}", *options, "-c", str(source)]
    key = hashlib.sha256(repr([compiler_version(), command]).encode()).hexdigest()[:16]
    target = OBJECTS / f"{source.stem}-{key}.o"
    included = {Path(option[2:]) for option in options if option.startswith("-I")}
    used = [path for folder in {SRC, source.parent} | included for path in folder.iterdir()]
    newest = max(path.stat().st_mtime for path in used if path.suffix in (".c", ".h"))
    if not target.exists() or target.stat().st_mtime < newest:
        OBJECTS.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(f".{os.getpid()}")
        subprocess.run([*command, "-o", str(partial)], check=True)
        partial.replace(target)
    return target


def linked(program: Path, parts: list[tuple]) -> Path:
    """The program of these sources, each given as (path, *options), and of the native half."""
    everything = [*((source,) for source in sorted(SRC.glob("*.c"))), *parts]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(lambda part: str(compiled(*part)), everything))
    link = [*objects, *flags(), *words("LDFLAGS"), "-lm", "-pthread"]
    subprocess.run([*compiler(), *link, "-o", str(program)], check=True)
    return program
