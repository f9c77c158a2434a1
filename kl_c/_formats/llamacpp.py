"""llama.cpp's reference logits, what ``llama-perplexity --kl-divergence-base FILE`` writes.

Little-endian: the magic, three int32 (n_ctx, n_vocab, n_chunk), the tokens of all chunks as int32,
then a row for each scored position. A row is a float32 scale, the float32 log-probability of the
floor, and a uint16 code for each outcome, padded to an even number: log p = scale * code + floor.
Positions n_ctx // 2 ... n_ctx - 2 of a chunk are scored; position j predicts token j + 1. Source:
llama.cpp, tools/perplexity/perplexity.cpp.

What lies further below the likeliest outcome than the clip (16 nats in llama.cpp, 24 in
ik_llama.cpp, and nothing in the file says which) has code 0, and so has what rounds to it.
"""

import os
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kl_c import _kernels
from kl_c._errors import InputError
from kl_c._formats.rows import Floor, RowFile, map_array

__all__ = [
    "CLIPS",
    "HEADER",
    "LARGEST_CODE",
    "MAGIC",
    "Layout",
    "LogitsFile",
    "clip_of",
    "is_clipped",
    "open_logits",
]

MAGIC = b"_logits_"
HEADER = np.dtype([("magic", "S8"), ("n_ctx", "<i4"), ("n_vocab", "<i4"), ("n_chunk", "<i4")])
LARGEST_CODE = 65535  # the likeliest outcome
CLIPS = {16: "llama.cpp", 24: "ik_llama.cpp"}

# A clipped row's span is the clip but for the rounding of max - clip: half a unit of a float32,
# 5e-4 for logits up to 16384, and what rounding the scale adds.
SPAN_TOLERANCE = 1e-3

# The floor as stored is off by the roundings of (min - max) - lse and of lse itself: four halves of
# a unit of a float32 between 32 and 64.
FLOOR_ERROR = 4 * 2.0**-19


class Layout(NamedTuple):
    """The three numbers of the header, and the places that follow from them."""

    n_ctx: int
    n_vocab: int
    n_chunk: int

    @property
    def first(self) -> int:
        """The first scored position of a chunk."""
        return self.n_ctx // 2

    @property
    def n_tok(self) -> int:
        """The scored positions of a chunk."""
        return self.n_ctx - 1 - self.first

    @property
    def row_words(self) -> int:
        """uint16 of a row: two float32 and the codes, padded."""
        return 2 * ((self.n_vocab + 1) // 2) + 4

    @property
    def data(self) -> int:
        """Where the rows begin."""
        return HEADER.itemsize + 4 * self.n_chunk * self.n_ctx

    @property
    def rows(self) -> int:
        return self.n_chunk * self.n_tok

    @property
    def size(self) -> int:
        return self.data + 2 * self.rows * self.row_words

    def check(self, path: str) -> None:
        """Refuse numbers that no text and no vocabulary have."""
        # Three positions are the fewest that leave one to score.
        for name, least in (("n_ctx", 3), ("n_vocab", 1), ("n_chunk", 1)):
            if getattr(self, name) < least:
                raise InputError(
                    f"{path}: expected {name} of at least {least}, found {getattr(self, name)}"
                )

    def labels(self, tokens: NDArray[Any]) -> NDArray[np.int64]:
        """What came true in each row."""
        return tokens[:, self.first + 1 :].reshape(-1).astype(np.int64)

    def check_labels(self, path: str, tokens: NDArray[Any]) -> None:
        """Refuse a token that is no outcome where it is scored."""
        scored = tokens[:, self.first + 1 :]
        wrong = np.argwhere((scored < 0) | (scored >= self.n_vocab))
        if len(wrong):
            chunk, place = wrong[0].tolist()
            raise InputError(
                f"{path}: expected tokens of 0 to {self.n_vocab - 1}, found {scored[chunk, place]} "
                f"in chunk {chunk} at position {self.first + 1 + place}"
            )


def open_logits(path: str, file: str) -> "LogitsFile":
    """Read the header.

    Raises
    ------
    InputError
        When its numbers are absurd, or the file is not of the size that they say.
    """
    with open(file, "rb") as stream:
        head, size = stream.read(HEADER.itemsize), os.fstat(stream.fileno()).st_size
    if len(head) < HEADER.itemsize:
        raise InputError(
            f"{path}: expected a _logits_ header of {HEADER.itemsize} bytes, found {len(head)} "
            "(the file is truncated)"
        )
    _, *numbers = np.frombuffer(head, HEADER)[0].tolist()
    layout = Layout(*numbers)
    layout.check(path)
    if size != layout.size:
        if size < layout.data:
            found = "ends within the tokens"
        elif size < layout.size:
            whole = (size - layout.data) // (2 * layout.row_words)
            found = f"holds {whole} whole rows (the file is truncated)"
        else:
            found = f"is {size - layout.size} bytes too long"
        raise InputError(
            f"{path}: expected {layout.size} bytes for {layout.n_chunk} chunks x {layout.n_tok} "
            f"rows of {layout.n_vocab} outcomes, found {size}, which {found}"
        )
    return LogitsFile(path, file, layout)


class LogitsFile(RowFile):
    """Rows as float32 log-probabilities, with labels and groups.

    They are scored as logits, divided by their mass: every outcome below the floor counts as at the
    floor, which lifts the mass by up to n_vocab e^-16, 1.7 % of 150,000 outcomes, beyond what
    log_probs may miss 1 by.
    """

    format = "_logits_"
    form = "logits"
    clips = True

    def __init__(self, path: str, file: str, layout: Layout) -> None:
        shape = (layout.n_chunk, layout.n_tok, layout.n_vocab)
        super().__init__(path, [file], shape, np.dtype(np.float32))
        self.layout = layout
        self._tokens: NDArray[np.int32] | None = None
        self._mapped: tuple[int, int, _kernels.CodedRows] | None = None  # what was asked for last

    def read(self, start: int, stop: int) -> NDArray[Any]:
        block = np.empty((stop - start, self.layout.n_vocab), np.float32)
        self.stored(start, stop).decode(block, self.workers)
        return block

    def stored(self, start: int, stop: int) -> _kernels.CodedRows:
        # Codes are half as long as what they stand for, and pages that no program has touched yet
        # cost several times the decoding: 0.7 of the rows a second with blocks of float32 between.
        if self._mapped is None or self._mapped[:2] != (start, stop):
            self._mapped = None  # one map at a time
            self._mapped = start, stop, self._map(start, stop)
        return self._mapped[2]

    @property
    def tokens(self) -> NDArray[np.int32]:
        if self._tokens is None:
            shape = (self.layout.n_chunk, self.layout.n_ctx)
            mapped = map_array(self.path, self.files[0], "<i4", HEADER.itemsize, shape)
            self._tokens = np.array(mapped, np.int32)
        return self._tokens

    @property
    def labels(self) -> NDArray[np.int64]:
        self.layout.check_labels(self.path, self.tokens)
        return self.layout.labels(self.tokens)

    @property
    def groups(self) -> NDArray[np.int64]:
        return np.repeat(np.arange(self.layout.n_chunk), self.layout.n_tok)

    def spacing(self, start: int, stop: int, block: NDArray[Any] | None = None) -> NDArray[Any]:
        rows = self.stored(start, stop)
        # The likeliest is stored exactly.
        return np.where(rows.codes() == LARGEST_CODE, 0, rows.head()[:, :1])

    def floor(self, start: int, stop: int) -> Floor:
        rows = self.stored(start, stop)
        scales, floors = rows.head().T
        above = rows.above_floor(self.workers)
        at_floor = self.layout.n_vocab - above
        # A code of 0 also stands for what rounds down to it.
        highest = np.exp(floors.astype(np.float64) + scales / 2.0 + FLOOR_ERROR)
        span = LARGEST_CODE * scales.astype(np.float64)
        share = at_floor / self.layout.n_vocab
        return Floor(share, at_floor * highest, span, -floors.astype(np.float64), above)

    def _map(self, start: int, stop: int) -> _kernels.CodedRows:
        words = self.layout.row_words
        offset = self.layout.data + 2 * words * start
        mapped = map_array(self.path, self.files[0], "<u2", offset, (stop - start, words))
        rows = _kernels.CodedRows(mapped, self.layout.n_vocab)
        head = rows.head()
        bad = np.flatnonzero(~np.isfinite(head).all(axis=1) | (head[:, 0] < 0))
        if bad.size:
            raise InputError(
                f"{self.path}: expected a finite scale and floor in row {start + bad[0]}, found "
                f"{head[bad[0], 0]} and {head[bad[0], 1]}"
            )
        return rows


def clip_of(spans: NDArray[Any]) -> int | None:
    """The clip that rows of these spans were written with; None where no row reached one."""
    largest = float(spans.max(initial=0))
    if largest < min(CLIPS) - SPAN_TOLERANCE:
        return None
    # Wider than one clip and not as wide as the next: written with the next, which no row reached.
    return next((clip for clip in CLIPS if largest <= clip + SPAN_TOLERANCE), None)


def is_clipped(spans: NDArray[Any], clip: int | None) -> NDArray[np.bool_]:
    """Which rows of these spans end at the clip."""
    return spans >= (np.inf if clip is None else clip - SPAN_TOLERANCE)
