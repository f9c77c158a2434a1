# Every statistic of the rows of two arrays, for kl_c.comparison.


def compare_rows(p, q, labels, *, form, temperature, eps, invalid, base, workers, first=None,
                 k=None, skip=None):
    """The statistics of rows x outcomes: one row of float64 each, in the order of `STATISTICS`.

    Rows that are invalid or whose label is out of range hold NaN unless this raises, and so do rows
    where `skip`, an array of bool, is true; of these nothing is read. p and q have as many rows,
    labels and skip one entry per row. `first`: score that many outcomes of both alone, as
    distributions of their own. What needs labels or a k is NaN without them.
    """
    cdef kl_job job
    cdef kl_faults faults
    cdef ndarray p_array, q_array, label_array = None, table
    cdef const uint8_t[::1] skipped
    cdef axes batch
    job.kernel = KL_KERNEL_kl_divergence
    job.arrays = 2
    job.map = KL_AS_IT_IS
    job.ways = KL_FORWARD
    job.has_ignore_index = 0
    job.params.weight = 0.5
    read_forms(form, &job)
    read_base(base, &job)
    read_eps(eps, job.p.row.form, &job)
    job.reverse_eps = job.params.eps
    read_eps(eps, job.q.row.form, &job)
    read_temperature(temperature, &job)
    raises = read_invalid(invalid, &job)
    read_workers(workers, &job)
    p_array = stored_rows(p, "p", &job.p.row)
    q_array = stored_rows(q, "q", &job.q.row)
    resolve_axis(p_array, -1, "p")
    resolve_axis(q_array, -1, "q")
    job.p_width = cnp.PyArray_DIM(p_array, 1)
    job.q_width = cnp.PyArray_DIM(q_array, 1)
    job.n = job.p_width if first is None else first
    job.k = 0 if k is None else k
    if cnp.PyArray_DIM(p_array, 0) != cnp.PyArray_DIM(q_array, 0):
        raise ValueError("p and q must have as many rows")  # C would read on
    if not 1 <= job.n <= min(job.p_width, job.q_width) or not 0 <= job.k <= job.n:
        raise ValueError("first and k must be within the outcomes")
    job.skip = NULL
    if skip is not None and len(skip) > 0:
        skipped = np.ascontiguousarray(skip, bool).view(np.uint8)
        if skipped.shape[0] != cnp.PyArray_DIM(p_array, 0):
            raise ValueError("skip must have one entry per row")
        job.skip = &skipped[0]
    axes_but(1, p_array, &batch)
    describe_stored(p, p_array, &batch, &job.p)
    describe_stored(q, q_array, &batch, &job.q)
    counts = counts_of(p, &job.p), counts_of(q, &job.q)
    job.labels.row.data = NULL
    if labels is not None:
        label_array = describe_labels(labels, &batch, &job)
    table = np.empty((cnp.PyArray_DIM(p_array, 0), len(STATISTICS)))
    job.statistics = <double *>cnp.PyArray_DATA(table)
    faults = run(kl_compare_rows, &job, cnp.PyArray_DIM(p_array, 0))
    keep_counts(p, counts[0])
    keep_counts(q, counts[1])
    if faults.count and raises:
        if faults.rule != KL_ROW_LABEL:  # the row was checked as a whole
            job.n = job.q_width if faults.array else job.p_width
        raise invalid_rows(&job, &faults, tuple_of(&batch), label_array)
    if job.k and (table[:, list(STATISTICS).index("topk_overlap")] < 0).any():
        raise MemoryError(f"no memory for the {k} largest outcomes of a row")
    return table
