# The family beside KL, and the entropies beside Shannon's.


def jeffreys_divergence(p, q, *, form="probs", axis=-1, base=None, eps=None, temperature=1.0,
                        invalid="raise", out=None, keepdims=False, workers=None):
    """Jeffreys divergence of p and q: KL in both directions, added.

    J(p, q) = KL(p || q) + KL(q || p) = sum (p - q) log(p / q), p and q divided by their masses.

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
        Floor of the row inside the logarithm: where it lies below both `eps` and the other row, it
        counts as the lesser of these. None is 2**-126 for probs and counts, 0 for log forms; 0
        gives the exact, possibly infinite value.
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
    Symmetric. Each half floors the row that stands second in it, as `kl_divergence` does, so the
    sum of the two calls is this to the last digit. Credit-risk tools call it the population
    stability index when both rows are floored.

    Source: H. Jeffreys, "An invariant form for the prior probability in estimation problems", Proc.
    R. Soc. Lond. A 186 (1946).

    Examples
    --------
    >>> round(kl_c.jeffreys_divergence([0.5, 0.5], [0.25, 0.75], base=3), 12)
    0.25
    """
    return score_pair(KL_KERNEL_kl_divergence, KL_AS_IT_IS, p, q, form, axis, base, eps, None,
                      temperature, invalid, out, keepdims, workers, KL_BOTH_WAYS)


def total_variation(p, q, *, form="probs", axis=-1, temperature=1.0, invalid="raise", out=None,
                    keepdims=False, workers=None):
    """Total variation distance of p and q: the largest difference of the probabilities of an event.

    TV(p, q) = sum |p - q| / 2, p and q divided by their masses.

    Parameters
    ----------
    p, q : array_like
        Rows of outcomes along `axis`; the other axes broadcast as in NumPy, without copies. Any
        real dtype, strides and byte order; CPU torch tensors too. Never written to.
    form : {"probs", "counts", "log_probs", "logits"} or a pair of these
        How the rows are given; a pair when p and q differ. Every form is normalised.
    axis : int
        The axis of outcomes, resolved in each array by itself.
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
        One distance per row, between 0 and 1.

    Raises
    ------
    InvalidRowsError
        If a row is not what its form says (see `ROW_RULES`) and ``invalid="raise"``.
    ValueError, TypeError
        If shapes, dtypes or keywords do not fit.

    Notes
    -----
    A metric. Half of SciPy's ``spatial.distance.cityblock`` on normalised rows. Pinsker: TV <=
    sqrt(KL / 2). Takes no logarithm of q, so there is no floor.

    Source: D. A. Levin and Y. Peres, Markov Chains and Mixing Times, 2nd ed., section 4.1.

    Examples
    --------
    >>> kl_c.total_variation([0.5, 0.5], [0.25, 0.75])
    0.25
    """
    return score_family(KL_KERNEL_total_variation, KL_ENDS_ITSELF, KL_AS_IT_IS, p, q, None, form,
                        axis, None, temperature, invalid, out, keepdims, workers)


def hellinger_distance(p, q, *, form="probs", axis=-1, temperature=1.0, invalid="raise", out=None,
                       keepdims=False, workers=None):
    """Hellinger distance of p and q, between 0 and 1.

    H(p, q) = sqrt(sum (sqrt p - sqrt q)**2 / 2), p and q divided by their masses.

    Parameters
    ----------
    p, q : array_like
        Rows of outcomes along `axis`; the other axes broadcast as in NumPy, without copies. Any
        real dtype, strides and byte order; CPU torch tensors too. Never written to.
    form : {"probs", "counts", "log_probs", "logits"} or a pair of these
        How the rows are given; a pair when p and q differ. Every form is normalised.
    axis : int
        The axis of outcomes, resolved in each array by itself.
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
        One distance per row, between 0 and 1.

    Raises
    ------
    InvalidRowsError
        If a row is not what its form says (see `ROW_RULES`) and ``invalid="raise"``.
    ValueError, TypeError
        If shapes, dtypes or keywords do not fit.

    Notes
    -----
    A metric; with the factor 1/2 that some texts leave out. 1 - H**2 is the Bhattacharyya
    coefficient, sum sqrt(p q). H**2 <= TV <= sqrt(2) H. Takes no logarithm of q, so there is no
    floor.

    Source: E. Hellinger, "Neue Begruendung der Theorie quadratischer Formen von unendlichvielen
    Veraenderlichen", J. reine angew. Math. 136 (1909); D. Pollard, A User's Guide to Measure
    Theoretic Probability, section 3.3.

    Examples
    --------
    >>> round(kl_c.hellinger_distance([1, 0], [0.5, 0.5]), 12)
    0.541196100146
    """
    return score_family(KL_KERNEL_affinity, KL_ENDS_HELLINGER, KL_ROOT, p, q, None, form, axis,
                        None, temperature, invalid, out, keepdims, workers)


def bhattacharyya_distance(p, q, *, form="probs", axis=-1, base=None, temperature=1.0,
                           invalid="raise", out=None, keepdims=False, workers=None):
    """Bhattacharyya distance of p and q.

    B(p, q) = -log sum sqrt(p q), p and q divided by their masses.

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
        One distance per row, in nats or in units of `base`; infinite where no outcome is in both
        rows.

    Raises
    ------
    InvalidRowsError
        If a row is not what its form says (see `ROW_RULES`) and ``invalid="raise"``.
    ValueError, TypeError
        If shapes, dtypes or keywords do not fit.

    Notes
    -----
    Half of the Renyi divergence of order 1/2. Not a metric: the triangle inequality does not hold.
    Takes no logarithm of q, so there is no floor.

    Source: A. Bhattacharyya, "On a measure of divergence between two statistical populations
    defined by their probability distributions", Bull. Calcutta Math. Soc. 35 (1943).

    Examples
    --------
    >>> kl_c.bhattacharyya_distance([1, 0], [0.25, 0.75], base=2)
    1.0
    """
    return score_family(KL_KERNEL_affinity, KL_ENDS_BHATTACHARYYA, KL_AS_IT_IS, p, q, None, form,
                        axis, base, temperature, invalid, out, keepdims, workers)


def chi2_divergence(p, q, *, form="probs", axis=-1, temperature=1.0, invalid="raise", out=None,
                    keepdims=False, workers=None):
    """Chi-squared divergence of p from q (Pearson's).

    chi2(p, q) = sum (p - q)**2 / q = sum p**2 / q - 1, p and q divided by their masses.

    Parameters
    ----------
    p, q : array_like
        Rows of outcomes along `axis`; the other axes broadcast as in NumPy, without copies. Any
        real dtype, strides and byte order; CPU torch tensors too. Never written to.
    form : {"probs", "counts", "log_probs", "logits"} or a pair of these
        How the rows are given; a pair when p and q differ. Every form is normalised.
    axis : int
        The axis of outcomes, resolved in each array by itself.
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
        One divergence per row; infinite where q = 0 < p.

    Raises
    ------
    InvalidRowsError
        If a row is not what its form says (see `ROW_RULES`) and ``invalid="raise"``.
    ValueError, TypeError
        If shapes, dtypes or keywords do not fit.

    Notes
    -----
    Swap the arguments for Neyman's. SciPy's ``stats.chisquare(f_obs, f_exp)`` of counts with N
    observations is N times this of (f_obs, f_exp). KL <= log(1 + chi2). Takes no logarithm of q, so
    there is no floor.

    Source: K. Pearson, "On the criterion that a given system of deviations ... can be reasonably
    supposed to have arisen from random sampling", Phil. Mag. 50 (1900).

    Examples
    --------
    >>> round(kl_c.chi2_divergence([0.5, 0.5], [0.25, 0.75]), 12)
    0.333333333333
    """
    return score_family(KL_KERNEL_chi2_divergence, KL_ENDS_ITSELF, KL_AS_IT_IS, p, q, None, form,
                        axis, None, temperature, invalid, out, keepdims, workers)


def renyi_divergence(p, q, alpha, *, form="probs", axis=-1, base=None, temperature=1.0,
                     invalid="raise", out=None, keepdims=False, workers=None):
    """Renyi divergence of order alpha of p from q.

    D_alpha(p || q) = log(sum p**alpha q**(1 - alpha)) / (alpha - 1), p and q divided by their
    masses.

    Parameters
    ----------
    p, q : array_like
        Rows of outcomes along `axis`; the other axes broadcast as in NumPy, without copies. Any
        real dtype, strides and byte order; CPU torch tensors too. Never written to.
    alpha : float
        Order, at least 0. 1 is the KL divergence (with ``eps=0``); 0 is -log of what q gives to the
        outcomes of p; infinity is the log of the largest p / q.
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
        One divergence per row, in nats or in units of `base`; never negative. Infinite where alpha
        > 1 and q = 0 < p, or alpha < 1 and no outcome is in both rows.

    Raises
    ------
    InvalidRowsError
        If a row is not what its form says (see `ROW_RULES`) and ``invalid="raise"``.
    ValueError, TypeError
        If shapes, dtypes or keywords do not fit, or `alpha` is out of range.

    Notes
    -----
    Increasing in alpha. Order 1/2 is twice the Bhattacharyya distance, 2 is log(1 + chi2). Takes no
    logarithm of q, so there is no floor.

    Source: A. Renyi, "On measures of entropy and information", 4th Berkeley Symp. (1961); T. van
    Erven and P. Harremoes, "Renyi divergence and Kullback-Leibler divergence", IEEE Trans. Inf.
    Theory 60 (2014).

    Examples
    --------
    >>> round(kl_c.renyi_divergence([0.5, 0.5], [0.25, 0.75], np.inf, base=2), 12)
    1.0
    """
    return score_family(KL_KERNEL_power_divergence, KL_ENDS_RENYI, KL_AS_IT_IS, p, q, alpha, form,
                        axis, base, temperature, invalid, out, keepdims, workers)


def tsallis_divergence(p, q, alpha, *, form="probs", axis=-1, temperature=1.0, invalid="raise",
                       out=None, keepdims=False, workers=None):
    """Tsallis relative entropy of order alpha of p from q.

    T_alpha(p || q) = (sum p**alpha q**(1 - alpha) - 1) / (alpha - 1), p and q divided by their
    masses.

    Parameters
    ----------
    p, q : array_like
        Rows of outcomes along `axis`; the other axes broadcast as in NumPy, without copies. Any
        real dtype, strides and byte order; CPU torch tensors too. Never written to.
    alpha : float
        Order, at least 0 and finite. 1 is the KL divergence in nats (with ``eps=0``).
    form : {"probs", "counts", "log_probs", "logits"} or a pair of these
        How the rows are given; a pair when p and q differ. Every form is normalised.
    axis : int
        The axis of outcomes, resolved in each array by itself.
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
        One divergence per row, never negative; infinite where alpha > 1 and q = 0 < p.

    Raises
    ------
    InvalidRowsError
        If a row is not what its form says (see `ROW_RULES`) and ``invalid="raise"``.
    ValueError, TypeError
        If shapes, dtypes or keywords do not fit, or `alpha` is out of range.

    Notes
    -----
    Order 2 is the chi-squared divergence, 1/2 twice the squared Hellinger distance. Takes no
    logarithm of q, so there is no floor.

    Source: C. Tsallis, "Generalized entropy-based criterion for consistent testing", Phys. Rev. E
    58 (1998).

    Examples
    --------
    >>> round(kl_c.tsallis_divergence([0.5, 0.5], [0.25, 0.75], 2), 12)
    0.333333333333
    """
    return score_family(KL_KERNEL_power_divergence, KL_ENDS_TSALLIS, KL_AS_IT_IS, p, q, alpha, form,
                        axis, None, temperature, invalid, out, keepdims, workers)


def alpha_divergence(p, q, alpha, *, form="probs", axis=-1, temperature=1.0, invalid="raise",
                     out=None, keepdims=False, workers=None):
    """Alpha divergence of p from q, in the parametrisation of Cichocki and Amari.

    A_alpha(p || q) = (sum p**alpha q**(1 - alpha) - 1) / (alpha (alpha - 1)), p and q divided by
    their masses.

    Parameters
    ----------
    p, q : array_like
        Rows of outcomes along `axis`; the other axes broadcast as in NumPy, without copies. Any
        real dtype, strides and byte order; CPU torch tensors too. Never written to.
    alpha : float
        Order, any finite number. 1 is KL(p || q) and 0 is KL(q || p), in nats (with ``eps=0``).
    form : {"probs", "counts", "log_probs", "logits"} or a pair of these
        How the rows are given; a pair when p and q differ. Every form is normalised.
    axis : int
        The axis of outcomes, resolved in each array by itself.
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
        One divergence per row, never negative. Infinite where alpha >= 1 and q = 0 < p, or alpha <=
        0 and p = 0 < q.

    Raises
    ------
    InvalidRowsError
        If a row is not what its form says (see `ROW_RULES`) and ``invalid="raise"``.
    ValueError, TypeError
        If shapes, dtypes or keywords do not fit, or `alpha` is out of range.

    Notes
    -----
    A_alpha(p || q) = A_(1 - alpha)(q || p). Orders 1 and 0 are KL(p || q) and KL(q || p), 2 half
    the chi-squared divergence, 1/2 four times the squared Hellinger distance. Amari's own order is
    2 alpha - 1 up to its sign: D^(a) = A_((1 - a) / 2). The power divergence of Cressie and Read,
    SciPy's ``stats.power_divergence(f_obs, f_exp, lambda_=l)``, is 2 N times this of order l + 1.
    Takes no logarithm of q, so there is no floor.

    Source: A. Cichocki and S. Amari, "Families of alpha- beta- and gamma-divergences", Entropy 12
    (2010).

    Examples
    --------
    >>> round(kl_c.alpha_divergence([0.5, 0.5], [0.25, 0.75], 2), 12)
    0.166666666667
    """
    return score_family(KL_KERNEL_power_divergence, KL_ENDS_ALPHA, KL_AS_IT_IS, p, q, alpha, form,
                        axis, None, temperature, invalid, out, keepdims, workers)


def perplexity(p, *, form="probs", axis=-1, temperature=1.0, invalid="raise", out=None,
               keepdims=False, workers=None):
    """Perplexity of p: of how many equal outcomes its entropy is.

    exp(H(p)) = exp(-sum p log p) over the outcomes of each row, p divided by its mass.

    Parameters
    ----------
    p : array_like
        Rows of outcomes along `axis`, of any real dtype, strides and byte order. Never written to.
    form : {"probs", "counts", "log_probs", "logits"}
        How the rows are given. Every form is normalised.
    axis : int
        The axis of outcomes, resolved in each array by itself.
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
        One value per row, between 1 and the number of outcomes.

    Raises
    ------
    InvalidRowsError
        If a row is not what its form says (see `ROW_RULES`) and ``invalid="raise"``.
    ValueError, TypeError
        If shapes, dtypes or keywords do not fit.

    Notes
    -----
    The Hill number of order 1. The perplexity of a model on a text is the exponential of the mean
    of `nll`.

    Source: F. Jelinek et al., "Perplexity - a measure of the difficulty of speech recognition
    tasks", J. Acoust. Soc. Am. 62 (1977).

    Examples
    --------
    >>> kl_c.perplexity([0.5, 0.5, 0.0])
    2.0
    """
    return score_pair(KL_KERNEL_entropy, KL_EXPONENTIAL, p, None, form, axis, None, None, None,
                      temperature, invalid, out, keepdims, workers)


def renyi_entropy(p, alpha, *, form="probs", axis=-1, base=None, temperature=1.0, invalid="raise",
                  out=None, keepdims=False, workers=None):
    """Renyi entropy of order alpha of p.

    H_alpha(p) = log(sum p**alpha) / (1 - alpha) over the outcomes of each row, p divided by its
    mass.

    Parameters
    ----------
    p : array_like
        Rows of outcomes along `axis`, of any real dtype, strides and byte order. Never written to.
    alpha : float
        Order, at least 0. 1 is the Shannon entropy, 0 the log of the number of outcomes that p has,
        2 the collision entropy, infinity the min-entropy.
    form : {"probs", "counts", "log_probs", "logits"}
        How the rows are given. Every form is normalised.
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
        One entropy per row, in nats or in units of `base`; between 0 and log n.

    Raises
    ------
    InvalidRowsError
        If a row is not what its form says (see `ROW_RULES`) and ``invalid="raise"``.
    ValueError, TypeError
        If shapes, dtypes or keywords do not fit, or `alpha` is out of range.

    Notes
    -----
    Decreasing in alpha. Its exponential is the Hill number of that order.

    Source: A. Renyi, "On measures of entropy and information", 4th Berkeley Symp. (1961).

    Examples
    --------
    >>> kl_c.renyi_entropy([0.5, 0.25, 0.25], np.inf, base=2)
    1.0
    """
    return score_family(KL_KERNEL_power_entropy, KL_ENDS_RENYI, KL_AS_IT_IS, p, None, alpha, form,
                        axis, base, temperature, invalid, out, keepdims, workers)


def tsallis_entropy(p, alpha, *, form="probs", axis=-1, temperature=1.0, invalid="raise", out=None,
                    keepdims=False, workers=None):
    """Tsallis entropy of order alpha of p.

    S_alpha(p) = (1 - sum p**alpha) / (alpha - 1) over the outcomes of each row, p divided by its
    mass.

    Parameters
    ----------
    p : array_like
        Rows of outcomes along `axis`, of any real dtype, strides and byte order. Never written to.
    alpha : float
        Order, at least 0 and finite. 1 is the Shannon entropy in nats, 0 the number of outcomes
        that p has, less 1.
    form : {"probs", "counts", "log_probs", "logits"}
        How the rows are given. Every form is normalised.
    axis : int
        The axis of outcomes, resolved in each array by itself.
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
        One entropy per row, never negative.

    Raises
    ------
    InvalidRowsError
        If a row is not what its form says (see `ROW_RULES`) and ``invalid="raise"``.
    ValueError, TypeError
        If shapes, dtypes or keywords do not fit, or `alpha` is out of range.

    Notes
    -----
    Order 2 is the Gini-Simpson index, 1 - sum p**2.

    Source: C. Tsallis, "Possible generalization of Boltzmann-Gibbs statistics", J. Stat. Phys. 52
    (1988).

    Examples
    --------
    >>> kl_c.tsallis_entropy([0.5, 0.25, 0.25], 2)
    0.625
    """
    return score_family(KL_KERNEL_power_entropy, KL_ENDS_TSALLIS, KL_AS_IT_IS, p, None, alpha, form,
                        axis, None, temperature, invalid, out, keepdims, workers)
