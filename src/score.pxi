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


cdef object score_rows(kl_job *job, object p, object q, object axis, object labels, bint raises,
                       object out, object keepdims):
    """Describe the arrays, run the job, and raise or return what came of it."""
    cdef str name = "q" if job.kernel == KL_KERNEL_nll else "p"
    cdef ndarray p_array = as_array(p, name, &job.p.row)
    cdef ndarray q_array = None, label_array = None, target = None, result = None
    cdef int p_axis = resolve_axis(p_array, axis, name)
    cdef int q_axis = 0, kept = -1
    cdef axes batch, other, whole
    cdef kl_faults faults
    cdef double score
    job.n = cnp.PyArray_DIM(p_array, p_axis)
    axes_but(p_axis, p_array, &batch)
    if job.arrays == 2:
        q_array = as_array(q, "q", &job.q.row)
        q_axis = resolve_axis(q_array, axis, "q")
        if cnp.PyArray_DIM(q_array, q_axis) != job.n:
            raise ValueError(f"p and q must have the same number of outcomes on axis {axis}, "
                             f"got {job.n} and {cnp.PyArray_DIM(q_array, q_axis)}")
        whole = batch
        axes_but(q_axis, q_array, &other)
        if not broadcast(&whole, &other, &batch):
            raise ValueError(f"the batch axes of p and q {tuple_of(&whole)} and {tuple_of(&other)} "
                             "do not broadcast")
        describe(q_array, q_axis, job.n, &batch, &job.q)
    describe(p_array, p_axis, job.n, &batch, &job.p)
    if job.kernel == KL_KERNEL_nll:
        label_array = describe_labels(labels, &batch, job)

    whole = batch
    if keepdims:
        kept = insert_axis(axis, &whole)
    if out is not None:
        target = checked_out(out, &whole)
        if not (may_overlap(target, p_array) or may_overlap(target, q_array)
                or may_overlap(target, label_array)):
            result = target
    if result is None and (target is not None or whole.ndim):
        number = cnp.NPY_DOUBLE if target is None else cnp.PyArray_TYPE(target)
        result = new_result(&whole, number)  # inputs stay as they are
    if result is not None:
        describe_result(result, kept, &batch, &job.out)
    else:
        job.out.data, job.out.single, job.out.ndim = <char *>&score, 0, 0
    faults = run(kl_run, job, size_of(&batch))
    if faults.count and raises:
        raise invalid_rows(job, &faults, tuple_of(&batch), label_array)
    if target is not None and target is not result:
        target[...] = result
    if out is not None:
        return out
    return score if result is None else result


cdef int insert_axis(object axis, axes *batch) except -1:
    """Put back the axis of outcomes, with length 1, where the array of most axes had it."""
    cdef int i, at = axis % (batch.ndim + 1) if -batch.ndim - 1 <= axis <= batch.ndim else 0
    for i in range(batch.ndim, at, -1):
        batch.shape[i] = batch.shape[i - 1]
    batch.shape[at] = 1
    batch.ndim += 1
    return at


cdef ndarray describe_labels(object labels, const axes *batch, kl_job *job):
    """One label per row, broadcast to the batch without a copy."""
    if labels is None:
        raise TypeError("labels must be integers, got None")
    cdef axes given, both
    cdef ndarray array = plain_array(labels, "labels")
    if cnp.PyArray_SIZE(array) == 0 and type(labels) is list:
        array = array.astype(np.int64)  # NumPy takes an empty list for floats
    if array.dtype.kind not in "iu":
        raise TypeError(f"labels have dtype {array.dtype}; expected an integer type")
    axes_but(-1, array, &given)
    if not (broadcast(&given, batch, &both) and are_same(&both, batch)):
        raise ValueError(f"labels of shape {tuple_of(&given)} do not broadcast to the batch shape "
                         f"{tuple_of(batch)} of q")
    start_source(&job.labels.row, <kl_dtype>dtype_of(array), KL_COUNTS)
    job.labels.row.swapped = not cnp.PyArray_ISNOTSWAPPED(array)
    describe(array, -1, 1, batch, &job.labels)
    return array


cdef object score_pair(kl_kernel kernel, kl_map map, object p, object q, object form,
                       object axis, object base, object eps, object weight, object temperature,
                       object invalid, object out, object keepdims, object workers,
                       kl_ways ways=KL_FORWARD):
    cdef kl_job job
    start_job(kernel, map, form, base, &job)
    job.ways = ways
    if kernel == KL_KERNEL_js_divergence:
        read_weight(weight, &job)
        job.params.eps = 0
    else:
        job.params.weight = 0.5
        read_eps(eps, job.p.row.form, &job)
        job.reverse_eps = job.params.eps
        read_eps(eps, job.q.row.form, &job)
    return finish_call(p, q, axis, temperature, invalid, out, keepdims, workers, &job)


cdef object score_family(kl_kernel kernel, kl_end end, kl_map map, object p, object q,
                         object alpha, object form, object axis, object base, object temperature,
                         object invalid, object out, object keepdims, object workers):
    """Measures without a floor; `alpha` is None where there is no order."""
    cdef kl_job job
    start_job(kernel, map, form, base, &job)
    job.params.weight = 0.5
    job.params.eps = job.reverse_eps = 0
    job.params.end = end
    if alpha is not None or kernel == KL_KERNEL_power_divergence or (
            kernel == KL_KERNEL_power_entropy):
        read_alpha(alpha, &job)
    return finish_call(p, q, axis, temperature, invalid, out, keepdims, workers, &job)


cdef int start_job(kl_kernel kernel, kl_map map, object form, object base, kl_job *job) except -1:
    job.kernel = kernel
    job.map = map
    job.ways = KL_FORWARD
    job.arrays = 1 if kl_of_one_row(kernel) else 2
    job.params.alpha = 1
    job.params.end = KL_ENDS_ITSELF
    read_forms(form, job)
    read_base(base, job)
    return 0


cdef object finish_call(object p, object q, object axis, object temperature, object invalid,
                        object out, object keepdims, object workers, kl_job *job):
    read_temperature(temperature, job)
    raises = read_invalid(invalid, job)
    read_workers(workers, job)
    return score_rows(job, p, q, integer(axis, "axis"), None, raises, out, keepdims)
