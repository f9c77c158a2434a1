# The measures of two distributions.


def kl_divergence(p, q, *, form="probs", axis=-1, base=None, eps=None, temperature=1.0,
                  invalid="raise", out=None, keepdims=False, workers=None):
    """Kullback-Leibler divergence of p from q: how many nats q costs where p is true.

    KL(p || q) = sum p log(p / q) over the outcomes of each row, p and q divided by their masses:
    the "forward" KL when p is the data or the teacher. Swap the arguments for the reverse.

    Parameters
    ----------
    p, q : array_like
        Rows of outcomes along `axis`; the other axes broadcast as in NumPy, without copies. Any
        real dtype, strides and byte order; CPU torch tensors too. Never written to.
    form : {"probs", "counts", "log_probs", "logits"} or a pair of these
        How the rows are given; a pair when p and q differ. Every form is normalised.
    axis : int
        The axis of outcomes, resolved in each array by itself.
    base : float, optional
        Unit of the result: None is nats, 2 is bits.
    eps : float, optional
        Floor of q: a q below both `eps` and p counts as the lesser of these. None is 2**-126 for
        probs and counts, 0 for log forms; 0 gives the exact, possibly infinite value.
    temperature : float
        Divides logits, after their maximum is subtracted.
    invalid : {"raise", "nan", "ignore"}
        What to do about invalid rows: raise, score them NaN, or skip the checks.
    out : ndarray, optional
        Where to write the result: float64 or float32 of exactly its shape. It is returned.
    keepdims : bool
        Keep the axis of outcomes, with length 1.
    workers : int, optional
        Threads for this call, -1 for all that the process may use; see `set_workers`.

    Returns
    -------
    float or ndarray of float64
        One divergence per row, in nats or in units of `base`; never negative, 0 for identical rows.

    Raises
    ------
    InvalidRowsError
        If a row is not what its form says (see `ROW_RULES`) and ``invalid="raise"``.
    ValueError, TypeError
        If shapes, dtypes or keywords do not fit.

    Notes
    -----
    p = 0 contributes 0, also where q = 0. Accurate when p and q are nearly equal, where the
    textbook sum returns noise: the terms p log(p/q) - p + q >= 0 are summed instead. SciPy's
    ``entropy(p, q)`` is this with ``form="counts", eps=0, axis=0``; torch's ``kl_div(input,
    target)`` takes the logarithm of q first and p second.

    Source: S. Kullback and R. A. Leibler, "On information and sufficiency", Ann. Math. Statist.
    22 (1951).

    Examples
    --------
    >>> round(kl_c.kl_divergence([0.5, 0.5], [0.25, 0.75], base=2), 12)  # 1 - log2(3) / 2
    0.207518749639
    >>> kl_c.kl_divergence([[3, 1], [1, 1]], [1, 1], form="counts")
    array([0.13081204, 0.        ])
    """
    return score_pair(KL_KERNEL_kl_divergence, KL_AS_IT_IS, p, q, form, axis, base, eps, None,
                      temperature, invalid, out, keepdims, workers)


def cross_entropy(p, q, *, form="probs", axis=-1, base=None, eps=None, temperature=1.0,
                  invalid="raise", out=None, keepdims=False, workers=None):
    """Cross-entropy of p and q: the nats per outcome of p under a code made for q.

    H(p, q) = -sum p log q = entropy(p) + kl_divergence(p, q) over the outcomes of each row, p and
    q divided by their masses.

    Parameters
    ----------
    p, q : array_like
        Rows of outcomes along `axis`; the other axes broadcast as in NumPy, without copies. Any
        real dtype, strides and byte order; CPU torch tensors too. Never written to.
    form : {"probs", "counts", "log_probs", "logits"} or a pair of these
        How the rows are given; a pair when p and q differ. Every form is normalised.
    axis : int
        The axis of outcomes, resolved in each array by itself.
    base : float, optional
        Unit of the result: None is nats, 2 is bits.
    eps : float, optional
        Floor of q: a q below both `eps` and p counts as the lesser of these. None is 2**-126 for
        probs and counts, 0 for log forms; 0 gives the exact, possibly infinite value.
    temperature : float
        Divides logits, after their maximum is subtracted.
    invalid : {"raise", "nan", "ignore"}
        What to do about invalid rows: raise, score them NaN, or skip the checks.
    out : ndarray, optional
        Where to write the result: float64 or float32 of exactly its shape. It is returned.
    keepdims : bool
        Keep the axis of outcomes, with length 1.
    workers : int, optional
        Threads for this call, -1 for all that the process may use; see `set_workers`.

    Returns
    -------
    float or ndarray of float64
        One cross-entropy per row, in nats or in units of `base`; never negative.

    Raises
    ------
    InvalidRowsError
        If a row is not what its form says (see `ROW_RULES`) and ``invalid="raise"``.
    ValueError, TypeError
        If shapes, dtypes or keywords do not fit.

    Notes
    -----
    The floor of q is that of `kl_divergence`, so the identity above holds whatever `eps`. For p
    given as class indices see `nll`.

    Source: T. M. Cover and J. A. Thomas, Elements of Information Theory, 2nd ed., section 5.4.

    Examples
    --------
    >>> round(kl_c.cross_entropy([0.5, 0.5], [0.25, 0.75], base=2), 12)
    1.207518749639
    """
    return score_pair(KL_KERNEL_cross_entropy, KL_AS_IT_IS, p, q, form, axis, base, eps, None,
                      temperature, invalid, out, keepdims, workers)


def js_divergence(p, q, weight=0.5, *, form="probs", axis=-1, base=None, temperature=1.0,
                  invalid="raise", out=None, keepdims=False, workers=None):
    """Jensen-Shannon divergence of p and q.

    With the mixture m = w p + (1-w) q, w = `weight`:
    JS(p, q) = w KL(p || m) + (1-w) KL(q || m), p and q divided by their masses.

    Parameters
    ----------
    p, q : array_like
        Rows of outcomes along `axis`; the other axes broadcast as in NumPy, without copies. Any
        real dtype, strides and byte order; CPU torch tensors too. Never written to.
    weight : float
        Of p in the mixture, between 0 and 1; 0 and 1 give 0.
    form : {"probs", "counts", "log_probs", "logits"} or a pair of these
        How the rows are given; a pair when p and q differ. Every form is normalised.
    axis : int
        The axis of outcomes, resolved in each array by itself.
    base : float, optional
        Unit of the result: None is nats, 2 is bits.
    temperature : float
        Divides logits, after their maximum is subtracted.
    invalid : {"raise", "nan", "ignore"}
        What to do about invalid rows: raise, score them NaN, or skip the checks.
    out : ndarray, optional
        Where to write the result: float64 or float32 of exactly its shape. It is returned.
    keepdims : bool
        Keep the axis of outcomes, with length 1.
    workers : int, optional
        Threads for this call, -1 for all that the process may use; see `set_workers`.

    Returns
    -------
    float or ndarray of float64
        One divergence per row, in nats or in units of `base`; between 0 and log 2 for equal
        weights.

    Raises
    ------
    InvalidRowsError
        If a row is not what its form says (see `ROW_RULES`) and ``invalid="raise"``.
    ValueError, TypeError
        If shapes, dtypes or keywords do not fit.

    Notes
    -----
    Symmetric in p and q for equal weights, and finite whatever their zeros, so there is no floor.

    Source: J. Lin, "Divergence measures based on the Shannon entropy", IEEE Trans. Inf. Theory 37
    (1991).

    Examples
    --------
    >>> kl_c.js_divergence([1, 0], [0, 1], base=2)
    1.0
    """
    return score_pair(KL_KERNEL_js_divergence, KL_AS_IT_IS, p, q, form, axis, base, None, weight,
                      temperature, invalid, out, keepdims, workers)


def js_distance(p, q, weight=0.5, *, form="probs", axis=-1, base=None, temperature=1.0,
                invalid="raise", out=None, keepdims=False, workers=None):
    """Jensen-Shannon distance of p and q: the square root of the divergence, a metric.

    With the mixture m = w p + (1-w) q, w = `weight`:
    sqrt(w KL(p || m) + (1-w) KL(q || m)), p and q divided by their masses.

    Parameters
    ----------
    p, q : array_like
        Rows of outcomes along `axis`; the other axes broadcast as in NumPy, without copies. Any
        real dtype, strides and byte order; CPU torch tensors too. Never written to.
    weight : float
        Of p in the mixture, between 0 and 1; 0 and 1 give 0.
    form : {"probs", "counts", "log_probs", "logits"} or a pair of these
        How the rows are given; a pair when p and q differ. Every form is normalised.
    axis : int
        The axis of outcomes, resolved in each array by itself.
    base : float, optional
        Unit of the result: None is nats, 2 is bits.
    temperature : float
        Divides logits, after their maximum is subtracted.
    invalid : {"raise", "nan", "ignore"}
        What to do about invalid rows: raise, score them NaN, or skip the checks.
    out : ndarray, optional
        Where to write the result: float64 or float32 of exactly its shape. It is returned.
    keepdims : bool
        Keep the axis of outcomes, with length 1.
    workers : int, optional
        Threads for this call, -1 for all that the process may use; see `set_workers`.

    Returns
    -------
    float or ndarray of float64
        One distance per row, in nats or in units of `base`; `base` applies before the root.

    Raises
    ------
    InvalidRowsError
        If a row is not what its form says (see `ROW_RULES`) and ``invalid="raise"``.
    ValueError, TypeError
        If shapes, dtypes or keywords do not fit.

    Notes
    -----
    SciPy's ``spatial.distance.jensenshannon(p, q)`` is this with ``form="counts", axis=0``.

    Source: D. M. Endres and J. E. Schindelin, "A new metric for probability distributions", IEEE
    Trans. Inf. Theory 49 (2003).

    Examples
    --------
    >>> round(kl_c.js_distance([1, 0], [0.5, 0.5], base=2), 12)
    0.557923045284
    """
    return score_pair(KL_KERNEL_js_divergence, KL_ROOT, p, q, form, axis, base, None, weight,
                      temperature, invalid, out, keepdims, workers)
