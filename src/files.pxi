# What the readers of files ask of the native half.


def vanished_pages():
    """How many pages of mapped files were gone when they were read; zeros were read instead.

    The first call sees to it that such a page does not kill the process (SIGBUS).
    """
    return kl_vanished_pages()


def decode_rows(const uint16_t[:, ::1] words, float[:, ::1] out, workers):
    """Logarithms from llama.cpp's rows: float32 scale and floor, then a code for each outcome.

    Writes scale * code + floor, each step rounded, to `out`, rows x outcomes. Returns how many
    outcomes of each row stand above the floor.
    """
    cdef kl_job job
    cdef cnp.npy_intp rows = words.shape[0]
    cdef ndarray above = np.empty(rows)
    if out.shape[0] != rows or words.shape[1] < 4 + out.shape[1]:
        raise ValueError("words must hold a scale, a floor and every outcome")  # C would read on
    if not rows or not out.shape[1]:
        return above
    read_workers(workers, &job)
    job.n = out.shape[1]
    job.p.row.data = <char *>&words[0, 0]
    job.p.strides[0] = words.strides[0]
    job.out.data = <char *>&out[0, 0]
    job.statistics = <double *>cnp.PyArray_DATA(above)
    run(kl_decode_rows, &job, rows)
    return above
