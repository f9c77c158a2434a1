# Every statistic of the rows of two arrays, for kl_c.comparison.


def compare_rows(p, q, labels, *, form, temperature, eps, invalid, base, workers):
    """The statistics of rows x outcomes: one row of float64 each, in the order of `STATISTICS`.

    Rows that are invalid or whose label is out of range hold NaN unless this raises. Without
    labels (None) the likelihoods are NaN. p and q have one shape, labels one entry per row.
    """
    cdef kl_job job
    cdef kl_faults faults
    cdef ndarray p_array, q_array, label_array = None, table
    cdef axes batch
    job.kernel = KL_KERNEL_kl_divergence
    job.arrays = 2
    job.distance = job.has_ignore_index = 0
    job.params.weight = 0.5
    read_forms(form, &job)
    read_base(base, &job)
    read_eps(eps, job.p.row.form, &job)
    job.reverse_eps = job.params.eps
    read_eps(eps, job.q.row.form, &job)
    read_temperature(temperature, &job)
    raises = read_invalid(invalid, &job)
    read_workers(workers, &job)
    p_array = as_array(p, "p", &job.p.row)
    q_array = as_array(q, "q", &job.q.row)
    resolve_axis(p_array, -1, "p")
    resolve_axis(q_array, -1, "q")
    job.n = cnp.PyArray_DIM(p_array, 1)
    axes_but(1, p_array, &batch)
    describe(p_array, 1, job.n, &batch, &job.p)
    describe(q_array, 1, job.n, &batch, &job.q)
    job.labels.row.data = NULL
    if labels is not None:
        label_array = describe_labels(labels, &batch, &job)
    table = np.empty((cnp.PyArray_DIM(p_array, 0), len(STATISTICS)))
    job.statistics = <double *>cnp.PyArray_DATA(table)
    faults = run(kl_compare_rows, &job, cnp.PyArray_DIM(p_array, 0))
    if faults.count and raises:
        raise invalid_rows(&job, &faults, tuple_of(&batch), label_array)
    return table
