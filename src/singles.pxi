# Entropy, elementwise terms, labels, and the check of rows.


def entropy(p, *, form="probs", axis=-1, base=None, temperature=1.0, invalid="raise", out=None,
            keepdims=False, workers=None):
    """Shannon entropy of p.

    H(p) = -sum p log p over the outcomes of each row, p divided by its mass.

    Parameters
    ----------
    p : array_like
        Rows of outcomes along `axis`, of any real dtype, strides and byte order. Never written to.
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
        If shapes, dtypes or keywords do not fit.

    Notes
    -----
    Accurate to its last digits also when one outcome holds nearly all of p.

    Source: C. E. Shannon, "A mathematical theory of communication", Bell Syst. Tech. J. 27
    (1948).

    Examples
    --------
    >>> kl_c.entropy([0.5, 0.25, 0.25], base=2)
    1.5
    """
    return score_pair(KL_KERNEL_entropy, KL_AS_IT_IS, p, None, form, axis, base, None, None,
                      temperature, invalid, out, keepdims, workers)


def rel_entr(p, q, *, form="probs", base=None, eps=None, invalid="raise", out=None, workers=None):
    """The terms p log(p / q), element by element, never normalised.

    rel_entr(p, q) = p log(p / q), 0 where p = 0; the sum over a row of probabilities is their KL.

    Parameters
    ----------
    p, q : array_like
        Values that broadcast as in NumPy, without copies, 0-D included. Any real dtype,
        strides and byte order; CPU torch tensors too. Never written to.
    form : {"probs", "counts", "log_probs"} or a pair of these
        How the values are given; a pair when p and q differ. Nothing is normalised.
    base : float, optional
        Unit of the result: None is nats, 2 is bits.
    eps : float, optional
        Floor of q: a q below both `eps` and p counts as the lesser of these. None is 2**-126 for
        probs and counts, 0 for log forms; 0 gives the exact, possibly infinite value.
    invalid : {"raise", "nan", "ignore"}
        What to do about invalid values: raise, score them NaN, or skip the checks.
    out : ndarray, optional
        Where to write the result: float64 or float32 of exactly its shape. It is returned.
    workers : int, optional
        Threads for this call, -1 for all that the process may use; see `set_workers`.

    Returns
    -------
    float or ndarray
        The terms, in nats or in units of `base`; float32 for float32 and narrower inputs, else
        float64.

    Raises
    ------
    InvalidRowsError
        If a value is NaN, infinite or, but for log_probs, negative, and ``invalid="raise"``.
    ValueError, TypeError
        If shapes, dtypes or keywords do not fit.

    Notes
    -----
    SciPy's ``special.rel_entr`` is this with ``eps=0``, but for negative values, which are invalid
    here and infinite there. Logits mean nothing element by element and are refused.

    Source: S. Boyd and L. Vandenberghe, Convex Optimization, section 3.2.6.

    Examples
    --------
    >>> kl_c.rel_entr([0.5, 0.5, 0.0], [0.25, 0.5, 0.25])
    array([0.34657359, 0.        , 0.        ])
    """
    cdef kl_job job
    cdef kl_faults faults
    cdef ndarray p_array, q_array, target = None, result = None
    cdef axes first, second, whole
    cdef int number
    job.kernel = KL_KERNEL_rel_entr
    job.arrays = 2
    job.map = KL_AS_IT_IS
    job.ways = KL_FORWARD
    job.params.temperature = 1
    read_forms(form, &job)
    if job.p.row.form == KL_LOGITS or job.q.row.form == KL_LOGITS:
        raise ValueError("rel_entr works element by element, and logits mean nothing without their "
                         "row; pass log-softmax values as form='log_probs'")
    read_base(base, &job)
    read_eps(eps, job.q.row.form, &job)
    raises = read_invalid(invalid, &job)
    read_workers(workers, &job)
    p_array = as_array(p, "p", &job.p.row)
    q_array = as_array(q, "q", &job.q.row)
    axes_but(-1, p_array, &first)
    axes_but(-1, q_array, &second)
    if not broadcast(&first, &second, &whole):
        raise ValueError(f"p and q of shapes {tuple_of(&first)} and {tuple_of(&second)} do not "
                         "broadcast")
    describe(p_array, -1, 1, &whole, &job.p)
    describe(q_array, -1, 1, &whole, &job.q)
    number = cnp.NPY_FLOAT if is_narrow(job.p.row.dtype) and is_narrow(job.q.row.dtype) else (
        cnp.NPY_DOUBLE)
    if out is not None:
        target = checked_out(out, &whole)
        number = cnp.PyArray_TYPE(target)
        if not (may_overlap(target, p_array) or may_overlap(target, q_array)):
            result = target
    if result is None:
        result = new_result(&whole, number)  # inputs stay as they are
    describe_result(result, -1, &whole, &job.out)
    job.n = 1
    kl_merge_axes(&job)
    faults = run(kl_run_elements, &job, size_of(&whole))
    if faults.count and raises:
        raise invalid_rows(&job, &faults, tuple_of(&whole), None, "element")
    if target is not None and target is not result:
        target[...] = result
    if out is not None:
        return out
    return result if whole.ndim else result.item()


cdef inline bint is_narrow(kl_dtype dtype) noexcept:
    return dtype == KL_FLOAT32 or dtype == KL_FLOAT16 or dtype == KL_BFLOAT16


def nll(labels, q, *, form="probs", axis=-1, base=None, eps=None, temperature=1.0,
        invalid="raise", ignore_index=None, out=None, keepdims=False, workers=None):
    """Negative log-likelihood of labels under q: the cross-entropy of a one-hot p.

    nll(label, q) = -log q[label], q divided by its mass.

    Parameters
    ----------
    labels : array_like of int
        One outcome per row of q: of the batch shape, or broadcasting to it.
    q : array_like
        Rows of outcomes along `axis`. Any real dtype,
        strides and byte order; CPU torch tensors too. Never written to.
    form : {"probs", "counts", "log_probs", "logits"}
        How the rows are given. Every form is normalised.
    axis : int
        The axis of outcomes, resolved in each array by itself.
    base : float, optional
        Unit of the result: None is nats, 2 is bits.
    eps : float, optional
        Floor of q: a q below `eps` counts as `eps`. None is 2**-126 for
        probs and counts, 0 for log forms; 0 gives the exact, possibly infinite value.
    temperature : float
        Divides logits, after their maximum is subtracted.
    invalid : {"raise", "nan", "ignore"}
        What to do about invalid rows: raise, score them NaN, or skip the checks.
    ignore_index : int, optional
        Rows with this label score NaN and are not invalid.
    out : ndarray, optional
        Where to write the result: float64 or float32 of exactly its shape. It is returned.
    keepdims : bool
        Keep the axis of outcomes, with length 1.
    workers : int, optional
        Threads for this call, -1 for all that the process may use; see `set_workers`.

    Returns
    -------
    float or ndarray of float64
        One value per row, in nats or in units of `base`; never negative.

    Raises
    ------
    InvalidRowsError
        If a label is out of range or a row is not what its form says (see `ROW_RULES`)
        and ``invalid="raise"``.
    ValueError, TypeError
        If shapes, dtypes or keywords do not fit.

    Notes
    -----
    In ``probs`` form only the label's entry is read and checked; it is taken as it is. Negative
    labels are out of range. torch's ``nll_loss`` is the mean of this over ``log_probs``, its
    ``cross_entropy`` over ``logits``.

    Source: T. M. Cover and J. A. Thomas, Elements of Information Theory, 2nd ed., section 5.3.

    Examples
    --------
    >>> kl_c.nll([0, 1], [[0.5, 0.5], [0.75, 0.25]], base=2)
    array([1., 2.])
    """
    cdef kl_job job
    job.kernel = KL_KERNEL_nll
    job.map = KL_AS_IT_IS
    job.ways = KL_FORWARD
    job.arrays = 1
    job.params.weight = 0.5
    read_forms(form, &job)
    read_base(base, &job)
    read_eps(eps, job.p.row.form, &job)
    read_temperature(temperature, &job)
    raises = read_invalid(invalid, &job)
    read_workers(workers, &job)
    job.has_ignore_index = 0
    if ignore_index is not None:
        ignored = integer(ignore_index, "ignore_index", "an integer or None")
        if -2**63 <= ignored < 2**63:  # beyond, it equals no label
            job.has_ignore_index = 1
            job.ignore_index = ignored
    return score_rows(&job, q, None, integer(axis, "axis"), labels, raises, out, keepdims)


def check_rows(p, *, form="probs", axis=-1):
    """Say of each row whether it is valid, and by which rule not.

    A row is what its form says if it holds no NaN, no +inf and no negative weight, and its mass is
    1 within the tolerance of its dtype (probs, log_probs) or at least positive and finite.

    Parameters
    ----------
    p : array_like
        Rows of outcomes along `axis`, of any real dtype, strides and byte order. Never written to.
    form : {"probs", "counts", "log_probs", "logits"}
        How the rows are given.
    axis : int
        The axis of outcomes, resolved in each array by itself.

    Returns
    -------
    int or ndarray of uint8
        One code per row, 0 for a valid one; ``kl_c.ROW_RULES[code]`` names the rule.

    Raises
    ------
    ValueError, TypeError
        If shapes, dtypes or keywords do not fit.

    Notes
    -----
    Source: the rules that every measure applies, in the README's table of edge cases.

    Examples
    --------
    >>> rows = np.array([[0.5, 0.5], [0.5, 0.6], [np.nan, 1.0]])
    >>> codes = kl_c.check_rows(rows)
    >>> [kl_c.ROW_RULES[code] for code in codes]
    ['valid', 'mass', 'nan']
    >>> kl_c.entropy(rows[codes == 0])  # keep the good; rows[codes != 0] goes to quarantine
    array([0.69314718])
    """
    cdef kl_job job
    cdef ndarray array, result
    cdef axes batch
    cdef uint8_t *codes
    cdef ptrdiff_t row
    cdef int at
    job.arrays = 1
    read_forms(form, &job)
    array = as_array(p, "p", &job.p.row)
    at = resolve_axis(array, integer(axis, "axis"), "p")
    job.n = cnp.PyArray_DIM(array, at)
    axes_but(at, array, &batch)
    describe(array, at, job.n, &batch, &job.p)
    result = new_result(&batch, cnp.NPY_UINT8)
    codes = <uint8_t *>cnp.PyArray_DATA(result)
    with nogil:
        for row in range(size_of(&batch)):
            codes[row] = <uint8_t>kl_check_row(&job.p, row, job.n)
    return result if batch.ndim else codes[0]
