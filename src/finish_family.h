/* From the sums of the family's kernels to a score: scalar, in double, once per row. */

#ifndef KL_FINISH_FAMILY_H
#define KL_FINISH_FAMILY_H

#include "finish.h"

/* sum p**alpha q**(1 - alpha) of the normalised rows, the quantity that the whole family is made of,
   as what it lacks to 1, of full relative accuracy near 0, and as its logarithm. */
typedef struct {
    double less_1, log;
} kl_power_sum;

/* From two sums that say the same with accuracy near 1, and elsewhere. */
KL_INLINE kl_power_sum kl_power_sum_of(double less_1, double whole)
{
    return (kl_power_sum){less_1, fabs(less_1) < 0.5 ? log1p(less_1) : log(whole)};
}

/* The score that a measure makes of it, alpha being neither 0 nor 1 where it divides. */
KL_INLINE double kl_end_power_sum(kl_end end, double alpha, kl_power_sum sum)
{
    double score = 0;
    switch (end) { /* no default: the compiler names an end that is missing */
    case KL_ENDS_ITSELF: score = sum.less_1; break;
    case KL_ENDS_HELLINGER: score = -sum.less_1; break;
    case KL_ENDS_BHATTACHARYYA: score = -sum.log; break;
    case KL_ENDS_RENYI: score = sum.log / (alpha - 1); break;
    case KL_ENDS_TSALLIS: score = sum.less_1 / (alpha - 1); break;
    case KL_ENDS_ALPHA: score = sum.less_1 / (alpha * (alpha - 1)); break;
    }
    return kl_not_negative(score) + 0.0; /* and not -0.0 */
}

/* The same of an entropy: of the power sum of p alone. */
KL_INLINE double kl_end_entropy(kl_end end, double alpha, kl_power_sum sum)
{
    return kl_not_negative((end == KL_ENDS_RENYI ? sum.log : sum.less_1) / (1 - alpha)) + 0.0;
}

/* A power sum so small or large that lanes may have lost parts of it. */
typedef struct {
    double least, most;
} kl_power_range;
static const kl_power_range POWER_RANGE_f64 = {1e-250, 1e300};
static const kl_power_range POWER_RANGE_f32 = {1e-10, 1e25};

KL_INLINE int kl_power_stands(double whole, const kl_power_range *range)
{
    return whole >= range->least && whole <= range->most;
}

/* Orders that no kernel sweeps: kl_family_careful knows their limits. */
KL_INLINE int kl_is_limit(kl_kernel kernel, double alpha)
{
    return (kernel == KL_KERNEL_power_divergence || kernel == KL_KERNEL_power_entropy)
           && (alpha == 0 || alpha == HUGE_VAL);
}

/* The order that is swept, and 1 less it, of which the smaller is exact: D_alpha(p, q) is
   D_(1 - alpha)(q, p), and from 1/2 up no part of a term is much larger than it. */
typedef struct {
    double alpha, beta;
    int swapped;
} kl_order;

KL_INLINE kl_order kl_order_swept(kl_kernel kernel, double alpha)
{
    return kernel == KL_KERNEL_power_divergence && alpha < 0.5 ? (kl_order){1 - alpha, alpha, 1}
                                                               : (kl_order){alpha, 1 - alpha, 0};
}

/* From both sums of a sweep, relative to the mass. KL_RETRY where lanes do not hold the answer. */
KL_INLINE int kl_finish_family(kl_kernel kernel, double score_sum, double other_sum,
                               const kl_params *params, double beta,
                               const kl_power_range *range, double *score)
{
    kl_power_sum sum;
    switch ((int)kernel) {
    case KL_KERNEL_total_variation:
        *score = score_sum / 2 < 1 ? score_sum / 2 : score_sum < HUGE_VAL ? 1 : score_sum;
        return KL_OK;
    case KL_KERNEL_chi2_divergence:
        *score = score_sum;
        return score_sum <= range->most ? KL_OK : KL_RETRY;
    case KL_KERNEL_affinity:
        sum = kl_power_sum_of(-score_sum / 2, other_sum);
        *score = kl_end_power_sum(params->end, 0.5, sum);
        return params->end == KL_ENDS_HELLINGER || kl_power_stands(other_sum, range) ? KL_OK
                                                                                    : KL_RETRY;
    default: /* power_divergence, whose terms lack a factor beta */
        sum = kl_power_sum_of(-beta * score_sum, other_sum);
        *score = kl_end_power_sum(params->end, params->alpha, sum);
        return kl_power_stands(other_sum, range) ? KL_OK : KL_RETRY;
    }
}

/* The entropies: `rest` is what the outcome that holds more than 3/4 of p leaves, or 1 where there is
   none; the sums are without that outcome. */
KL_INLINE int kl_finish_power_entropy(double score_sum, double other_sum, double rest,
                                      const kl_params *params, const kl_power_range *range,
                                      double *score)
{
    double alpha = params->alpha;
    if (rest < 0.5) {
        double log_peak = log1p(-rest);
        score_sum += (1 - rest) * expm1((alpha - 1) * log_peak);
        other_sum += exp(alpha * log_peak);
    }
    *score = kl_end_entropy(params->end, alpha, kl_power_sum_of(score_sum, other_sum));
    return kl_power_stands(other_sum, range) ? KL_OK : KL_RETRY;
}

#endif
