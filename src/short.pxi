# The short way of a call: small rows, and no argument but those without a default.
#
# Filling in nine keywords that nobody gave, and looking at them again, costs a function as much as
# half a row of sixteen outcomes. So a measure is entered, by the vectorcall protocol (PEP 590),
# through a function that looks at the arguments first. 1-D contiguous arrays of one kernel type are
# scored at once; whatever is unusual, about the call or the row, goes on to the function itself, so
# that no check and no message stands twice.

cdef extern from "Python.h":
    ctypedef struct PyTypeObject:
        Py_ssize_t tp_vectorcall_offset
    PyTypeObject *Py_TYPE(PyObject *)
    PyObject *PyFloat_FromDouble(double)  # Cython's own declaration hides the reference
    ctypedef PyObject *(*vectorcallfunc)(PyObject *, PyObject *const *, size_t, PyObject *)
    vectorcallfunc PyVectorcall_Function(PyObject *)
    Py_ssize_t PyVectorcall_NARGS(size_t)

cdef enum:
    MEASURES_WITH_A_SHORT_WAY = 10
    IN_PLACE = cnp.NPY_ARRAY_C_CONTIGUOUS | cnp.NPY_ARRAY_ALIGNED

# How a measure is scored, by the function that the caller sees.
cdef struct short_way:
    PyObject *function
    kl_kernel kernel
    int arrays
    kl_map map
    kl_params params

cdef short_way short_ways[MEASURES_WITH_A_SHORT_WAY]
cdef int ways = 0
cdef vectorcallfunc function_itself = NULL  # how any function that Cython makes is entered


cdef inline ptrdiff_t short_row(PyObject *value, kl_source *row) noexcept:
    """The number of outcomes of an array that a kernel may read in place, and its description as
    probs; 0 of anything else."""
    if not cnp.PyArray_CheckExact(<object>value):
        return 0
    cdef ndarray array = <ndarray>value
    cdef int dtype = known_dtype(array)
    if (cnp.PyArray_NDIM(array) != 1 or cnp.PyArray_FLAGS(array) & IN_PLACE != IN_PLACE
            or not cnp.PyArray_ISNOTSWAPPED(array) or not 0 <= dtype < KL_KERNEL_DTYPES
            or cnp.PyArray_DIM(array, 0) > SHORT):
        return 0
    start_source(row, <kl_dtype>dtype, KL_PROBS)
    row.data = <const char *>cnp.PyArray_DATA(array)
    row.stride = cnp.PyArray_STRIDE(array, 0)
    row.direct = 1
    return cnp.PyArray_DIM(array, 0)


cdef PyObject *enter(PyObject *function, PyObject *const *arguments, size_t count,
                     PyObject *names) noexcept:
    cdef kl_source p, q
    cdef double score
    cdef short_way *way = short_ways
    while way.function != function:
        way += 1
    if names == NULL and PyVectorcall_NARGS(count) == way.arrays:
        n = short_row(arguments[0], &p)
        if n and (way.arrays == 1
                  or (short_row(arguments[1], &q) == n and p.dtype == q.dtype)):
            if kl_active.rows[<int>way.kernel][<int>KL_LINEAR][<int>p.dtype](
                    &p, &q, n, &way.params, &score) == KL_OK:
                if way.map != KL_AS_IT_IS:
                    score = sqrt(score) if way.map == KL_ROOT else exp(score)
                return PyFloat_FromDouble(score)
    return function_itself(function, arguments, count, names)


cdef int shorten(object measure, kl_kernel kernel, int arrays, kl_map map=KL_AS_IT_IS,
                 kl_end end=KL_ENDS_ITSELF) except -1:
    """Enter `measure` through `enter`, unless this Python knows no such protocol."""
    global ways, function_itself
    cdef PyObject *function = <PyObject *>measure
    cdef short_way *way
    cdef vectorcallfunc entry = PyVectorcall_Function(function)
    if entry != NULL:
        function_itself = entry
        way = &short_ways[ways]
        way.function, way.kernel, way.arrays, way.map = function, kernel, arrays, map
        way.params.eps, way.params.weight, way.params.temperature = DEFAULT_EPS, 0.5, 1
        way.params.alpha, way.params.end = 1, end
        ways += 1
        (<vectorcallfunc *>(<char *>function + Py_TYPE(function).tp_vectorcall_offset))[0] = enter
    return 0


shorten(kl_divergence, KL_KERNEL_kl_divergence, 2)
shorten(cross_entropy, KL_KERNEL_cross_entropy, 2)
shorten(js_divergence, KL_KERNEL_js_divergence, 2)
shorten(js_distance, KL_KERNEL_js_divergence, 2, KL_ROOT)
shorten(entropy, KL_KERNEL_entropy, 1)
shorten(perplexity, KL_KERNEL_entropy, 1, KL_EXPONENTIAL)
shorten(total_variation, KL_KERNEL_total_variation, 2)
shorten(hellinger_distance, KL_KERNEL_affinity, 2, KL_ROOT, KL_ENDS_HELLINGER)
shorten(bhattacharyya_distance, KL_KERNEL_affinity, 2, KL_AS_IT_IS, KL_ENDS_BHATTACHARYYA)
shorten(chi2_divergence, KL_KERNEL_chi2_divergence, 2)
