"""The one table of tolerances: how far a compiled function may be from the exact value.

Every test that compares numbers asks here; the kernels' comments quote these figures. All are
relative errors against the exact value of the real numbers that the inputs are.
"""

import math

FLOAT64 = 2e-14
NARROWER = 3e-6  # float32, float16 and bfloat16 inputs, computed in float32 lanes

# KL from log_probs or logits narrower than float64, for any common shift: (KL above, limit).
NARROWER_LOG_KL = ((1e-6, 1e-6), (1e-12, 1e-5))

UNIT_ROUNDOFF = 2.0**-53
UNIT_ROUNDOFF_NARROWER = 2.0**-24

# Rows that differ by d make a score of order d^2 / 2, so an error of k u in every difference makes
# one of 2 k u / d + (k u / d)^2, relative. Linear forms: k counts two masses, their quotient and
# the fused p - c q. Log forms round differences from the maximum, of size up to 8 where p is.
NEAR_EQUALITY = {"linear": 4, "log": 4 * 8}
VANISH_AT_EQUALITY = ("kl_divergence", "js_divergence", "js_distance")

# -log q of a q near 1 keeps no more than the mass that q is divided by: k u, absolute.
NLL_ROUNDINGS = 4

# The reference's own bound, as a share of the result where nothing cancels (up to 1000 outcomes).
REFERENCE_BOUND = 1e-12


def is_narrower(*dtypes: str) -> bool:
    return any(dtype in ("float32", "float16", "bfloat16") for dtype in dtypes)


def is_log(*forms: str) -> bool:
    return any(form in ("log_probs", "logits") for form in forms)


def relative_error(measure: str, dtypes: tuple, forms: tuple, exact: float) -> float:
    """The largest relative error allowed for one result whose exact value (in nats) is given."""
    narrower = is_narrower(*dtypes)
    limit = NARROWER if narrower else FLOAT64
    if exact <= 0 or math.isinf(exact):
        return limit
    u = UNIT_ROUNDOFF_NARROWER if narrower else UNIT_ROUNDOFF
    if measure == "nll":
        return limit + NLL_ROUNDINGS * u / exact
    if measure not in VANISH_AT_EQUALITY:
        return limit
    divergence = exact**2 if measure == "js_distance" else exact
    if measure == "kl_divergence" and narrower and is_log(*forms):
        for above, allowed in NARROWER_LOG_KL:
            if divergence > above:
                return allowed
    # KL is d^2 / 2 to first order. JS is at most a quarter of it, which d takes no notice of.
    noise = NEAR_EQUALITY["log" if is_log(*forms) else "linear"] * u / math.sqrt(2 * divergence)
    return limit + 2 * noise + noise**2
