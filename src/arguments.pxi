# Keywords in, plain C values out. Every message about an argument is made here.

FORMS = ("probs", "counts", "log_probs", "logits")
INVALID = ("raise", "nan", "ignore")
cdef dict form_numbers = {name: number for number, name in enumerate(FORMS)}
cdef double DEFAULT_EPS = 2.0 ** -126


cdef double real_number(object value, str name) except? -1:
    if type(value) is float:
        return <double>value
    try:
        if not isinstance(value, ndarray) or value.ndim == 0:
            return <double>value
    except TypeError:
        pass
    except OverflowError:
        return HUGE_VAL  # an integer beyond the floats is out of every range, and is said so
    raise TypeError(f"{name} must be a real number, got {type(value).__name__}")


cdef int one_form(object form) except -1:
    number = form_numbers.get(form) if isinstance(form, str) else None
    if number is not None:
        return number
    raise ValueError(f"form must be one of {', '.join(map(repr, FORMS))}, got {form!r}")


cdef int read_forms(object form, kl_job *job) except -1:
    """One form for both arrays, or a pair."""
    if isinstance(form, (tuple, list)):
        if job.arrays == 1 or len(form) != 2:
            expected = "a pair" if job.arrays == 2 else "a single form"
            raise ValueError(f"form must be one of {', '.join(map(repr, FORMS))}"
                             f"{' or ' + expected if job.arrays == 2 else ''}, got {form!r}")
        job.p.row.form = <kl_form>one_form(form[0])
        job.q.row.form = <kl_form>one_form(form[1])
    else:
        job.p.row.form = job.q.row.form = <kl_form>one_form(form)
    return 0


cdef int read_base(object base, kl_job *job) except -1:
    job.unit = 1
    if base is not None:
        value = real_number(base, "base")
        if not (value > 0 and value != 1 and value < HUGE_VAL):
            raise ValueError(f"base must be a positive number other than 1, got {base!r}")
        job.unit = log(value)
        if job.map == KL_ROOT and value < 1:
            raise ValueError("base must be above 1 for a distance, the root of a divergence that "
                             f"another base makes negative, got {base!r}")
    return 0


cdef int read_eps(object eps, kl_form form, kl_job *job) except -1:
    """The floor of q, by the form of q if not given."""
    if eps is None:
        job.params.eps = DEFAULT_EPS if form == KL_PROBS or form == KL_COUNTS else 0
        return 0
    job.params.eps = real_number(eps, "eps")
    if not 0 <= job.params.eps <= 1:
        raise ValueError(f"eps must lie between 0 and 1, got {eps!r}")
    return 0


cdef int read_temperature(object temperature, kl_job *job) except -1:
    job.params.temperature = real_number(temperature, "temperature")
    if not 0 < job.params.temperature < HUGE_VAL:
        raise ValueError(f"temperature must be a positive finite number, got {temperature!r}")
    if job.params.temperature != 1 and not (
            job.p.row.form == KL_LOGITS or (job.arrays == 2 and job.q.row.form == KL_LOGITS)):
        raise ValueError(f"temperature is for form='logits', got temperature={temperature!r} "
                         "without logits")
    return 0


cdef int read_weight(object weight, kl_job *job) except -1:
    job.params.weight = real_number(weight, "weight")
    if not 0 <= job.params.weight <= 1:
        raise ValueError(f"weight must lie between 0 and 1, got {weight!r}")
    return 0


cdef int read_alpha(object alpha, kl_job *job) except -1:
    """The order of powers, and what its limit is where the formula divides by 0."""
    cdef kl_end end = job.params.end
    cdef double value = real_number(alpha, "alpha")
    job.params.alpha = value
    if end == KL_ENDS_ALPHA:
        if not -HUGE_VAL < value < HUGE_VAL:
            raise ValueError(f"alpha must be finite, got {alpha!r}")
    elif end == KL_ENDS_RENYI:
        if not value >= 0:
            raise ValueError(f"alpha must be at least 0, got {alpha!r}")
    elif not 0 <= value < HUGE_VAL:
        raise ValueError(f"alpha must be at least 0 and finite, got {alpha!r}")
    if value == 1 or (value == 0 and end == KL_ENDS_ALPHA):
        job.kernel = KL_KERNEL_kl_divergence if job.arrays == 2 else KL_KERNEL_entropy
        job.ways = KL_FORWARD if value == 1 else KL_BACKWARD
    return 0


cdef int read_invalid(object invalid, kl_job *job) except -1:
    """Whether bad rows raise, once all are scored."""
    if not isinstance(invalid, str) or invalid not in INVALID:
        raise ValueError(f"invalid must be one of {', '.join(map(repr, INVALID))}, got {invalid!r}")
    job.ignore = invalid == "ignore"
    return invalid == "raise"


cdef object integer(object value, str name, str expected="an integer"):
    if type(value) is int:
        return value
    try:
        if not isinstance(value, (bool, np.bool_)):
            return _index(value)
    except TypeError:
        pass
    raise TypeError(f"{name} must be {expected}, got {type(value).__name__}")


cdef int ALL_WORKERS = -1


def _workers_of_environment():
    """What KL_C_NUM_THREADS says, read once at import; 1 if it says nothing."""
    text = os.environ.get("KL_C_NUM_THREADS")
    try:
        return checked_workers(int(text)) if text else 1
    except ValueError:
        raise ImportError(f"KL_C_NUM_THREADS={text}: the number of threads must be an integer, at "
                          "least 1, or -1 for all") from None


cdef int checked_workers(object workers) except 0:
    count = integer(workers, "workers", "an integer or None")
    if count < 1 and count != ALL_WORKERS:
        raise ValueError(f"workers must be at least 1, or -1 for all, got {workers!r}")
    return min(count, 2**31 - 1)


cdef int FIRST_WORKERS = _workers_of_environment()
cdef int default_workers = FIRST_WORKERS  # the one thing that calls change for each other


cdef int read_workers(object workers, kl_job *job) except -1:
    job.workers = default_workers if workers is None else checked_workers(workers)
    return 0


def set_workers(workers):
    """Set how many threads a call with ``workers=None`` may use, in the whole process.

    Parameters
    ----------
    workers : int or None
        At least 1, -1 for all that this process may use, or None for what the process began with:
        the environment variable ``KL_C_NUM_THREADS``, read at import, else 1.

    Raises
    ------
    TypeError, ValueError
        If it is none of these.

    Notes
    -----
    A call splits its rows over threads that it starts and joins itself, the calling thread among
    them. The number is a limit: a call takes at most one thread per row and per 131072 elements,
    256 in all, and fewer where the system refuses a thread. Scores and errors are the same, bit by
    bit, for any number.

    -1 stands for the CPUs that the process may run on, by its affinity at the time of the call, but
    no more than the CPU quota of its control group, rounded up; the quota is read once.

    Examples
    --------
    >>> kl_c.set_workers(1)
    """
    global default_workers
    default_workers = FIRST_WORKERS if workers is None else checked_workers(workers)
