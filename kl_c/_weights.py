"""What measures of tables and of samples are given, read and checked by the rules of all others."""

import math
import re
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kl_c import _kernels
from kl_c._statistics import Settings

__all__ = ["Floats", "Form", "Invalid", "check_keywords", "nats_of", "read"]

Floats = NDArray[np.float64]

Form = Literal["probs", "counts"]
FORMS: tuple[Form, ...] = get_args(Form)
Invalid = Literal["raise", "nan"]
INVALID: tuple[Invalid, ...] = get_args(Invalid)
Name = Literal["joint", "counts"]


def check_keywords(form: Form, invalid: Invalid) -> None:
    """Raise for what these measures do not take, though others do."""
    for name, value, known in (("form", form, FORMS), ("invalid", invalid, INVALID)):
        if value not in known:
            expected = " or ".join(map(repr, known))
            raise ValueError(f"{name} must be {expected}, got {value!r}")


def nats_of(base: float | None) -> float:
    """The unit of the result in nats."""
    return 1.0 if base is None else Settings(base=base).checked().nats


def read(
    values: ArrayLike, name: Name, form: Form, invalid: Invalid, axes: tuple[int, ...]
) -> Floats:
    """The weights as float64 with these axes last; what breaks a rule raises or becomes NaN."""
    array = _plain(values, name, axes)
    batch, row = array.shape[: -len(axes)], array.shape[-len(axes) :]
    rows = array.reshape(*batch, math.prod(row))  # -1 would not do for no rows
    codes = np.asarray(_kernels.check_rows(rows, form=form))
    weights: Floats = array.astype(np.float64, copy=False)
    if codes.any():
        if invalid == "raise":
            _complain(rows, name, form, row)
        good = (codes == 0).reshape(codes.shape + (1,) * len(axes))
        weights = np.where(good, weights, np.nan)
    return np.ascontiguousarray(weights)


def _plain(values: ArrayLike, name: str, axes: tuple[int, ...]) -> NDArray[Any]:
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError(
            f"{name} is a masked array, whose mask would be ignored; pass {name}.filled(0)"
        )
    array = np.asarray(values)
    if not np.can_cast(array.dtype, np.float64):
        raise TypeError(f"{name} has dtype {array.dtype}; expected a real number type")
    if array.ndim < len(axes):
        needed = "a row of outcomes" if len(axes) == 1 else f"a table on the last {len(axes)} axes"
        raise ValueError(f"{name} is {array.ndim}-D; {needed} is needed")
    if not all(-array.ndim <= axis < array.ndim for axis in axes):
        raise ValueError(f"axis {axes[0]} is out of bounds for {name} of shape {array.shape}")
    array = np.moveaxis(array, axes, range(-len(axes), 0))
    if 0 in array.shape[-len(axes) :]:
        raise ValueError(f"{name} has 0 outcomes, its shape is {np.shape(values)}")
    return array


def _complain(rows: NDArray[Any], name: Name, form: Form, shape: tuple[int, ...]) -> None:
    """The error of the compiled check, for an array of this name and for cells of a table."""

    def at_cell(found: re.Match[str]) -> str:
        return f"at cell {tuple(map(int, np.unravel_index(int(found[1]), shape)))}"

    word = "row"
    try:
        _kernels.entropy(rows, form=form)
    except _kernels.InvalidRowsError as error:
        reason = error.reason
        if len(shape) > 1:
            reason, word = re.sub(r"at outcome (\d+)", at_cell, reason), "table"
        raise _kernels.InvalidRowsError(name, error.row, error.count, reason, word) from None
    raise AssertionError(f"a {word} of {name} broke a rule that the measures do not have")
