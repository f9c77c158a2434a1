"""Information measures of two variables, from their joint table or from two columns of labels.

What each is in terms of the others, when to correct for the size of a sample, and what other
libraries do otherwise stands in docs/information.md; how none of them cancels, in ``_joint``.
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kl_c import _kernels
from kl_c._contingency import contingency_table
from kl_c._joint import Tables, joint_of, pair_of
from kl_c._measured import Labels, Scores, added, score, settings
from kl_c._weights import Floats, Form, Invalid, check_keywords, nats_of
from kl_c.entropy_estimators import Estimator

__all__ = [
    "mutual_information",
    "normalized_mutual_information",
    "pointwise_mutual_information",
]

AVERAGES = ("arithmetic", "geometric", "min", "max")


def mutual_information(
    joint: ArrayLike | None = None,
    *,
    labels: Labels | None = None,
    form: Form = "probs",
    base: float | None = None,
    estimator: Estimator = "plugin",
    prior: float | None = None,
    invalid: Invalid = "raise",
) -> Scores:
    """Mutual information of x and y: how many nats knowing one saves in telling the other.

    I(X; Y) = sum p(x, y) log(p(x, y) / (p(x) p(y))) = KL(p(x, y) || p(x) p(y)).

    Parameters
    ----------
    joint : array_like
        A table with x on the last axis but one and y on the last; batches of tables in front. Any
        real dtype; computed in float64. Divided by its mass.
    labels : pair of array_like
        In place of a table, two columns (x, y) of one length: whole numbers, strings, anything that
        `numpy.unique` orders. Their counts are the table; `form` has no say.
    form : {"probs", "counts"}
        What the table holds.
    base : float, optional
        Unit of the result: None is nats, 2 is bits.
    estimator : {"plugin", "miller-madow", "grassberger", "dirichlet"}
        "plugin" is the formula above. The others estimate the information of the distribution that
        counts were drawn from: `entropy_estimate` describes them, and is applied to each entropy in
        I(X; Y) = H(X) + H(Y) - H(X, Y).
    prior : float, optional
        With "dirichlet" the pseudocount of every cell of the table; a value of x has that of all
        its cells together. From labels the table is that of the labels that occur.
    invalid : {"raise", "nan"}
        Tables that are not what `form` says: raise, or score them NaN.

    Returns
    -------
    float or ndarray of float64
        One for each table. The plug-in is never negative; other estimates are returned as they are.

    Raises
    ------
    InvalidRowsError
        If a table is not what its form says (see `ROW_RULES`) and ``invalid="raise"``.
    ValueError, TypeError
        If shapes, dtypes, labels or keywords do not fit, or an estimator of counts gets no whole
        ones.
    ImportError
        If "grassberger" or "dirichlet" is asked for without SciPy (the extra ``stats``).

    Notes
    -----
    Accurate for nearly independent x and y, where the sum of entropies returns noise.
    scikit-learn's ``mutual_infoscore(x, y)`` is this with ``labels=(x, y)``.

    Source: C. E. Shannon, "A mathematical theory of communication", Bell Syst. Tech. J. 27 (1948);
    T. M. Cover and J. A. Thomas, Elements of Information Theory, 2nd ed., section 2.3.

    Examples
    --------
    >>> round(kl_c.mutual_information([[0.25, 0.25], [0, 0.5]], base=2), 6)
    0.311278
    >>> x, y = ["a", "b", "a", "b"], [1, 2, 1, 1]
    >>> round(kl_c.mutual_information(labels=(x, y), base=2), 6)
    0.311278
    """
    pseudocount, unit = settings(form, labels, base, estimator, prior)
    of = joint_of(joint, labels, form, invalid)
    return score(of.mutual_information() + added(of, estimator, pseudocount, xy=-1, x=1, y=1), unit)


def normalized_mutual_information(
    joint: ArrayLike | None = None,
    *,
    labels: Labels | None = None,
    form: Form = "probs",
    average: Literal["arithmetic", "geometric", "min", "max"] = "arithmetic",
    invalid: Invalid = "raise",
) -> Scores:
    """Mutual information as a share of an average of both entropies: 0 independent, 1 the same.

    NMI(X; Y) = I(X; Y) / average(H(X), H(Y)).

    Parameters
    ----------
    joint, labels, form, invalid
        As in `mutual_information`.
    average : {"arithmetic", "geometric", "min", "max"}
        The mean of both entropies, the root of their product, the lesser or the larger.

    Returns
    -------
    float or ndarray of float64
        One for each table, between 0 and 1. As in scikit-learn 1 where all mass is in one cell, and
        0 where only one of x and y is constant.

    Raises
    ------
    InvalidRowsError, ValueError, TypeError
        As in `mutual_information`.

    Notes
    -----
    scikit-learn's ``normalized_mutual_infoscore(x, y, average_method=average)``, with the same
    default. There is no estimator: a ratio of corrected entropies is no corrected ratio.

    Source: N. X. Vinh, J. Epps and J. Bailey, "Information theoretic measures for clusterings
    comparison", J. Mach. Learn. Res. 11 (2010), table 2.

    Examples
    --------
    >>> round(kl_c.normalized_mutual_information([[0.25, 0.25], [0, 0.5]]), 6)
    0.343711
    >>> kl_c.normalized_mutual_information(labels=([0, 0, 1, 1], ["b", "b", "a", "a"]))
    1.0
    """
    if average not in AVERAGES:
        known = ", ".join(map(repr, AVERAGES))
        raise ValueError(f"average must be one of {known}, got {average!r}")
    of = joint_of(joint, labels, form, invalid)
    h_x, h_y = (
        np.asarray(_kernels.entropy(side, form="counts", invalid="ignore")) for side in (of.x, of.y)
    )
    mean = {
        "arithmetic": (h_x + h_y) / 2,
        "geometric": np.sqrt(h_x) * np.sqrt(h_y),
        "min": np.minimum(h_x, h_y),
        "max": np.maximum(h_x, h_y),
    }[average]
    constant = (h_x == 0).astype(int) + (h_y == 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.minimum(of.mutual_information() / mean, 1)
    return score(np.where(constant == 2, 1.0, np.where(constant == 1, 0.0, share)))


def pointwise_mutual_information(
    joint: ArrayLike | None = None,
    *,
    labels: Labels | None = None,
    form: Form = "probs",
    base: float | None = None,
    normalized: bool = False,
    invalid: Invalid = "raise",
) -> NDArray[np.float64]:
    """Pointwise mutual information of every cell: how much likelier x and y are together.

    pmi(x, y) = log(p(x, y) / (p(x) p(y))), whose mean is `mutual_information`; normalised,
    npmi(x, y) = pmi(x, y) / -log p(x, y).

    Parameters
    ----------
    joint, labels, form, base, invalid
        As in `mutual_information`. From labels the table is that of `contingency_table`, which
        names its rows and columns.
    normalized : bool
        Whether to divide by -log p(x, y), which puts the value between -1 and 1 in any base.

    Returns
    -------
    ndarray of float64
        Of the shape of `joint`. Where x and y are never together -inf, normalised -1; where x or y
        itself never occurs NaN. Normalised it is 1 where all mass is in one cell.

    Raises
    ------
    InvalidRowsError, ValueError, TypeError
        As in `mutual_information`.

    Notes
    -----
    Right to some 1e-15 nats, which is no small share of a value near 0; normalised to as much
    divided by -log p(x, y).

    Source: K. W. Church and P. Hanks, "Word association norms, mutual information, and
    lexicography", Comput. Linguist. 16 (1990); G. Bouma, "Normalized (pointwise) mutual information
    in collocation extraction", Proc. GSCL (2009).

    Examples
    --------
    >>> kl_c.pointwise_mutual_information([[0.25, 0.25], [0, 0.5]], base=2).round(4)
    array([[ 1.   , -0.585],
           [  -inf,  0.415]])
    >>> kl_c.pointwise_mutual_information([[1, 1], [0, 2]], form="counts", normalized=True).round(4)
    array([[ 0.5   , -0.2925],
           [-1.    ,  0.415 ]])
    """
    unit = nats_of(base)
    check_keywords(form, invalid)
    if labels is not None and joint is None:
        joint, labels, form = contingency_table(*pair_of(labels)).counts, None, "counts"
    of = joint_of(joint, labels, form, invalid)
    assert isinstance(of, Tables)
    total = of.y.sum(-1, keepdims=True)[..., None]
    with np.errstate(divide="ignore", invalid="ignore"):
        # In this order no product of two small probabilities vanishes.
        pmi: Floats = np.log(of.weights / of.x[..., None] * (total / of.y[..., None, :]))
        if not normalized:
            return pmi / unit
        npmi = pmi / -np.log(of.weights / total)
    npmi = np.where(np.isneginf(pmi), -1.0, npmi)
    return np.where(of.weights == total, 1.0, npmi)
