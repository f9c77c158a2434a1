/* Rows of weights that the float64 kernels hand on: masses beyond 2**900 or below 2**-900, and,
   with eps below the normal numbers, values that only the plain logarithm can tell apart. */

#include <math.h>

#include "finish.h"
#include "kl.h"

/* The power of two that brings the mass of the row to [1/2, 1), and the mass so scaled. */
static double scaled_mass(const kl_source *row, ptrdiff_t n, int *exponent)
{
    double block[KL_BLOCK], largest = 0, sum = 0, lost = 0;
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 1)
            frexp(largest, exponent);
        for (ptrdiff_t start = 0; start < n; start += KL_BLOCK) {
            ptrdiff_t count = n - start < KL_BLOCK ? n - start : KL_BLOCK;
            kl_gather(row, start, count, block);
            for (ptrdiff_t i = 0; i < count; i++) {
                double x = block[i];
                if (!(x >= 0 && x < HUGE_VAL))
                    return NAN;
                if (pass == 0) {
                    largest = x > largest ? x : largest;
                    continue;
                }
                x = ldexp(x, -*exponent);
                kl_carry(&sum, &lost, x);
            }
        }
    }
    sum += lost;
    int more;
    double mass = frexp(sum, &more);
    *exponent += more;
    return mass;
}

static int within(int exponent, int limit)
{
    return exponent > limit ? limit : exponent < -limit ? -limit : exponent;
}

/* (1 + u) log(1 + u) - u. */
static double relative_divergence(double u)
{
    if (fabs(u) > 0.1)
        return (1 + u) * log1p(u) - u;
    double power = u * u, sum = 0; /* sum of (-u)**k / (k (k - 1)) */
    for (int k = 2; k < 22; k++, power *= -u)
        sum += power / (k * (k - 1.0));
    return sum;
}

/* log of the probability x / mass; of x as given where the quotient leaves the normal range. */
static double log_probability(double x, double quotient, double log_mass)
{
    return quotient >= 0x1p-1022 ? log(quotient) : log(x) - log_mass;
}

/* By definition, one outcome at a time, subnormals counting as what they are. */
static double by_definition(kl_kernel kernel, const kl_source *p, const kl_source *q, ptrdiff_t n,
                            double eps, double p_mass, int p_exponent, double q_mass,
                            int q_exponent)
{
    double p_block[KL_BLOCK], q_block[KL_BLOCK], sum = 0;
    double p_log_mass = log(p_mass) + p_exponent * KL_LN2;
    double q_log_mass = log(q_mass) + q_exponent * KL_LN2;
    double log_eps = log(eps);
    for (ptrdiff_t start = 0; start < n; start += KL_BLOCK) {
        ptrdiff_t count = n - start < KL_BLOCK ? n - start : KL_BLOCK;
        kl_gather(p, start, count, p_block);
        kl_gather(q, start, count, q_block);
        for (ptrdiff_t i = 0; i < count; i++) {
            double x = ldexp(p_block[i], -p_exponent) / p_mass;
            double y = ldexp(q_block[i], -q_exponent) / q_mass;
            int divergence = kernel == KL_KERNEL_kl_divergence;
            if (p_block[i] == 0) {
                sum += divergence ? y : 0;
                continue;
            }
            double log_p = log_probability(p_block[i], x, p_log_mass);
            double log_q = log_probability(q_block[i], y, q_log_mass);
            double floor = log_p < log_eps ? log_p : log_eps;
            int floored = log_q < floor;
            if (floored)
                log_q = floor;
            if (log_q == -HUGE_VAL)
                return HUGE_VAL;
            if (!divergence)
                sum -= x * log_q;
            else if (!floored && x > y / 2 && x < 2 * y && y > 0x1p-1000)
                sum += y * relative_divergence((x - y) / y);
            else
                sum += x * (log_p - log_q) - x + y;
        }
    }
    return sum < 0 ? 0 : sum;
}

int kl_careful(kl_kernel kernel, const kl_source *p, const kl_source *q, ptrdiff_t n,
               const kl_params *params, double *score)
{
    int p_exponent = 0, q_exponent = 0;
    double p_mass = scaled_mass(p, n, &p_exponent);
    double q_mass = q ? scaled_mass(q, n, &q_exponent) : 1;
    *score = NAN;
    if (!(p_mass > 0 && q_mass > 0))
        return KL_SUSPECT;

    /* Rows beyond the kernel's range by that kernel, scaled by powers of two. Those within it come for
       what is subnormal under a floor of 0, which scaling would lose. */
    int beyond = !kl_has_floor(kernel)
                 || !kl_can_hold(&RANGES_f64, ldexp(p_mass, within(p_exponent, 1000)),
                                 ldexp(q_mass, within(q_exponent, 1000)));
    kl_source scaled_p = *p, scaled_q = q ? *q : *p;
    scaled_p.divisor = ldexp(1, within(p_exponent, 1000));
    scaled_q.divisor = ldexp(1, within(q_exponent, 1000));
    scaled_p.form = scaled_q.form = KL_COUNTS;
    scaled_p.direct = scaled_q.direct = 0;
    int status = beyond ? kl_active->rows[kernel][KL_LINEAR][KL_FLOAT64](
                              &scaled_p, q ? &scaled_q : NULL, n, params, score)
                        : KL_RETRY;
    if (!(status & KL_RETRY))
        return KL_OK;
    if (kl_of_family(kernel))
        return KL_RETRY;
    if (q)
        *score = by_definition(kernel, p, q, n, params->eps, p_mass, p_exponent, q_mass,
                               q_exponent);
    return KL_OK;
}
