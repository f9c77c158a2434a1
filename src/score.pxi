# From arrays to scores: the way of every call but the short ones.


cdef kl_faults run(kl_range_function score, kl_job *job, ptrdiff_t rows) except *:
    """Score all rows, without the GIL and by several threads where that pays."""
    cdef kl_faults faults
    cdef int most
    faults.count = 0
    if rows * job.n <= SHORT:
        score(job, 0, rows, &faults)
        return faults
    if job.workers != 1:
        most = kl_most_workers(job, rows)
        if job.workers == ALL_WORKERS and most > 1:
            from kl_c._workers import available
            job.workers = available()
        if job.workers > most or job.workers < 1:
            job.workers = most
    with nogil:
        kl_run_parallel(score, job, rows, &faults)
    return faults


cdef object result_of(object result, tuple shape, object out, object keepdims):
    return result.item() if shape == () and out is None and not keepdims else result


cdef object score_rows(kl_job *job, object p, object q, object axis, object labels, bint raises,
                       object out, object keepdims):
    """Describe the arrays, run the job, and raise or return what came of it."""
    cdef ndarray p_array = as_array(p, "q" if job.kernel == KL_KERNEL_nll else "p", &job.p.row)
    cdef ndarray q_array = None, result
    cdef int p_axis = resolve_axis(p_array, axis, "q" if job.kernel == KL_KERNEL_nll else "p")
    cdef int q_axis = 0
    cdef const int64_t[::1] flat_labels
    cdef kl_faults faults
    cdef ptrdiff_t rows = 1
    shape = batch_shape(p_array, p_axis)
    job.n = cnp.PyArray_DIM(p_array, p_axis)
    if job.arrays == 2:
        q_array = as_array(q, "q", &job.q.row)
        q_axis = resolve_axis(q_array, axis, "q")
        if cnp.PyArray_DIM(q_array, q_axis) != job.n:
            raise ValueError(f"p and q must have the same number of outcomes on axis {axis}, "
                             f"got {job.n} and {cnp.PyArray_DIM(q_array, q_axis)}")
        shape = broadcast(shape, batch_shape(q_array, q_axis), "the batch axes of p and q")
    for size in shape:
        rows *= size
    take_shape(shape, job)
    describe(p_array, p_axis, job.n, len(shape), &job.p)
    if job.arrays == 2:
        describe(q_array, q_axis, job.n, len(shape), &job.q)
    if labels is not None:
        labels = labels_of_rows(labels, shape)
        flat_labels = within_int64(labels).reshape(-1)
        job.labels = &flat_labels[0] if rows else NULL

    out_axis = -1
    out_shape = shape
    if keepdims:
        out_axis = axis % (len(shape) + 1) if -len(shape) - 1 <= axis <= len(shape) else 0
        out_shape = shape[:out_axis] + (1,) + shape[out_axis:]
    target = take_out(out, out_shape, np.float64, job, out_axis)
    result = target
    if out is not None and shares_memory(target, p_array, q_array):
        result = take_out(None, out_shape, target.dtype, job, out_axis)  # inputs stay as they are
    faults = run(kl_run, job, rows)
    if faults.count and raises:
        raise invalid_rows(job, &faults, shape, labels)
    if result is not target:
        target[...] = result
    return result_of(target, shape, out, keepdims)


cdef object label_array(object labels):
    if labels is None:
        raise TypeError("labels must be integers, got None")
    array = plain_array(labels, "labels")
    if array.size == 0 and type(labels) is list:
        array = array.astype(np.int64)  # NumPy takes an empty list for floats
    if array.dtype.kind not in "iu":
        raise TypeError(f"labels have dtype {array.dtype}; expected an integer type")
    return array


cdef object within_int64(object labels):
    """A copy for C; a larger label is out of range all the same."""
    if labels.dtype.kind == "u" and labels.dtype.itemsize == 8:
        labels = np.minimum(labels, np.iinfo(np.int64).max)
    return np.array(labels, np.int64, order="C")


cdef object labels_of_rows(object labels, tuple shape):
    """The labels, broadcast to the batch without a copy."""
    try:
        return np.broadcast_to(labels, shape)
    except ValueError:
        raise ValueError(f"labels of shape {labels.shape} do not broadcast to the batch shape "
                         f"{shape} of q") from None


cdef object score_pair(kl_kernel kernel, int distance, object p, object q, object form,
                       object axis, object base, object eps, object weight, object temperature,
                       object invalid, object out, object keepdims, object workers):
    cdef kl_job job
    job.kernel = kernel
    job.distance = distance
    job.arrays = 1 if kernel == KL_KERNEL_entropy else 2
    read_forms(form, &job)
    read_base(base, &job)
    if kernel == KL_KERNEL_js_divergence:
        read_weight(weight, &job)
        job.params.eps = 0
    else:
        job.params.weight = 0.5
        read_eps(eps, job.q.row.form, &job)
    read_temperature(temperature, &job)
    raises = read_invalid(invalid, &job)
    read_workers(workers, &job)
    return score_rows(&job, p, q, integer(axis, "axis"), None, raises, out, keepdims)
