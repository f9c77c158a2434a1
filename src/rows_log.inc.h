/* The loops over log_probs and logits, for one STORAGE type.

   kl_divergence reads its rows once. For logits a and b and a common shift c near log(P/Q), with
   d = a - b - c, weights e**a, G = E_p[e**-d - 1 + d] and x = E_p[e**-d - 1]:

       KL = G + log(1 + x) - x,

   exact for every c; nothing cancels while x**2 is not large against G. Everything else, and rows
   with -inf, very unequal entries or a floor, takes two sweeps: the normalisers, then terms of
   normalised p and q. */

#ifndef KL_LOG_NORMALISER
#define KL_LOG_NORMALISER

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

KL_INLINE int kl_check_log_mass(const kl_source *row, const kl_log_sums *sums)
{
    double weight = sums->at_maximum + sums->others;
    if (!(weight > 0 && weight < HUGE_VAL && fabs(sums->maximum) < HUGE_VAL))
        return KL_SUSPECT;
    return row->tolerance < HUGE_VAL ? kl_check_mass(row, exp(sums->maximum) * weight) : KL_OK;
}

/* a - b = high + low exactly (Knuth). */
KL_INLINE double kl_difference(double a, double b, double *low)
{
    double high = a - b, b_virtual = a - high;
    *low = (a - (high + b_virtual)) + (b_virtual - b);
    return high;
}

/* Of the one-pass kernel: weights, and G and x of the head of this file times their sum. */
typedef struct {
    double weight, x, g;
    double weight_lost, x_lost, g_lost;
} kl_one_pass_sums;

/* Whether log(1 + x) - x takes no more than half of G. */
KL_INLINE int kl_one_pass_holds(const kl_one_pass_sums *sums)
{
    return -kl_log1p_less(sums->x / sums->weight) <= 0.5 * (sums->g / sums->weight);
}

/* The largest rise of a logit over the first block's maximum, and the largest -d, of the one-pass
   kernel: beyond, weights leave the normal range or miss mass that q has. */
static const double LARGEST_RISE_f64 = 60, LARGEST_RISE_f32 = 30;
static const double LEAST_D_f64 = -600, LEAST_D_f32 = -30;

#endif

KL_INLINE vec STORED(fetch_some)(const stored *x, ptrdiff_t count, vec rest)
{
    return count >= LANES ? fetch_lanes(x)
                          : select(first_lanes(count), STORED(fetch_first)(x, count), rest);
}

KL_INLINE double STORED(largest)(const stored *x, ptrdiff_t count)
{
    vec lowest = all((real)-HUGE_VAL), a = lowest, b = lowest;
    ptrdiff_t i = 0;
    for (; i + 2 * LANES <= count; i += 2 * LANES) {
        a = larger(fetch_lanes(x + i), a);
        b = larger(fetch_lanes(x + i + LANES), b);
    }
    for (; i < count; i += LANES)
        a = larger(STORED(fetch_some)(x + i, count - i, lowest), a);
    real lanes[LANES], result = (real)-HUGE_VAL;
    put(lanes, larger(a, b));
    for (int j = 0; j < LANES; j++)
        result = lanes[j] > result ? lanes[j] : result;
    return (double)result;
}

/* Normaliser and, if wanted, the gap: entropy is log Z + gap / Z. */
KL_INLINE void STORED(log_sums)(const kl_source *p, ptrdiff_t n, double temperature, int with_gap,
                                kl_log_sums *sums)
{
    stored buffer[ROW_BLOCK];
    vec inverse = all((real)(1 / temperature)), one = all(1);
    *sums = (kl_log_sums){-HUGE_VAL, 0, 0, 0};
    for (ptrdiff_t start = 0; start < n; start += ROW_BLOCK) {
        ptrdiff_t count = n - start < ROW_BLOCK ? n - start : ROW_BLOCK;
        const stored *block = STORED(fetch)(p, start, count, buffer);
        double maximum = STORED(largest)(block, count);
        if (maximum > sums->maximum) {
            double fall = (maximum - sums->maximum) / temperature, factor = exp(-fall);
            if (factor > 0) {
                sums->others = (sums->others + sums->at_maximum) * factor;
                sums->gap = sums->gap * factor + sums->others * fall;
            } else
                sums->others = sums->gap = 0;
            sums->at_maximum = 0;
            sums->maximum = maximum;
        }
        /* Nothing but -inf so far: any finite reference gives weights of 0. */
        vec top = all(sums->maximum > -HUGE_VAL ? (real)sums->maximum : 0);
        vec lowest = all((real)-HUGE_VAL);
        vec others = all(0), at_top = all(0), gap = all(0);
        for (ptrdiff_t i = 0; i < count; i += LANES) {
            vec a = STORED(fetch_some)(block + i, count - i, lowest);
            vec below = mul(sub(a, top), inverse);
            mask tops = equal(a, top);
            vec weight = LANED(exponential)(below);
            others = add(others, drop(tops, weight));
            at_top = add(at_top, keep(tops, one));
            if (with_gap)
                gap = fused_from(weight, larger(all(K(LEAST_EXP_ARGUMENT)), below), gap);
        }
        sums->others += sum_of(others);
        sums->at_maximum += sum_of(at_top);
        sums->gap += sum_of(gap);
    }
}

static void STORED(log_normaliser)(const kl_source *p, ptrdiff_t n, double temperature,
                                   double *result)
{
    kl_log_sums sums;
    STORED(log_sums)(p, n, temperature, 0, &sums);
    result[0] = sums.maximum;
    result[1] = sums.at_maximum;
    result[2] = sums.others;
}

/* a - b - c with one rounding, relative to itself. Log-probabilities are scored with c = 0, where
   the plain difference is that. */
KL_INLINE vec STORED(shifted_difference)(vec a, vec b, vec c, int exact)
{
    vec low;
    if (!exact)
        return sub(a, b);
    vec high = LANED(difference)(a, b, &low);
    return add(sub(high, c), low);
}

typedef struct {
    vec weight, x, g, least_d, largest_a;
} STORED(one_pass);

KL_INLINE void STORED(one_pass_step)(STORED(one_pass) *sums, vec a, vec b, vec top, vec c,
                                     vec inverse, int logits)
{
    vec d = STORED(shifted_difference)(a, b, c, logits);
    vec below = logits ? sub(a, top) : a;
    sums->largest_a = larger(sums->largest_a, below);
    if (logits) {
        d = mul(d, inverse);
        below = mul(below, inverse);
    }
    sums->least_d = smaller(sums->least_d, d);
    vec e, weight = LANED(exponential)(below);
    vec g = LANED(exp_terms)(sub(all(0), d), &e);
    sums->weight = add(sums->weight, weight);
    sums->x = fused(weight, e, sums->x);
    sums->g = fused(weight, g, sums->g);
}

/* Sums over the row, or over its first block where they already show that the shift is poor. */
KL_INLINE int STORED(one_pass_sweep)(const kl_source *p, const kl_source *q, ptrdiff_t n,
                                     double p_top, double shift, double temperature, int logits,
                                     kl_one_pass_sums *sums)
{
    stored p_buffer[ROW_BLOCK], q_buffer[ROW_BLOCK];
    vec top = all((real)p_top), c = all((real)shift), inverse = all((real)(1 / temperature));
    vec zero = all(0), least_d = zero, largest_a = zero;
    *sums = (kl_one_pass_sums){0};
    for (ptrdiff_t start = 0; start < n; start += ROW_BLOCK) {
        ptrdiff_t i = 0, count = n - start < ROW_BLOCK ? n - start : ROW_BLOCK;
        const stored *pb = STORED(fetch)(p, start, count, p_buffer);
        const stored *qb = STORED(fetch)(q, start, count, q_buffer);
        STORED(one_pass) s = {zero, zero, zero, least_d, largest_a}, t = s;
        for (; i + 2 * LANES <= count; i += 2 * LANES) {
            STORED(one_pass_step)(&s, fetch_lanes(pb + i), fetch_lanes(qb + i), top, c, inverse,
                                  logits);
            STORED(one_pass_step)(&t, fetch_lanes(pb + i + LANES), fetch_lanes(qb + i + LANES),
                                  top, c, inverse, logits);
        }
        for (; i < count; i += LANES) {
            /* Lanes past the end compute d near 0 and are left out of the sums. */
            ptrdiff_t left = count - i;
            STORED(one_pass) before = s;
            STORED(one_pass_step)(&s, STORED(fetch_some)(pb + i, left, top),
                                  STORED(fetch_some)(qb + i, left, sub(top, c)), top, c, inverse,
                                  logits);
            if (left < LANES) {
                mask inside = first_lanes(left);
                s.weight = select(inside, s.weight, before.weight);
                s.x = select(inside, s.x, before.x);
                s.g = select(inside, s.g, before.g);
            }
        }
        kl_carry(&sums->weight, &sums->weight_lost, sum_of(add(s.weight, t.weight)));
        kl_carry(&sums->x, &sums->x_lost, sum_of(add(s.x, t.x)));
        kl_carry(&sums->g, &sums->g_lost, sum_of(add(s.g, t.g)));
        least_d = smaller(s.least_d, t.least_d);
        largest_a = larger(s.largest_a, t.largest_a);
        if (any(less(least_d, all((real)K(LEAST_D))))
            || any(less(all((real)K(LARGEST_RISE)), largest_a)))
            return 0;
        if (start == 0 && n > ROW_BLOCK && !kl_one_pass_holds(sums))
            break;
    }
    sums->weight += sums->weight_lost;
    sums->x += sums->x_lost;
    sums->g += sums->g_lost;
    return sums->weight > 0 && sums->g < HUGE_VAL;
}

/* False when the row needs the two sweeps. The shift of logits is first guessed from the maxima of
   the first block, then, where the sums cancel, taken so that x vanishes. */
KL_INLINE int STORED(kl_one_pass)(const kl_source *p, const kl_source *q, ptrdiff_t n,
                                  double temperature, int logits, double *score, int *status)
{
    kl_one_pass_sums sums;
    double p_top = 0, shift = 0;
    if (logits) {
        stored buffer[ROW_BLOCK];
        ptrdiff_t count = n < ROW_BLOCK ? n : ROW_BLOCK;
        p_top = STORED(largest)(STORED(fetch)(p, 0, count, buffer), count);
        shift = p_top - STORED(largest)(STORED(fetch)(q, 0, count, buffer), count);
        shift = (double)(real)shift;
        if (!(fabs(p_top) < HUGE_VAL && fabs(shift) < HUGE_VAL))
            return 0;
    }
    for (int reading = 0;; reading++) {
        if (!STORED(one_pass_sweep)(p, q, n, p_top, shift, temperature, logits, &sums))
            return 0;
        if (kl_one_pass_holds(&sums))
            break;
        if (!logits || reading == 2)
            return 0;
        shift = (double)(real)(shift - log1p(sums.x / sums.weight) * temperature);
    }
    *score = kl_not_negative((sums.g / sums.weight) + kl_log1p_less(sums.x / sums.weight));
    *status = KL_OK;
    if (p->tolerance < HUGE_VAL)
        *status |= kl_check_mass(p, sums.weight * exp(p_top));
    if (q->tolerance < HUGE_VAL)
        *status |= kl_check_mass(q, (sums.weight + sums.x) * exp(p_top - shift));
    return 1;
}

typedef vec (*STORED(log_formula))(vec, vec, vec, vec, mask, const LANED(scales) *);

/* What the second sweep needs to know of both rows. */
typedef struct {
    vec p_top, q_top, c, c_low, inverse;
    vec q_to_p;            /* Z_p / Z_q */
    vec p_log_z, q_log_z, log_eps;
    int floored;
} STORED(log_scales);

KL_INLINE vec STORED(log_step)(vec a, vec b, const STORED(log_scales) *row,
                               const LANED(scales) *by, STORED(log_formula) formula, vec *holes)
{
    vec infinity = all((real)HUGE_VAL), low;
    mask p_zero = equal(a, sub(all(0), infinity)), q_zero = equal(b, sub(all(0), infinity));
    vec high = LANED(difference)(a, b, &low);
    vec d = mul(add(sub(high, row->c), sub(low, row->c_low)), row->inverse);
    d = select(p_zero, all(2), select(q_zero, infinity, d));
    vec p_below = mul(sub(a, row->p_top), row->inverse);
    vec q_below = mul(sub(b, row->q_top), row->inverse);
    vec p = LANED(exponential)(p_below), q = mul(LANED(exponential)(q_below), row->q_to_p);
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
    return formula(p, q, d, log_q, lifted, by);
}

KL_INLINE int STORED(log_row)(kl_kernel kernel, STORED(log_formula) formula, const kl_source *p,
                              const kl_source *q, ptrdiff_t n, const kl_params *params,
                              double *score)
{
    int status = KL_OK;
    double temperature = params->temperature;
    kl_log_sums ps, qs;
    if (kernel == KL_KERNEL_entropy) {
        STORED(log_sums)(p, n, temperature, 1, &ps);
        *score = kl_log_z(&ps) + ps.gap / (ps.at_maximum + ps.others);
        return kl_check_log_mass(p, &ps);
    }
    if (kernel == KL_KERNEL_kl_divergence && params->eps == 0) {
        if (p->form == KL_LOG_PROBS && q->form == KL_LOG_PROBS
                ? STORED(kl_one_pass)(p, q, n, 1, 0, score, &status)
                : STORED(kl_one_pass)(p, q, n, temperature, 1, score, &status))
            return status;
    }

    STORED(log_sums)(p, n, temperature, 0, &ps);
    STORED(log_sums)(q, n, temperature, 0, &qs);
    status = kl_check_log_mass(p, &ps) | kl_check_log_mass(q, &qs);
    double p_z = ps.at_maximum + ps.others, q_z = qs.at_maximum + qs.others;
    double p_log_z = kl_log_z(&ps), q_log_z = kl_log_z(&qs);
    /* The shift in two parts: to the last digit of d, however far the logits lie apart. */
    double low, high = kl_difference(ps.maximum, qs.maximum, &low);
    double more = (p_log_z - q_log_z) * temperature;
    real c = (real)(high + more);
    STORED(log_scales) row;
    row.p_top = all((real)ps.maximum);
    row.q_top = all((real)qs.maximum);
    row.c = all(c);
    row.c_low = all((real)(((high - (double)c) + more) + low));
    row.inverse = all((real)(1 / temperature));
    row.q_to_p = all((real)(p_z / q_z));
    row.p_log_z = all((real)p_log_z);
    row.q_log_z = all((real)q_log_z);
    row.floored = params->eps > 0;
    row.log_eps = all((real)log(row.floored ? params->eps : 1));
    LANED(scales) by = LANED(unscaled)(K(TINY), params->weight);

    stored p_buffer[ROW_BLOCK], q_buffer[ROW_BLOCK];
    double total = 0, lost = 0;
    vec holes = all(0);
    for (ptrdiff_t start = 0; start < n; start += ROW_BLOCK) {
        ptrdiff_t i = 0, count = n - start < ROW_BLOCK ? n - start : ROW_BLOCK;
        const stored *pb = STORED(fetch)(p, start, count, p_buffer);
        const stored *qb = STORED(fetch)(q, start, count, q_buffer);
        vec sum = all(0), last = all(0);
        for (; i + LANES <= count; i += LANES)
            sum = add(sum, STORED(log_step)(fetch_lanes(pb + i), fetch_lanes(qb + i), &row, &by,
                                            formula, &holes));
        if (i < count) {
            vec none = all((real)-HUGE_VAL);
            last = STORED(log_step)(STORED(fetch_some)(pb + i, count - i, none),
                                    STORED(fetch_some)(qb + i, count - i, none), &row, &by,
                                    formula, &holes);
            last = keep(first_lanes(count - i), last);
        }
        kl_carry(&total, &lost, sum_of(add(sum, last)));
    }
    *score = kl_not_negative((total + lost) / p_z);
    if (kernel == KL_KERNEL_js_divergence) {
        double w = params->weight, v = 1 - w;
        double limit = w > 0 && v > 0 ? -w * log(w) - v * log(v) : 0;
        *score = *score > limit ? limit : *score;
    } else if (any(less(all(0), holes)) && status == KL_OK)
        *score = HUGE_VAL;
    if (kernel != KL_KERNEL_cross_entropy && *score < K(RANGES).too_small && *score > 0)
        status |= KL_RETRY;
    return status;
}

#define KL_LOG_ROW(kernel)                                                                         \
    static int STORED(kernel##_log_row)(const kl_source *p, const kl_source *q, ptrdiff_t n,       \
                                        const kl_params *params, double *score)                    \
    {                                                                                              \
        return STORED(log_row)(KL_KERNEL_##kernel, LANED(kernel##_log), p, q, n, params, score);   \
    }
KL_KERNEL_LIST(KL_LOG_ROW)
#undef KL_LOG_ROW
