# What can be wrong with a row, and the words for it. Every message about rows is made here.

ROW_RULES = ("valid", "nan", "infinite", "negative", "mass", "empty", "overflow", "label")


class InvalidRowsError(ValueError):
    """Rows that are not what their form says; the good rows are still there to be scored.

    Attributes
    ----------
    array : str
        ``"p"``, ``"q"`` or ``"labels"``; ``"joint"`` of a joint table, ``"counts"`` of a sample's.
    row : int or tuple of int
        The lowest invalid row in C order of the result: an integer for one batch axis, otherwise
        an index tuple.
    count : int
        How many rows are invalid.
    reason : str
        What came, and the rule that it breaks.

    Examples
    --------
    >>> try:
    ...     kl_c.entropy([[0.5, 0.5], [0.5, 0.6]])
    ... except kl_c.InvalidRowsError as error:
    ...     print(error.array, error.row, error.reason, sep=" | ")
    p | 1 | sums to 1.1; probabilities must sum to 1 (form='counts' takes any weights)
    """

    def __init__(self, array, row, count, reason, word="row"):
        others = count - 1
        more = f" (and {others} more {word}{'s are' if others > 1 else ' is'} invalid)"
        did, _, rule = reason.partition("; ")
        subject = array if row == () else f"{word} {row} of {array}"
        super().__init__(f"{subject} {did}{more if others else ''}; {rule}")
        self.array = array
        self.row = row
        self.count = count
        self.reason = reason
        self._word = word

    def __reduce__(self):
        return type(self), (self.array, self.row, self.count, self.reason, self._word)


cdef object row_index(object shape, ptrdiff_t row):
    """The row's place in the batch: an int for one axis, else a tuple."""
    index = []
    for size in reversed(shape):
        index.append(int(row % size))
        row //= size
    return index[0] if len(index) == 1 else tuple(reversed(index))


cdef tuple explain(const kl_source *source, ptrdiff_t n, kl_rule rule):
    """What the row has done, and what is asked of it."""
    cdef kl_source plain = source[0]
    cdef double value = 0, mass = 0
    cdef ptrdiff_t i
    plain.widen, plain.take_log, plain.shift, plain.divisor = 1, 0, 0, 1
    logarithms = source.form == KL_LOG_PROBS or source.form == KL_LOGITS
    noun = ("probabilities", "counts", "log-probabilities", "logits")[<int>source.form]
    if rule == KL_ROW_MASS:
        kl_classify(source, n, &mass)
        if source.form == KL_LOG_PROBS:
            hint = "form='logits' takes any logarithms of weights"
            return f"sums to {mass:.6g} in probability", f"probabilities must sum to 1 ({hint})"
        hint = "form='counts' takes any weights"
        return f"sums to {mass:.6g}", f"probabilities must sum to 1 ({hint})"
    if rule == KL_ROW_EMPTY:
        every = "-inf" if logarithms else "0"
        return f"is {every} everywhere", f"{noun} must leave some outcome possible"
    if rule == KL_ROW_OVERFLOW:
        return "sums to more than the largest float64", "scale the counts down"
    for i in range(n):
        kl_gather(&plain, i, 1, &value)
        if rule == KL_ROW_NEGATIVE and value < 0:
            return f"holds {value:.6g} at outcome {i}", f"{noun} must not be negative"
        if rule == KL_ROW_INFINITE and value == HUGE_VAL:
            finite = "finite or -inf" if logarithms else "finite"
            return f"holds {value} at outcome {i}", f"{noun} must be {finite}"
        if rule == KL_ROW_NAN and value != value:
            return f"holds NaN at outcome {i}", f"{noun} must be numbers"
    return "is invalid", f"{noun} expected"


cdef object invalid_rows(const kl_job *job, const kl_faults *faults, object shape, object labels,
                         object word="row"):
    """The error for the rows that were blamed."""
    cdef kl_source source
    cdef ptrdiff_t row = faults.row, n = job.n
    cdef int64_t label = 0
    array = ("p", "q", "labels")[faults.array]
    place = row_index(shape, row)
    if faults.rule == KL_ROW_LABEL:
        did = f"is {np.broadcast_to(labels, shape)[place]}"
        rule = f"labels must lie in 0 ... {n - 1}, the outcomes of q"
    elif word == "element":
        source = kl_row_of(&job.q if faults.array else &job.p, row)
        did, rule = explain(&source, 1, faults.rule)
        did = did.removesuffix(" at outcome 0")
    else:
        labelled = job.kernel == KL_KERNEL_nll
        source = kl_row_of(&job.q if faults.array and not labelled else &job.p, row)
        if labelled and source.form == KL_PROBS:
            label = kl_label(&job.labels, row)
            source.data += label * source.stride
            n = 1
        did, rule = explain(&source, n, faults.rule)
        if n != job.n:
            did = did.replace("sums to", "holds").removesuffix(" at outcome 0")
            did += f" at its label {label}"
            rule = rule.replace("sum to 1", "be at most 1")
    return InvalidRowsError(array, place, int(faults.count), f"{did}; {rule}", word)
