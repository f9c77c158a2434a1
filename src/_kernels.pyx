# cython: language_level=3, boundscheck=False, initializedcheck=False
# cython: binding=True, embedsignature=False, freethreading_compatible=True
"""The measures: arguments in, rows scored in C without the GIL, results out.

Design note. (a) These functions are the API; a Python layer above would cost more than a short
row. (b) Data flows one way: keywords (arguments.pxi), arrays (arrays.pxi), rows (C), errors
(errors.pxi). (c) Two 1-D arrays of one kernel type with every keyword at its default, told by
identity, take a path without any of that (`short_score`); whatever is unusual about them sends
them the long way, so that no check stands twice.
"""

import os

import numpy as np

cimport numpy as cnp
from libc.math cimport HUGE_VAL, NAN, log
from libc.stdint cimport int64_t, uint8_t
from numpy cimport ndarray

from kl cimport *

cnp.import_array()

cdef extern from *:
    """
    #ifndef KL_C_VERSION
    #define KL_C_VERSION "unknown"
    #endif
    """
    const char *KL_C_VERSION
    const int NPY_HALF  # missing from Cython's own declarations

include "errors.pxi"
include "arguments.pxi"
include "arrays.pxi"

__version__ = KL_C_VERSION.decode()

cdef object _PROBS = "probs"
cdef object _RAISE = "raise"
cdef object _LAST = -1
cdef object _ONE = 1.0
cdef object _HALF = 0.5
cdef ptrdiff_t SHORT = 4096  # elements for which the GIL is kept


def _choose_backend():
    """The best backend that this CPU runs, or the one that KL_C_BACKEND names."""
    global kl_active
    cdef int i
    forced = os.environ.get("KL_C_BACKEND")
    names = []
    for i in range(KL_BACKENDS):
        if kl_cpu_runs(kl_all_backends[i]):
            names.append(kl_all_backends[i].name.decode())
            if forced is None or forced == "" or forced == names[-1]:
                kl_active = kl_all_backends[i]
    if forced and forced not in names:
        raise ImportError(f"KL_C_BACKEND={forced}: this build and CPU have {', '.join(names)}")
    return tuple(names)


BACKENDS = _choose_backend()
BLOCK = KL_BLOCK
LANES = {name: kl_active.lanes[i] for i, name in enumerate(DTYPES)}
MEASURES = {}
cdef int _i = 0
while kl_measures[_i].name != NULL:
    MEASURES[kl_measures[_i].name.decode()] = kl_measures[_i].kind.decode()
    _i += 1


def show_config():
    """What was built and what was chosen.

    Returns
    -------
    dict
        ``version``; ``backend``, the one in use; ``backends``, those that this build and CPU have,
        lowest first; ``lanes`` per vector and dtype; ``block``, the elements per block;
        ``compiler``; ``numpy``, the version in use.

    Examples
    --------
    >>> kl_c.show_config()["backend"] in kl_c.show_config()["backends"]
    True
    """
    return {
        "version": __version__,
        "backend": kl_active.name.decode(),
        "backends": list(BACKENDS),
        "lanes": dict(LANES),
        "block": BLOCK,
        "compiler": kl_compiler.decode(),
        "numpy": np.__version__,
    }


cdef int short_source(ndarray array, kl_source *row) noexcept:
    """Describe a 1-D contiguous array of a kernel type; 0 if it is not one."""
    cdef int number = cnp.PyArray_TYPE(array)
    if number == cnp.NPY_DOUBLE:
        row.dtype = KL_FLOAT64
    elif number == cnp.NPY_FLOAT:
        row.dtype = KL_FLOAT32
    elif number == NPY_HALF:
        row.dtype = KL_FLOAT16
    else:
        return 0
    if (cnp.PyArray_NDIM(array) != 1 or not cnp.PyArray_IS_C_CONTIGUOUS(array)
            or not cnp.PyArray_ISALIGNED(array) or not cnp.PyArray_ISNOTSWAPPED(array)):
        return 0
    row.data = <const char *>cnp.PyArray_DATA(array)
    row.stride = cnp.PyArray_ITEMSIZE(array)
    row.form = KL_PROBS
    row.swapped = row.widen = row.take_log = 0
    row.direct = 1
    row.shift, row.scale = 0, 1
    row.tolerance = mass_tolerance(row.dtype, KL_PROBS)
    return 1


cdef double short_score(kl_kernel kernel, int distance, ndarray p, ndarray q) noexcept:
    """The score with every keyword at its default; -1 sends the call the long way."""
    cdef kl_job job
    cdef kl_source p_row, q_row
    cdef double score
    if not short_source(p, &p_row):
        return -1
    job.n = cnp.PyArray_DIM(p, 0)
    if job.n == 0 or job.n > SHORT:
        return -1
    if q is not None and not (short_source(q, &q_row) and cnp.PyArray_DIM(q, 0) == job.n
                              and p_row.dtype == q_row.dtype):
        return -1
    job.kernel = kernel
    job.distance = distance
    job.ignore = 0
    job.unit = 1
    job.params.eps = DEFAULT_EPS
    job.params.weight = 0.5
    job.params.temperature = 1
    job.invalid = 0
    score = kl_score(&job, 0, &p_row, NULL if q is None else &q_row)
    return -1 if job.invalid else score


cdef void run(kl_job *job, ptrdiff_t rows) noexcept:
    if rows * job.n <= SHORT:
        kl_run(job, 0, rows)
    else:
        with nogil:
            kl_run(job, 0, rows)


cdef object result_of(object result, tuple shape, object out, object keepdims):
    return result.item() if shape == () and out is None and not keepdims else result


cdef object score_rows(kl_job *job, object p, object q, int axis, object labels, bint raises,
                       object out, object keepdims):
    """Describe the arrays, run the job, and raise or return what came of it."""
    cdef ndarray p_array = as_array(p, "q" if job.kernel == KL_KERNEL_nll else "p", &job.p.row)
    cdef ndarray q_array = None, result
    cdef int p_axis = resolve_axis(p_array, axis, "q" if job.kernel == KL_KERNEL_nll else "p")
    cdef int q_axis = 0
    cdef const int64_t[::1] flat_labels
    cdef ptrdiff_t rows = 1
    shape = batch_shape(p_array, p_axis)
    job.n = cnp.PyArray_DIM(p_array, p_axis)
    if job.arrays == 2:
        q_array = as_array(q, "q", &job.q.row)
        q_axis = resolve_axis(q_array, axis, "q")
        if cnp.PyArray_DIM(q_array, q_axis) != job.n:
            raise ValueError(f"p and q must have the same number of outcomes on axis {axis}, "
                             f"got {job.n} and {cnp.PyArray_DIM(q_array, q_axis)}")
        shape = broadcast(shape, batch_shape(q_array, q_axis), "the batch axes of p and q")
    for size in shape:
        rows *= size
    take_shape(shape, job)
    describe(p_array, p_axis, len(shape), &job.p)
    if job.arrays == 2:
        describe(q_array, q_axis, len(shape), &job.q)
    if labels is not None:
        flat_labels = flatten_labels(labels, shape)
        job.labels = &flat_labels[0] if rows else NULL

    out_axis = -1
    out_shape = shape
    if keepdims:
        out_axis = axis % (len(shape) + 1) if -len(shape) - 1 <= axis <= len(shape) else 0
        out_shape = shape[:out_axis] + (1,) + shape[out_axis:]
    target = take_out(out, out_shape, np.float64, job, out_axis)
    result = target
    if out is not None and (np.may_share_memory(target, p_array)
                            or (q_array is not None and np.may_share_memory(target, q_array))):
        result = take_out(None, out_shape, target.dtype, job, out_axis)  # inputs stay as they are
    job.invalid = 0
    if rows:
        run(job, rows)
    if job.invalid and raises:
        raise invalid_rows(job, shape)
    if result is not target:
        target[...] = result
    return result_of(target, shape, out, keepdims)


cdef object flatten_labels(object labels, tuple shape):
    """One int64 per row of the batch."""
    array = np.asarray(labels)
    if array.dtype.kind not in "iu":
        raise TypeError(f"labels have dtype {array.dtype}; expected an integer type")
    try:
        array = np.broadcast_to(array, shape)
    except ValueError:
        raise ValueError(f"labels of shape {array.shape} do not broadcast to the batch shape "
                         f"{shape} of q") from None
    if array.dtype == np.uint64:
        array = np.minimum(array, np.uint64(np.iinfo(np.int64).max))  # out of range all the same
    return np.ascontiguousarray(array, dtype=np.int64).reshape(-1)


cdef object score_pair(kl_kernel kernel, int distance, object p, object q, object form,
                       object axis, object base, object eps, object weight, object temperature,
                       object invalid, object out, object keepdims, object workers):
    cdef kl_job job
    job.kernel = kernel
    job.distance = distance
    job.arrays = 1 if kernel == KL_KERNEL_entropy else 2
    read_forms(form, &job)
    read_base(base, &job)
    if kernel == KL_KERNEL_js_divergence:
        read_weight(weight, &job)
        job.params.eps = 0
    else:
        job.params.weight = 0.5
        read_eps(eps, job.q.row.form, &job)
    read_temperature(temperature, &job)
    raises = read_invalid(invalid, &job)
    checked_workers(workers)
    return score_rows(&job, p, q, read_axis(axis), None, raises, out, keepdims)


def kl_divergence(p, q, *, form=_PROBS, axis=_LAST, base=None, eps=None, temperature=_ONE,
                  invalid=_RAISE, out=None, keepdims=False, workers=None):
    """KL_DIVERGENCE_DOC"""
    cdef double score
    if (type(p) is ndarray and type(q) is ndarray and form is _PROBS and axis is _LAST
            and base is None and eps is None and temperature is _ONE and invalid is _RAISE
            and out is None and keepdims is False and workers is None):
        score = short_score(KL_KERNEL_kl_divergence, 0, p, q)
        if score != -1:
            return score
    return score_pair(KL_KERNEL_kl_divergence, 0, p, q, form, axis, base, eps, None, temperature,
                      invalid, out, keepdims, workers)


def cross_entropy(p, q, *, form=_PROBS, axis=_LAST, base=None, eps=None, temperature=_ONE,
                  invalid=_RAISE, out=None, keepdims=False, workers=None):
    """CROSS_ENTROPY_DOC"""
    cdef double score
    if (type(p) is ndarray and type(q) is ndarray and form is _PROBS and axis is _LAST
            and base is None and eps is None and temperature is _ONE and invalid is _RAISE
            and out is None and keepdims is False and workers is None):
        score = short_score(KL_KERNEL_cross_entropy, 0, p, q)
        if score != -1:
            return score
    return score_pair(KL_KERNEL_cross_entropy, 0, p, q, form, axis, base, eps, None, temperature,
                      invalid, out, keepdims, workers)


def entropy(p, *, form=_PROBS, axis=_LAST, base=None, temperature=_ONE, invalid=_RAISE, out=None,
            keepdims=False, workers=None):
    """ENTROPY_DOC"""
    cdef double score
    if (type(p) is ndarray and form is _PROBS and axis is _LAST and base is None
            and temperature is _ONE and invalid is _RAISE and out is None and keepdims is False
            and workers is None):
        score = short_score(KL_KERNEL_entropy, 0, p, None)
        if score != -1:
            return score
    return score_pair(KL_KERNEL_entropy, 0, p, None, form, axis, base, None, None, temperature,
                      invalid, out, keepdims, workers)


def js_divergence(p, q, *, weight=_HALF, form=_PROBS, axis=_LAST, base=None, temperature=_ONE,
                  invalid=_RAISE, out=None, keepdims=False, workers=None):
    """JS_DIVERGENCE_DOC"""
    cdef double score
    if (type(p) is ndarray and type(q) is ndarray and weight is _HALF and form is _PROBS
            and axis is _LAST and base is None and temperature is _ONE and invalid is _RAISE
            and out is None and keepdims is False and workers is None):
        score = short_score(KL_KERNEL_js_divergence, 0, p, q)
        if score != -1:
            return score
    return score_pair(KL_KERNEL_js_divergence, 0, p, q, form, axis, base, None, weight,
                      temperature, invalid, out, keepdims, workers)


def js_distance(p, q, *, weight=_HALF, form=_PROBS, axis=_LAST, base=None, temperature=_ONE,
                invalid=_RAISE, out=None, keepdims=False, workers=None):
    """JS_DISTANCE_DOC"""
    cdef double score
    if (type(p) is ndarray and type(q) is ndarray and weight is _HALF and form is _PROBS
            and axis is _LAST and base is None and temperature is _ONE and invalid is _RAISE
            and out is None and keepdims is False and workers is None):
        score = short_score(KL_KERNEL_js_divergence, 1, p, q)
        if score != -1:
            return score
    return score_pair(KL_KERNEL_js_divergence, 1, p, q, form, axis, base, None, weight,
                      temperature, invalid, out, keepdims, workers)


def rel_entr(p, q, *, form=_PROBS, base=None, eps=None, invalid=_RAISE, out=None, workers=None):
    """REL_ENTR_DOC"""
    cdef kl_job job
    cdef ndarray p_array, q_array, result
    cdef ptrdiff_t rows = 1
    job.kernel = KL_KERNEL_rel_entr
    job.arrays = 2
    job.params.temperature = 1
    read_forms(form, &job)
    if job.p.row.form == KL_LOGITS or job.q.row.form == KL_LOGITS:
        raise ValueError("rel_entr works element by element, and logits mean nothing without their "
                         "row; pass log-softmax values as form='log_probs'")
    read_base(base, &job)
    read_eps(eps, job.q.row.form, &job)
    raises = read_invalid(invalid, &job)
    checked_workers(workers)
    p_array = as_array(p, "p", &job.p.row)
    q_array = as_array(q, "q", &job.q.row)
    shape = broadcast(shape_of(p_array), shape_of(q_array), "p and q of shapes")
    inner = shape or (1,)
    wide = job.p.row.dtype not in (KL_FLOAT32, KL_FLOAT16, KL_BFLOAT16) or (
        job.q.row.dtype not in (KL_FLOAT32, KL_FLOAT16, KL_BFLOAT16))
    target = take_out(out, shape, np.float64 if wide else np.float32, &job, -1)
    result = target
    if out is not None and (np.may_share_memory(target, p_array)
                            or np.may_share_memory(target, q_array)):
        result = take_out(None, shape, target.dtype, &job, -1)  # inputs stay as they are
    take_shape(inner[:-1], &job)
    job.n = inner[-1]
    for size in inner[:-1]:
        rows *= size
    describe(p_array, last_axis(p_array, job.n), len(inner) - 1, &job.p)
    describe(q_array, last_axis(q_array, job.n), len(inner) - 1, &job.q)
    job.out.ndim = <int>len(inner) - 1
    job.out_stride = job.out.strides[job.out.ndim] if shape else 0
    job.invalid = 0
    if rows * job.n:
        with nogil:
            kl_run_elements(&job, 0, rows)
    if job.invalid and raises:
        raise invalid_rows(&job, shape, "element")
    if result is not target:
        target[...] = result
    return result_of(target, shape, out, False)


def nll(labels, q, *, form=_PROBS, axis=_LAST, base=None, eps=None, temperature=_ONE,
        invalid=_RAISE, ignore_index=None, out=None, keepdims=False, workers=None):
    """NLL_DOC"""
    cdef kl_job job
    job.kernel = KL_KERNEL_nll
    job.distance = 0
    job.arrays = 1
    job.params.weight = 0.5
    read_forms(form, &job)
    read_base(base, &job)
    read_eps(eps, job.p.row.form, &job)
    read_temperature(temperature, &job)
    raises = read_invalid(invalid, &job)
    checked_workers(workers)
    job.has_ignore_index = ignore_index is not None
    if ignore_index is not None:
        if isinstance(ignore_index, bool) or not hasattr(ignore_index, "__index__"):
            raise TypeError("ignore_index must be an integer or None, "
                            f"got {type(ignore_index).__name__}")
        job.ignore_index = ignore_index.__index__()
    if labels is None:
        raise TypeError("labels must be integers, got None")
    return score_rows(&job, q, None, read_axis(axis), labels, raises, out, keepdims)


def check_rows(p, *, form=_PROBS, axis=_LAST):
    """CHECK_ROWS_DOC"""
    cdef kl_job job
    cdef ndarray array
    cdef uint8_t[::1] codes
    cdef ptrdiff_t row, rows = 1
    cdef int at
    job.arrays = 1
    read_forms(form, &job)
    array = as_array(p, "p", &job.p.row)
    at = resolve_axis(array, read_axis(axis), "p")
    shape = batch_shape(array, at)
    job.n = cnp.PyArray_DIM(array, at)
    for size in shape:
        rows *= size
    take_shape(shape, &job)
    describe(array, at, len(shape), &job.p)
    result = np.zeros(shape, np.uint8)
    codes = result.reshape(-1)
    with nogil:
        for row in range(rows):
            codes[row] = <uint8_t>kl_check_row(&job.p, row, job.n)
    return int(result) if shape == () else result
