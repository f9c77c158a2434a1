"""What keeps a line of the table below its aim, counted in bytes, operations and cycles.

The counts are those of src/README.md, for AVX2: memory hands over 64 bytes, a vector of p and one
of q, in some 8 cycles of the core (29 GB/s at 3.6 GHz), which takes some 4 instructions in each.
"""


def arithmetic(instructions: str, nbytes: int = 64) -> str:
    return f"arithmetic: {instructions}; its {nbytes} bytes come in {nbytes // 8}"


HALF = "three to five instructions a vector more than float32: to widen it, and for q below a floor"
TWO_EXPONENTIALS = arithmetic("42 instructions, 11 cycles, for two exponentials")

REASONS = {
    "kl_divergence, probs, float32": arithmetic(
        "32 instructions, 8 cycles, with a division; neither hides all of the other"
    ),
    "kl_divergence, probs, float64": arithmetic(
        "46 instructions, 12 cycles, for 4 outcomes: five more coefficients than float32, a "
        "division of 8 cycles, and no instruction that converts 64-bit integers"
    ),
    "kl_divergence, counts, float32": arithmetic(
        "37 instructions, 9 cycles, with a division; the ratio of the masses comes from a sample"
    ),
    "kl_divergence, probs, float16": HALF,
    "kl_divergence, probs, bfloat16": HALF,
    "kl_divergence, logits, float32": TWO_EXPONENTIALS,
    "kl_divergence, log_probs, float32": TWO_EXPONENTIALS,
    "kl_divergence, logits, float16": "arithmetic, as in float32: half the bytes win nothing then",
    "kl_divergence, logits, bfloat16": "arithmetic, as in float32: half the bytes win nothing then",
    "cross_entropy, probs, float32": arithmetic("32 instructions, 8 cycles, with a division"),
    "entropy, probs, float32": arithmetic(
        "24 instructions, 6 cycles, with a division, for one array", 32
    ),
    "js_divergence, probs, float32": arithmetic(
        "35 instructions, 9 cycles, and 34 more where outcomes differ by more than a factor of 7"
    ),
    "compare, logits, float32": arithmetic(
        "121 instructions, 32 cycles, for four exponentials and four polynomials, whose constants "
        "do not fit into the registers"
    ),
    "kl_divergence, probs, float32, axis=0 of a C-ordered array": arithmetic(
        "38 instructions, 9.5 cycles: three sums for each lane of a row, stored each time"
    ),
    "kl_divergence, probs, float64, 10^5 rows of 16": (
        "what a row costs besides its 4 vectors: sums of lanes, two masses to check, one score"
    ),
    "best NumPy expression, probs, float32": "the time of kl_divergence, as above",
    "best torch expression, probs, float32, one thread": "the time of kl_divergence, as above",
    "torch log_softmax and kl_div, logits, float32, one thread": TWO_EXPONENTIALS,
    "scipy.stats.entropy, probs, float32": "the time of kl_divergence, as above",
    "call on two float64 arrays of 16": (
        "8 vectors of outcomes take half of it; two arrays to look at and a float to make the rest"
    ),
    "extra memory of a batch": (
        "along axis 0 the sums of some 128 rows at once, one for each lane of a row alone"
    ),
    "workers=2, probs, float32, four times the rows": "the memory that both threads read",
}
