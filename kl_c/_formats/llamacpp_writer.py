"""The way into llama.cpp's reference logits, bit for bit as its own program writes them."""

from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from kl_c._formats.llamacpp import HEADER, LARGEST_CODE, MAGIC, Layout

__all__ = ["LogitsWriter", "encode"]

# Encoded at one time: what is computed on the way takes some 20 bytes for each.
ENCODED_AT_ONCE = 1 << 20


class LogitsWriter:
    """Writes the header and the tokens, then rows as they come, in flat memory.

    Parameters
    ----------
    file : binary file
        Written from where it stands.
    tokens : ndarray of int, n_chunk x n_ctx
    n_vocab : int
    clip : int
        16 as llama.cpp, 24 as ik_llama.cpp: rows end this many nats below their likeliest outcome.
    """

    def __init__(self, file: BinaryIO, tokens: NDArray[Any], n_vocab: int, clip: int) -> None:
        self.layout = Layout(tokens.shape[1], n_vocab, tokens.shape[0])
        self._file = file
        self._clip = clip
        file.write(np.array([(MAGIC, *self.layout)], HEADER).tobytes())
        file.write(np.ascontiguousarray(tokens, "<i4").data)

    def write(self, logits: NDArray[Any]) -> None:
        """Append rows x outcomes of logits, or of log-probabilities: finite, or -inf."""
        step = max(1, ENCODED_AT_ONCE // self.layout.n_vocab)
        for first in range(0, len(logits), step):
            self._file.write(encode(logits[first : first + step], self._clip).data)


def encode(logits: NDArray[Any], clip: int) -> NDArray[np.uint16]:
    """Rows of the file from rows of logits, in the float32 arithmetic of llama.cpp.

    Exponentials are rounded from float64: the C library's expf is within 0.51 units of exact, and
    NumPy's float32 exp, within 2.5, shows in the last bit of the sum.
    """
    rows, n_vocab = logits.shape
    out = np.zeros((rows, Layout(0, n_vocab, 0).row_words), "<u2")
    if not rows:
        return out
    given = np.ascontiguousarray(logits, np.float32)
    largest = given.max(axis=1, keepdims=True)
    least = np.maximum(given.min(axis=1, keepdims=True), largest - np.float32(clip))
    exponentials = np.exp((given - largest).astype(np.float64)).astype(np.float32)
    log_sum = np.log(exponentials.sum(axis=1, keepdims=True, dtype=np.float64)).astype(np.float32)
    scale = (largest - least) / np.float32(LARGEST_CODE)
    head = np.concatenate([scale, least - largest - log_sum], axis=1)
    out[:, :4] = np.ascontiguousarray(head, "<f4").view("<u2")
    with np.errstate(divide="ignore", invalid="ignore"):  # a row of equal logits has no scale
        codes = np.rint((given - least) * (np.float32(1) / scale))
    out[:, 4 : 4 + n_vocab] = np.where(given > least, codes, np.float32(0))
    return out
