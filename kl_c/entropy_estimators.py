"""Entropies of distributions of which only a sample is known: what counting misses.

The entropy of relative frequencies, the plug-in, is too small on average: by (K - 1) / 2N nats for
K outcomes and N draws, to first order. Each estimator here is the plug-in and what it adds to it,
so that sums of entropies (`mutual_information` is one) keep what their plug-in has of digits.
"""

import math
from numbers import Real
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kl_c import _kernels
from kl_c._weights import Floats, Invalid, check_keywords, nats_of, read

__all__ = [
    "ESTIMATORS",
    "Estimator",
    "checked_prior",
    "entropy_estimate",
    "excess",
    "refuse_fractions",
]

Estimator = Literal["plugin", "miller-madow", "grassberger", "dirichlet"]
ESTIMATORS: tuple[Estimator, ...] = get_args(Estimator)


def entropy_estimate(
    counts: ArrayLike,
    *,
    estimator: Estimator,
    prior: float | None = None,
    axis: int = -1,
    base: float | None = None,
    invalid: Invalid = "raise",
) -> float | NDArray[np.float64]:
    """Estimate the entropy of the distribution that counts were drawn from.

    With N counts in all, n_i of outcome i, and the plug-in H = -sum (n_i / N) log(n_i / N):

    - "plugin": H, what `entropy` gives;
    - "miller-madow": H + (m - 1) / 2N, m the number of outcomes that occur;
    - "grassberger": log N - sum (n_i / N) G(n_i), G(n) = digamma(n) + (-1)^n / 2 (digamma((n + 1) /
      2) - digamma(n / 2));
    - "dirichlet": the mean of the entropy over its posterior, where all K distributions have the
      prior Dirichlet(a, ..., a): digamma(A + 1) - sum ((n_i + a) / A) digamma(n_i + a + 1),
      A = N + K a.

    Parameters
    ----------
    counts : array_like
        Rows of whole numbers along `axis`, of any real dtype. For "dirichlet" a row has all K
        outcomes, those that never occurred too; for the others zeros change nothing.
    estimator : {"plugin", "miller-madow", "grassberger", "dirichlet"}
        Which one; docs/information.md says when to use which.
    prior : float, optional
        a, the pseudocount of every outcome, at least 0. Only of "dirichlet", which must be given
        one: 1/2 is Jeffreys', 1 Laplace's (every distribution equally likely), 1/K Perks'.
    axis : int
        The axis of outcomes.
    base : float, optional
        Unit of the result: None is nats, 2 is bits.
    invalid : {"raise", "nan"}
        Rows that are no counts: raise, or score them NaN.

    Returns
    -------
    float or ndarray of float64
        One estimate per row, as it comes: "grassberger" may be below 0 for a few counts, and
        "miller-madow" above log K.

    Raises
    ------
    InvalidRowsError
        If a row holds no counts (see `ROW_RULES`) and ``invalid="raise"``.
    ValueError, TypeError
        If counts are no whole numbers, or a keyword is out of its range.
    ImportError
        If "grassberger" or "dirichlet" is asked for without SciPy (the extra ``stats``).

    Notes
    -----
    R's ``entropy::entropy.Dirichlet`` is another thing under this name: the plug-in entropy of
    counts + a.

    Source: G. A. Miller, "Note on the bias of information estimates", Information Theory in
    Psychology (1955); P. Grassberger, "Entropy estimates from insufficient samplings",
    arXiv:physics/0307138 (2003); D. H. Wolpert and D. R. Wolf, "Estimating functions
    of probability distributions from a finite set of samples", Phys. Rev. E 52 (1995).

    Examples
    --------
    >>> round(kl_c.entropy_estimate([4, 2, 3, 0, 2], estimator="miller-madow"), 6)
    1.478477
    >>> round(kl_c.entropy_estimate([4, 2, 3, 0, 2], estimator="grassberger", base=2), 6)
    2.057043
    """
    check_keywords("counts", invalid)
    unit = nats_of(base)
    weights = read(counts, "counts", "counts", invalid, (axis,))
    pseudocount = checked_prior(estimator, prior)
    refuse_fractions(weights, "counts", estimator)
    plain = _kernels.entropy(weights, form="counts", invalid="ignore")
    value = np.asarray(plain + excess(weights, estimator, pseudocount)) / unit
    return value.item() if value.ndim == 0 else value


def checked_prior(estimator: Estimator, prior: float | None) -> float:
    """The prior as a number, 0 where there is none, once estimator and prior are known to fit."""
    if estimator not in ESTIMATORS:
        known = ", ".join(map(repr, ESTIMATORS))
        raise ValueError(f"estimator must be one of {known}, got {estimator!r}")
    if estimator != "dirichlet":
        if prior is not None:
            raise ValueError(f"prior is for estimator='dirichlet', got it with {estimator!r}")
        return 0.0
    if prior is None:
        raise ValueError(
            "estimator='dirichlet' needs prior=, the pseudocount of every outcome: 0.5 is "
            "Jeffreys', 1 is Laplace's"
        )
    if not isinstance(prior, Real) or isinstance(prior, bool):
        raise TypeError(f"prior must be a real number, got {type(prior).__name__}")
    if not 0 <= prior < math.inf:
        raise ValueError(f"prior must be a finite number of at least 0, got {prior!r}")
    return float(prior)


def refuse_fractions(weights: Floats, name: str, estimator: Estimator) -> None:
    """An estimator beside the plug-in asks how often something was seen."""
    if estimator == "plugin":
        return
    broken = weights != np.floor(weights)
    broken &= np.isfinite(weights)  # rows that score NaN are NaN by now
    if broken.any():
        place = tuple(int(i) for i in np.argwhere(broken)[0])
        raise ValueError(
            f"estimator={estimator!r} takes whole counts, got {weights[place]} at {list(place)} of "
            f"{name}"
        )


def excess(counts: Floats, estimator: Estimator, prior: float, unseen: int = 0) -> Floats:
    """What the estimator adds to the plug-in entropy of each row, in nats.

    `unseen` says how many more outcomes there are, whose counts are 0 and not listed.
    """
    total: Floats = np.asarray(counts.sum(-1))
    if estimator == "plugin":
        return 0 * total
    if estimator == "miller-madow":
        return np.asarray((np.count_nonzero(counts, -1) - 1) / (2 * total))
    psi = _digamma(estimator)
    if estimator == "grassberger":
        # G(2k) = G(2k + 1) = log 2 + digamma(k + 1/2), by the duplication formula of digamma.
        logs = np.log(np.where(counts == 0, 1, counts) / 2)
        terms = counts * (logs - psi(np.floor(counts / 2) + 0.5))
        return np.asarray(terms.sum(-1) / total)
    weight = counts + prior
    mass = total + prior * (counts.shape[-1] + unseen)
    terms = weight * psi(weight + 1)
    expected = psi(mass + 1) - (terms.sum(-1) + unseen * prior * psi(prior + 1)) / mass
    return np.asarray(expected - _kernels.entropy(counts, form="counts", invalid="ignore"))


def _digamma(estimator: Estimator) -> Any:
    try:
        from scipy.special import digamma
    except ImportError:
        raise ImportError(
            f"estimator={estimator!r} needs SciPy: pip install scipy, or the extra stats"
        ) from None
    return digamma
