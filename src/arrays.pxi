# Arrays in any dtype, layout and byte order, described for C without a copy.
#
# Inputs are described by their data pointers and strides and not by typed memoryviews: the buffer
# protocol refuses float16 as arithmetic, bfloat16, swapped and unaligned arrays altogether, and
# fixes the number of axes. Labels, codes and masks, which are ours, are typed memoryviews.

DTYPES = ("float64", "float32", "float16", "bfloat16")

cdef dict _DTYPE_OF = {
    ("f", 8): KL_FLOAT64, ("f", 4): KL_FLOAT32, ("f", 2): KL_FLOAT16,
    ("i", 1): KL_INT8, ("i", 2): KL_INT16, ("i", 4): KL_INT32, ("i", 8): KL_INT64,
    ("u", 1): KL_UINT8, ("u", 2): KL_UINT16, ("u", 4): KL_UINT32, ("u", 8): KL_UINT64,
    ("b", 1): KL_UINT8,
}


cdef double mass_tolerance(kl_dtype dtype, kl_form form):
    """How far from 1 a row of probabilities may sum: by the rounding that its type explains."""
    if form == KL_COUNTS or form == KL_LOGITS:
        return HUGE_VAL
    if dtype == KL_BFLOAT16 and form == KL_LOG_PROBS:
        return 5e-2
    return 2e-2 if dtype == KL_FLOAT16 or dtype == KL_BFLOAT16 else 1e-3


cdef object from_torch(object tensor, str name):
    """(array, is it bfloat16) of a CPU tensor, without a copy."""
    if tensor.requires_grad or tensor.device.type != "cpu":
        reason = "requires grad" if tensor.requires_grad else f"lives on {tensor.device}"
        raise TypeError(f"{name} is a torch tensor that {reason}; pass {name}.detach().cpu()")
    if str(tensor.dtype) == "torch.bfloat16":
        return tensor.view(__import__("torch").int16).numpy(), True
    return tensor.numpy(), False


cdef object as_array(object value, str name, kl_source *row):
    """The array as it lies in memory; its dtype and byte order go to `row`."""
    bfloat16 = False
    if type(value) is not ndarray:
        kind = type(value)
        if kind.__module__.partition(".")[0] == "torch" and hasattr(value, "requires_grad"):
            value, bfloat16 = from_torch(value, name)
        elif kind.__module__.startswith("numpy.ma"):
            raise TypeError(f"{name} is a masked array, whose mask would be ignored; "
                            f"pass {name}.filled(0) or leave the masked rows out")
        else:
            value = np.asarray(value)
    dtype = value.dtype
    if bfloat16 or dtype.name == "bfloat16":
        row.dtype = KL_BFLOAT16
    else:
        key = (dtype.kind, dtype.itemsize)
        if key not in _DTYPE_OF or dtype.char == "g":
            raise TypeError(f"{name} has dtype {dtype}; expected a real number type")
        row.dtype = _DTYPE_OF[key]
    row.swapped = not dtype.isnative
    row.widen = row.take_log = 0
    row.shift, row.scale = 0, 1
    row.tolerance = mass_tolerance(row.dtype, row.form)
    return value


cdef tuple shape_of(object array):
    return array.shape  # of a typed ndarray it would be C's


cdef int resolve_axis(ndarray array, int axis, str name) except -1:
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


cdef int describe(ndarray array, int axis, int batch_ndim, kl_array *rows) except -1:
    """The array's rows, its batch axes aligned to the right of `batch_ndim` broadcast ones."""
    cdef int i, at = batch_ndim
    rows.row.data = <const char *>cnp.PyArray_DATA(array)
    rows.row.stride = cnp.PyArray_STRIDE(array, axis) if axis >= 0 else 0
    rows.row.direct = (cnp.PyArray_ISALIGNED(array) and not rows.row.swapped
                       and rows.row.dtype < KL_KERNEL_DTYPES
                       and (rows.row.stride == cnp.PyArray_ITEMSIZE(array)
                            or (axis >= 0 and cnp.PyArray_DIM(array, axis) == 1)))
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
    try:
        return np.broadcast_shapes(first, second)
    except ValueError:
        raise ValueError(f"{what} {first} and {second} do not broadcast") from None


cdef ndarray take_out(object out, tuple shape, object dtype, kl_job *job, int axis):
    """The result array, new or the caller's; `axis` of it (if not -1) is left out of the batch."""
    cdef ndarray result
    cdef int i, at = 0
    if out is None:
        result = np.empty(shape, dtype)
    else:
        if type(out) is not ndarray:
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


cdef int last_axis(ndarray array, ptrdiff_t n):
    """The last axis, or -1 where it is broadcast to n."""
    cdef int ndim = cnp.PyArray_NDIM(array)
    return ndim - 1 if ndim and cnp.PyArray_DIM(array, ndim - 1) == n else -1
