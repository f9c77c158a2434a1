"""The rows that the accuracy is promised for, in every form and dtype.

``families`` gives named pairs of distributions in float64; ``in_form`` turns one distribution into
the row of a form and rounds it to a dtype. What the rounded row holds is the exact input.
"""

import math

import ml_dtypes
import numpy as np

DIFFERENCES = [10.0**-k for k in range(1, 13)]
SHIFTS = (10.0, -10.0, 1000.0, -1000.0, 1e4)
MASS_RATIOS = {
    "float64": (1e-12, 1e-3, 0.7, 1e3, 1e12),
    "float32": (1e-12, 1e-3, 0.7, 1e3, 1e12),
    "float16": (1e-2, 0.7, 30.0),  # what its range holds
    "bfloat16": (1e-12, 1e-3, 0.7, 1e3, 1e12),
}
# Both rows that far from 1, where squares and products leave the range.
SCALES = {
    "float64": (1e-290, 1e290),
    "float32": (1e-30, 1e30),
    "float16": (1e-1, 1e4),
    "bfloat16": (1e-30, 1e30),
}
# Inside the mass tolerance of each dtype, with room for the rounding of the row.
MASS_DEFECT = {"float64": 9e-4, "float32": 9e-4, "float16": 1.5e-2, "bfloat16": 1.5e-2}

DTYPE = {
    "float64": np.dtype(np.float64),
    "float32": np.dtype(np.float32),
    "float16": np.dtype(np.float16),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
}


def _softmax(a):
    e = np.exp(a - a.max())
    return e / e.sum()


def _rng(n):
    return np.random.default_rng([20240229, n])


def uniform(n):
    return np.full(n, 1 / n)


def zipf(n):
    ranks = 1.0 / np.arange(1, n + 1)
    return ranks / ranks.sum()


def peaked(n, at):
    """One outcome holds all but 1e-6."""
    if n == 1:
        return np.ones(1)
    p = np.full(n, 1e-6 / (n - 1))
    p[at] = 1 - 1e-6
    return p


def two_valued(n, high):
    p = np.where(np.arange(n) % 2 == high, 3.0, 1.0)
    return p / p.sum()


def one_hot(n, at):
    return np.eye(1, n, at)[0]


def near(p, d, rng):
    """p (1 +- d) with random signs, as a distribution."""
    q = p * (1 + d * rng.choice([-1.0, 1.0], p.size))
    return q / q.sum()


def families(n):
    """Pairs (p, q) by name."""
    rng = _rng(n)
    pairs = {
        "uniform, Zipf": (uniform(n), zipf(n)),
        "Zipf, reversed": (zipf(n), zipf(n)[::-1].copy()),
        "peak, uniform": (peaked(n, n // 2), uniform(n)),
        "peak, other peak": (peaked(n, 0), peaked(n, n - 1)),
        "two-valued": (two_valued(n, 0), two_valued(n, 1)),
        "one-hot, Zipf": (one_hot(n, n - 1), zipf(n)),
        "one-hot, peak": (one_hot(n, n // 2), peaked(n, n // 2)),
        "Zipf, one-hot": (zipf(n), one_hot(n, 0)),
    }
    for alpha in (0.01, 0.1, 1.0):
        pairs[f"Dirichlet({alpha})"] = tuple(_dirichlet(alpha, n, rng) for _ in "pq")
    for variance in (1, 4, 20):
        a, b = rng.normal(0, math.sqrt(variance), (2, n))
        pairs[f"softmax N(0, {variance})"] = _softmax(a), _softmax(b)
    p = _softmax(rng.normal(size=n))
    for d in DIFFERENCES:
        pairs[f"near, d = {d:.0e}"] = p, near(p, d, rng)
    return pairs


def _dirichlet(alpha, n, rng):
    p = rng.dirichlet(np.full(n, alpha))
    # A draw of small alpha may underflow to nothing at all.
    return p if np.isfinite(p).all() and p.sum() > 0.5 else one_hot(n, int(rng.integers(n)))


def cyclic(p, n):
    """A long row that repeats ``p``, so that the oracle stays fast."""
    p = p[np.arange(n) % p.size]
    return p / p.sum()


def in_form(p, form, dtype, scale=1.0, shift=0.0):
    """The row of ``form`` that stands for ``p``, rounded to ``dtype``.

    ``scale`` multiplies linear forms, ``shift`` is added to log forms.
    """
    with np.errstate(divide="ignore", under="ignore"):
        x = p * scale if form in ("probs", "counts") else np.log(p) + shift
        return x.astype(DTYPE[dtype])


def masked_logits(n, dtype):
    """Logits in which p leaves out every third outcome, and q some of those too."""
    a, b = _rng(n).normal(0, 2, (2, n))
    if n > 1:
        a[1::3] = -np.inf
        b[1::6] = -np.inf
    return a.astype(DTYPE[dtype]), b.astype(DTYPE[dtype])


def ragged(n, dtype):
    """Counts whose sizes are spread over six decades."""
    p, q = 10.0 ** _rng(n).uniform(-3, 3, (2, n))
    return p.astype(DTYPE[dtype]), q.astype(DTYPE[dtype])


def few_outcomes(outcomes, form, dtype, rows=50_000):
    """Two arrays of rows so short that one outcome's term, at any ratio, is most of the sum."""
    draw = np.random.default_rng(outcomes)
    p = draw.normal(0, 2, (rows, outcomes))
    q = (
        p
        + draw.normal(0, draw.uniform(0.1, 1, (rows, 1)), p.shape)
        + draw.normal(0, 0.3, (rows, 1))
    )
    if form == "logits":
        return p.astype(dtype), q.astype(dtype)
    p, q = (x - np.log(np.exp(x).sum(-1, keepdims=True)) for x in (p, q))
    if form != "log_probs":
        p, q = np.exp(p), np.exp(q)
    return p.astype(dtype), q.astype(dtype)


def misleading_counts(dtype):
    """Pairs of counts by name, of which a few blocks do not tell what the rest holds.

    Without those that the dtype does not hold. Outcome 1420 lies between the sampled blocks: every
    third of the row, of 16 to 512 outcomes each.
    """
    n, away = 3 * 4096 + 5, 1420
    rng = _rng(n)
    p = rng.integers(1, 40, n).astype(float)
    q = np.round(p * rng.uniform(0.5, 2, n)) + 1
    heavy = np.where(np.arange(n) == away, 1e6 * n, 0)
    missing = np.arange(n) % 5 == 2
    none_sampled = np.where(np.abs(np.arange(n) - away) < 4, p, 0)
    floor = 2.0**-126
    pairs = {
        "as sampled": (p, 7 * q),
        "p heavy elsewhere": (p + heavy, q),
        "q heavy elsewhere": (p, q + heavy),
        "both heavy elsewhere": (p + heavy, q + heavy),
        "p only elsewhere": (none_sampled, q),
        "q only elsewhere": (p, none_sampled),
        "both only elsewhere": (none_sampled, none_sampled + (none_sampled > 0)),
        "q heavy in the sample": (p, np.where(np.arange(n) == 3, 1e6 * n, q)),
        "both heavy in the sample": (np.roll(p + heavy, 3 - away), np.roll(q + heavy, 3 - away)),
        "q missing": (p, np.where(missing, 0, q)),
        "q missing, of another mass": (p, np.where(missing, 0, 300 * q)),
        "p missing": (np.where(missing, 0, p), q),
        "both missing": (np.where(missing, 0, p), np.where(missing, 0, q)),
        "nearly equal": (p, 3 * p + rng.choice([-1e-3, 1e-3], n) * p),
        "equal": (p, 4 * p),
        "light": (p * 2.0**-40, q * 2.0**-10),
        "heavy and light": (p * 2.0**35, q * 2.0**-30),
        "of mass 1": (p / p.sum(), q / q.sum()),
    }
    kept = np.where(missing, 0, q).sum()
    for part in (0.5, 0.9, *np.linspace(0.95, 1.05, 11), 1.1, 2):
        pairs[f"{part:.2f} of the floor"] = p, np.where(missing, part * floor * kept, q)
    with np.errstate(over="ignore"):
        rounded = {
            name: [in_form(x, "counts", dtype) for x in pair] for name, pair in pairs.items()
        }
    return {
        name: pair
        for name, pair in rounded.items()
        if all(0 < x.astype(float).sum() < np.inf for x in pair)
    }
