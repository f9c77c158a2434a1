"""The measures in plain NumPy float64: what a reader reads to know what is computed.

Every function is the textbook formula on normalised rows, written once and not tuned. It takes the
keywords of the compiled function of the same name that decide *what* is computed; nothing is
validated, so call the compiled functions for errors that name the bad row.

With ``bound=True`` a function returns ``(value, bound)``: the exact result for the given inputs
lies within ``bound`` of ``value``. The bound is a running error analysis: every step states the
rounding error it adds, in units of ``U``. Near equality the textbook sum keeps few correct digits
(its terms cancel), and the bound says how few; the compiled functions do not share this weakness.

>>> kl_divergence([0.5, 0.5], [0.75, 0.25], base=2, bound=True)[1] < 1e-14
True

Design note. Probabilities and log-probabilities are carried side by side, because mixed forms need
both and because ``log p - log q`` is exactly 0 for equal rows and survives values whose quotient
would overflow. The price is an error of ``U * |log p|`` in place of ``U`` per logarithm of a ratio.

Sources: T. M. Cover and J. A. Thomas, *Elements of Information Theory*, 2nd ed., chapter 2;
J. Lin, "Divergence measures based on the Shannon entropy", IEEE Trans. Inf. Theory 37 (1991);
N. J. Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., chapters 3 and 4.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "alpha_divergence",
    "bhattacharyya_distance",
    "chi2_divergence",
    "cross_entropy",
    "entropy",
    "hellinger_distance",
    "jeffreys_divergence",
    "js_distance",
    "js_divergence",
    "kl_divergence",
    "nll",
    "perplexity",
    "rel_entr",
    "renyi_divergence",
    "renyi_entropy",
    "total_variation",
    "tsallis_divergence",
    "tsallis_entropy",
]

Form = str | tuple[str, str]
Floats = NDArray[np.float64]
Bounded = tuple[Floats, Floats]  # values, and the bound of the error of each

DEFAULT_EPS = {"probs": 2.0**-126, "counts": 2.0**-126, "log_probs": 0.0, "logits": 0.0}

U = 2.0**-53  # unit roundoff of float64: one operation errs by at most U times its result
LOG_OR_EXP = 4 * U  # relative error granted to np.log and np.exp: two units in the last place
UNDERFLOW = 2.0**-1060  # covers what a term loses when it or its p leaves the normal range
SECOND_ORDER = 1.001  # the analysis is first order; products of two errors stay far below this


class Outcomes(NamedTuple):
    """Probabilities, their logarithms, and what rounding may have done to each."""

    p: Floats
    log_p: Floats
    p_error: Floats  # relative
    log_p_error: Floats  # absolute


def kl_divergence(
    p: ArrayLike,
    q: ArrayLike,
    *,
    form: Form = "probs",
    axis: int = -1,
    base: float | None = None,
    eps: float | None = None,
    temperature: float = 1.0,
    keepdims: bool = False,
    bound: bool = False,
) -> Any:
    """Kullback-Leibler divergence: sum p log(p / q), the expectation under p.

    >>> round(kl_divergence([0.5, 0.5], [0.25, 0.75], base=2), 12)  # 1 - log2(3) / 2
    0.207518749639
    """
    given, other = _pair(p, q, form, axis, temperature)
    other = _floored(other, given, _eps(eps, form))
    return _result(_kl(given, other), axis, base, keepdims, bound)


def cross_entropy(
    p: ArrayLike,
    q: ArrayLike,
    *,
    form: Form = "probs",
    axis: int = -1,
    base: float | None = None,
    eps: float | None = None,
    temperature: float = 1.0,
    keepdims: bool = False,
    bound: bool = False,
) -> Any:
    """Cross-entropy: -sum p log q = entropy(p) + kl_divergence(p, q).

    >>> round(cross_entropy([0.5, 0.5], [0.25, 0.75], base=2), 12)  # 2 - log2(3) / 2
    1.207518749639
    """
    given, other = _pair(p, q, form, axis, temperature)
    other = _floored(other, given, _eps(eps, form))
    terms = _weighted(given, -other.log_p, other.log_p_error)
    return _result(_row_sum(*terms), axis, base, keepdims, bound)


def entropy(
    p: ArrayLike,
    *,
    form: Form = "probs",
    axis: int = -1,
    base: float | None = None,
    temperature: float = 1.0,
    keepdims: bool = False,
    bound: bool = False,
) -> Any:
    """Shannon entropy: -sum p log p.

    >>> entropy([1, 1, 1, 1], form="counts", base=2)
    2.0
    """
    given = _normalised(p, _forms(form)[0], axis, temperature)
    terms = _weighted(given, -given.log_p, given.log_p_error)
    return _result(_row_sum(*terms), axis, base, keepdims, bound)


def js_divergence(
    p: ArrayLike,
    q: ArrayLike,
    weight: float = 0.5,
    *,
    form: Form = "probs",
    axis: int = -1,
    base: float | None = None,
    temperature: float = 1.0,
    keepdims: bool = False,
    bound: bool = False,
) -> Any:
    """Jensen-Shannon divergence: w KL(p || m) + (1 - w) KL(q || m), m = w p + (1 - w) q.

    >>> js_divergence([1, 0], [0, 1], base=2)
    1.0
    """
    given, other = _pair(p, q, form, axis, temperature)
    return _result(_js(given, other, weight), axis, base, keepdims, bound)


def js_distance(
    p: ArrayLike,
    q: ArrayLike,
    weight: float = 0.5,
    *,
    form: Form = "probs",
    axis: int = -1,
    base: float | None = None,
    temperature: float = 1.0,
    keepdims: bool = False,
    bound: bool = False,
) -> Any:
    """Jensen-Shannon distance: the square root of ``js_divergence`` in the unit of ``base``.

    >>> js_distance([1, 0], [0, 1], base=2)
    1.0
    """
    given, other = _pair(p, q, form, axis, temperature)
    divergence, error = _in_unit(*_js(given, other, weight), base)
    return _result(_root(divergence, error), axis, None, keepdims, bound)


def jeffreys_divergence(
    p: ArrayLike,
    q: ArrayLike,
    *,
    form: Form = "probs",
    axis: int = -1,
    base: float | None = None,
    eps: float | None = None,
    temperature: float = 1.0,
    keepdims: bool = False,
    bound: bool = False,
) -> Any:
    """Jeffreys divergence: KL(p || q) + KL(q || p).

    >>> round(jeffreys_divergence([0.5, 0.5], [0.25, 0.75], base=3), 12)
    0.25
    """
    given, other = _pair(p, q, form, axis, temperature)
    form_p, form_q = _forms(form)
    there, there_error = _kl(given, _floored(other, given, _eps(eps, form)))
    back, back_error = _kl(other, _floored(given, other, _eps(eps, (form_q, form_p))))
    value = there + back
    return _result((value, there_error + back_error + U * value), axis, base, keepdims, bound)


def total_variation(
    p: ArrayLike,
    q: ArrayLike,
    *,
    form: Form = "probs",
    axis: int = -1,
    temperature: float = 1.0,
    keepdims: bool = False,
    bound: bool = False,
) -> Any:
    """Total variation distance: sum |p - q| / 2.

    >>> total_variation([0.5, 0.5], [0.25, 0.75])
    0.25
    """
    given, other = _pair(p, q, form, axis, temperature)
    value, error = _row_sum(*_magnitudes(*_difference(given, other)))
    return _result((value / 2, error / 2), axis, None, keepdims, bound)


def hellinger_distance(
    p: ArrayLike,
    q: ArrayLike,
    *,
    form: Form = "probs",
    axis: int = -1,
    temperature: float = 1.0,
    keepdims: bool = False,
    bound: bool = False,
) -> Any:
    """Hellinger distance: sqrt(sum (sqrt p - sqrt q)**2 / 2).

    >>> hellinger_distance([1, 0], [0, 1])
    1.0
    """
    given, other = _pair(p, q, form, axis, temperature)
    value, error = _row_sum(*_square(*_difference(_roots(given), _roots(other))))
    return _result(_root(value / 2, error / 2), axis, None, keepdims, bound)


def bhattacharyya_distance(
    p: ArrayLike,
    q: ArrayLike,
    *,
    form: Form = "probs",
    axis: int = -1,
    base: float | None = None,
    temperature: float = 1.0,
    keepdims: bool = False,
    bound: bool = False,
) -> Any:
    """Bhattacharyya distance: -log sum sqrt(p q).

    >>> bhattacharyya_distance([1, 0], [0.25, 0.75], base=2)
    1.0
    """
    given, other = _pair(p, q, form, axis, temperature)
    value, error = _log_power_sum(given, other, 0.5)
    return _result((np.maximum(-value, 0), error), axis, base, keepdims, bound)


def chi2_divergence(
    p: ArrayLike,
    q: ArrayLike,
    *,
    form: Form = "probs",
    axis: int = -1,
    temperature: float = 1.0,
    keepdims: bool = False,
    bound: bool = False,
) -> Any:
    """Chi-squared divergence: sum (p - q)**2 / q = sum p**2 / q - 1.

    >>> chi2_divergence([0.5, 0.5], [0.25, 0.75])
    0.3333333333333333
    """
    given, other = _pair(p, q, form, axis, temperature)
    result = _exp_less_1(*_log_power_sum(given, other, 2), 1)
    return _result(result, axis, None, keepdims, bound)


def renyi_divergence(
    p: ArrayLike,
    q: ArrayLike,
    alpha: float,
    *,
    form: Form = "probs",
    axis: int = -1,
    base: float | None = None,
    temperature: float = 1.0,
    keepdims: bool = False,
    bound: bool = False,
) -> Any:
    """Renyi divergence: log(sum p**alpha q**(1 - alpha)) / (alpha - 1), or its limit.

    >>> renyi_divergence([0.5, 0.5], [0.25, 0.75], np.inf, base=2)
    1.0
    """
    given, other = _pair(p, q, form, axis, temperature)
    if alpha == 1:
        result = _kl(given, other)
    elif alpha == np.inf:
        result = _largest(*_log_ratio(given, other))
    else:
        value, error = _log_power_sum(given, other, alpha)
        result = np.maximum(value / (alpha - 1), 0), (error + U * np.abs(value)) / abs(alpha - 1)
    return _result(result, axis, base, keepdims, bound)


def tsallis_divergence(
    p: ArrayLike,
    q: ArrayLike,
    alpha: float,
    *,
    form: Form = "probs",
    axis: int = -1,
    temperature: float = 1.0,
    keepdims: bool = False,
    bound: bool = False,
) -> Any:
    """Tsallis relative entropy: (sum p**alpha q**(1 - alpha) - 1) / (alpha - 1), or its limit.

    >>> tsallis_divergence([0.5, 0.5], [0.25, 0.75], 2)
    0.3333333333333333
    """
    given, other = _pair(p, q, form, axis, temperature)
    if alpha == 1:
        return _result(_kl(given, other), axis, None, keepdims, bound)
    logs = _log_power_sum(given, other, alpha)
    return _result(_exp_less_1(*logs, alpha - 1), axis, None, keepdims, bound)


def alpha_divergence(
    p: ArrayLike,
    q: ArrayLike,
    alpha: float,
    *,
    form: Form = "probs",
    axis: int = -1,
    temperature: float = 1.0,
    keepdims: bool = False,
    bound: bool = False,
) -> Any:
    """Alpha divergence: (sum p**alpha q**(1 - alpha) - 1) / (alpha (alpha - 1)), or its limit.

    >>> alpha_divergence([0.5, 0.5], [0.25, 0.75], 2)
    0.16666666666666666
    """
    given, other = _pair(p, q, form, axis, temperature)
    if alpha in (0, 1):
        result = _kl(given, other) if alpha == 1 else _kl(other, given)
    else:
        result = _exp_less_1(*_log_power_sum(given, other, alpha), alpha * (alpha - 1))
    return _result(result, axis, None, keepdims, bound)


def perplexity(
    p: ArrayLike,
    *,
    form: str = "probs",
    axis: int = -1,
    temperature: float = 1.0,
    keepdims: bool = False,
    bound: bool = False,
) -> Any:
    """Perplexity: the exponential of the entropy.

    >>> perplexity([0.5, 0.5, 0.0])
    2.0
    """
    given = _normalised(p, form, axis, temperature)
    value, error = _row_sum(*_weighted(given, -given.log_p, given.log_p_error))
    value = np.exp(value)
    return _result((value, value * (np.expm1(error) + LOG_OR_EXP)), axis, None, keepdims, bound)


def renyi_entropy(
    p: ArrayLike,
    alpha: float,
    *,
    form: str = "probs",
    axis: int = -1,
    base: float | None = None,
    temperature: float = 1.0,
    keepdims: bool = False,
    bound: bool = False,
) -> Any:
    """Renyi entropy: log(sum p**alpha) / (1 - alpha), or its limit.

    >>> renyi_entropy([0.5, 0.25, 0.25], np.inf, base=2)
    1.0
    """
    given = _normalised(p, form, axis, temperature)
    if alpha == 1:
        result = _row_sum(*_weighted(given, -given.log_p, given.log_p_error))
    elif alpha == np.inf:
        value, error = _largest(given.log_p, given.log_p_error, at_least=-np.inf)
        result = np.maximum(-value, 0), error
    else:
        value, error = _log_power_sum(given, None, alpha)
        result = np.maximum(value / (1 - alpha), 0), (error + U * np.abs(value)) / abs(1 - alpha)
    return _result(result, axis, base, keepdims, bound)


def tsallis_entropy(
    p: ArrayLike,
    alpha: float,
    *,
    form: str = "probs",
    axis: int = -1,
    temperature: float = 1.0,
    keepdims: bool = False,
    bound: bool = False,
) -> Any:
    """Tsallis entropy: (1 - sum p**alpha) / (alpha - 1), or its limit.

    >>> tsallis_entropy([0.5, 0.25, 0.25], 2)
    0.625
    """
    given = _normalised(p, form, axis, temperature)
    if alpha == 1:
        result = _row_sum(*_weighted(given, -given.log_p, given.log_p_error))
    else:
        result = _exp_less_1(*_log_power_sum(given, None, alpha), 1 - alpha)
    return _result(result, axis, None, keepdims, bound)


def nll(
    labels: ArrayLike,
    q: ArrayLike,
    *,
    form: str = "probs",
    axis: int = -1,
    base: float | None = None,
    eps: float | None = None,
    temperature: float = 1.0,
    ignore_index: int | None = None,
    keepdims: bool = False,
    bound: bool = False,
) -> Any:
    """Negative log-likelihood: -log q[label]; a probability is taken as it stands, not normalised.

    ``q`` counts as ``max(q, eps)``; rows whose label is ``ignore_index`` give NaN.

    >>> nll(1, [0.75, 0.25], base=2)
    2.0
    """
    if form == "probs":
        other = _as_given(_outcomes_last(q, axis), form)
    else:
        other = _normalised(q, form, axis, temperature)
    label = np.asarray(labels)
    ignored = np.zeros(label.shape, bool) if ignore_index is None else label == ignore_index
    batch = np.broadcast_shapes(label.shape, other.p.shape[:-1])
    picked = np.broadcast_to(np.where(ignored, 0, label), batch)[..., None]

    def at_label(x: Floats) -> Floats:
        return np.take_along_axis(np.broadcast_to(x, batch + other.p.shape[-1:]), picked, -1)

    other = Outcomes(*map(at_label, other))
    zero = np.zeros_like(other.p)
    certain = Outcomes(zero + 1, zero, zero, zero)
    terms = _floored(other, certain, _eps(eps, form))
    value, error = _row_sum(-terms.log_p, terms.log_p_error)
    return _result((np.where(ignored, np.nan, value), error), axis, base, keepdims, bound)


def rel_entr(
    p: ArrayLike,
    q: ArrayLike,
    *,
    form: Form = "probs",
    base: float | None = None,
    eps: float | None = None,
    bound: bool = False,
) -> Any:
    """Terms p log(p / q), elementwise: nothing is normalised, clamped or summed.

    >>> rel_entr(4.0, 1.0, base=2)
    8.0
    """
    form_p, form_q = _forms(form)
    given = _as_given(_float64(p), form_p)
    other = _floored(_as_given(_float64(q), form_q), given, _eps(eps, form))
    terms = _weighted(given, *_log_ratio(given, other))
    return _result(terms, 0, base, False, bound)


# Probabilities and log-probabilities of a row, per form.


def _float64(x: ArrayLike) -> Floats:
    return np.asarray(x).astype(np.float64)


def _outcomes_last(x: ArrayLike, axis: int) -> Floats:
    # Contiguous, so that NumPy adds along the outcomes pairwise, as `_additions` counts.
    return np.ascontiguousarray(np.moveaxis(_float64(x), axis, -1))


def _as_given(x: Floats, form: str) -> Outcomes:
    """The outcomes that ``x`` holds in a linear form or as log-probabilities, not normalised."""
    exact = np.zeros_like(x)
    with np.errstate(divide="ignore", invalid="ignore", under="ignore"):
        if form == "log_probs":
            return Outcomes(np.exp(x), x, exact + LOG_OR_EXP, exact)
        log_x = np.log(x)
    return Outcomes(x, log_x, exact, LOG_OR_EXP * _magnitude(log_x))


def _normalised(rows: ArrayLike, form: str, axis: int, temperature: float) -> Outcomes:
    """The distributions that ``rows`` stand for, outcomes on the last axis.

    Log forms are shifted by their maximum and divided by the temperature (logits only); then every
    form is divided by its mass, whose logarithm is the log-sum-exp of the shifted log form.
    """
    x = _outcomes_last(rows, axis)
    if form in ("log_probs", "logits"):
        x = x - x.max(-1, keepdims=True)
        if form == "logits":
            x = x / temperature
        weight, log_weight, weight_error, log_weight_error = _as_given(x, "log_probs")
        shift_error = 2 * U * _magnitude(x)
        weight_error, log_weight_error = weight_error + shift_error, log_weight_error + shift_error
    else:
        weight, log_weight, weight_error, log_weight_error = _as_given(x, form)

    mass = weight.sum(-1, keepdims=True)
    mass_error = (weight * weight_error).sum(-1, keepdims=True) / mass
    mass_error += _additions(x.shape[-1]) * U
    log_mass = np.log(mass)
    log_p = log_weight - log_mass
    log_error = log_weight_error + mass_error + LOG_OR_EXP * np.abs(log_mass)
    return Outcomes(
        weight / mass,
        log_p,
        weight_error + mass_error + U,
        np.where(np.isneginf(log_p), 0.0, log_error + U * _magnitude(log_p)),
    )


def _forms(form: Form) -> tuple[str, str]:
    return (form, form) if isinstance(form, str) else form


def _pair(
    p: ArrayLike, q: ArrayLike, form: Form, axis: int, temperature: float
) -> tuple[Outcomes, Outcomes]:
    form_p, form_q = _forms(form)
    return _normalised(p, form_p, axis, temperature), _normalised(q, form_q, axis, temperature)


def _eps(eps: float | None, form: Form) -> float:
    return DEFAULT_EPS[_forms(form)[1]] if eps is None else eps


def _floored(q: Outcomes, p: Outcomes, eps: float) -> Outcomes:
    """``q`` with every probability below both p and eps raised to the smaller of the two."""
    with np.errstate(divide="ignore"):
        log_eps = np.log(eps)
    floor = np.minimum(p.log_p, log_eps)
    floor_error = np.maximum(p.log_p_error, LOG_OR_EXP * _magnitude(log_eps))
    # max and min pass on the error of one argument: no more than the larger. Where q is clear of
    # the floor by more than any error, that is q's.
    near = q.log_p <= floor + 1
    log_error = np.where(near, np.maximum(q.log_p_error, floor_error), q.log_p_error)
    return Outcomes(q.p, np.maximum(q.log_p, floor), q.p_error, log_error)


# Terms, sums, and the error each adds.


def _magnitude(log_x: Floats) -> Floats:
    """|log x|, and 0 for the logarithm of an exact zero, which holds no error."""
    return np.where(np.isneginf(log_x), 0.0, np.abs(log_x))


def _additions(n: int) -> int:
    """Roundings on the way of one of n numbers into NumPy's pairwise sum.

    At most 27 within a block of 128 (16 in its lane, 3 that join the 8 lanes, 8 of a tail), one per
    halving above it; a buffer of 8192 elements ends one such sum.
    """
    return min(n, 28 + n.bit_length() + n // 8192)


def _log_ratio(p: Outcomes, q: Outcomes) -> Bounded:
    with np.errstate(invalid="ignore"):
        both_absent = np.isneginf(p.log_p) & np.isneginf(q.log_p)
        ratio = np.where(both_absent, 0.0, p.log_p - q.log_p)
    return ratio, p.log_p_error + q.log_p_error + U * np.abs(ratio)


def _weighted(p: Outcomes, log_value: Floats, log_error: Floats) -> Bounded:
    """Terms p * log_value, 0 where p is an exact 0, and their errors; NaN in, NaN out."""
    absent = np.isneginf(p.log_p) & ~np.isnan(log_value)
    impossible = np.isposinf(log_value) & ~absent  # +inf even where p is too small for a float64
    with np.errstate(invalid="ignore", under="ignore"):
        terms = np.where(absent, 0.0, np.where(impossible, np.inf, p.p * log_value))
        errors = p.p * log_error + (p.p_error + U) * np.abs(terms) + UNDERFLOW
    return terms, np.where(absent | impossible, 0.0, errors)


def _row_sum(terms: Floats, errors: Floats) -> Bounded:
    """A sum that is non-negative in exact arithmetic: what rounding leaves below 0 becomes 0."""
    value = np.maximum(terms.sum(-1), 0.0)
    return value, errors.sum(-1) + _additions(terms.shape[-1]) * U * np.abs(terms).sum(-1)


def _kl(p: Outcomes, q: Outcomes) -> Bounded:
    return _row_sum(*_weighted(p, *_log_ratio(p, q)))


def _js(p: Outcomes, q: Outcomes, weight: float) -> Bounded:
    if weight in (0, 1):  # the mixture is one of the two, and the other has no share
        zero = 0.0 * (p.p + q.p).sum(-1)  # NaN in, NaN out
        return zero, zero
    mixed = weight * p.p + (1 - weight) * q.p
    with np.errstate(divide="ignore"):
        log_mixed = np.log(mixed)
    mixed_error = np.maximum(p.p_error, q.p_error) + 3 * U
    m = Outcomes(mixed, log_mixed, mixed_error, mixed_error + LOG_OR_EXP * _magnitude(log_mixed))
    # A share too small for a float64 has no part in the sums, whatever the mixture has become.
    p, q = (x._replace(log_p=np.where(x.p == 0, -np.inf, x.log_p)) for x in (p, q))
    to_p, error_p = _kl(p, m)
    to_q, error_q = _kl(q, m)
    value = weight * to_p + (1 - weight) * to_q
    return value, weight * error_p + (1 - weight) * error_q + 3 * U * value


def _root(value: Floats, error: Floats) -> Bounded:
    root = np.sqrt(value)
    # The root is steepest below, so the lower end of the interval decides unless it is cut at 0.
    below = root - np.sqrt(np.maximum(value - error, 0))
    above = np.sqrt(value + error) - root
    return root, np.maximum(below, above) + 4 * U * root


# Powers, and the sums made of them.


def _roots(x: Outcomes) -> Outcomes:
    return Outcomes(np.sqrt(x.p), x.log_p / 2, x.p_error / 2 + U, x.log_p_error / 2)


def _difference(p: Outcomes, q: Outcomes) -> Bounded:
    difference = p.p - q.p
    error = p.p * p.p_error + q.p * q.p_error + UNDERFLOW
    return difference, error + U * np.abs(difference)


def _magnitudes(x: Floats, error: Floats) -> Bounded:
    return np.abs(x), error


def _square(x: Floats, error: Floats) -> Bounded:
    return x * x, error * (2 * np.abs(x) + error) + U * x * x


def _largest(x: Floats, error: Floats, at_least: float = 0.0) -> Bounded:
    """The largest of each row, which lies within the largest of the errors."""
    return np.maximum(x.max(-1), at_least), error.max(-1)


def _log_power_sum(p: Outcomes, q: Outcomes | None, alpha: float) -> Bounded:
    """log sum p**alpha q**(1 - alpha), without q log sum p**alpha; 0**0 is 0, 0**negative inf."""
    log_q, log_q_error = (0.0 * p.log_p_error, 0.0) if q is None else (q.log_p, q.log_p_error)
    p_absent, q_absent = np.isneginf(p.log_p), np.isneginf(log_q)
    log_p, log_q = np.where(p_absent, 0, p.log_p), np.where(q_absent, 0, log_q)
    exponent = alpha * log_p + (1 - alpha) * log_q
    error = np.abs(alpha) * (p.log_p_error + 2 * U * np.abs(log_p))
    error = error + np.abs(1 - alpha) * (log_q_error + 3 * U * np.abs(log_q))
    absent = (p_absent & (q_absent | (alpha >= 0))) | (q_absent & (alpha < 1))
    infinite = ~absent & (p_absent | q_absent)
    exponent = np.where(absent, -np.inf, np.where(infinite, np.inf, exponent))
    largest = exponent.max(-1, keepdims=True)
    top = np.where(np.isinf(largest), 0, largest)
    with np.errstate(all="ignore"):
        terms = np.where(infinite, np.inf, np.exp(exponent - top))
        errors = terms * (error + 2 * U * (np.abs(exponent) + np.abs(top)) + LOG_OR_EXP) + UNDERFLOW
        errors = np.where(absent | np.isinf(terms), 0.0, errors)
        value, error = _row_sum(terms, errors)
        result = top[..., 0] + np.log(value)
        below = -np.log1p(-np.minimum(error / value, 1))
    error = below + LOG_OR_EXP * np.abs(result - top[..., 0]) + U * np.abs(result)
    return result, np.where(np.isinf(result), 0.0, error)


def _exp_less_1(x: Floats, error: Floats, divisor: float) -> Bounded:
    """(exp(x) - 1) / divisor, which is not negative in exact arithmetic."""
    with np.errstate(over="ignore", invalid="ignore"):
        value = np.maximum(np.expm1(x) / divisor, 0)
        error = np.exp(x) * np.expm1(error) / abs(divisor) + (LOG_OR_EXP + 2 * U) * value
    return value, np.where(np.isfinite(value), error, 0.0)


def _in_unit(value: Floats, error: Floats, base: float | None) -> Bounded:
    if base is not None:
        unit = np.log(np.float64(base))
        value, error = value / unit, error / np.abs(unit)
        error = error + (LOG_OR_EXP + 2 * U) * np.abs(value)
    return value, np.where(np.isinf(value), 0.0, error)


def _result(result: Bounded, axis: int, base: float | None, keepdims: bool, bound: bool) -> Any:
    value, error = _in_unit(*result, base)
    error = SECOND_ORDER * error
    if keepdims:
        value, error = np.expand_dims(value, axis), np.expand_dims(error, axis)
    if value.ndim == 0:
        return (value.item(), error.item()) if bound else value.item()
    return (value, error) if bound else value
