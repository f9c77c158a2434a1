"""The one table of tolerances: how far a compiled function may be from the exact value.

Every test that compares numbers asks here; the kernels' comments quote these figures. Errors are
taken against the exact value for the real numbers that the inputs are.
"""

import math

from kl_c._sparse_statistics import MARGIN

FLOAT64 = 2e-14
NARROWER = 3e-6  # float32, float16 and bfloat16 inputs, computed in float32 lanes

# KL from log_probs or logits narrower than float64, for any common shift: (KL above, limit).
NARROWER_LOG_KL = ((1e-6, 1e-6), (1e-12, 1e-5))

UNIT_ROUNDOFF = 2.0**-53
UNIT_ROUNDOFF_NARROWER = 2.0**-24

# Rows that differ by d make a score of d^2 / 2, so an error of k u in every difference makes one of
# k u d + (k u)^2 / 2: relative 2 k u / d and what cannot be told from equality. Linear forms: k
# counts two masses, their quotient and the fused p - c q. Log forms round differences from the
# maximum, of size up to 8 where p is.
NEAR_EQUALITY = {"linear": 4, "log": 4 * 8}
# Differences of probabilities: the mass by which each is divided is a sum of up to 64 terms in a
# lane, each rounded by half a unit.
DIFFERENCES = ("total_variation", "largest_change")
DIFFERENCE_ROUNDINGS = 32
VANISH_AT_EQUALITY = (
    "kl_divergence",
    "js_divergence",
    "jeffreys_divergence",
    "bhattacharyya_distance",
    "chi2_divergence",
    "renyi_divergence",
    "tsallis_divergence",
    "alpha_divergence",
)
# Roots of such: the square is what is summed.
ROOTS = ("js_distance", "hellinger_distance")
# An exponential of what is summed: the relative error is the error of its argument.
EXPONENTIALS = ("perplexity", "tsallis_divergence", "alpha_divergence", "tsallis_entropy")
# Of first order in the difference of the rows: so is their error.
FIRST_ORDER = ("total_variation",)
MAX_LOG_RATIO = "Renyi divergence of order infinity"  # likewise

# -log q of a q near 1 keeps no more than the mass that q is divided by: k u, absolute.
NLL_ROUNDINGS = 4

# What leaves the normal range is lost: a probability p below it, with its p |log p|, from a sum
# (2^-126 times 87, 2^-1022 times 708), and half of the smallest number from an elementwise result.
UNDERFLOW = {"sum": 2.0**-1012, "element": 2.0**-1074}
UNDERFLOW_NARROWER = {"sum": 2.0**-119, "element": 2.0**-149}

# llama.cpp keeps negative log-likelihoods as float32: up to 32 nats with a last digit of 2^-19 of
# which half may be missing, and that is the relative error of a perplexity.
LLAMA_CPP = 2.0**-20

# Two ways to one sum of some thousand float64 numbers, and merged parts against the whole.
MOMENTS = 1e-12

# How often a 95 % interval must hold the truth, in simulations with 50 groups or more.
COVERAGE = (0.93, 0.97)

# The reference's own bound, as a share of the result where nothing cancels (up to 1000 outcomes).
REFERENCE_BOUND = 1e-12


def is_narrower(*dtypes: str) -> bool:
    return any(dtype in ("float32", "float16", "bfloat16") for dtype in dtypes)


def is_log(*forms: str) -> bool:
    return any(form in ("log_probs", "logits") for form in forms)


def error(measure: str, dtypes: tuple, forms: tuple, exact: float) -> float:
    """The largest error allowed for one result whose exact value (in nats) is given."""
    if math.isinf(exact):
        return 0.0
    narrower = is_narrower(*dtypes)
    underflow = UNDERFLOW_NARROWER if narrower else UNDERFLOW
    lost = underflow["element" if measure == "rel_entr" else "sum"]
    if measure in ROOTS:
        square = exact**2 + _rounding("js_divergence", narrower, forms, exact**2) + lost
        return math.sqrt(square) - abs(exact)
    return _rounding(measure, narrower, forms, abs(exact)) + lost


def _rounding(measure: str, narrower: bool, forms: tuple, size: float) -> float:
    limit = NARROWER if narrower else FLOAT64
    u = UNIT_ROUNDOFF_NARROWER if narrower else UNIT_ROUNDOFF
    if measure == "nll":
        return limit * size + NLL_ROUNDINGS * u
    if measure in DIFFERENCES:
        return limit * size + DIFFERENCE_ROUNDINGS * u
    noise = NEAR_EQUALITY["log" if is_log(*forms) else "linear"] * u
    if measure in EXPONENTIALS:
        limit *= max(1.0, math.log(max(size, 1.0)))
    if measure in (*FIRST_ORDER, MAX_LOG_RATIO):
        return limit * size + noise
    if measure not in VANISH_AT_EQUALITY:
        return limit * size
    if measure == "kl_divergence" and narrower and is_log(*forms):
        for above, allowed in NARROWER_LOG_KL:
            if size > above:
                return allowed * size
    # KL is d^2 / 2 to first order. JS is at most a quarter of it, which d takes no notice of.
    d = math.sqrt(2 * size)
    return limit * size + noise * d + noise**2 / 2


def is_plain(measure: str, dtypes: tuple, forms: tuple, exact: float) -> bool:
    """Whether little more than the promised relative error is allowed: not so near equality."""
    if exact == 0 or math.isinf(exact):
        return False
    relative = error(measure, dtypes, forms, exact) / abs(exact)
    return relative <= 1.5 * (NARROWER if is_narrower(*dtypes) else FLOAT64)


def relative_error(measure: str, dtypes: tuple, forms: tuple, exact: float) -> float:
    """``error`` as a share of ``exact``, which is neither 0 nor infinite."""
    return error(measure, dtypes, forms, exact) / abs(exact)


# Opening a file of 50 GB: milliseconds (with room for a busy machine, and for the 64 pieces of its
# fingerprint) and a few MB (one row of 152,000 outcomes is among them).
OPENING_SECONDS = 0.1
OPENING_BYTES = 4 << 20

# A log-probability of a _logits_ file against that of the logits it was made from: half a step of
# the code, and the roundings of a float32 below 64, some in the encoder and two in the decoder.
LOGITS_ROUNDINGS = 8 * 2.0**-19

# Bounds of incomplete rows are attained, and found by search, to this (corners exactly, the minimum
# by a general optimiser); and rows that are searched in float64 have a rest of at least 1e-3, which
# is then known to 2**-49 / 1e-3 and a few roundings.
SPARSE_ATTAINED = 1e-6
SPARSE_SEARCHED = 1e-11
# How far the bounds are moved outwards, as a share of 1 and of the value: the code's own number,
# which test_sparse.py holds to what docs/sparse.md says of it.
SPARSE_MARGIN = MARGIN
SPARSE_MARGIN_SAID = 1e-12
# The same measure of the same completed row by two ways: as FLOAT64, and the rests' rounding.
SPARSE_TAIL = 1e-12

# What comparing lists with whole rows may hold at one time: some thirty arrays of a block (2**20
# numbers of 8 bytes between the two sides), whatever the number of rows.
SPARSE_BYTES = 30 << 23

# Estimates of an entropy: shares of logarithms and digammas, each within a few units in the last
# place of log N, to which the share's own sum and quotient add little.
ESTIMATE_ROUNDINGS = 16
# Two ways to one measure of a table: sums of marginals, the kernel and a mean, as FLOAT64 each.
TABLE = 4 * FLOAT64
# A pointwise term: three roundings in its quotient, the marginals' sums and a logarithm.
POINTWISE = 32 * UNIT_ROUNDOFF
# What is left of the plug-in's bias with 16 draws for each of 64 cells of at least 1/128. By theory
# the plug-in has -63 / 2N + (1 - sum 1/p) / 12 N^2 + ..., the second at most 2 % of the first; the
# mean over 4000 samples is known to 1 %.
BIAS_LEFT = 0.05


def information_error(exact: float) -> float:
    """For a mutual information: that of the divergence of each row, and of their mean."""
    return error("kl_divergence", ("float64",), ("counts",), exact) + FLOAT64 * exact


def estimate_error(total: float, entropies: int = 1) -> float:
    """For sums of so many estimated entropies of samples of this size."""
    return entropies * ESTIMATE_ROUNDINGS * UNIT_ROUNDOFF * (1 + math.log(total))


# Scores that come from sums over all pairs at once, against the row kernel's: the share that
# kl_c._normalised promises for float64 and for narrower rows. The root of a score has half of it.
PAIRWISE = {False: 1e-12, True: 1e-8}


def pairwise_error(dtypes: tuple, score: float) -> float:
    """How far such a score may be from the row kernel's."""
    return PAIRWISE[is_narrower(*dtypes)] * abs(score)


# What comparing sparse rows may hold beside them: some ten arrays of 8 bytes for a piece of 2**16
# numbers, for 2**17 stored numbers while they are checked, or for a block of 256 x 256 scores.
CSR_BYTES = 16 << 20

# Moments up to the second of a Gaussian from a grid: half of a last step, 8 / 32 / 8**5, in its
# mean and deviation moves them by (|mean| + deviation) steps, with the two here less than 4.
FITTED = 4 * 8 / 32 / 8**5
