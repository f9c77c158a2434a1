/* Rows in the columns of an array, outcomes along the first axis: bit by bit as scored alone, for
   any number of columns and outcomes, wherever the array begins and whatever its columns hold. */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "native.h"

enum { MOST_COLUMNS = KL_TILE_ROWS + 44, MOST_PADDING = 5 };

/* Relative to lanes, to a tile, and to blocks of 16 to 512 outcomes. */
static const int widths[] = {1,  2,  3,   4,   5,   7,   8,   9,   15,           16,
                             17, 31, 127, 128, 129, 130, 255, KL_TILE_ROWS, KL_TILE_ROWS + 1,
                             MOST_COLUMNS};
static const ptrdiff_t lengths[] = {1,   2,   7,   16,  17,  33,  63,  65,          255, 257,
                                    511, 512, 513, 527, 545, 769, MOST_OUTCOMES - 1};
enum { WIDTHS = sizeof widths / sizeof *widths, LENGTHS = sizeof lengths / sizeof *lengths };

static double values[2][MOST_COLUMNS][MOST_OUTCOMES];
static double expected[MOST_COLUMNS], scores[MOST_COLUMNS];
static guarded areas[2];

/* How q lies beside the columns of p. */
typedef enum { COLUMNS, EVERY_SECOND, BACKWARDS, ROWS, ONE_ROW, LAYOUTS } layout;

/* Columns of all kinds beside one another. */
static void fill(const setting *how, int columns, ptrdiff_t n)
{
    int is_log = kl_family_of(how->form) == KL_LOG;
    for (int c = 0; c < columns; c++) {
        double *p = values[0][c], *q = values[1][c];
        make_pair(how, n, p, q);
        ptrdiff_t at = (ptrdiff_t)(uniform() * (double)n);
        switch (c % 8) {
        case 1: /* most of q at one outcome */
        case 5: /* and of p */
            for (int side = c % 8 == 1; side < 2; side++) {
                double *x = side ? q : p, mass = 0;
                for (ptrdiff_t i = 0; i < n; i++)
                    mass += is_log ? exp(x[i]) : x[i];
                for (ptrdiff_t i = 0; i < n; i++)
                    x[i] = is_log ? x[i] - 3 : how->form == KL_COUNTS ? x[i] : x[i] / 20;
                x[at] = is_log                    ? log(0.95 * mass)
                        : how->form == KL_COUNTS ? ceil(19 * mass)
                                                  : x[at] + 0.95 * mass;
            }
            break;
        case 2: /* equal */
            memcpy(q, p, (size_t)n * sizeof *p);
            break;
        case 3: /* invalid, but for logarithms below 0 */
            (c % 16 == 3 ? p : q)[at] = c % 3 == 0 ? NAN : c % 3 == 1 ? HUGE_VAL : -1;
            break;
        case 6: /* a zero with a sign, which is valid */
            p[at] = is_log ? p[at] : -0.0;
            break;
        case 7: /* of another mass, and next to equal */
            for (ptrdiff_t i = 0; i < n && how->form != KL_LOG_PROBS; i++)
                q[i] = is_log ? p[i] + 3 : p[i] * (how->form == KL_PROBS ? 1 + 1e-3 : 7);
            break;
        default:
            break;
        }
    }
}

/* An array that ends where a guard page begins, or begins where one ends. */
static kl_array lay_out(const setting *how, kl_dtype dtype, int side, int columns, ptrdiff_t n,
                        layout as, int padding, int at_start)
{
    int size = (int)kl_size_of(dtype);
    ptrdiff_t across = as == ROWS ? n * size : as == EVERY_SECOND ? 2 * size : size;
    ptrdiff_t along = as == ROWS ? size : (ptrdiff_t)(columns + padding) * across;
    if (as == ONE_ROW) {
        across = 0;
        along = size;
    }
    ptrdiff_t span = across * (columns - 1) + along * (n - 1) + size;
    char *first = at_start ? areas[side].low : areas[side].high - span;
    if (as == BACKWARDS) {
        first += across * (columns - 1);
        across = -across;
    }
    for (int c = 0; c < (as == ONE_ROW ? 1 : columns); c++)
        for (ptrdiff_t i = 0; i < n; i++)
            encode(dtype, values[side][c][i], first + c * across + i * along);
    kl_array array = {0};
    array.row = source_of(how, dtype, first);
    array.row.stride = along;
    array.row.direct = along == size || n == 1;
    array.ndim = 1;
    array.shape[0] = columns;
    array.strides[0] = across;
    return array;
}

static void score_alone(const kl_job *job, const setting *how, kl_dtype dtype, int columns,
                        int one_q, kl_faults *faults)
{
    static double rows[2][MOST_OUTCOMES]; /* aligned for every dtype */
    ptrdiff_t size = kl_size_of(dtype);
    kl_source p = source_of(how, dtype, rows[0]), q = source_of(how, dtype, rows[1]);
    for (int c = 0; c < columns; c++) {
        for (int side = 0; side < 2; side++)
            for (ptrdiff_t i = 0; i < job->n; i++)
                encode(dtype, values[side][side && one_q ? 0 : c][i],
                       (char *)rows[side] + i * size);
        expected[c] = kl_score(job, c, &p, job->arrays == 2 ? &q : NULL, faults);
    }
}

static int same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

static void try_columns(const kl_backend *backend, int kernel, const setting *how, kl_dtype dtype,
                        int columns, ptrdiff_t n, int turn)
{
    layout as = (layout)(turn % 3 ? turn % LAYOUTS : COLUMNS);
    kl_job job = {0};
    job.kernel = (kl_kernel)kernel;
    job.arrays = kl_of_one_row(kernel) ? 1 : 2;
    job.unit = 1;
    job.n = n;
    job.params = kl_params_of(kernel, how->eps, how->temperature);
    job.workers = 1;
    kl_faults faults = {0}, found = {0};
    now_in("%s, kernel %d, %d columns of %s, dtype %d, %td outcomes, q %d", backend->name, kernel,
           columns, how->name, (int)dtype, n, (int)as);
    score_alone(&job, how, dtype, columns, as == ONE_ROW, &faults);
    job.p = lay_out(how, dtype, 0, columns, n, COLUMNS, turn % (MOST_PADDING + 1), turn % 2);
    job.q = lay_out(how, dtype, 1, columns, n, as, (turn / 3) % (MOST_PADDING + 1), turn / 2 % 2);
    job.out.data = (char *)scores;
    job.out.ndim = 1;
    job.out.shape[0] = columns;
    job.out.strides[0] = sizeof *scores;
    kl_run(&job, 0, columns, &found);
    if (found.count != faults.count || found.row != faults.row)
        failed("%s, kernel %d, %s, dtype %d, %td outcomes: %td invalid columns of %d, not %td",
               backend->name, kernel, how->name, (int)dtype, n, found.count, columns,
               faults.count);
    for (int c = 0; c < columns; c++)
        if (!same_bits(scores[c], expected[c]))
            failed("%s, kernel %d, %s, dtype %d, %td outcomes, q %d: column %d of %d scores %a, "
                   "%a alone", backend->name, kernel, how->name, (int)dtype, n, (int)as, c,
                   columns, scores[c], expected[c]);
}

/* Each width meets some of the lengths; over all of them every length is met many times. */
void test_columns(int every)
{
    int cases = 0, tried = 0;
    for (int side = 0; side < 2; side++)
        areas[side] = new_guarded(2 * 8 * (MOST_COLUMNS + MOST_PADDING) * (size_t)MOST_OUTCOMES);
    for (int s = 0; s < setting_count; s++)
        for (int w = 0; w < WIDTHS; w++)
            for (int turn = 0; turn < 2; turn++) {
                ptrdiff_t n = lengths[(7 * w + 5 * turn + 3 * s) % LENGTHS];
                fill(&settings[s], widths[w], n);
                for (int b = 0; b < KL_BACKENDS; b++) {
                    kl_active = kl_all_backends[b];
                    for (int dtype = 0; kl_cpu_runs(kl_active) && dtype < KL_KERNEL_DTYPES; dtype++)
                        for (int kernel = 0; kernel < KL_KERNELS; kernel++) {
                            if (cases++ % every)
                                continue;
                            try_columns(kl_active, kernel, &settings[s], (kl_dtype)dtype,
                                        widths[w], n, tried++);
                        }
                }
            }
    printf("columns: %d cases\n", tried);
}
