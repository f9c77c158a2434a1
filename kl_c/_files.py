"""Files that appear whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

__all__ = ["replacing"]


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a temporary file beside ``path`` that takes its name when the block ends well.

    Whoever opens ``path`` sees the old file or the complete new one. When the block raises, the
    temporary file is removed and ``path`` stays as it was.
    """
    target = Path(os.path.realpath(path))  # of a link, what it points to
    if target.exists() and not target.is_file():
        with _named(path, target), open(target, "wb") as file:
            yield file  # a pipe or a device has no old contents to keep
        return
    # Not tempfile: its files are private to the user (mode 0600), and the rename would keep that.
    temporary = target.with_name(f".kl_c-{os.urandom(8).hex()}.tmp")
    try:
        with _named(path, temporary):
            with open(temporary, "xb") as file:
                yield file
            os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def _named(path: str | os.PathLike[str], written: Path) -> Iterator[None]:
    """Let an error of the system that names no file, or the one that is written, name the path."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename not in (None, os.fspath(written)):
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error
