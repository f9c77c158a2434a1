"""What every file of rows offers, whatever its format.

Design note. Every block is mapped anew and its map dropped before the next, so that the pages of a
file count as this process's memory only while their block is scored. One map of the whole file
would grow with every page touched; reading into a buffer costs a second pass over the memory. A
file that becomes shorter under its map reads as zeros, so ``check_unchanged`` comes after what was
read and before what was made of it counts.
"""

import hashlib
import math
import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kl_c import _kernels
from kl_c._errors import InputError

__all__ = [
    "BLOCK_BYTES",
    "Floor",
    "RowFile",
    "bfloat16",
    "check_unchanged",
    "describe",
    "map_array",
    "regular_file_only",
    "token_hash",
]

# What is mapped, or where that cannot be copied, at one time.
BLOCK_BYTES = 32 << 20

# A fingerprint reads this many pieces, evenly spaced from the first byte to the last.
SAMPLES = 64
SAMPLE_BYTES = 16 << 10


class Floor(NamedTuple):
    """What a clipped row no longer tells, one entry per row."""

    share: NDArray[np.float64]  # of the outcomes that stand at the floor
    mass: NDArray[np.float64]  # no more than this probability can lie there
    span: NDArray[np.float64]  # from the floor to the likeliest outcome, in nats
    depth: NDArray[np.float64]  # -log of the floor
    above: NDArray[np.float64]  # how many outcomes stand above it


class RowFile(ABC):
    """A file, or several as one, that hold rows x outcomes or batch x length x outcomes.

    Attributes
    ----------
    path : str
        As the user named it.
    files : tuple of str
        The files that are read.
    format : str
    shape, dtype
        Of the array that the blocks of ``read`` are rows of.
    form : str or None
        The form in which its rows are scored, where the format settles that.
    labels, groups : ndarray of int64 or None
        For each row what came true and which stretch of text it is from, where the file says so.
    clips : bool
        Whether the format keeps nothing that lies far below a row's likeliest outcome.
    workers : int or None
        Threads that turn what is stored into numbers, where that takes more than a copy.
    lengths : ndarray of int64 or None
        How many entries each row has of its own, once ``fill_up`` was asked for and they differ.
    """

    format: str
    form: str | None = None
    clips: bool = False
    workers: int | None = None
    lengths: NDArray[np.int64] | None = None

    def __init__(
        self, path: str, files: Sequence[str], shape: Sequence[int], dtype: np.dtype[Any]
    ) -> None:
        self.path = path
        self.files = tuple(files)
        self.shape = tuple(shape)
        self.dtype = dtype
        self._sizes = [os.path.getsize(file) for file in self.files]
        self._vanished = _kernels.vanished_pages()  # from now on they do not kill the process

    @abstractmethod
    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start`` to ``stop`` of the array flattened to rows x outcomes."""

    def stored(self, start: int, stop: int) -> Any:
        """The same rows as a comparison takes them: as they lie in the file, where it can."""
        return self.read(start, stop)

    def fill_up(self, value: float) -> None:
        """From now on read lists of different length as long as the longest, with this in the end.

        Only where a format holds such lists; without it they are refused.
        """
        self.lengths = None

    @property
    def rows(self) -> int:
        """The number of distributions."""
        return math.prod(self.shape[:-1])

    @property
    def row_bytes(self) -> int:
        """What one row of a block takes in memory."""
        return self.shape[-1] * self.dtype.itemsize

    @property
    def labels(self) -> NDArray[np.int64] | None:
        return None

    @property
    def groups(self) -> NDArray[np.int64] | None:
        return None

    @property
    def tokens(self) -> NDArray[np.int32] | None:
        """The whole text, chunks x length, of which ``labels`` are a part."""
        return None

    def spacing(self, start: int, stop: int, block: NDArray[Any] | None = None) -> NDArray[Any]:
        """The distance between the values that the file can hold, around each value of the rows.

        Storing a value moved it by up to half of this. Broadcasts to the block of ``read``, which
        is read again only if it is not given: a stream would have to start over.
        """
        if block is None:
            block = self.read(start, stop)
        if block.dtype.kind in "iub":
            return np.ones((1, 1))
        with np.errstate(invalid="ignore"):  # around an infinite value there is none
            spacing: NDArray[Any] = np.spacing(block.astype(block.dtype.newbyteorder("=")))
        np.copysign(spacing, 1, out=spacing)  # it comes with the sign of the value
        return spacing

    def floor(self, start: int, stop: int) -> Floor | None:
        """What clipping took from these rows; None where the format clips nothing."""
        return None

    def facts(self) -> dict[str, Any]:
        """What a report says about the file, so that another can be held against it."""
        return {
            "path": self.path,
            "shape": list(self.shape),
            "dtype": str(self.dtype),
            "format": self.format,
            "bytes": sum(self._sizes),
            "sampled_hash": self._hash(),
        }

    def _hash(self) -> str:
        """Of the size and of pieces of the file: told apart from others in milliseconds."""
        digest = hashlib.blake2b(digest_size=16)
        for file in self.files:
            with open(file, "rb") as stream:
                size = os.fstat(stream.fileno()).st_size
                digest.update(size.to_bytes(8, "little"))
                last = max(0, size - SAMPLE_BYTES)
                places = {last * sample // (SAMPLES - 1) for sample in range(SAMPLES)}
                for place in sorted(places):
                    stream.seek(place)
                    digest.update(stream.read(SAMPLE_BYTES))
        return digest.hexdigest()

    def __str__(self) -> str:
        return f"{self.path} ({describe(self.shape, self.dtype)})"


def check_unchanged(*files: RowFile) -> None:
    """Refuse files that became shorter since they were opened: zeros were read in their place."""
    for rows in files:
        for file, size in zip(rows.files, rows._sizes, strict=True):
            found = os.path.getsize(file)
            if found < size:
                path = rows.path if len(rows.files) == 1 else file
                raise _shrunk(path, f"{size} bytes as when it was opened", found)
    for rows in files:
        if _kernels.vanished_pages() != rows._vanished:  # and grew again meanwhile
            raise InputError(
                f"{rows.path}: expected a file that stays as it is, found that this or another was "
                "shorter while it was read"
            )


def describe(shape: Sequence[int], dtype: Any) -> str:
    """Shape and type as a reader says them: ``1000 x 32000 float32``."""
    return f"{' x '.join(map(str, shape)) or '0-D'} {dtype}"


def token_hash(labels: NDArray[Any]) -> str:
    """Of what came true in each row: the same for the same tokens, wherever they came from."""
    return hashlib.blake2b(labels.astype("<i8").tobytes(), digest_size=16).hexdigest()


def map_array(
    path: str, file: str, dtype: Any, offset: int, shape: tuple[int, ...], order: Any = "C"
) -> NDArray[Any]:
    """One block of a file; ``path`` is what an error calls it."""
    if 0 in shape:  # nothing to map
        return np.empty(shape, dtype)
    expected = offset + math.prod(shape) * np.dtype(dtype).itemsize
    try:
        return np.memmap(file, dtype, "r", offset, shape, order)
    except ValueError:  # longer than the file
        raise _shrunk(path, f"at least {expected} bytes", os.path.getsize(file)) from None
    except OSError as error:
        raise InputError(f"{path}: expected to read on, found: {error.strerror}") from error


def regular_file_only(path: str, flags: int) -> int:
    """An opener for ``open`` that refuses what has no size."""
    # Without O_NONBLOCK opening a pipe that nobody writes to would wait for ever.
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        found = "a directory" if stat.S_ISDIR(mode) else "a pipe or device, which has no end to map"
        raise InputError(f"{path}: expected a file of rows, found {found}")
    return descriptor


def bfloat16(path: str, found: str) -> np.dtype[Any]:
    """The dtype, or an error that says how to get it."""
    try:
        import ml_dtypes
    except ImportError:
        raise InputError(
            f"{path}: expected a dtype that NumPy knows, found {found}: pip install ml_dtypes"
        ) from None
    dtype: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
    return dtype


def _shrunk(path: str, expected: str, found: int) -> InputError:
    return InputError(
        f"{path}: expected {expected}, found {found} (the file shrank while it was read)"
    )
