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
        try:
            with open(target, "wb") as file:  # a pipe or a device has no old contents to keep
                yield file
        except OSError as error:
            _name(error, path, target)
            raise
        return
    # Not tempfile: its files are private to the user (mode 0600), and the rename would keep that.
    temporary = target.with_name(f".kl_c-{os.urandom(8).hex()}.tmp")
    try:
        with open(temporary, "xb") as file:
            yield file
        os.replace(temporary, target)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        _name(error, path, temporary)
        raise


def _name(error: BaseException, path: str | os.PathLike[str], temporary: Path) -> None:
    """Let an error of the system that knows no file, or only the temporary one, name the path."""
    if isinstance(error, OSError) and error.filename in (None, os.fspath(temporary)):
        error.filename, error.filename2 = os.fspath(path), None
