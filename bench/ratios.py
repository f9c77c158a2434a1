"""How the figure of a line is made: the least times of two contestants, one over the other.

Every result that is timed is also compared with the reference, so that no speed is quoted without
its error.
"""

from collections.abc import Callable
from functools import partial
from timeit import Timer

import numpy as np

import inputs
import kl_c
import peers
from kl_c import _kernels, reference
from protocol import Measurement, Scale, contest

CHECKED_ROWS = 4  # of each result


def share_of_read_rate(
    measure: str, form: str, dtype: str, scale: Scale, *, axis: int = -1
) -> Measurement:
    pair = inputs.pair(form, dtype, scale.rows, scale.outcomes, outcomes_first=axis == 0)
    single = _kernels.MEASURES[measure] == "single"
    arrays = pair[:1] if single else pair
    kernel = partial(getattr(kl_c, measure), *arrays, form=form, axis=axis)
    read = np.split(pair[0].ravel(), 2) if single else [x.ravel() for x in pair]
    samples = contest({"np.dot": partial(np.dot, *read), "kl_c": kernel}, scale)
    errors = relative_errors({"kl_c": kernel}, measure, arrays, form, axis)
    return Measurement(min(samples["np.dot"]) / min(samples["kl_c"]), samples, errors=errors)


def half_against_float32_in_cache(dtype: str, scale: Scale) -> Measurement:
    """float32 comes from L1, where only arithmetic counts: one pair of rows, again and again."""
    halves = inputs.pair("probs", dtype, scale.rows, scale.outcomes)
    rows = scale.elements // scale.cached_outcomes
    singles = [
        np.broadcast_to(x, (rows, scale.cached_outcomes))
        for x in inputs.pair("probs", "float32", 1, scale.cached_outcomes)
    ]
    return against_another(dtype, halves, "float32 from L1", singles, "probs", scale)


def half_logits_against_float32(dtype: str, scale: Scale) -> Measurement:
    halves, singles = (
        inputs.pair("logits", x, scale.rows, scale.outcomes) for x in (dtype, "float32")
    )
    return against_another(dtype, halves, "float32", singles, "logits", scale)


def against_another(name, pair, other_name, other_pair, form, scale) -> Measurement:
    """The rate of pairs of numbers, as a share of that of the other pair of arrays."""
    kernel, other = (partial(kl_c.kl_divergence, *x, form=form) for x in (pair, other_pair))
    samples = contest({other_name: other, name: kernel}, scale)
    rate = pair[0].size / min(samples[name])
    other_rate = other_pair[0].size / min(samples[other_name])
    errors = relative_errors({name: kernel}, "kl_divergence", pair, form)
    return Measurement(rate / other_rate, samples, errors=errors)


def short_rows_against_long(scale: Scale) -> Measurement:
    """As many numbers in long rows, so that both come from the same level of the memory."""
    short = inputs.pair("probs", "float64", scale.short_rows, scale.short_outcomes)
    rows = max(1, short[0].size // scale.outcomes)
    long = inputs.pair("probs", "float64", rows, scale.outcomes)
    rate = against_another("short rows", short, "long rows", long, "probs", scale)
    return Measurement(1 / rate.figure, rate.samples, errors=rate.errors)


def peers_over_ours(form: str, of: Callable[..., peers.Calls], scale: Scale) -> Measurement:
    pair = inputs.pair(form, "float32", scale.rows, scale.outcomes)
    ours = {"kl_c": partial(kl_c.kl_divergence, *pair, form=form)}
    contestants = ours | of(*pair)
    samples = contest(contestants, scale)
    errors = relative_errors(contestants, "kl_divergence", pair, form)
    fastest = min(min(times) for name, times in samples.items() if name != "kl_c")
    return Measurement(fastest / min(samples["kl_c"]), samples, errors=errors)


def small_call(scale: Scale) -> Measurement:
    """Calls timed together; the loop around them costs both contestants the same few ns."""
    p, q = (x[0] for x in inputs.pair("probs", "float64", 1, 16))
    contestants = {
        f"{name}, {scale.calls} calls": partial(
            Timer("f(p, q)", globals={"f": f, "p": p, "q": q}).timeit, scale.calls
        )
        for name, f in (("np.add", np.add), ("kl_c", kl_c.kl_divergence))
    }
    samples = contest(contestants, scale)
    add, ours = samples
    exact = reference.kl_divergence(p, q)
    errors = {ours: abs(kl_c.kl_divergence(p, q) - exact) / exact}
    return Measurement(min(samples[ours]) / min(samples[add]), samples, errors=errors)


def relative_errors(contestants, measure, arrays, form, axis=-1) -> dict[str, float]:
    """The largest relative error of each contestant, in some rows spread over the batch."""
    batch = arrays[0].shape[1 + axis]  # the arrays have two axes, one of them of outcomes
    rows = np.unique(np.linspace(0, batch - 1, CHECKED_ROWS).astype(int))
    sample = (x.take(rows, 1 + axis) for x in arrays)
    exact = getattr(reference, measure)(*sample, form=form, axis=axis)
    return {
        name: float(np.max(np.abs(np.asarray(call())[rows] - exact) / exact))
        for name, call in contestants.items()
    }
