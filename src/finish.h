/* From the sums of a row of weights to its score: scalar, in double, once per row.

   P and Q are the masses of p and q; the sums compared p with c q. */

#ifndef KL_FINISH_H
#define KL_FINISH_H

#include <math.h>

#include "kl.h"

/* Sums over a row, in double, each with the rounding errors of adding its blocks. */
typedef struct {
    double score, p_mass, q_mass, p_at_peak, q_at_peak;
    double score_lost, p_mass_lost, q_mass_lost;
    int negative; /* p or q holds a number below 0 */
    int far;      /* some k is 64 or more, so that q may stand at its floor */
    int holes;    /* q below the normal numbers where p is not 0 */
} kl_totals;

/* total += x; lost += what rounding took (Neumaier). */
KL_INLINE void kl_carry(double *total, double *lost, double x)
{
    double sum = *total + x;
    *lost += fabs(*total) >= fabs(x) ? (*total - sum) + x : (x - sum) + *total;
    *total = sum;
}

/* log(1 + t) - t, of full relative accuracy for small t. */
KL_INLINE double kl_log1p_less(double t)
{
    if (fabs(t) >= 0.01)
        return log1p(t) - t;
    return -t * t * (1 / 2. - t * (1 / 3. - t * (1 / 4. - t * (1 / 5. - t * (1 / 6. - t * (1 / 7.
           - t * (1 / 8. - t / 9)))))));
}

KL_INLINE double kl_not_negative(double score) /* and NaN stays NaN */
{
    return score < 0 ? 0 : score;
}

/* What the lane type can promise. */
typedef struct {
    double least_mass, largest_mass; /* between them no product over- or underflows */
    double unit;                     /* a relative change that costs no promised digit */
    double too_small;                /* divergences below go to the next more careful kernel */
} kl_ranges;
#define HEADROOM 32
#define NEGLIGIBLE_SCORE 1e-30 /* below it even outcomes of 2**-126 count: compare by the floor */
static const kl_ranges RANGES_f64 = {0x1p-900, 0x1p900, 1e-15, 0};
static const kl_ranges RANGES_f32 = {0x1p-60, 0x1p60, 1e-7, 1e-9};

/* Suspicion comes a little before the rule is broken: kl_classify has the last word. */
KL_INLINE int kl_check_mass(const kl_source *row, double mass)
{
    return mass > 0 && mass < HUGE_VAL && fabs(mass - 1) <= row->tolerance * (1 - 1e-4)
               ? KL_OK
               : KL_SUSPECT;
}

/* Rows of small divergences whose float32 sums may keep too few digits: those near equality, and
   those where a floor acts, whose terms of both signs are as large as the floored q together. */
KL_INLINE int kl_check_score(kl_kernel kernel, double score, ptrdiff_t n, double eps,
                             const kl_ranges *ranges)
{
    double least = ranges->too_small;
    if (least > 0 && kl_has_floor(kernel) && eps > 0x1p-100)
        least += 0.1 * ((double)n * eps < 1 ? (double)n * eps : 1);
    return kl_vanishes(kernel) && score > 0 && score < least ? KL_RETRY : KL_OK;
}

/* Weights e**((a - maximum) / T): how many are 1, and the sum of the others. log Z keeps its
   relative accuracy when one outcome holds all but a sliver. */
typedef struct {
    double maximum, at_maximum, others;
    double gap; /* sum of weight (maximum - a) / T */
} kl_log_sums;

KL_INLINE double kl_log_z(const kl_log_sums *sums)
{
    return log1p(sums->at_maximum - 1 + sums->others);
}

/* Likewise of a log row. */
KL_INLINE int kl_check_log_mass(const kl_source *row, const kl_log_sums *sums)
{
    double weight = sums->at_maximum + sums->others;
    if (!(weight > 0 && weight < HUGE_VAL && fabs(sums->maximum) < HUGE_VAL))
        return KL_SUSPECT;
    return row->form == KL_LOGITS ? KL_OK : kl_check_mass(row, exp(sums->maximum) * weight);
}

/* a - b = high + low exactly (Knuth). */
KL_INLINE double kl_difference(double a, double b, double *low)
{
    double high = a - b, b_virtual = a - high;
    *low = (a - (high + b_virtual)) + (b_virtual - b);
    return high;
}

/* sum p log(p/q) / P from S = sum p log(p/(c q)) - p + c q: with t = (c Q - P) / P it is
   S/P + log(1 + t) - t, of second order in t. False where that cancels. */
KL_INLINE int kl_finish_divergence(double s, double p_mass, double q_mass, double c, double *score)
{
    double mean = s / p_mass, correction = kl_log1p_less((c * q_mass - p_mass) / p_mass);
    *score = kl_not_negative(mean + correction);
    return !(-correction > 0.5 * mean);
}

/* The entropy of the weights, which no Jensen-Shannon divergence exceeds. */
KL_INLINE double kl_within_mixture(double score, double weight)
{
    double w = weight < 0.5 ? weight : 1 - weight; /* the lesser, for log1p */
    double limit = w > 0 ? -w * log(w) - (1 - w) * log1p(-w) : 0;
    return score > limit ? limit : kl_not_negative(score);
}

/* The Jensen-Shannon terms of rows whose masses differ by a factor 1 + t are those of another
   weight, w + w (1-w) t: good to a relative error of t, and to t**2 / 8 absolutely. */
KL_INLINE int kl_finish_mixture(double s, double p_mass, double q_mass, double c, double weight,
                                double unit, double *score)
{
    double t = (c * q_mass - p_mass) / p_mass;
    *score = kl_within_mixture(s / p_mass, weight);
    return !(fabs(t) > 3 * unit || t * t > *score * unit);
}

/* -sum p log(q/Q) / P. The sums left out the outcome that holds most of q: its -log(q/Q) is
   log(1 + rest/q). `scale` multiplied the q whose logarithms were summed. */
KL_INLINE int kl_finish_cross_entropy(const kl_totals *totals, double q_mass, double scale,
                                      double *score)
{
    double sum = totals->score + totals->p_mass * log(scale * q_mass);
    if (totals->q_at_peak > 0)
        sum += totals->p_at_peak * log1p(totals->q_mass / totals->q_at_peak);
    *score = kl_not_negative(sum / (totals->p_mass + totals->p_at_peak));
    return 1;
}

/* True if the score may stand; `ranges` is NULL when there is no better sweep to ask for. */
KL_INLINE int kl_finish(kl_kernel kernel, const kl_totals *totals, double p_mass, double q_mass,
                        double c, double scale, double weight, const kl_ranges *ranges,
                        double *score)
{
    switch (kernel) { /* no default: the compiler names a kernel without an end */
    case KL_KERNEL_kl_divergence:
        return kl_finish_divergence(totals->score, p_mass, q_mass, c, score);
    case KL_KERNEL_js_divergence:
        return kl_finish_mixture(totals->score, p_mass, q_mass, c, weight,
                                 ranges ? ranges->unit : HUGE_VAL, score);
    case KL_KERNEL_cross_entropy:
    case KL_KERNEL_entropy:
        return kl_finish_cross_entropy(totals, q_mass, scale, score);
    case KL_KERNEL_rel_entr:
    case KL_KERNEL_nll:
        break; /* scored elsewhere */
    }
    return 1;
}

#endif
