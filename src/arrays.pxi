# Arrays in any dtype, layout and byte order, described for C without a copy.
#
# Inputs are described by their data pointers and strides and not by typed memoryviews: the buffer
# protocol refuses float16 as arithmetic, bfloat16, swapped and unaligned arrays altogether, and
# fixes the number of axes. Labels, codes and masks, which are ours, are typed memoryviews.

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


cdef object plain_array(object value, str name):
    """Anything that NumPy reads as an array without hiding part of it."""
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array, whose mask would be ignored; "
                        f"pass {name}.filled(0) or leave the masked rows out")
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} is no array: {error}") from None


cdef object as_array(object value, str name, kl_source *row):
    """The array as it lies in memory; its dtype and byte order go to `row`."""
    bfloat16 = False
    if type(value) is not ndarray:
        torch = sys.modules.get("torch")  # who has a tensor has imported it
        if torch is not None and isinstance(value, torch.Tensor):
            value, bfloat16 = from_torch(torch, value, name)
        else:
            value = plain_array(value, name)
    cdef int dtype = KL_BFLOAT16 if bfloat16 else dtype_of(value)
    if dtype == UNKNOWN:
        raise TypeError(f"{name} has dtype {value.dtype}; expected a real number type")
    start_source(row, <kl_dtype>dtype, row.form)
    row.swapped = not cnp.PyArray_ISNOTSWAPPED(value)
    return value


cdef tuple shape_of(object array):
    return array.shape  # of a typed ndarray it would be C's


cdef int resolve_axis(ndarray array, object axis, str name) except -1:
    cdef int ndim = cnp.PyArray_NDIM(array)
    if ndim == 0:
        raise ValueError(f"{name} is 0-D; a row of outcomes is needed")
    if not -ndim <= axis < ndim:
        raise ValueError(f"axis {axis} is out of bounds for {name} of shape {shape_of(array)}")
    if cnp.PyArray_DIM(array, axis + ndim if axis < 0 else axis) == 0:
        raise ValueError(f"{name} has 0 outcomes on axis {axis}, its shape is {shape_of(array)}")
    return axis + ndim if axis < 0 else axis


cdef tuple batch_shape(ndarray array, int axis):
    """Lengths of all axes but that of the outcomes."""
    return tuple([cnp.PyArray_DIM(array, i) for i in range(cnp.PyArray_NDIM(array)) if i != axis])


cdef int describe(ndarray array, int axis, ptrdiff_t n, int batch_ndim, kl_array *rows) except -1:
    """The array's rows of n outcomes along `axis` (-1: none, a scalar), its batch axes aligned to
    the right of `batch_ndim` broadcast ones. Elementwise, the last axis broadcasts too."""
    cdef int i, at = batch_ndim
    cdef bint repeats = axis < 0 or cnp.PyArray_DIM(array, axis) != n
    rows.row.data = <const char *>cnp.PyArray_DATA(array)
    rows.row.stride = 0 if repeats else cnp.PyArray_STRIDE(array, axis)
    rows.row.direct = (cnp.PyArray_ISALIGNED(array) and not rows.row.swapped
                       and rows.row.dtype < KL_KERNEL_DTYPES
                       and (n == 1 or rows.row.stride == cnp.PyArray_ITEMSIZE(array)))
    rows.ndim = batch_ndim
    for i in reversed(range(cnp.PyArray_NDIM(array))):
        if i != axis:
            at -= 1
            rows.strides[at] = 0 if cnp.PyArray_DIM(array, i) == 1 else cnp.PyArray_STRIDE(array, i)
    while at > 0:
        at -= 1
        rows.strides[at] = 0
    return 0


cdef int take_shape(tuple shape, kl_job *job) except -1:
    """The batch's shape, for all arrays."""
    cdef int i
    if len(shape) >= KL_MAX_DIMS:
        raise ValueError(f"at most {KL_MAX_DIMS - 1} batch axes, got {len(shape)}")
    for i in range(len(shape)):
        job.p.shape[i] = job.q.shape[i] = job.out.shape[i] = shape[i]
    return 0


cdef tuple broadcast(tuple first, tuple second, str what):
    """As np.broadcast_shapes, for any number of axes."""
    shape = []
    longer, shorter = (first, second) if len(first) >= len(second) else (second, first)
    for a, b in zip(longer, (1,) * (len(longer) - len(shorter)) + shorter):
        if a != b and a != 1 and b != 1:
            raise ValueError(f"{what} {first} and {second} do not broadcast")
        shape.append(b if a == 1 else a)
    return tuple(shape)


cdef bint shares_memory(object out, object p, object q):
    return np.may_share_memory(out, p) or (q is not None and np.may_share_memory(out, q))


cdef ndarray take_out(object out, tuple shape, object dtype, kl_job *job, int axis):
    """The result array, new or the caller's; `axis` of it (if not -1) is left out of the batch."""
    cdef ndarray result
    cdef int i, at = 0
    if out is None:
        result = np.empty(shape, dtype)
    else:
        if not isinstance(out, ndarray) or isinstance(out, np.ma.MaskedArray):
            raise TypeError(f"out must be a NumPy array, got {type(out).__name__}")
        result = out
        if result.dtype != np.float64 and result.dtype != np.float32 or not result.dtype.isnative:
            raise TypeError(f"out has dtype {result.dtype}; expected float64 or float32")
        if shape_of(result) != shape:
            raise ValueError(f"out has shape {out.shape}; the result has shape {shape}")
        if not cnp.PyArray_ISWRITEABLE(result):
            raise ValueError("out is read-only")
    job.out.data = <char *>cnp.PyArray_DATA(result)
    job.out.single = cnp.PyArray_ITEMSIZE(result) == 4
    job.out.ndim = cnp.PyArray_NDIM(result) - (axis >= 0)
    for i in range(cnp.PyArray_NDIM(result)):
        if i != axis:
            job.out.strides[at] = cnp.PyArray_STRIDE(result, i)
            at += 1
    return result
