/* What the family's kernels hand on: power sums beyond the lanes' range, and orders at the limits. By
   logarithms, one outcome at a time, subnormals counting as what they are. */

#include <math.h>

#include "finish_family.h"
#include "kl.h"

/* A row of logarithms, its largest, and the logarithm of its mass less that. */
typedef struct {
    kl_source source;
    double block[KL_BLOCK];
    double largest, beyond;
} log_row;

static double log_mass(const log_row *row)
{
    return row->largest + row->beyond;
}

static const double *read_block(log_row *row, ptrdiff_t start, ptrdiff_t count)
{
    kl_gather(&row->source, start, count, row->block);
    return row->block;
}

/* False for a row that has no mass, or holds what is no logarithm of a weight. */
static int begin_row(log_row *row, const kl_source *wide, ptrdiff_t n, double temperature)
{
    double others = 0, lost = 0;
    ptrdiff_t at = -1;
    row->source = kl_as_logarithms(wide, n, temperature);
    row->largest = -HUGE_VAL;
    for (int pass = 0; pass < 2; pass++)
        for (ptrdiff_t start = 0; start < n; start += KL_BLOCK) {
            ptrdiff_t count = n - start < KL_BLOCK ? n - start : KL_BLOCK;
            const double *x = read_block(row, start, count);
            for (ptrdiff_t i = 0; i < count; i++)
                if (isnan(x[i]) || x[i] == HUGE_VAL)
                    return 0;
                else if (pass == 1)
                    kl_carry(&others, &lost, start + i == at ? 0 : exp(x[i] - row->largest));
                else if (x[i] > row->largest) {
                    row->largest = x[i];
                    at = start + i;
                }
        }
    row->beyond = log1p(others + lost);
    return at >= 0;
}

/* A sum of exponentials, relative to the largest so far. */
typedef struct {
    double largest, sum;
} log_sum;

static void add_exponential(log_sum *total, double x)
{
    if (x > total->largest) {
        total->sum = total->sum * exp(total->largest - x) + 1;
        total->largest = x;
    } else if (x > -HUGE_VAL)
        total->sum += exp(x - total->largest);
}

/* log sum p**alpha q**beta; beta = 0 without q. */
static double log_power_sum(log_row *p, log_row *q, ptrdiff_t n, double alpha, double beta)
{
    log_sum total = {-HUGE_VAL, 0};
    for (ptrdiff_t start = 0; start < n; start += KL_BLOCK) {
        ptrdiff_t count = n - start < KL_BLOCK ? n - start : KL_BLOCK;
        const double *a = read_block(p, start, count);
        const double *b = q ? read_block(q, start, count) : NULL;
        for (ptrdiff_t i = 0; i < count; i++) {
            if (a[i] == -HUGE_VAL) {
                if (alpha < 0 && b[i] > -HUGE_VAL)
                    return HUGE_VAL;
                continue;
            }
            if (b && b[i] == -HUGE_VAL && beta < 0)
                return HUGE_VAL;
            add_exponential(&total, alpha * a[i] + (b ? beta * b[i] : 0));
        }
    }
    return total.largest + log(total.sum) - alpha * log_mass(p) - (q ? beta * log_mass(q) : 0);
}

/* At order 0: the log of the part of q where p is not 0; without q, of the number of outcomes there. */
static double log_support(log_row *p, log_row *q, ptrdiff_t n)
{
    double inside = 0, outside = 0;
    for (ptrdiff_t start = 0; start < n; start += KL_BLOCK) {
        ptrdiff_t count = n - start < KL_BLOCK ? n - start : KL_BLOCK;
        const double *a = read_block(p, start, count);
        const double *b = q ? read_block(q, start, count) : NULL;
        for (ptrdiff_t i = 0; i < count; i++)
            *(a[i] == -HUGE_VAL ? &outside : &inside) += b ? exp(b[i] - q->largest) : 1;
    }
    return !q ? log(inside) : outside < inside ? -log1p(outside / inside)
                                               : log(inside / (inside + outside));
}

/* At order infinity: the largest log(p/q). */
static double largest_log_ratio(log_row *p, log_row *q, ptrdiff_t n)
{
    double largest = -HUGE_VAL;
    for (ptrdiff_t start = 0; start < n; start += KL_BLOCK) {
        ptrdiff_t count = n - start < KL_BLOCK ? n - start : KL_BLOCK;
        const double *a = read_block(p, start, count), *b = read_block(q, start, count);
        for (ptrdiff_t i = 0; i < count; i++)
            if (a[i] > -HUGE_VAL && a[i] - b[i] > largest)
                largest = a[i] - b[i];
    }
    return kl_not_negative(largest - p->beyond + q->beyond - (p->largest - q->largest));
}

/* The same of weights, of full accuracy near equality too: with c = P/Q, log1p of (p - c q) / (c q).
   NaN where the masses are no numbers to compare. */
static double largest_ratio(const kl_source *p, const kl_source *q, ptrdiff_t n)
{
    double blocks[2][KL_BLOCK], mass[2] = {0, 0}, lost[2] = {0, 0}, c = 0, c_low = 0, largest = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (ptrdiff_t start = 0; start < n; start += KL_BLOCK) {
            ptrdiff_t count = n - start < KL_BLOCK ? n - start : KL_BLOCK;
            kl_gather(p, start, count, blocks[0]);
            kl_gather(q, start, count, blocks[1]);
            for (ptrdiff_t i = 0; i < count; i++) {
                double x = blocks[0][i], y = blocks[1][i];
                if (pass == 0) {
                    kl_carry(&mass[0], &lost[0], x);
                    kl_carry(&mass[1], &lost[1], y);
                } else if (x > 0) {
                    double ratio = fma(-c_low, y, fma(-c, y, x)) / (c * y);
                    largest = ratio > largest ? ratio : largest;
                }
            }
        }
        mass[0] += lost[0];
        mass[1] += lost[1];
        if (!kl_can_hold(&RANGES_f64, mass[0], mass[1]))
            return NAN;
        c = mass[0] / mass[1];
        c_low = fma(-c, mass[1], mass[0]) / mass[1];
        lost[0] = lost[1] = 0;
    }
    return log1p(largest);
}

static double total_variation(log_row *p, log_row *q, ptrdiff_t n)
{
    double sum = 0, p_mass = log_mass(p), q_mass = log_mass(q);
    for (ptrdiff_t start = 0; start < n; start += KL_BLOCK) {
        ptrdiff_t count = n - start < KL_BLOCK ? n - start : KL_BLOCK;
        const double *a = read_block(p, start, count), *b = read_block(q, start, count);
        for (ptrdiff_t i = 0; i < count; i++)
            sum += fabs(exp(a[i] - p_mass) - exp(b[i] - q_mass));
    }
    return sum / 2 < 1 ? sum / 2 : 1;
}

int kl_family_careful(kl_kernel kernel, const kl_source *p, const kl_source *q, ptrdiff_t n,
                      const kl_params *params, double *score)
{
    log_row rows[2], *second = kl_of_one_row(kernel) ? NULL : &rows[1];
    double alpha = kernel == KL_KERNEL_affinity          ? 0.5
                   : kernel == KL_KERNEL_chi2_divergence ? 2
                                                         : params->alpha;
    *score = NAN;
    if (!begin_row(&rows[0], p, n, params->temperature)
        || (second && !begin_row(second, q, n, params->temperature)))
        return KL_SUSPECT;
    if (kernel == KL_KERNEL_total_variation)
        *score = total_variation(&rows[0], second, n);
    else if (alpha == HUGE_VAL && !second)
        *score = rows[0].beyond;
    else if (alpha == HUGE_VAL) {
        int linear = kl_family_of(p->form) == KL_LINEAR && kl_family_of(q->form) == KL_LINEAR;
        *score = linear ? largest_ratio(p, q, n) : NAN;
        if (!(*score < HUGE_VAL)) /* or a ratio beyond the range of numbers */
            *score = largest_log_ratio(&rows[0], second, n);
    }
    else {
        double log = alpha == 0 ? log_support(&rows[0], second, n)
                                : log_power_sum(&rows[0], second, n, alpha, 1 - alpha);
        kl_power_sum sum = {expm1(log), log};
        *score = second ? kl_end_power_sum(params->end, alpha, sum)
                        : kl_end_entropy(params->end, alpha, sum);
    }
    return KL_OK;
}
