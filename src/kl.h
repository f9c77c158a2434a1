/* What the C half promises to Cython: descriptions of arrays, row functions, backends. No
   intrinsics.

   C computes. It never raises and never validates arguments: a row function gets a row that exists
   and says with its status whether the answer may stand. It allocates the workspace of a tile, and
   does without where there is none. */

#ifndef KL_H
#define KL_H

#include <stddef.h>
#include <stdint.h>

#include "measures.inc.h"
#include "statistics.inc.h"

#if defined(__GNUC__) || defined(__clang__)
#define KL_INLINE static inline __attribute__((always_inline, unused))
#define KL_UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#define KL_APART static __attribute__((noinline, unused)) /* one copy: called once a row at most */
#define KL_RARE static __attribute__((noinline, cold, unused)) /* off the straight line */
#define KL_PREFETCH(address) __builtin_prefetch(address)
#define KL_PREFETCH_FAR(address) __builtin_prefetch(address, 0, 2) /* not as far as L1 */
#elif defined(_MSC_VER)
#define KL_INLINE static __forceinline
#define KL_UNLIKELY(condition) (condition)
#define KL_APART static __declspec(noinline)
#define KL_RARE static __declspec(noinline)
#define KL_PREFETCH(address) ((void)(address))
#define KL_PREFETCH_FAR(address) ((void)(address))
#else
#define KL_INLINE static inline
#define KL_UNLIKELY(condition) (condition)
#define KL_APART static
#define KL_RARE static
#define KL_PREFETCH(address) ((void)(address))
#define KL_PREFETCH_FAR(address) ((void)(address))
#endif

#define KL_BLOCK 512   /* most elements per block: two of float64 fill a quarter of the L1 cache */
#define KL_AHEAD 1024  /* bytes: how far ahead a kernel asks for memory, over the ends of pages */
#define KL_MAX_DIMS 64 /* NumPy 2's own limit */

/* The four float types with kernels of their own come first, in the order of a backend's tables. */
typedef enum {
    KL_FLOAT64, KL_FLOAT32, KL_FLOAT16, KL_BFLOAT16,
    KL_INT8, KL_UINT8, KL_INT16, KL_UINT16, KL_INT32, KL_UINT32, KL_INT64, KL_UINT64
} kl_dtype;
#define KL_KERNEL_DTYPES 4

typedef enum { KL_PROBS, KL_COUNTS, KL_LOG_PROBS, KL_LOGITS } kl_form;

/* Probs and counts are weights; log_probs and logits are logarithms of weights. Within a family
   the forms differ only in the check of the mass, and the temperature. */
typedef enum { KL_LINEAR, KL_LOG } kl_family;
#define KL_FAMILIES 2

KL_INLINE kl_family kl_family_of(kl_form form)
{
    return form <= KL_COUNTS ? KL_LINEAR : KL_LOG;
}

/* What is wrong with a row; kl_c.ROW_RULES names them in this order. */
typedef enum {
    KL_ROW_VALID, KL_ROW_NAN, KL_ROW_INFINITE, KL_ROW_NEGATIVE, KL_ROW_MASS, KL_ROW_EMPTY,
    KL_ROW_OVERFLOW, KL_ROW_LABEL
} kl_rule;

/* One row as it lies in memory, and how a block of it becomes what a kernel reads.

   direct: the kernel reads the row in place. Otherwise kl_gather copies block by block into a
   buffer in L1: elements of the same type, or, if `widen`, (x - shift) / divisor in double,
   and then the logarithm of that if `take_log`. A row with a `head` is one of llama.cpp's codes, and
   gathered as the float32 that they stand for. */
typedef struct {
    const char *data;
    const char *head; /* where the scale and the floor of codes stand; NULL for numbers */
    ptrdiff_t stride;
    ptrdiff_t step; /* to the same outcome of the next row, in a tile */
    kl_dtype dtype;
    kl_form form;
    int swapped, direct, widen, take_log;
    double shift, divisor;
    double tolerance; /* of the mass, |mass - 1|; infinite for forms without that check */
} kl_source;

void kl_gather(const kl_source *source, ptrdiff_t start, ptrdiff_t count, void *block);

/* Rows beside one another: the next row starts one element further. A tile is as many of them as are
   read at once. Outcomes from `start` of its rows are gathered into lines `pitch` elements apart. */
#define KL_TILE_ROWS 256
#define KL_TILE_LINES 64 /* outcomes gathered at once: of a row by itself some lines of the cache */
void kl_gather_abreast(const kl_source *first, int rows, ptrdiff_t start, ptrdiff_t count,
                       ptrdiff_t pitch, void *lines);
kl_source kl_beside(const kl_source *first, int row);
int64_t kl_integer(const kl_source *source); /* its first element; of larger ones the largest */
ptrdiff_t kl_size_of(kl_dtype dtype);

/* What a measure needs beside its rows. */
typedef struct {
    double eps;         /* floor of q, a probability */
    double weight;      /* of p in the mixture */
    double temperature; /* of logits that are read in place */
    double alpha;       /* the order of powers */
    kl_end end;
} kl_params;

/* Of any call of a kernel: equal weights, an order that is no limit, the whole sum. */
KL_INLINE kl_params kl_params_of(int kernel, double eps, double temperature)
{
    kl_end end = kernel == KL_KERNEL_affinity           ? KL_ENDS_BHATTACHARYYA
                 : kernel == KL_KERNEL_power_divergence ? KL_ENDS_RENYI
                 : kernel == KL_KERNEL_power_entropy    ? KL_ENDS_RENYI
                                                        : KL_ENDS_ITSELF;
    return (kl_params){eps, 0.5, temperature, 2.5, end};
}

/* Statuses of a row function, or-ed. */
#define KL_OK 0
#define KL_SUSPECT 1 /* a check failed: kl_classify decides */
#define KL_RETRY 2   /* the answer may exceed the promised error: ask a more careful kernel */
#define KL_ALONE 4   /* of a row in a tile: no answer, ask for the row by itself */

/* Scores one row of n >= 1 outcomes; a measure of one distribution ignores q. */
typedef int (*kl_row_function)(
    const kl_source *p, const kl_source *q, ptrdiff_t n, const kl_params *params, double *score);

/* The same for at most KL_TILE_ROWS rows beside one another; a score and a status for each. */
typedef void (*kl_tile_function)(const kl_source *p, const kl_source *q, int rows, ptrdiff_t n,
                                 const kl_params *params, void *workspace, double *scores,
                                 int *statuses);

/* Every statistic of one pair of rows that its sums give, with the likelihoods of `label` unless it
   is -1. */
typedef int (*kl_compare_function)(const kl_source *p, const kl_source *q, ptrdiff_t n,
                                   const kl_params *params, ptrdiff_t label, double *row);

/* An outcome of a row and its value there, as the kernels see it. */
typedef struct {
    double value;
    ptrdiff_t at;
} kl_outcome;

/* The k <= n largest outcomes of a row, of equals the lowest index, in no order. */
typedef void (*kl_top_function)(const kl_source *p, ptrdiff_t n, ptrdiff_t k, kl_outcome *best);

/* result[i] = p log(p / q) / unit with the floor of q, for one block of a kernel's own type, in the
   type of its lanes. KL_SUSPECT if a value is invalid. */
typedef int (*kl_element_function)(const void *p, const void *q, ptrdiff_t count, double eps,
                                   double unit, void *result);

/* The normaliser of one row: {mass, -1 if a weight is negative}, or {maximum, weights equal to it,
   sum of the others relative to it}. */
typedef void (*kl_normaliser_function)(const kl_source *p, ptrdiff_t n, double temperature,
                                       double *result);

/* llama.cpp's codes to the logarithms scale * code + floor; how many of them are above 0. */
typedef void (*kl_decode_function)(const uint16_t *codes, ptrdiff_t count, float scale, float floor,
                                   float *out);
typedef ptrdiff_t (*kl_count_function)(const uint16_t *codes, ptrdiff_t count);

/* All row functions for one instruction set; empty (name NULL) where it was not compiled. */
typedef struct {
    const char *name;
    int lanes[KL_KERNEL_DTYPES];
    kl_row_function rows[KL_KERNELS][KL_FAMILIES][KL_KERNEL_DTYPES];
    kl_tile_function tiles[KL_SWEEPING][KL_KERNEL_DTYPES]; /* of the linear family */
    size_t workspace[KL_KERNEL_DTYPES];                   /* bytes that a tile needs */
    kl_normaliser_function normalisers[KL_FAMILIES][KL_KERNEL_DTYPES];
    kl_element_function elements[KL_FAMILIES][KL_KERNEL_DTYPES];
    kl_compare_function compare[KL_FAMILIES][KL_KERNEL_DTYPES];
    kl_top_function top[KL_KERNEL_DTYPES];
    kl_decode_function decode;
    kl_count_function count_codes;
} kl_backend;

extern const kl_backend kl_backend_scalar, kl_backend_avx2, kl_backend_avx512,
    kl_backend_neon;
#define KL_BACKENDS 4
extern const kl_backend *const kl_all_backends[KL_BACKENDS]; /* lowest first */
int kl_cpu_runs(const kl_backend *backend);
extern const kl_backend *kl_active;

/* THE lists as data, ended by a NULL name. */
typedef struct {
    const char *name, *kind;
} kl_measure;
extern const kl_measure kl_measures[], kl_statistics[];

/* An array of rows: the batch axes in C order, strides in bytes, 0 where an axis is broadcast. */
typedef struct {
    kl_source row; /* its data belongs to row 0 */
    int ndim;
    ptrdiff_t shape[KL_MAX_DIMS], strides[KL_MAX_DIMS];
    double *above_floor; /* of rows of codes that are compared: where to count them, or NULL */
} kl_array;

/* The result: float64, or float32 if single. */
typedef struct {
    char *data;
    int single, ndim;
    ptrdiff_t shape[KL_MAX_DIMS], strides[KL_MAX_DIMS];
} kl_output;

/* How far the same outcome of the next row along the last batch axis lies; and whether that row lies
   beside this one, so that a row by itself would use one element of each line that it reads. */
ptrdiff_t kl_step_of(const kl_array *array);
int kl_beside_one_another(const kl_array *array);

/* What becomes of a score. */
typedef enum { KL_AS_IT_IS, KL_ROOT, KL_EXPONENTIAL } kl_map;
typedef enum { KL_FORWARD, KL_BACKWARD, KL_BOTH_WAYS } kl_ways; /* the last adds up the others */

/* One call over many rows. Many threads read it while its rows are scored; none writes to it. */
typedef struct {
    kl_kernel kernel;
    int arrays;            /* 1: p alone; 2: p and q */
    kl_map map;            /* of the score, in the unit asked for */
    kl_ways ways;          /* backward: the score of q and p, with the floor reverse_eps */
    int ignore;            /* of invalid rows: score them all the same */
    double unit;           /* scores are divided by it: log(base) */
    ptrdiff_t n;
    kl_params params;
    kl_array p, q;
    kl_output out;
    kl_array labels;       /* one per row, for nll */
    int has_ignore_index;
    int64_t ignore_index;
    int workers;           /* threads, the caller's among them */
    double reverse_eps;    /* the floor of p, where p stands in the logarithm */
    double *statistics;    /* its result, KL_STATISTICS numbers per row */
    ptrdiff_t p_width, q_width; /* outcomes that its rows have; it scores the first n of both */
    ptrdiff_t k;           /* how many of the largest outcomes it compares, or 0 */
    const uint8_t *skip;   /* rows that it passes over, or NULL */
} kl_job;

/* The invalid rows of a range, or elements where these are scored: how many, and the lowest. Starts
   as {0}. */
typedef struct {
    ptrdiff_t count, row;
    int array; /* 0 p, 1 q, 2 labels */
    kl_rule rule;
} kl_faults;

/* Rows of a batch are independent: a range of them is scored in any order, beside any other. */
typedef void (*kl_range_function)(const kl_job *job, ptrdiff_t begin, ptrdiff_t end,
                                  kl_faults *faults);
void kl_run(const kl_job *job, ptrdiff_t begin, ptrdiff_t end, kl_faults *faults);
void kl_run_elements(const kl_job *job, ptrdiff_t begin, ptrdiff_t end, kl_faults *faults);
void kl_merge_axes(kl_job *job); /* of elements, before they are run */

/* All rows of a call, by as many threads as job->workers says; by fewer where the system refuses
   some. */
void kl_run_parallel(kl_range_function score, const kl_job *job, ptrdiff_t rows, kl_faults *faults);
int kl_most_workers(const kl_job *job, ptrdiff_t rows); /* that the work is worth */

void kl_compare_rows(const kl_job *job, ptrdiff_t begin, ptrdiff_t end, kl_faults *faults);

/* Outcomes of a row of codes; whole rows of p to out. How many of a row's n outcomes stand above its
   floor, to the array's above_floor; the same of all rows of p. */
void kl_decode(const kl_source *row, ptrdiff_t start, ptrdiff_t count, float *out);
void kl_decode_rows(const kl_job *job, ptrdiff_t begin, ptrdiff_t end, kl_faults *faults);
void kl_count_above_floor(const kl_array *rows, ptrdiff_t at, ptrdiff_t n);
void kl_count_rows(const kl_job *job, ptrdiff_t begin, ptrdiff_t end, kl_faults *faults);

/* The k best outcomes as a heap, the one to be replaced first; how two rows' k best compare. */
void kl_make_heap(kl_outcome *best, ptrdiff_t k);
void kl_replace_worst(kl_outcome *best, ptrdiff_t k, double value, ptrdiff_t at);
void kl_compare_tops(kl_outcome *p_best, kl_outcome *q_best, ptrdiff_t k, double *row);

/* One row by itself, for the short path. */
double kl_score(const kl_job *job, ptrdiff_t row, const kl_source *p, const kl_source *q,
                kl_faults *faults);

void kl_store(char *out, int single, double score);
void kl_blame(kl_faults *faults, ptrdiff_t row, int array, kl_rule rule);
void kl_add_faults(kl_faults *faults, const kl_faults *found);
kl_source kl_row_of(const kl_array *array, ptrdiff_t row);
int64_t kl_label(const kl_array *labels, ptrdiff_t row);

/* The row as the float64 kernels read it, and that as logarithms under the temperature. */
kl_source kl_widened(const kl_source *row);
kl_source kl_as_logarithms(const kl_source *wide, ptrdiff_t n, double temperature);

/* The rule that a row breaks by the checks that ride in the kernels. */
kl_rule kl_check_row(const kl_array *array, ptrdiff_t row, ptrdiff_t n);

/* The rule that a row breaks, and its mass where the rule is about it. Exact and unhurried. */
kl_rule kl_classify(const kl_source *row, ptrdiff_t n, double *mass);

/* Linear rows that the float64 kernels hand on: far from 1, or holding values below 2**-1022. */
int kl_careful(kl_kernel kernel, const kl_source *p, const kl_source *q, ptrdiff_t n,
               const kl_params *params, double *score);

/* Rows that the family's kernels hand on, as the float64 kernels read them. */
int kl_family_careful(kl_kernel kernel, const kl_source *p, const kl_source *q, ptrdiff_t n,
                      const kl_params *params, double *score);

/* Pages of mapped files that were gone when they were touched. The first call makes them read as zeros
   from then on. */
ptrdiff_t kl_vanished_pages(void);

extern const char *const kl_compiler;

ptrdiff_t kl_offset(const ptrdiff_t *shape, const ptrdiff_t *strides, int ndim, ptrdiff_t row);

#endif
