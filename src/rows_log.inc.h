/* The loops over log_probs and logits, for one STORAGE type.

   kl_divergence tries to read its rows once (one_pass.inc.h); entropy and cross_entropy follow from
   the sums of one reading (log_sums.inc.h). The rest, and all with a floor, takes two sweeps: the
   normalisers, then terms of normalised p and q. */

#include "log_sums.inc.h"
#include "one_pass.inc.h"

typedef vec (*STORED(log_formula))(vec, vec, vec, vec, mask, const LANED(scales) *);

/* What the second sweep needs to know of both rows. */
typedef struct {
    vec p_top, q_top, c, c_low, inverse, inverse_low;
    vec q_to_p;            /* Z_p / Z_q */
    vec p_log_z, q_log_z, log_eps;
    int floored;
} STORED(log_scales);

/* A vector of outcomes of both rows, normalised to the mass of p. */
typedef struct {
    vec p, q, d, log_q; /* d = log(p/q), or of its floor; 2 where p = 0 */
    mask lifted;        /* where d speaks of the floor */
} STORED(log_outcome);

KL_INLINE STORED(log_outcome) STORED(log_outcome_of)(vec a, vec b, const STORED(log_scales) *row,
                                                     vec *holes)
{
    vec infinity = all((real)HUGE_VAL), low;
    mask p_zero = equal(a, sub(all(0), infinity)), q_zero = equal(b, sub(all(0), infinity));
    vec high = LANED(difference)(a, b, &low);
    vec d = mul(add(sub(high, row->c), sub(low, row->c_low)), row->inverse);
    d = select(p_zero, all(2), select(q_zero, infinity, d));
    vec p_below = mul(sub(a, row->p_top), row->inverse);
    vec q_below = mul(sub(b, row->q_top), row->inverse);
    vec p = LANED(weight)(a, row->p_top, row->inverse, row->inverse_low);
    vec q = LANED(weight)(b, row->q_top, row->inverse, row->inverse_low);
    q = mul(q, row->q_to_p);
    vec log_q = select(p_zero, all(0), sub(q_below, row->q_log_z));
    mask lifted = less(infinity, d); /* never */
    if (row->floored) {
        vec log_p = sub(p_below, row->p_log_z);
        vec most = larger(all(0), sub(log_p, row->log_eps));
        lifted = less(most, d);
        d = smaller(most, d);
        log_q = select(p_zero, log_q, larger(smaller(log_p, row->log_eps), log_q));
    } else
        *holes = larger(*holes, drop(p_zero, keep(q_zero, all(1))));
    return (STORED(log_outcome)){p, q, d, log_q, lifted};
}

KL_INLINE vec STORED(log_step)(vec a, vec b, const STORED(log_scales) *row,
                               const LANED(scales) *by, STORED(log_formula) formula, vec *holes)
{
    STORED(log_outcome) at = STORED(log_outcome_of)(a, b, row, holes);
    return formula(at.p, at.q, at.d, at.log_q, at.lifted, by);
}

/* From both normalisers; true where the lanes do not hold the maxima. */
KL_INLINE int STORED(log_scales_of)(const kl_log_sums *ps, const kl_log_sums *qs,
                                    double temperature, double eps, STORED(log_scales) *row)
{
    double p_z = ps->at_maximum + ps->others, q_z = qs->at_maximum + qs->others;
    double p_log_z = kl_log_z(ps), q_log_z = kl_log_z(qs);
    /* The shift in two parts: to the last digit of d, however far the logits lie apart. */
    double low, high = kl_difference(ps->maximum, qs->maximum, &low);
    double more = (p_log_z - q_log_z) * temperature;
    real c = (real)(high + more);
    row->p_top = all((real)ps->maximum);
    row->q_top = all((real)qs->maximum);
    row->c = all(c);
    row->c_low = all((real)(((high - (double)c) + more) + low));
    row->inverse = all((real)(1 / temperature));
    row->inverse_low = all((real)(1 / temperature - (double)(real)(1 / temperature)));
    row->q_to_p = all((real)(p_z / q_z));
    row->p_log_z = all((real)p_log_z);
    row->q_log_z = all((real)q_log_z);
    row->floored = eps > 0;
    row->log_eps = all((real)log(row->floored ? eps : 1));
    return !(fabs(ps->maximum) < K(LARGEST_LOGIT) && fabs(qs->maximum) < K(LARGEST_LOGIT));
}

/* Jensen-Shannon terms with one exponential for p, one for q/p and one logarithm; false where a
   lane is rare, as the one-pass kernel calls it. With y = log(q/p), u = e**y - 1 and
   L(x) = (1 + x) log(1 + x) - x, the divergence term of 1 + x against 1, the term is

       p (v L(u) - L(v u)),    L(u) = u y - (u - y) = e**y y - u,

   v the weight of q, and the latter for y below -1, where the former would cancel. For large u, and
   for v near 1, the two L begin to cancel. */
KL_INLINE int STORED(js_usual)(vec a, vec b, const STORED(log_scales) *row,
                               const LANED(scales) *by, vec *term)
{
    vec low, y = LANED(difference)(b, a, &low);
    y = add(add(y, row->c), add(low, row->c_low));
    LANED(reduced) log_weight = LANED(reduce)(sub(a, row->p_top), K(ROUNDER));
    LANED(reduced) log_ratio = LANED(reduce)(y, K(BIASED));
    vec lightest = all((real)(K(ROUNDER) + K(LIGHTEST)));
    vec lowest = all((real)(K(BIASED) + 8 - (K(EXPONENTS) - 1))); /* u below 2**8.5 */
    if (KL_UNLIKELY(any_beyond(
            either_steps(steps_above(log_weight.t, lightest), steps_above(log_ratio.t, lowest)),
            K(EXPONENTS))))
        return 0;
    vec one = all(1), power = power_of_two_in(log_ratio.t);
    vec ratio = fused(power, add(log_ratio.r, LANED(exp_bend)(log_ratio)), power);
    vec u = add(LANED(exp_excess)(log_ratio), log_ratio.r), less_y = LANED(expm1_less)(log_ratio);
    vec x = mul(by->other_weight, u);
    mask low_q = less(y, all(-1));
    vec cost = fused_less(select(low_q, ratio, u), y, select(low_q, u, less_y));
    vec mean = LANED(divergence_term_by_difference)(add(one, x), one, x);
    *term = mul(LANED(exp_normal)(log_weight),
                fused_less(by->other_weight, cost, mean));
    return 1;
}

KL_RARE vec STORED(js_careful)(vec a, vec b, const STORED(log_scales) *row,
                               const LANED(scales) *by)
{
    vec holes = all(0);
    return STORED(log_step)(a, b, row, by, LANED(js_divergence_log), &holes);
}

KL_INLINE int STORED(log_row)(kl_kernel kernel, STORED(log_formula) formula, const kl_source *p,
                              const kl_source *q, ptrdiff_t n, const kl_params *params,
                              double *score)
{
    int status = KL_OK;
    double temperature = params->temperature;
    kl_log_sums ps, qs;
    if (!(temperature >= K(COLDEST) && temperature <= 1 / K(COLDEST))) {
        *score = NAN;
        return KL_RETRY;
    }
    if (kernel == KL_KERNEL_entropy) {
        STORED(log_sums)(p, n, temperature, 1, &ps);
        *score = kl_log_z(&ps) + ps.gap / (ps.at_maximum + ps.others);
        return kl_check_log_mass(p, &ps);
    }
    if (kernel == KL_KERNEL_kl_divergence && params->eps == 0
        && STORED(kl_one_pass)(p, q, n, temperature, score, &status))
        return status;

    int cross = kernel == KL_KERNEL_cross_entropy && params->eps == 0, infinite = 0;
    if (cross)
        infinite = STORED(log_cross_sums)(p, q, n, temperature, &ps, &qs);
    else {
        STORED(log_weights)(p, n, temperature, &ps);
        STORED(log_weights)(q, n, temperature, &qs);
    }
    status = kl_check_log_mass(p, &ps) | kl_check_log_mass(q, &qs);
    double p_z = ps.at_maximum + ps.others, q_z = qs.at_maximum + qs.others;
    int numbers = p_z > 0 && p_z < HUGE_VAL && q_z > 0 && q_z < HUGE_VAL; /* no NaN, no +inf */
    STORED(log_scales) row;
    if (STORED(log_scales_of)(&ps, &qs, temperature, params->eps, &row) && numbers)
        return KL_RETRY | status;
    if (cross) {
        *score = infinite && numbers ? HUGE_VAL : kl_not_negative(kl_log_z(&qs) + ps.gap / p_z);
        return status;
    }
    LANED(scales) by = LANED(unscaled)(K(TINY), params->weight);

    stored p_buffer[ROW_BLOCK], q_buffer[ROW_BLOCK];
    double total = 0, lost = 0;
    vec holes = all(0);
    int usual = temperature == 1 && params->weight >= 0.25; /* for js_usual */
    for (ptrdiff_t start = 0; start < n; start += ROW_BLOCK) {
        ptrdiff_t i = 0, count = n - start < ROW_BLOCK ? n - start : ROW_BLOCK;
        const stored *pb = STORED(fetch)(p, start, count, p_buffer);
        const stored *qb = STORED(fetch_beside)(q, start, count, q_buffer, pb);
        vec sum = all(0), none = all((real)-HUGE_VAL);
        for (; i < count; i += LANES) {
            int whole = i + LANES <= count;
            vec a = whole ? fetch_lanes(pb + i) : STORED(fetch_some)(pb + i, count - i, none);
            vec b = whole ? fetch_lanes(qb + i) : STORED(fetch_some)(qb + i, count - i, none);
            vec term;
            if (kernel != KL_KERNEL_js_divergence)
                term = STORED(log_step)(a, b, &row, &by, formula, &holes);
            else if (!whole || !usual || !STORED(js_usual)(a, b, &row, &by, &term))
                term = STORED(js_careful)(a, b, &row, &by);
            sum = add(sum, whole ? term : keep(first_lanes(count - i), term));
        }
        kl_carry(&total, &lost, sum_of(sum));
    }
    *score = kl_not_negative((total + lost) / p_z);
    if (kernel == KL_KERNEL_js_divergence)
        *score = kl_within_mixture(*score, params->weight);
    else if (kl_has_floor(kernel) && any(less(all(0), holes)) && numbers)
        *score = HUGE_VAL;
    status |= kl_check_score(kernel, *score, n, params->eps, &K(RANGES));
    return status;
}

#define KL_LOG_ROW(kernel)                                                                         \
    static int STORED(kernel##_log_row)(const kl_source *p, const kl_source *q, ptrdiff_t n,       \
                                        const kl_params *params, double *score)                    \
    {                                                                                              \
        return STORED(log_row)(KL_KERNEL_##kernel, LANED(kernel##_log), p, q, n, params, score);   \
    }
KL_SWEEPING_LIST(KL_LOG_ROW)
#undef KL_LOG_ROW
