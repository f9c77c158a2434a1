"""The program ``kl-c``: its commands, its exit codes, and how it reports what went wrong.

Exit codes: 0 done; 1 a gate was crossed; 2 wrong usage or input, with one line on standard error;
70 a fault of this program, with its traceback; 130 interrupted, by ``score`` with a table of what
was read; 141 when whoever reads standard output has gone (both as a shell reports it).
"""

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from kl_c import _kernels
from kl_c._errors import InputError

__all__ = ["main"]

# Each command is a module with add_arguments(parser) and run(args) -> int, imported when the
# command runs.
COMMANDS = {
    "score": ("kl_c._cli.score", "compare files of distributions with a base, row by row"),
    "table": ("kl_c._cli.table", "combine saved runs of score into one table"),
    "sparse": (
        "kl_c._cli.sparse",
        "compare files of the likeliest outcomes: ids and log-probabilities",
    ),
    "convert": ("kl_c._cli.convert", "write a file of rows in another format"),
    "demo": ("kl_c._demo", "train and quantise a small language model, and compare the copies"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program with these arguments and return its exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    if sys.stdout is None:  # closed by whoever called
        sys.stdout = open(os.devnull, "w")
    # File names that the output encoding cannot write must not cost the result.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        args = _parser(arguments).parse_args(arguments)
        args.argv = arguments  # the foot of a table quotes the command
        code: int = import_module(COMMANDS[args.command][0]).run(args)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        _discard_output()
        return 141
    except KeyboardInterrupt:
        return _complain("interrupted", 130)
    except InputError as error:
        return _complain(str(error), 2)
    except OSError as error:
        try:
            sys.stdout.flush()
        except OSError:  # it was the output that failed
            _discard_output()
        return _complain(_of_system(error), 2)
    except Exception:  # 1, which Python would exit with, is a crossed gate's
        traceback.print_exc()
        return 70


def _discard_output() -> None:
    """Python flushes once more when it exits; give that flush somewhere to go."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _of_system(error: OSError) -> str:
    if error.filename is None:
        return f"standard output: expected to write to it, found: {error.strerror or error}"
    return f"{error.filename}: expected to read or write it, found: {error.strerror}"


def _complain(message: str, code: int) -> int:
    print("kl-c:", " ".join(message.split()), file=sys.stderr)
    return code


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line; argparse would print the usage first."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message} (see {self.prog} --help)")


def _parser(arguments: list[str]) -> argparse.ArgumentParser:
    parser = _Parser(
        prog="kl-c",
        description="How far one discrete distribution is from another: KL divergence and its "
        "relatives.",
        epilog="example: kl-c score base.npy quantised.npy --form logits",
    )
    version = _kernels.show_config()["version"]
    parser.add_argument("--version", action="version", version=f"kl-c {version}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (module, purpose) in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=purpose,
            description=purpose[0].upper() + purpose[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        if arguments[:1] == [name]:
            import_module(module).add_arguments(command)
    return parser
