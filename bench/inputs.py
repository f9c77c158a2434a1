"""The arrays that are measured: the rows of a model, and those of a copy that differs a little.

Logits of p are normal with standard deviation 2; q adds a normal change of 0.5 to each. All forms
and dtypes stand for these same rows. A block of two million different numbers repeats down the
array: too long a pattern for a processor to learn, and quickly made.
"""

import functools

import numpy as np

from protocol import Absent

SEED = 20
SPREAD = 2.0
CHANGE = 0.5
MASSES = (1000.0, 1700.0)  # of counts: unequal, which costs a look at the masses before the terms
BLOCK = 2**21


@functools.lru_cache(maxsize=2)
def pair(form: str, dtype: str, rows: int, outcomes: int, *, outcomes_first: bool = False):
    """p and q, C-contiguous of shape (rows, outcomes), or (outcomes, rows) on request."""
    shape = (outcomes, rows) if outcomes_first else (rows, outcomes)
    pair = np.empty(shape, scalar_type(dtype)), np.empty(shape, scalar_type(dtype))
    p, q = (x.T for x in pair) if outcomes_first else pair
    random = np.random.default_rng(SEED)
    different = min(rows, max(1, BLOCK // outcomes))
    logits = SPREAD * random.standard_normal((different, outcomes))
    p[:different] = in_form(logits, form, MASSES[0])
    logits += CHANGE * random.standard_normal(logits.shape)
    q[:different] = in_form(logits, form, MASSES[1])
    for start in range(different, rows, different):
        stop = min(start + different, rows)
        for x in (p, q):
            x[start:stop] = x[: stop - start]
    return pair


def labels(q, axis: int = -1):
    """An outcome for each row of q, drawn evenly."""
    outcomes = q.shape[axis]
    batch = np.delete(q.shape, axis)
    drawn = np.random.default_rng(SEED).integers(outcomes, size=batch)
    return drawn if drawn.ndim else int(drawn)


def as_read(x, dtype: str):
    """As many bytes as x holds, for ``np.dot``: x itself where that is fast on its dtype."""
    if x.dtype == dtype:
        return x.ravel()
    return np.ones(x.nbytes // np.dtype(dtype).itemsize, dtype)


def in_form(logits, form, mass):
    if form == "logits":
        return logits
    weights = np.exp(logits)
    total = weights.sum(-1, keepdims=True)
    if form == "log_probs":
        return logits - np.log(total)
    return weights / total * (mass if form == "counts" else 1.0)


def scalar_type(dtype: str):
    if dtype != "bfloat16":
        return np.dtype(dtype)
    try:
        import ml_dtypes
    except ImportError:
        raise Absent("ml_dtypes") from None
    return np.dtype(ml_dtypes.bfloat16)
