# What the readers of files ask of the native half.


def vanished_pages():
    """How many pages of mapped files were gone when they were read; zeros were read instead.

    The first call sees to it that such a page does not kill the process (SIGBUS).
    """
    return kl_vanished_pages()


cdef class CodedRows:
    """llama.cpp's rows as they are stored, in the place of the float32 array that they stand for.

    ``compare_rows`` decodes them as it reads; to anything else they are an array by ``__array__``.
    `words` are rows of uint16: the float32 scale and floor, a code for each of the outcomes, and
    padding. A value is scale * code + floor, each step rounded.
    """

    cdef readonly ndarray words
    cdef readonly tuple shape
    cdef ndarray above  # once they are counted
    ndim = 2
    dtype = np.dtype(np.float32)

    def __init__(self, ndarray words, outcomes):
        if (words.dtype != np.uint16 or cnp.PyArray_NDIM(words) != 2
                or (cnp.PyArray_SIZE(words) and cnp.PyArray_STRIDE(words, 1) != 2)
                or not 0 <= outcomes <= cnp.PyArray_DIM(words, 1) - 4):
            # C would read on.
            raise ValueError("words must hold a scale, a floor and every outcome")
        self.words = words
        self.shape = (len(words), outcomes)

    def head(self):
        """Scale and floor of each row."""
        return np.ascontiguousarray(self.words[:, :4]).view(np.float32)

    def codes(self):
        return self.words[:, 4 : 4 + self.shape[1]]

    def decode(self, float[:, ::1] out, workers):
        """The values to `out`, rows x outcomes."""
        cdef kl_job job
        if (out.shape[0], out.shape[1]) != self.shape:
            raise ValueError("out must have the shape of the rows")
        if out.shape[0] and out.shape[1]:
            job.out.data = <char *>&out[0, 0]
            self.run(kl_decode_rows, workers, &job)

    def above_floor(self, workers):
        """How many outcomes of each row stand above its floor, as float64.

        A comparison has counted them while the rows were in cache.
        """
        cdef kl_job job
        if self.above is None:
            above = np.zeros(self.shape[0])
            if self.shape[0] and self.shape[1]:
                job.p.above_floor = <double *>cnp.PyArray_DATA(above)
                self.run(kl_count_rows, workers, &job)
            self.above = above
        return self.above

    cdef int run(self, kl_range_function function, object workers, kl_job *job) except -1:
        cdef axes batch
        read_workers(workers, job)
        job.kernel = KL_KERNEL_entropy  # of what takes all outcomes of one array
        job.arrays = 1
        job.p.row.form = KL_LOGITS
        job.n = self.shape[1]
        above = job.p.above_floor
        codes = stored_rows(self, "rows", &job.p.row)
        axes_but(1, codes, &batch)
        describe_stored(self, codes, &batch, &job.p)
        job.p.above_floor = above
        run(function, job, cnp.PyArray_DIM(codes, 0))
        return 0

    def reshape(self, *shape):
        if shape == self.shape:
            return self
        return np.asarray(self).reshape(*shape)

    def copy(self):
        return CodedRows(self.words.copy(), self.shape[1])

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, key):
        """Rows by a slice, or values by arrays of rows and of outcomes."""
        if isinstance(key, slice):
            return CodedRows(self.words[key], self.shape[1])
        rows, outcomes = key
        head = np.ascontiguousarray(self.words[rows, :4]).view(np.float32)
        return head[:, 0] * self.codes()[rows, outcomes].astype(np.float32) + head[:, 1]

    def __array__(self, dtype=None, copy=None):
        values = np.empty(self.shape, np.float32)
        self.decode(values, 1)
        return values if dtype is None else values.astype(dtype, copy=False)


cdef ndarray stored_rows(object value, str name, kl_source *row):
    """The array as it lies in memory, codes too; what it holds goes to `row`."""
    if type(value) is not CodedRows:
        return as_array(value, name, row)
    start_source(row, KL_FLOAT32, row.form)
    return (<CodedRows>value).codes()


cdef void describe_stored(object value, ndarray array, const axes *batch, kl_array *rows) noexcept:
    """The rows of what ``stored_rows`` returned."""
    describe(array, 1, cnp.PyArray_DIM(array, 1), batch, rows)
    rows.above_floor = NULL
    if type(value) is CodedRows:
        rows.row.direct = 0
        rows.row.head = rows.row.data - 8


cdef object counts_of(object value, kl_array *rows):
    """Room for the counts above the floor, which a comparison takes; None where none are due."""
    if type(value) is not CodedRows or (<CodedRows>value).above is not None:
        return None
    cdef ndarray counts = np.zeros(len(value))
    rows.above_floor = <double *>cnp.PyArray_DATA(counts)
    return counts


cdef int keep_counts(object value, object counts) except -1:
    """What a comparison counted belongs to the rows from then on."""
    if counts is not None:
        (<CodedRows>value).above = counts
    return 0
