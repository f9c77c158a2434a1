/* A row's score is bit by bit the same alone and in a batch, however the arrays lie in memory,
   however the rows are split into ranges, and whatever row beside it is invalid. */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "native.h"

enum { ROWS = 19, SPOILT = 4 /* the row of p that holds a NaN */ };

/* Distances between rows and between outcomes, in elements: a constant and a multiple. */
typedef struct {
    const char *name;
    ptrdiff_t row, row_by_n, step, step_by_rows;
    int swapped;
} layout;
static const layout layouts[] = {
    {"rows", 0, 1, 1, 0, 0},       {"padded rows", 3, 1, 1, 0, 0},
    {"rows, swapped", 0, 1, 1, 0, 1}, {"columns", 1, 0, 0, 1, 0},
    {"every second column", 2, 0, 0, 2, 0}, {"columns, swapped", 1, 0, 0, 1, 1},
    {"one row for all", 0, 0, 1, 0, 0},
};
enum { LAYOUTS = sizeof layouts / sizeof *layouts, ONE_ROW = LAYOUTS - 1 };

static double values[2][ROWS][MOST_OUTCOMES];
static int64_t labels[ROWS];
static guarded areas[2], outcome;

/* An array of ROWS rows that ends where a guard page begins. */
static kl_array lay_out(const setting *how, kl_dtype dtype, int side, ptrdiff_t n, const layout *as)
{
    int size = (int)kl_size_of(dtype);
    ptrdiff_t row = (as->row + as->row_by_n * n) * size;
    ptrdiff_t step = (as->step + as->step_by_rows * ROWS) * size;
    ptrdiff_t span = row * (ROWS - 1) + step * (n - 1) + size;
    char *first = areas[side].high - span;
    memset(first, 0xFF, (size_t)span);
    for (int r = 0; r < ROWS && (r == 0 || row); r++)
        for (ptrdiff_t i = 0; i < n; i++) {
            unsigned char element[8];
            encode(dtype, values[side][r][i], element);
            for (int byte = 0; byte < size; byte++)
                first[r * row + i * step + byte] =
                    (char)element[as->swapped ? size - 1 - byte : byte];
        }
    kl_array array = {0};
    array.row = source_of(how, dtype, first);
    array.row.stride = step;
    array.row.swapped = as->swapped;
    array.row.direct = !as->swapped && (step == size || n == 1);
    array.ndim = 1;
    array.shape[0] = ROWS;
    array.strides[0] = row;
    return array;
}

static kl_job job_of(int kernel, const setting *how, ptrdiff_t n)
{
    kl_job job = {0};
    job.kernel = (kl_kernel)kernel;
    job.arrays = kl_of_one_row(kernel) || kernel == KL_KERNEL_nll ? 1 : 2;
    job.unit = 1;
    job.n = n;
    job.params = kl_params_of(kernel, how->eps, how->temperature);
    job.workers = 1;
    job.labels.row.data = (const char *)labels;
    job.labels.row.stride = job.labels.strides[0] = sizeof *labels;
    job.labels.row.dtype = KL_INT64;
    job.labels.row.divisor = 1;
    job.labels.ndim = 1;
    job.labels.shape[0] = ROWS;
    return job;
}

static double alone(int kernel, const setting *how, kl_dtype dtype, ptrdiff_t n, int p_row,
                    int q_row, kl_faults *faults)
{
    static double rows[2][MOST_OUTCOMES]; /* aligned for every dtype */
    int size = (int)kl_size_of(dtype);
    for (int side = 0; side < 2; side++)
        for (ptrdiff_t i = 0; i < n; i++)
            encode(dtype, values[side][side ? q_row : p_row][i], (char *)rows[side] + i * size);
    kl_source p = source_of(how, dtype, rows[0]), q = source_of(how, dtype, rows[1]);
    kl_job job = job_of(kernel, how, n);
    return kl_score(&job, p_row, &p, job.arrays == 2 ? &q : NULL, faults);
}

/* All rows at once, or as two ranges, with results in float32 that lie apart. */
static kl_faults run_batch(kl_job *job, int single, double *scores)
{
    ptrdiff_t stride = single ? 3 * (ptrdiff_t)sizeof(float) : (ptrdiff_t)sizeof(double);
    kl_faults faults = {0};
    job->out.data = outcome.low;
    job->out.single = single;
    job->out.ndim = 1;
    job->out.shape[0] = ROWS;
    job->out.strides[0] = stride;
    int split = single ? 7 : 0;
    kl_run(job, 0, split, &faults);
    kl_run(job, split, ROWS, &faults);
    for (int r = 0; r < ROWS; r++) {
        float narrow;
        memcpy(&narrow, outcome.low + r * stride, sizeof narrow);
        if (single)
            scores[r] = (double)narrow;
        else
            memcpy(scores + r, outcome.low + r * stride, sizeof *scores);
    }
    return faults;
}

static int same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

static void try_batch(const kl_backend *backend, int kernel, const setting *how, kl_dtype dtype,
                      ptrdiff_t n)
{
    double expected[2][ROWS], scores[ROWS]; /* with a row of q each, and with the first of q */
    kl_faults faults[2] = {{0}, {0}};
    for (int one = 0; one < 2; one++)
        for (int r = 0; r < ROWS; r++)
            expected[one][r] = alone(kernel, how, dtype, n, r, one ? 0 : r, &faults[one]);
    kl_job job = job_of(kernel, how, n);
    for (int p_layout = 0; p_layout < ONE_ROW; p_layout++)
        for (int other = 0; other < (job.arrays == 2 ? 3 : 1); other++) {
            int one = other == 2, single = (p_layout + other) % 2;
            int q_layout = one ? ONE_ROW : (p_layout + other) % ONE_ROW;
            job.p = lay_out(how, dtype, 0, n, &layouts[p_layout]);
            job.q = lay_out(how, dtype, 1, n, &layouts[q_layout]);
            now_in("%s, kernel %d, batch of %s, dtype %d, %td outcomes, %s by %s", backend->name,
                   kernel, how->name, (int)dtype, n, layouts[p_layout].name,
                   layouts[q_layout].name);
            kl_faults found = run_batch(&job, single, scores);
            if (found.count != faults[one].count || found.row != faults[one].row)
                failed("%s, kernel %d, %s, dtype %d, %td outcomes: %td invalid rows, not %td",
                       backend->name, kernel, how->name, (int)dtype, n, found.count,
                       faults[one].count);
            for (int r = 0; r < ROWS; r++)
                if (!same_bits(scores[r],
                               single ? (double)(float)expected[one][r] : expected[one][r]))
                    failed("%s, kernel %d, %s, dtype %d, %td outcomes, row %d: %a in %s by %s, %a "
                           "alone", backend->name, kernel, how->name, (int)dtype, n, r, scores[r],
                           layouts[p_layout].name, layouts[q_layout].name, expected[one][r]);
        }
}

/* Elementwise terms: those of rows that lie in columns are those of rows that lie in rows. */
static void try_elements(const kl_backend *backend, const setting *how, kl_dtype dtype, ptrdiff_t n)
{
    static double terms[2][ROWS * MOST_OUTCOMES];
    for (int l = 0; l < ONE_ROW; l++) {
        kl_job job = job_of(KL_KERNEL_rel_entr, how, n);
        double *result = terms[l > 0];
        job.p = lay_out(how, dtype, 0, n, &layouts[l]);
        job.q = lay_out(how, dtype, 1, n, &layouts[(l + 2) % ONE_ROW]);
        job.out.data = (char *)result;
        job.p.ndim = job.q.ndim = job.out.ndim = 2;
        job.p.shape[1] = job.q.shape[1] = n;
        job.p.strides[1] = job.p.row.stride;
        job.q.strides[1] = job.q.row.stride;
        job.out.shape[0] = ROWS;
        job.out.shape[1] = n;
        job.out.strides[0] = n * (ptrdiff_t)sizeof *result;
        job.out.strides[1] = sizeof *result;
        now_in("%s, rel_entr of %s, dtype %d, %td outcomes, %s", backend->name, how->name,
               (int)dtype, n, layouts[l].name);
        kl_faults faults = {0};
        kl_run_elements(&job, 0, 5, &faults);
        kl_run_elements(&job, 5, ROWS * n, &faults);
        for (ptrdiff_t i = 0; i < ROWS * n; i++)
            if (!same_bits(result[i], terms[0][i]) || faults.count != 1)
                failed("%s, rel_entr of %s, dtype %d, %td outcomes: term %td is %a in %s, not %a",
                       backend->name, how->name, (int)dtype, n, i, result[i], layouts[l].name,
                       terms[0][i]);
    }
}

/* Whole numbers count the same in every pair of dtypes that meets in float64. */
static void try_dtypes(const kl_backend *backend, const setting *counts, ptrdiff_t n)
{
    kl_faults faults = {0};
    for (int kernel = 0; kernel < KL_KERNELS; kernel++) {
        double expected = alone(kernel, counts, KL_FLOAT64, n, 0, 0, &faults), score;
        for (int p_dtype = 0; p_dtype <= KL_UINT64; p_dtype++)
            for (int q_dtype = 0; q_dtype <= KL_UINT64; q_dtype++) {
                kl_job job = job_of(kernel, counts, n);
                if (p_dtype < KL_KERNEL_DTYPES && (p_dtype == q_dtype || job.arrays == 1))
                    continue; /* these have kernels of their own, with an error of their own */
                kl_array p = lay_out(counts, (kl_dtype)p_dtype, 0, n, &layouts[0]);
                kl_array q = lay_out(counts, (kl_dtype)q_dtype, 1, n, &layouts[3]);
                p.row.direct = q.row.direct = 0;
                score = kl_score(&job, 0, &p.row, job.arrays == 2 ? &q.row : NULL, &faults);
                if (!same_bits(score, expected))
                    failed("%s, kernel %d, counts of dtypes %d and %d, %td outcomes: %a, not %a",
                           backend->name, kernel, p_dtype, q_dtype, n, score, expected);
            }
    }
}

void test_batches(int every)
{
    static const ptrdiff_t lengths[] = {1, 3, 16, 65, 600};
    int cases = 0;
    outcome = new_guarded(ROWS * sizeof(double));
    for (int side = 0; side < 2; side++)
        areas[side] = new_guarded(2 * 8 * ROWS * MOST_OUTCOMES);
    for (int s = 0; s < setting_count; s++)
        for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
            ptrdiff_t n = lengths[l];
            for (int r = 0; r < ROWS; r++) {
                make_pair(&settings[s], n, values[0][r], values[1][r]);
                labels[r] = r % n;
            }
            values[0][SPOILT][n - 1] = NAN;
            for (int b = 0; b < KL_BACKENDS; b++) {
                const kl_backend *backend = kl_all_backends[b];
                if (!kl_cpu_runs(backend))
                    continue;
                kl_active = backend;
                for (int dtype = 0; dtype < KL_KERNEL_DTYPES; dtype++) {
                    if (cases++ % every)
                        continue;
                    for (int kernel = 0; kernel < KL_KERNELS; kernel++)
                        try_batch(backend, kernel, &settings[s], (kl_dtype)dtype, n);
                    try_batch(backend, KL_KERNEL_nll, &settings[s], (kl_dtype)dtype, n);
                    try_elements(backend, &settings[s], (kl_dtype)dtype, n);
                }
                if (settings[s].form == KL_COUNTS)
                    try_dtypes(backend, &settings[s], n);
            }
        }
    printf("batches: %d cases\n", (cases + every - 1) / every);
}
