/* From the sums of a row of weights to its score: scalar, in double, once per row.

   P and Q are the masses of p and q; the sums compared p with c q. */

#ifndef KL_FINISH_H
#define KL_FINISH_H

#include <math.h>

#include "kl.h"

#define KL_LN2 0x1.62e42fefa39efp-1

/* The sums of a sweep: those of terms, then those of numbers as they are read. What a sweep does not
   need it does not add up. */
enum { KL_SCORE, KL_OTHER, KL_TERMS, KL_P_MASS = KL_TERMS, KL_Q_MASS, KL_HOLES, KL_SUMS };

/* Sums over a row, in double; the masses without what lies at a peak. */
typedef struct {
    double of[KL_SUMS];
    double p_at_peak, q_at_peak;
    double least_q; /* or less, if nobody asked */
    int signs; /* some number has its sign bit set */
} kl_totals;

KL_INLINE double kl_p_mass(const kl_totals *totals)
{
    return totals->of[KL_P_MASS] + totals->p_at_peak;
}

KL_INLINE double kl_q_mass(const kl_totals *totals)
{
    return totals->of[KL_Q_MASS] + totals->q_at_peak;
}

/* The masses as fractions of powers of two. */
typedef struct {
    double p, q; /* in [1/2, 1) */
    int p_exponent, q_exponent;
} kl_masses;

KL_INLINE kl_masses kl_split(double p_mass, double q_mass)
{
    kl_masses masses;
    masses.p = frexp(p_mass, &masses.p_exponent);
    masses.q = frexp(q_mass, &masses.q_exponent);
    return masses;
}

/* What is thought of the rows before a first sweep: their masses, and that of q for the floor. */
typedef struct {
    double p_mass, q_mass, floor_mass;
    int q_exponent; /* of its mass */
} kl_estimate;
static const kl_estimate kl_mass_of_1 = {1, 1, 1, 0};

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
    if (fabs(t) < 0x1p-18) /* masses that differ by rounding; the rest is below 2**-54 of it */
        return -t * t * (1 / 2. - t * (1 / 3. - t * (1 / 4.)));
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
#define USUAL_FLOOR 0x1p-126   /* of q, where eps is not given */
#define BELOW_FLOOR (0.999 * USUAL_FLOOR) /* floored, whatever rounding a floor has met, */
#define ABOVE_FLOOR (1.001 * USUAL_FLOOR) /* and not */
static const double LEAST_ESTIMATE_f64 = 0x1p-700, LEAST_ESTIMATE_f32 = 0x1p-20; /* of a mass whose
   vanishing part is a normal number */
static const kl_ranges RANGES_f64 = {0x1p-900, 0x1p900, 1e-15, 0};
static const kl_ranges RANGES_f32 = {0x1p-60, 0x1p60, 1e-7, 1e-9};

KL_INLINE int kl_can_hold(const kl_ranges *ranges, double p_mass, double q_mass)
{
    return p_mass >= ranges->least_mass && p_mass <= ranges->largest_mass
           && q_mass >= ranges->least_mass && q_mass <= ranges->largest_mass;
}

KL_INLINE int kl_in_range(const kl_totals *totals, const kl_ranges *ranges)
{
    return kl_can_hold(ranges, kl_p_mass(totals), kl_q_mass(totals));
}

/* Outcomes at the floor, which hold that part of p, add so much too much where the floor was eps
   times `estimate` in place of eps Q. */
KL_INLINE double kl_floored_amiss(double part_of_p, double q_mass, double estimate)
{
    return part_of_p > 0 ? part_of_p * log(q_mass / estimate) : 0;
}

KL_INLINE int kl_is_negligible(kl_kernel kernel, double score)
{
    return (kl_has_floor(kernel) || kl_vanishes(kernel)) && score > 0 && score < NEGLIGIBLE_SCORE;
}

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
    if (score <= 2 * w * KL_LN2) /* no entropy is below its chord, 2 w log 2 */
        return kl_not_negative(score);
    double limit = w > 0 ? -w * log(w) - (1 - w) * log1p(-w) : 0;
    return score > limit ? limit : kl_not_negative(score);
}

/* w KL(p||m) + (1-w) KL(q||m) from the two sums of divergence terms against m = w p + (1-w) c q.
   Rows whose masses differ by a factor 1 + t were mixed by weights that are off by w (1-w) t; as the
   right m is where this is least, that adds a part w (1-w) t**2 near equality, and less elsewhere. */
KL_INLINE int kl_finish_mixture(const kl_totals *totals, double p_mass, double q_mass, double c,
                                double weight, double unit, double *score)
{
    double first, second, v = 1 - weight, t = (c * q_mass - p_mass) / p_mass;
    double m_mass = weight * p_mass + v * (c * q_mass);
    int holds = kl_finish_divergence(totals->of[KL_SCORE], p_mass, m_mass, 1, &first)
                & kl_finish_divergence(totals->of[KL_OTHER], c * q_mass, m_mass, 1, &second);
    *score = kl_within_mixture(weight * first + v * second, weight);
    return holds && weight * v * t * t <= unit;
}

/* -sum p log(q/Q) / P. The sum of p log q left out the outcome that holds most of q: its -log(q/Q) is
   log(1 + rest/q). `scale` multiplied the q whose logarithms were summed. */
KL_INLINE int kl_finish_cross_entropy(const kl_totals *totals, double q_mass, double scale,
                                      double *score)
{
    const double *of = totals->of;
    double sum = of[KL_P_MASS] * log(scale * q_mass) - of[KL_SCORE];
    if (totals->q_at_peak > 0)
        sum += totals->p_at_peak * log1p(of[KL_Q_MASS] / totals->q_at_peak);
    *score = kl_not_negative(sum / (of[KL_P_MASS] + totals->p_at_peak));
    return 1;
}

/* True if the score may stand; `ranges` is NULL when there is no better sweep to ask for. */
KL_INLINE int kl_finish(kl_kernel kernel, const kl_totals *totals, double p_mass, double q_mass,
                        double c, double scale, double weight, const kl_ranges *ranges,
                        double *score)
{
    switch (kernel) { /* no default: the compiler names a kernel without an end */
    case KL_KERNEL_kl_divergence:
        return kl_finish_divergence(totals->of[KL_SCORE], p_mass, q_mass, c, score);
    case KL_KERNEL_js_divergence:
        return kl_finish_mixture(totals, p_mass, q_mass, c, weight,
                                 ranges ? ranges->unit : HUGE_VAL, score);
    case KL_KERNEL_cross_entropy:
    case KL_KERNEL_entropy:
        return kl_finish_cross_entropy(totals, q_mass, scale, score);
    case KL_KERNEL_total_variation:
    case KL_KERNEL_affinity:
    case KL_KERNEL_chi2_divergence:
    case KL_KERNEL_power_divergence:
    case KL_KERNEL_power_entropy:
    case KL_KERNEL_rel_entr:
    case KL_KERNEL_nll:
        break; /* scored elsewhere */
    }
    return 1;
}

#endif
