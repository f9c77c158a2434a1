"""Weights as small integers: symmetric round-to-nearest, blocks of 32 with one scale each."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["BLOCK", "Quantised", "quantise"]

Floats = NDArray[np.float32]

BLOCK = 32


class Quantised(NamedTuple):
    """What a quantised array stores: a weight is the integer times the scale of its block."""

    integers: NDArray[np.int8]  # (blocks, BLOCK), the last block filled up with zeros
    scales: Floats  # (blocks, 1)
    shape: tuple[int, ...]

    def weights(self) -> Floats:
        """The float32 weights that the integers stand for."""
        padded = self.integers * self.scales
        return padded.ravel()[: int(np.prod(self.shape))].reshape(self.shape)


def quantise(weights: Floats, bits: int) -> Quantised:
    """Round every weight to the nearest of 2**bits - 1 evenly spaced numbers around 0.

    The scale of a block is its largest magnitude over 2**(bits - 1) - 1, so that no weight is cut
    off; halves round to the even integer. A weight moves by at most scale / 2, float32 rounding
    aside. Blocks run along the array in C order; the last may be shorter.

    >>> import numpy as np
    >>> stored = quantise(np.array([0.75, -0.5, 0.3, 0.1], np.float32), bits=3)
    >>> stored.scales.item(), stored.integers[0, :4].tolist()
    (0.25, [3, -2, 1, 0])
    >>> stored.weights().tolist()
    [0.75, -0.5, 0.25, 0.0]
    """
    flat = np.zeros(-(-weights.size // BLOCK) * BLOCK, np.float32)
    flat[: weights.size] = weights.ravel()
    blocks = flat.reshape(-1, BLOCK)
    largest = 2 ** (bits - 1) - 1
    scales = np.abs(blocks).max(1, keepdims=True) / np.float32(largest)
    # A scale is 0 where the block is, or where it is too small for a float32.
    steps = np.divide(blocks, scales, out=np.zeros_like(blocks), where=scales > 0)
    integers = np.clip(np.rint(steps), -largest, largest).astype(np.int8)
    return Quantised(integers, scales, weights.shape)
