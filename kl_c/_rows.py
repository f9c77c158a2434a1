"""What ``update`` is given, as one block of rows: shapes that agree, labels, masks, groups.

``tokens`` are the ids of a batch of sequences. Row (b, t) predicts token (b, t + 1), so the last
row of a sequence predicts nothing that is known. It is masked, and so left out of every statistic
and not of the likelihoods alone: all means are taken over the same rows.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kl_c._statistics import Rows, Settings

__all__ = ["groups_of", "integers", "mask_of", "next_tokens", "rows_of"]


def rows_of(
    p: Any, q: Any, labels: Any, tokens: Any, mask: Any, groups: Any, settings: Settings
) -> Rows:
    """One block of rows x outcomes, once everything agrees."""
    p, q = _array(p), _array(q)
    if p.ndim == 0 or q.ndim == 0:
        raise ValueError("p and q must have an axis of outcomes, got a 0-D array")
    shapes = tuple(p.shape), tuple(q.shape)
    if shapes[0][:-1] != shapes[1][:-1] or (settings.outcomes == "equal" and p.shape != q.shape):
        widths = ""
        if shapes[0][:-1] == shapes[1][:-1]:
            widths = (
                f": {shapes[0][-1]} and {shapes[1][-1]} outcomes (outcomes='common' scores those "
                "that both have)"
            )
        raise ValueError(
            f"p and q must have the same shape, got {shapes[0]} and {shapes[1]}{widths}"
        )
    batch = shapes[0][:-1]
    count = math.prod(batch)
    if labels is not None and tokens is not None:
        raise ValueError("expected labels, which are aligned, or tokens, which are not; got both")
    masked = np.zeros(batch, bool)
    if mask is not None:
        masked = ~mask_of(mask, batch)
    if tokens is not None:
        labels, last = next_tokens(integers("tokens", tokens, batch))
        masked |= last
    elif labels is not None:
        labels = integers("labels", labels, batch)
    by_axis = groups is None and len(batch) > 1
    if by_axis:
        groups = np.arange(batch[0])
    return Rows(
        p.reshape(count, shapes[0][-1]),
        q.reshape(count, shapes[1][-1]),
        None if labels is None else labels.reshape(count),
        masked.reshape(count),
        None if groups is None else groups_of(groups, batch).reshape(count),
        by_axis,
        _first_of(settings.outcomes, shapes[0][-1], shapes[1][-1], settings.k),
    )


def next_tokens(tokens: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """The label of each row of batch x length, and which rows have none: the last of each."""
    if tokens.ndim < 1:
        raise ValueError("tokens must have an axis of positions, got a 0-D array")
    last = np.zeros(tokens.shape, bool)
    last[..., -1:] = True
    return np.concatenate([tokens[..., 1:], np.zeros_like(tokens[..., :1])], axis=-1), last


def _first_of(outcomes: str | int, p_width: int, q_width: int, k: int | None) -> int:
    """How many outcomes of both rows are scored."""
    least = min(p_width, q_width)
    if isinstance(outcomes, int):
        if outcomes > least:
            raise ValueError(
                f"outcomes={outcomes} must be within both rows, got {p_width} outcomes of p and "
                f"{q_width} of q"
            )
        least = outcomes
    if k is not None and k > least and least:
        raise ValueError(f"k must be at most the number of outcomes, {least}, got {k}")
    return least


def _array(values: Any) -> Any:
    """Arrays, their subclasses and tensors as they are, anything else as NumPy reads it."""
    return values if hasattr(values, "reshape") else np.asarray(values)


def integers(name: str, values: Any, batch: tuple[int, ...]) -> NDArray[Any]:
    """The array of whole numbers, one per row, or an error that names it."""
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError(f"{name} are a masked array, whose mask would be ignored; pass mask=")
    array = np.asarray(values)
    if array.size == 0 and isinstance(values, list):
        array = array.astype(np.int64)  # NumPy takes an empty list for floats
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} have dtype {array.dtype}; expected an integer type")
    if array.shape != batch:
        raise ValueError(f"{name} must have the shape of the rows, {batch}, got {array.shape}")
    return array


def mask_of(mask: Any, batch: tuple[int, ...]) -> NDArray[np.bool_]:
    """The mask as bool, one per row, or an error."""
    array = np.asarray(mask)
    if array.dtype != np.bool_:
        raise TypeError(
            f"mask has dtype {array.dtype}; expected bool, False where a row is left out"
        )
    if array.shape != batch:
        raise ValueError(f"mask must have the shape of the rows, {batch}, got {array.shape}")
    return array


def groups_of(groups: Any, batch: tuple[int, ...]) -> NDArray[np.int64]:
    """One group per row, of groups in the shape of the rows or of leading axes."""
    array = np.asarray(groups)
    if array.dtype.kind not in "iu":
        raise TypeError(f"groups have dtype {array.dtype}; expected an integer type")
    if array.ndim == 0 or array.shape != batch[: array.ndim]:
        raise ValueError(
            f"groups must have the shape of the rows, {batch}, or of its leading axes, got "
            f"{array.shape}"
        )
    full = array.reshape(array.shape + (1,) * (len(batch) - array.ndim))
    return np.broadcast_to(full, batch).astype(np.int64)
