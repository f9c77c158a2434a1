# Arrays in any dtype, layout and byte order, described for C without a copy.
#
# Inputs are described by their data pointers and strides and not by typed memoryviews: the buffer
# protocol refuses float16 as arithmetic, bfloat16, swapped and unaligned arrays altogether, and
# fixes the number of axes. Labels, codes and masks, which are ours, are typed memoryviews.

cdef extern from "Python.h":
    Py_ssize_t PyNumber_AsSsize_t(object, void *) except? -1  # NULL: no error, but the nearest

DTYPES = ("float64", "float32", "float16", "bfloat16")

cdef enum:
    UNKNOWN = -1
    BUILT_IN_TYPES = 24
cdef int built_in[BUILT_IN_TYPES]  # NumPy's number of a type -> kl_dtype
cdef int bfloat16_number = UNKNOWN  # given by NumPy when a package registers the type
for _number in range(BUILT_IN_TYPES):
    built_in[_number] = UNKNOWN
for _character in "bBhHiIlLqQ":
    _dtype = np.dtype(_character)
    built_in[_dtype.num] = {
        "i": {1: KL_INT8, 2: KL_INT16, 4: KL_INT32, 8: KL_INT64},
        "u": {1: KL_UINT8, 2: KL_UINT16, 4: KL_UINT32, 8: KL_UINT64},
    }[_dtype.kind][_dtype.itemsize]
for _character, _kernel in zip("?dfe", (KL_UINT8, KL_FLOAT64, KL_FLOAT32, KL_FLOAT16)):
    built_in[np.dtype(_character).num] = _kernel


cdef inline int known_dtype(ndarray array) noexcept:
    """A kl_dtype, or UNKNOWN where only the name can tell: a look at it costs a microsecond."""
    cdef int number = cnp.PyArray_TYPE(array)
    if 0 <= number < BUILT_IN_TYPES:
        return built_in[number]
    return KL_BFLOAT16 if number == bfloat16_number else UNKNOWN


cdef int dtype_of(ndarray array) except -2:
    """A kl_dtype, or UNKNOWN."""
    global bfloat16_number
    if known_dtype(array) == UNKNOWN and array.dtype.name == "bfloat16":
        bfloat16_number = cnp.PyArray_TYPE(array)
    return known_dtype(array)


cdef inline double mass_tolerance(kl_dtype dtype, kl_form form) noexcept:
    """How far from 1 a row of probabilities may sum: by the rounding that its type explains."""
    if form == KL_COUNTS or form == KL_LOGITS:
        return HUGE_VAL
    if dtype == KL_BFLOAT16 and form == KL_LOG_PROBS:
        return 5e-2
    return 2e-2 if dtype == KL_FLOAT16 or dtype == KL_BFLOAT16 else 1e-3


cdef inline void start_source(kl_source *row, kl_dtype dtype, kl_form form) noexcept:
    """All of a description but where the row lies: values of this type, taken as given."""
    row.dtype = dtype
    row.form = form
    row.head = NULL
    row.step = 0
    row.swapped = row.widen = row.take_log = 0
    row.shift, row.divisor = 0, 1
    row.tolerance = mass_tolerance(dtype, form)


cdef object from_torch(object torch, object tensor, str name):
    """(array, is it bfloat16) of a CPU tensor, without a copy."""
    if tensor.requires_grad or tensor.device.type != "cpu":
        reason = "requires grad" if tensor.requires_grad else f"lives on {tensor.device}"
        raise TypeError(f"{name} is a torch tensor that {reason}; pass {name}.detach().cpu()")
    if tensor.dtype == torch.bfloat16:
        return tensor.view(torch.int16).numpy(), True
    try:
        return tensor.numpy(), False
    except TypeError:
        raise TypeError(f"{name} has dtype {tensor.dtype}; expected a real number type") from None


cdef bint is_from(str module, str name, object value) except -1:
    """Whether the value is of a class whose module nobody need have imported."""
    imported = sys.modules.get(module)
    return imported is not None and isinstance(value, getattr(imported, name))


cdef ndarray plain_array(object value, str name):
    """Anything that NumPy reads as an array without hiding part of it."""
    if type(value) is not list and is_from("numpy.ma", "MaskedArray", value):
        raise TypeError(f"{name} is a masked array, whose mask would be ignored; "
                        f"pass {name}.filled(0) or leave the masked rows out")
    try:
        return cnp.PyArray_FROM_OF(value, cnp.NPY_ARRAY_ENSUREARRAY)
    except ValueError as error:
        raise ValueError(f"{name} is no array: {error}") from None


cdef ndarray as_array(object value, str name, kl_source *row):
    """The array as it lies in memory; its dtype and byte order go to `row`."""
    bfloat16 = False
    if type(value) is not ndarray:
        if type(value) is not list and is_from("torch", "Tensor", value):
            value, bfloat16 = from_torch(sys.modules["torch"], value, name)
        else:
            value = plain_array(value, name)
    cdef int dtype = KL_BFLOAT16 if bfloat16 else dtype_of(value)
    if dtype == UNKNOWN:
        raise TypeError(f"{name} has dtype {value.dtype}; expected a real number type")
    start_source(row, <kl_dtype>dtype, row.form)
    row.swapped = not cnp.PyArray_ISNOTSWAPPED(value)
    return value


# The lengths of some axes, in C order.
cdef struct axes:
    int ndim
    ptrdiff_t shape[64]


cdef tuple shape_of(object array):
    return array.shape  # of a typed ndarray it would be C's


cdef tuple tuple_of(const axes *some):
    return tuple([some.shape[i] for i in range(some.ndim)])


cdef ptrdiff_t size_of(const axes *some) noexcept nogil:
    cdef ptrdiff_t size = 1
    cdef int i
    for i in range(some.ndim):
        size *= some.shape[i]
    return size


cdef int resolve_axis(ndarray array, object axis, str name) except -1:
    cdef int ndim = cnp.PyArray_NDIM(array)
    cdef Py_ssize_t at = PyNumber_AsSsize_t(axis, NULL)
    if ndim == 0:
        raise ValueError(f"{name} is 0-D; a row of outcomes is needed")
    if not -ndim <= at < ndim:
        raise ValueError(f"axis {axis} is out of bounds for {name} of shape {shape_of(array)}")
    if at < 0:
        at += ndim
    if cnp.PyArray_DIM(array, <int>at) == 0:
        raise ValueError(f"{name} has 0 outcomes on axis {axis}, its shape is {shape_of(array)}")
    return <int>at


cdef void axes_but(int outcomes, ndarray array, axes *batch) noexcept:
    """All axes of an array but that of its outcomes; -1 leaves out none."""
    cdef int i
    batch.ndim = 0
    for i in range(cnp.PyArray_NDIM(array)):
        if i != outcomes:
            batch.shape[batch.ndim] = cnp.PyArray_DIM(array, i)
            batch.ndim += 1


cdef bint broadcast(const axes *first, const axes *second, axes *both) noexcept:
    """What two shapes broadcast to, as in NumPy; false if they do not."""
    cdef ptrdiff_t a, b
    cdef int i
    both.ndim = max(first.ndim, second.ndim)
    for i in range(1, both.ndim + 1):  # from the last axis on
        a = first.shape[first.ndim - i] if i <= first.ndim else 1
        b = second.shape[second.ndim - i] if i <= second.ndim else 1
        if a != b and a != 1 and b != 1:
            return False
        both.shape[both.ndim - i] = b if a == 1 else a
    return True


cdef bint are_same(const axes *first, const axes *second) noexcept:
    cdef int i
    if first.ndim != second.ndim:
        return False
    for i in range(first.ndim):
        if first.shape[i] != second.shape[i]:
            return False
    return True


cdef void describe(ndarray array, int axis, ptrdiff_t n, const axes *batch,
                   kl_array *rows) noexcept:
    """The array's rows of n outcomes along `axis` (-1: none, a scalar), its other axes aligned to
    the right of the batch's. Elementwise, the last axis broadcasts too."""
    cdef int i, at = batch.ndim
    cdef bint repeats = axis < 0 or cnp.PyArray_DIM(array, axis) != n
    rows.row.data = <const char *>cnp.PyArray_DATA(array)
    rows.row.stride = 0 if repeats else cnp.PyArray_STRIDE(array, axis)
    rows.row.direct = (cnp.PyArray_ISALIGNED(array) and not rows.row.swapped
                       and rows.row.dtype < KL_KERNEL_DTYPES
                       and (n == 1 or rows.row.stride == cnp.PyArray_ITEMSIZE(array)))
    rows.ndim = batch.ndim
    for i in range(batch.ndim):
        rows.shape[i] = batch.shape[i]
    for i in reversed(range(cnp.PyArray_NDIM(array))):
        if i != axis:
            at -= 1
            rows.strides[at] = 0 if cnp.PyArray_DIM(array, i) == 1 else cnp.PyArray_STRIDE(array, i)
    while at > 0:
        at -= 1
        rows.strides[at] = 0


cdef void extent(ndarray array, const char **low, const char **high) noexcept:
    """The memory between an array's first and last byte."""
    cdef ptrdiff_t span
    cdef int i
    low[0] = high[0] = <const char *>cnp.PyArray_DATA(array)
    for i in range(cnp.PyArray_NDIM(array)):
        span = (cnp.PyArray_DIM(array, i) - 1) * cnp.PyArray_STRIDE(array, i)
        if span < 0:
            low[0] += span
        else:
            high[0] += span
    high[0] += cnp.PyArray_ITEMSIZE(array)


cdef bint may_overlap(ndarray a, ndarray b) noexcept:
    cdef const char *a_low = NULL
    cdef const char *a_high = NULL
    cdef const char *b_low = NULL
    cdef const char *b_high = NULL
    if b is None or cnp.PyArray_SIZE(a) == 0 or cnp.PyArray_SIZE(b) == 0:
        return False
    extent(a, &a_low, &a_high)
    extent(b, &b_low, &b_high)
    return a_low < b_high and b_low < a_high


cdef ndarray checked_out(object out, const axes *whole):
    """The caller's array for a result of this shape."""
    if not isinstance(out, ndarray) or (type(out) is not ndarray
                                        and is_from("numpy.ma", "MaskedArray", out)):
        raise TypeError(f"out must be a NumPy array, got {type(out).__name__}")
    cdef ndarray result = out
    cdef axes given
    cdef int number = cnp.PyArray_TYPE(result)
    if (number != cnp.NPY_DOUBLE and number != cnp.NPY_FLOAT
            or not cnp.PyArray_ISNOTSWAPPED(result)):
        raise TypeError(f"out has dtype {result.dtype}; expected float64 or float32")
    axes_but(-1, result, &given)
    if not are_same(&given, whole):
        raise ValueError(f"out has shape {tuple_of(&given)}; the result has shape "
                         f"{tuple_of(whole)}")
    if not cnp.PyArray_ISWRITEABLE(result):
        raise ValueError("out is read-only")
    return result


cdef ndarray new_result(const axes *whole, int number):
    return cnp.PyArray_EMPTY(whole.ndim, <cnp.npy_intp *>whole.shape, number, 0)


cdef void describe_result(ndarray result, int axis, const axes *batch, kl_output *out) noexcept:
    """Where the scores of the batch go; `axis` of the result (if not -1) is not of the batch."""
    cdef int i
    out.data = <char *>cnp.PyArray_DATA(result)
    out.single = cnp.PyArray_TYPE(result) == cnp.NPY_FLOAT
    out.ndim = batch.ndim
    for i in range(batch.ndim):
        out.shape[i] = batch.shape[i]
        out.strides[i] = cnp.PyArray_STRIDE(result, i if axis < 0 or i < axis else i + 1)
