# What kl.h promises, line for line, as far as Cython uses it.

from libc.stdint cimport int64_t, uint8_t

cdef extern from "kl.h" nogil:
    const int KL_BLOCK, KL_MAX_DIMS, KL_KERNEL_DTYPES, KL_BACKENDS

    ctypedef enum kl_dtype:
        KL_FLOAT64, KL_FLOAT32, KL_FLOAT16, KL_BFLOAT16
        KL_INT8, KL_UINT8, KL_INT16, KL_UINT16, KL_INT32, KL_UINT32, KL_INT64, KL_UINT64

    ctypedef enum kl_form:
        KL_PROBS, KL_COUNTS, KL_LOG_PROBS, KL_LOGITS

    ctypedef enum kl_family:
        KL_LINEAR, KL_LOG

    ctypedef enum kl_rule:
        KL_ROW_VALID, KL_ROW_NAN, KL_ROW_INFINITE, KL_ROW_NEGATIVE, KL_ROW_MASS, KL_ROW_EMPTY
        KL_ROW_OVERFLOW, KL_ROW_LABEL

    ctypedef enum kl_kernel:
        KL_KERNEL_kl_divergence, KL_KERNEL_cross_entropy, KL_KERNEL_js_divergence
        KL_KERNEL_entropy, KL_KERNEL_total_variation, KL_KERNEL_affinity
        KL_KERNEL_chi2_divergence, KL_KERNEL_power_divergence, KL_KERNEL_power_entropy
        KL_KERNEL_rel_entr, KL_KERNEL_nll

    ctypedef enum kl_end:
        KL_ENDS_ITSELF, KL_ENDS_HELLINGER, KL_ENDS_BHATTACHARYYA, KL_ENDS_RENYI
        KL_ENDS_TSALLIS, KL_ENDS_ALPHA

    int kl_of_one_row(int kernel)

    ctypedef struct kl_measure:
        const char *name
        const char *kind
    const kl_measure kl_measures[]
    const kl_measure kl_statistics[]

    ctypedef struct kl_source:
        const char *data
        const char *head
        ptrdiff_t stride
        ptrdiff_t step
        kl_dtype dtype
        kl_form form
        int swapped, direct, widen, take_log
        double shift, divisor
        double tolerance

    ctypedef struct kl_params:
        double eps, weight, temperature, alpha
        kl_end end

    int KL_OK
    ctypedef int (*kl_row_function)(
        const kl_source *p, const kl_source *q, ptrdiff_t n, const kl_params *params, double *score)

    ctypedef struct kl_backend:
        const char *name
        int lanes[4]
        kl_row_function rows[9][2][4]
    const kl_backend *const kl_all_backends[]
    int kl_cpu_runs(const kl_backend *backend)
    const kl_backend *kl_active
    const char *const kl_compiler

    ctypedef struct kl_array:
        kl_source row
        int ndim
        ptrdiff_t shape[64]
        ptrdiff_t strides[64]
        double *above_floor

    ctypedef struct kl_output:
        char *data
        int single, ndim
        ptrdiff_t shape[64]
        ptrdiff_t strides[64]

    ctypedef enum kl_map:
        KL_AS_IT_IS, KL_ROOT, KL_EXPONENTIAL

    ctypedef enum kl_ways:
        KL_FORWARD, KL_BACKWARD, KL_BOTH_WAYS

    ctypedef struct kl_job:
        kl_kernel kernel
        int arrays
        kl_map map
        kl_ways ways
        int ignore
        double unit
        ptrdiff_t n
        kl_params params
        kl_array p, q
        kl_output out
        kl_array labels
        int has_ignore_index
        int64_t ignore_index
        int workers
        double reverse_eps
        double *statistics
        ptrdiff_t p_width, q_width, k
        const uint8_t *skip

    ctypedef struct kl_faults:
        ptrdiff_t count, row
        int array
        kl_rule rule

    ctypedef void (*kl_range_function)(const kl_job *job, ptrdiff_t begin, ptrdiff_t end,
                                       kl_faults *faults) noexcept
    void kl_run(const kl_job *job, ptrdiff_t begin, ptrdiff_t end, kl_faults *faults)
    void kl_run_elements(const kl_job *job, ptrdiff_t begin, ptrdiff_t end, kl_faults *faults)
    void kl_run_parallel(kl_range_function score, const kl_job *job, ptrdiff_t rows,
                         kl_faults *faults)
    int kl_most_workers(const kl_job *job, ptrdiff_t rows)
    ptrdiff_t kl_vanished_pages()
    void kl_compare_rows(const kl_job *job, ptrdiff_t begin, ptrdiff_t end, kl_faults *faults)
    void kl_decode_rows(const kl_job *job, ptrdiff_t begin, ptrdiff_t end, kl_faults *faults)
    void kl_count_rows(const kl_job *job, ptrdiff_t begin, ptrdiff_t end, kl_faults *faults)
    double kl_score(const kl_job *job, ptrdiff_t row, const kl_source *p, const kl_source *q,
                    kl_faults *faults)
    kl_rule kl_check_row(const kl_array *array, ptrdiff_t row, ptrdiff_t n)
    kl_rule kl_classify(const kl_source *row, ptrdiff_t n, double *mass)
    void kl_merge_axes(kl_job *job)
    int64_t kl_label(const kl_array *labels, ptrdiff_t row)
    kl_source kl_row_of(const kl_array *array, ptrdiff_t row)
    void kl_gather(const kl_source *source, ptrdiff_t start, ptrdiff_t count, void *block)
