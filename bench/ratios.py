"""How the figure of a line is made: the least times of two contestants, one over the other.

Every result that is timed is also compared with the reference, so that no speed is quoted without
its error.
"""

import numpy as np

import inputs
import peers
from duels import errors_of, fastest_over_ours
from grid import Call
from protocol import Measurement, Scale, contest, looped


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
    kernel, other = (Call("kl_divergence", tuple(x), {"form": form}) for x in (pair, other_pair))
    samples = contest({other_name: other, name: kernel}, scale)
    rate = pair[0].size / min(samples[name])
    other_rate = other_pair[0].size / min(samples[other_name])
    return Measurement(rate / other_rate, samples, errors={name: kernel.error()})


def short_rows_against_long(scale: Scale) -> Measurement:
    """As many numbers in long rows, so that both come from the same level of the memory."""
    short = inputs.pair("probs", "float64", scale.short_rows, scale.short_outcomes)
    rows = max(1, short[0].size // scale.outcomes)
    long = inputs.pair("probs", "float64", rows, scale.outcomes)
    rate = against_another("short rows", short, "long rows", long, "probs", scale)
    return Measurement(1 / rate.figure, rate.samples, errors=rate.errors)


def peers_over_ours(library: str, form: str, scale: Scale, *, loops: bool = False) -> Measurement:
    """By its expressions over the whole arrays, or by what loops over the rows in Python."""
    pair = inputs.pair(form, "float32", scale.rows, scale.outcomes)
    ours = Call("kl_divergence", pair, {"form": form})
    found = peers.of_library(library, ours.measure, form, pair)
    others = {name: call for name, call in found.items() if peers.is_loop(name) == loops}
    contestants = {"kl_c": ours} | others
    samples = contest(contestants, scale)
    errors = errors_of(contestants, ours, scale.rows)
    return Measurement(fastest_over_ours(samples, errors), samples, errors=errors)


def small_call(scale: Scale) -> Measurement:
    """Calls timed together; the loop around them costs both contestants the same few ns."""
    p, q = (x[0] for x in inputs.pair("probs", "float64", 1, 16))
    ours = Call("kl_divergence", (p, q), {})
    contestants = {
        "np.add": looped("f(p, q)", scale.calls, f=np.add, p=p, q=q),
        "kl_c": ours.times(scale.calls),
    }
    samples = contest(contestants, scale)
    return Measurement(
        min(samples["kl_c"]) / min(samples["np.add"]),
        samples,
        errors={"kl_c": ours.error()},
        facts={"calls": scale.calls},
    )
