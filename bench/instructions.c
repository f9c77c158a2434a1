/* Runs every kernel once from L1 between marks, for callgrind to count: each measure of rows, form
   and dtype on one long row, on many short rows, and on rows that lie in columns. Run and read by
   instructions.py. */

#include <stdio.h>
#include <string.h>

#include "marks.h"
#include "native.h"

typedef struct {
    const char *name;
    ptrdiff_t rows, n;
    int columns;
} shape;
static const shape shapes[] = {
    {"row of 2048", 1, 2048, 0}, {"rows of 16", 128, 16, 0}, {"columns of 128", 16, 128, 1}};
enum { OUTCOMES = 2048, SHAPES = sizeof shapes / sizeof *shapes };

enum { COMPARE = -1 }; /* among the kernels: all statistics of a comparison */

static const char *const dtypes[] = {"float64", "float32", "float16", "bfloat16"};

static double pair[2][OUTCOMES], scores[OUTCOMES], statistics[OUTCOMES / 16][KL_STATISTICS];
static double encoded[2][OUTCOMES]; /* in any dtype */

static kl_array array_of(const setting *how, kl_dtype dtype, int side, const shape *as)
{
    int size = (int)kl_size_of(dtype);
    ptrdiff_t step = as->columns ? as->rows * size : size;
    kl_array array = {0};
    array.row = source_of(how, dtype, encoded[side]);
    array.row.stride = step;
    array.row.direct = !as->columns;
    array.ndim = 1;
    array.shape[0] = as->rows;
    array.strides[0] = as->columns ? size : as->n * size;
    for (ptrdiff_t row = 0; row < as->rows; row++)
        for (ptrdiff_t i = 0; i < as->n; i++)
            encode(dtype, pair[side][row * as->n + i],
                   (char *)encoded[side] + row * array.strides[0] + i * step);
    return array;
}

static void count(const char *measure, int kernel, const setting *how, kl_dtype dtype,
                  const shape *as)
{
    static const int64_t labels[OUTCOMES];
    for (ptrdiff_t row = 0; row < as->rows; row++)
        make_pair(how, as->n, pair[0] + row * as->n, pair[1] + row * as->n);
    kl_job job = {0};
    job.kernel = kernel == COMPARE ? KL_KERNEL_kl_divergence : (kl_kernel)kernel;
    job.arrays = kl_of_one_row(kernel) || kernel == KL_KERNEL_nll ? 1 : 2;
    job.unit = 1;
    job.n = as->n;
    job.params = kl_params_of(kernel, how->eps, how->temperature);
    job.reverse_eps = how->eps;
    job.statistics = statistics[0];
    job.labels.row.data = (const char *)labels;
    job.labels.row.stride = job.labels.strides[0] = sizeof *labels;
    job.labels.row.dtype = KL_INT64;
    job.labels.row.divisor = 1;
    job.labels.ndim = 1;
    job.labels.shape[0] = as->rows;
    job.p = array_of(how, dtype, 0, as);
    job.q = array_of(how, dtype, 1, as);
    job.workers = 1;
    job.out.data = (char *)scores;
    job.out.single = kernel == KL_KERNEL_rel_entr && dtype != KL_FLOAT64;
    job.out.ndim = 1;
    job.out.shape[0] = as->rows;
    job.out.strides[0] = sizeof *scores;
    if (kernel == KL_KERNEL_rel_entr) { /* each element is a row of its own */
        job.p.ndim = job.q.ndim = job.out.ndim = 2;
        job.p.shape[1] = job.q.shape[1] = job.out.shape[1] = as->n;
        job.p.strides[1] = job.p.row.stride;
        job.q.strides[1] = job.q.row.stride;
        job.out.strides[1] = job.out.single ? sizeof(float) : sizeof(double);
        job.out.strides[0] = as->n * job.out.strides[1];
        kl_merge_axes(&job);
    }
    char name[128];
    snprintf(name, sizeof name, "%s %s, %s, %s, %s: %td", kl_active->name, measure, how->name,
             dtypes[dtype], as->name, as->rows * as->n);
    kl_faults faults = {0};
    for (int warm = 0; warm < 2; warm++) { /* the first time, libm is still being linked */
        begin();
        if (kernel == KL_KERNEL_rel_entr)
            kl_run_elements(&job, 0, as->rows * as->n, &faults);
        else if (kernel == COMPARE)
            kl_compare_rows(&job, 0, as->rows, &faults);
        else
            kl_run(&job, 0, as->rows, &faults);
        end(warm ? name : "warm up: 0");
    }
    if (faults.count)
        fprintf(stderr, "%s: %td rows are invalid\n", name, faults.count);
}

int main(void)
{
#define NAME(name, kind) {#name, KL_KERNEL_##name},
#define KERNEL(name) NAME(name, )
    static const struct {
        const char *name;
        int kernel;
    } measures[] = {KL_KERNEL_LIST(KERNEL) NAME(rel_entr, ) NAME(nll, )
                    {"compare", COMPARE}};
    for (int b = 0; b < KL_BACKENDS; b++) {
        if (!kl_cpu_runs(kl_all_backends[b]))
            continue;
        kl_active = kl_all_backends[b];
        for (size_t m = 0; m < sizeof measures / sizeof *measures; m++)
            for (int s = 0; s < setting_count; s++)
                for (int dtype = 0; dtype < KL_KERNEL_DTYPES; dtype++)
                    for (int shape = 0; shape < SHAPES; shape++)
                        if (!settings[s].holes && settings[s].temperature == 1
                            && (shape == 0 || dtype <= KL_FLOAT32))
                            count(measures[m].name, measures[m].kernel, &settings[s],
                                  (kl_dtype)dtype, &shapes[shape]);
    }
    puts(kl_compiler);
    return 0;
}
