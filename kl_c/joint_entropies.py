"""Entropies of two variables: of the pair, and of what each leaves open of the other."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from kl_c import _kernels
from kl_c._joint import joint_of
from kl_c._measured import Labels, Scores, added, score, settings
from kl_c._weights import Form, Invalid
from kl_c.entropy_estimators import Estimator

__all__ = ["conditional_entropy", "joint_entropy", "variation_of_information"]


def conditional_entropy(
    joint: ArrayLike | None = None,
    *,
    given: Literal["x", "y"] = "y",
    labels: Labels | None = None,
    form: Form = "probs",
    base: float | None = None,
    estimator: Estimator = "plugin",
    prior: float | None = None,
    invalid: Invalid = "raise",
) -> Scores:
    """Conditional entropy: what is left to tell of one variable once the other is known.

    H(X | Y) = -sum p(x, y) log(p(x, y) / p(y)), the mean over y of the entropy of p(x | y).

    Parameters
    ----------
    given : {"y", "x"}
        What is known: "y" is H(X | Y), "x" is H(Y | X).
    joint, labels, form, base, estimator, prior, invalid
        As in `mutual_information`; estimates are of H(X, Y) less those of H(Y), or of H(X).

    Returns
    -------
    float or ndarray of float64
        One for each table. The plug-in is never negative, and 0 where what is given tells the rest.

    Raises
    ------
    InvalidRowsError, ValueError, TypeError, ImportError
        As in `mutual_information`.

    Notes
    -----
    Accurate where little is left: entropies of the rows are added up, and not subtracted.

    Source: T. M. Cover and J. A. Thomas, Elements of Information Theory, 2nd ed., section 2.2.

    Examples
    --------
    >>> kl_c.conditional_entropy([[0.25, 0.25], [0, 0.5]], given="x", base=2)  # H(Y | X)
    0.5
    """
    if given not in ("x", "y"):
        raise ValueError(f"given must be 'x' or 'y', got {given!r}")
    pseudocount, unit = settings(form, labels, base, estimator, prior)
    of = joint_of(joint, labels, form, invalid)
    mended = added(of, estimator, pseudocount, xy=1, x=-(given == "x"), y=-(given == "y"))
    return score(of.conditional_entropy(given) + mended, unit)


def joint_entropy(
    joint: ArrayLike | None = None,
    *,
    labels: Labels | None = None,
    form: Form = "probs",
    base: float | None = None,
    estimator: Estimator = "plugin",
    prior: float | None = None,
    invalid: Invalid = "raise",
) -> Scores:
    """Joint entropy of x and y: the entropy of the pair.

    H(X, Y) = -sum p(x, y) log p(x, y).

    Parameters
    ----------
    joint, labels, form, base, estimator, prior, invalid
        As in `mutual_information`.

    Returns
    -------
    float or ndarray of float64
        One for each table. The plug-in is never negative.

    Raises
    ------
    InvalidRowsError, ValueError, TypeError, ImportError
        As in `mutual_information`.

    Notes
    -----
    Source: T. M. Cover and J. A. Thomas, Elements of Information Theory, 2nd ed., section 2.2.

    Examples
    --------
    >>> round(kl_c.joint_entropy([[0.25, 0.25], [0, 0.5]], base=2), 6)
    1.5
    """
    pseudocount, unit = settings(form, labels, base, estimator, prior)
    of = joint_of(joint, labels, form, invalid)
    plain = np.asarray(_kernels.entropy(of.cells, form="counts", invalid="ignore"))
    return score(plain + added(of, estimator, pseudocount, xy=1), unit)


def variation_of_information(
    joint: ArrayLike | None = None,
    *,
    labels: Labels | None = None,
    form: Form = "probs",
    base: float | None = None,
    estimator: Estimator = "plugin",
    prior: float | None = None,
    invalid: Invalid = "raise",
) -> Scores:
    """Variation of information: what each of two variables leaves open of the other.

    VI(X, Y) = H(X | Y) + H(Y | X) = H(X, Y) - I(X; Y), a metric between clusterings.

    Parameters
    ----------
    joint, labels, form, base, estimator, prior, invalid
        As in `mutual_information`.

    Returns
    -------
    float or ndarray of float64
        One for each table. The plug-in is never negative, 0 if and only if x and y tell each other,
        and at most log N for N labels.

    Raises
    ------
    InvalidRowsError, ValueError, TypeError, ImportError
        As in `mutual_information`.

    Notes
    -----
    Source: M. Meila, "Comparing clusterings - an information based distance", J. Multivariate Anal.
    98 (2007).

    Examples
    --------
    >>> round(kl_c.variation_of_information([[0.25, 0.25], [0, 0.5]], base=2), 6)
    1.188722
    """
    pseudocount, unit = settings(form, labels, base, estimator, prior)
    of = joint_of(joint, labels, form, invalid)
    plain = of.conditional_entropy("x") + of.conditional_entropy("y")
    return score(plain + added(of, estimator, pseudocount, xy=2, x=-1, y=-1), unit)
