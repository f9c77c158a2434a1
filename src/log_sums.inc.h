/* What one reading of log rows gives, for one STORAGE type: the normaliser, the entropy of a row
   and the cross-entropy of two. With T the temperature, weights w = e**((a - max a) / T),
   Z = sum w, and likewise v and b for q,

       entropy(p) = log Z_p + sum w (max a - a) / (T Z_p),
       cross_entropy(p, q) = log Z_q + sum w (max b - b) / (T Z_p).

   No sum holds a term below 0, so nothing cancels. A block of the row is read for its maxima, then
   from L1 for its weights; where a maximum rises, the sums so far fall by an exponential. */

#ifndef KL_LOG_SUMS
#define KL_LOG_SUMS

/* Temperatures whose inverse, and maxima whose difference the lanes hold. */
static const double COLDEST_f64 = 0x1p-900, COLDEST_f32 = 0x1p-60;
static const double LARGEST_LOGIT_f64 = 0x1p1000, LARGEST_LOGIT_f32 = 0x1p100;
static const double LOWEST_f64 = -0x1.fffffffffffffp1023;
static const float LOWEST_f32 = -0x1.fffffep127f;

/* The reference rises to `maximum`, and the other weights fall: by how much in the exponent. */
KL_INLINE double kl_raise(kl_log_sums *sums, double maximum, double temperature)
{
    double fall = (maximum - sums->maximum) / temperature;
    sums->others = (sums->others + sums->at_maximum) * exp(-fall);
    sums->at_maximum = 0;
    sums->maximum = maximum;
    return fall;
}

#endif

KL_INLINE vec STORED(fetch_some)(const stored *x, ptrdiff_t count, vec rest)
{
    return count >= LANES ? fetch_lanes(x)
                          : select(first_lanes(count), STORED(fetch_first)(x, count), rest);
}

/* The largest of a block, NaN left aside; and whether it holds an -inf. */
KL_INLINE double STORED(largest_and_holes)(const stored *x, ptrdiff_t count, int *holes)
{
    vec lowest = all((real)-HUGE_VAL), a = lowest, b = lowest, least = all(0);
    ptrdiff_t i = 0;
    for (; i + 2 * LANES <= count; i += 2 * LANES) {
        vec first = fetch_lanes(x + i), second = fetch_lanes(x + i + LANES);
        a = larger(first, a);
        b = larger(second, b);
        least = smaller(smaller(first, second), least);
    }
    for (; i < count; i += LANES) {
        a = larger(STORED(fetch_some)(x + i, count - i, lowest), a);
        least = smaller(STORED(fetch_some)(x + i, count - i, all(0)), least);
    }
    *holes = any(equal(least, lowest));
    return LANED(largest_lane)(larger(a, b));
}

KL_INLINE double STORED(largest)(const stored *x, ptrdiff_t count)
{
    int holes;
    return STORED(largest_and_holes)(x, count, &holes);
}

/* The reference of a row, and 1 / T in two parts. */
typedef struct {
    vec top, inverse, inverse_low;
    int tempered; /* a constant wherever it is used */
} STORED(log_scale);

/* Nothing but -inf so far: any finite reference gives weights of 0. */
KL_INLINE STORED(log_scale) STORED(log_scale_of)(double maximum, double temperature, int tempered)
{
    double inverse = 1 / temperature;
    return (STORED(log_scale)){all(maximum > -HUGE_VAL ? (real)maximum : 0), all((real)inverse),
                               all((real)(inverse - (double)(real)inverse)), tempered};
}

/* (a - top) / T, and its exponential. */
KL_INLINE vec STORED(log_below)(vec a, const STORED(log_scale) *row)
{
    vec below = sub(a, row->top);
    return row->tempered ? mul(below, row->inverse) : below;
}

KL_INLINE vec STORED(log_weight)(vec a, const STORED(log_scale) *row)
{
    return row->tempered ? LANED(weight)(a, row->top, row->inverse, row->inverse_low)
                         : LANED(exponential)(sub(a, row->top));
}

/* Lanes of one block: of the row with the normaliser its weights, those at the maximum apart where
   there are any; the weights of p, which is that row or the other, and their gaps. */
typedef struct {
    vec others, at_top, p_weight, gap, holes;
} STORED(log_lanes);

/* The row's own weights and, if wanted, the sum of weight (max a - a) / T. */
KL_INLINE void STORED(log_single)(STORED(log_lanes) *sums, vec a, const STORED(log_scale) *row,
                                  int with_gap, int at_top)
{
    vec weight = STORED(log_weight)(a, row);
    if (with_gap)
        sums->gap = fused_from(
            weight, larger(all(K(LEAST_EXP_ARGUMENT)), STORED(log_below)(a, row)), sums->gap);
    if (at_top) {
        mask tops = equal(a, row->top);
        sums->at_top = add(sums->at_top, keep(tops, all(1)));
        weight = drop(tops, weight);
    }
    sums->others = add(sums->others, weight);
}

/* The same of q, and the weights of p with their gaps in q. */
KL_INLINE void STORED(log_pair)(STORED(log_lanes) *sums, vec a, vec b, const STORED(log_scale) *p,
                                const STORED(log_scale) *q, int at_top)
{
    vec weight = STORED(log_weight)(a, p), below = STORED(log_below)(b, q);
    if (at_top) { /* or -inf in q, which matters where p is not 0 */
        mask p_zero = equal(a, all((real)-HUGE_VAL)), q_zero = equal(b, all((real)-HUGE_VAL));
        sums->holes = larger(sums->holes, drop(p_zero, keep(q_zero, all(1))));
        below = larger(all(K(LOWEST)), below);
    }
    sums->p_weight = add(sums->p_weight, weight);
    sums->gap = fused_from(weight, below, sums->gap);
    STORED(log_single)(sums, b, q, 0, at_top);
}

KL_INLINE void STORED(log_single_block)(STORED(log_lanes) *sums, const stored *block,
                                        ptrdiff_t count, const STORED(log_scale) *row, int with_gap,
                                        int at_top)
{
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES)
        STORED(log_single)(sums, fetch_lanes(block + i), row, with_gap, at_top);
    if (i < count)
        STORED(log_single)(sums, STORED(fetch_some)(block + i, count - i, all((real)-HUGE_VAL)),
                           row, with_gap, at_top);
}

KL_INLINE void STORED(log_pair_block)(STORED(log_lanes) *sums, const stored *pb, const stored *qb,
                                      ptrdiff_t count, const STORED(log_scale) *p,
                                      const STORED(log_scale) *q, int at_top)
{
    vec none = all((real)-HUGE_VAL);
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES)
        STORED(log_pair)(sums, fetch_lanes(pb + i), fetch_lanes(qb + i), p, q, at_top);
    if (i < count)
        STORED(log_pair)(sums, STORED(fetch_some)(pb + i, count - i, none),
                         STORED(fetch_some)(qb + i, count - i, none), p, q, 1);
}

/* Normaliser and, if wanted, the gap: entropy is log Z + gap / Z. */
KL_INLINE void STORED(log_sums_of)(const kl_source *p, ptrdiff_t n, double temperature,
                                   int tempered, int with_gap, kl_log_sums *sums)
{
    stored buffer[ROW_BLOCK];
    vec zero = all(0);
    *sums = (kl_log_sums){-HUGE_VAL, 0, 0, 0};
    for (ptrdiff_t start = 0; start < n; start += ROW_BLOCK) {
        ptrdiff_t count = n - start < ROW_BLOCK ? n - start : ROW_BLOCK;
        const stored *block = STORED(fetch)(p, start, count, buffer);
        double maximum = STORED(largest)(block, count);
        if (maximum > sums->maximum) {
            double fall = kl_raise(sums, maximum, temperature), factor = exp(-fall);
            if (factor > 0)
                sums->gap = sums->gap * factor + sums->others * fall;
            else /* times 0, for a NaN to stay */
                sums->gap = sums->others;
        }
        STORED(log_scale) row = STORED(log_scale_of)(sums->maximum, temperature, tempered);
        STORED(log_lanes) lanes = {zero, zero, zero, zero, zero};
        if (maximum == sums->maximum)
            STORED(log_single_block)(&lanes, block, count, &row, with_gap, 1);
        else
            STORED(log_single_block)(&lanes, block, count, &row, with_gap, 0);
        sums->others += sum_of(lanes.others);
        sums->at_maximum += sum_of(lanes.at_top);
        sums->gap += sum_of(lanes.gap);
    }
}

KL_INLINE void STORED(log_sums)(const kl_source *p, ptrdiff_t n, double temperature, int with_gap,
                                kl_log_sums *sums)
{
    if (temperature == 1)
        STORED(log_sums_of)(p, n, 1, 0, with_gap, sums);
    else
        STORED(log_sums_of)(p, n, temperature, 1, with_gap, sums);
}

/* Without the gap. */
KL_APART void STORED(log_weights)(const kl_source *p, ptrdiff_t n, double temperature,
                                  kl_log_sums *sums)
{
    STORED(log_sums)(p, n, temperature, 0, sums);
}

static void STORED(log_normaliser)(const kl_source *p, ptrdiff_t n, double temperature,
                                   double *result)
{
    kl_log_sums sums;
    STORED(log_weights)(p, n, temperature, &sums);
    result[0] = sums.maximum;
    result[1] = sums.at_maximum;
    result[2] = sums.others;
}

/* Both normalisers, and in the gap of p the sum of w (max b - b) / T. True where q = 0 < p. */
KL_INLINE int STORED(log_cross_sums_of)(const kl_source *p, const kl_source *q, ptrdiff_t n,
                                        double temperature, int tempered, kl_log_sums *ps,
                                        kl_log_sums *qs)
{
    stored p_buffer[ROW_BLOCK], q_buffer[ROW_BLOCK];
    vec zero = all(0), holes = zero;
    *ps = *qs = (kl_log_sums){-HUGE_VAL, 0, 0, 0};
    for (ptrdiff_t start = 0; start < n; start += ROW_BLOCK) {
        ptrdiff_t count = n - start < ROW_BLOCK ? n - start : ROW_BLOCK;
        const stored *pb = STORED(fetch)(p, start, count, p_buffer);
        const stored *qb = STORED(fetch_beside)(q, start, count, q_buffer, pb);
        int block_holes;
        double p_maximum = STORED(largest)(pb, count);
        double q_maximum = STORED(largest_and_holes)(qb, count, &block_holes);
        if (p_maximum > ps->maximum)
            ps->gap *= exp(-kl_raise(ps, p_maximum, temperature));
        if (q_maximum > qs->maximum) {
            double fall = kl_raise(qs, q_maximum, temperature);
            if (ps->others != 0) /* a NaN also */
                ps->gap += ps->others * fall;
        }
        STORED(log_scale) p_row = STORED(log_scale_of)(ps->maximum, temperature, tempered);
        STORED(log_scale) q_row = STORED(log_scale_of)(qs->maximum, temperature, tempered);
        STORED(log_lanes) lanes = {zero, zero, zero, zero, holes};
        if (q_maximum == qs->maximum || block_holes)
            STORED(log_pair_block)(&lanes, pb, qb, count, &p_row, &q_row, 1);
        else
            STORED(log_pair_block)(&lanes, pb, qb, count, &p_row, &q_row, 0);
        ps->others += sum_of(lanes.p_weight);
        ps->gap += sum_of(lanes.gap);
        qs->others += sum_of(lanes.others);
        qs->at_maximum += sum_of(lanes.at_top);
        holes = lanes.holes;
    }
    return any(less(zero, holes));
}

KL_INLINE int STORED(log_cross_sums)(const kl_source *p, const kl_source *q, ptrdiff_t n,
                                     double temperature, kl_log_sums *ps, kl_log_sums *qs)
{
    return temperature == 1 ? STORED(log_cross_sums_of)(p, q, n, 1, 0, ps, qs)
                            : STORED(log_cross_sums_of)(p, q, n, temperature, 1, ps, qs);
}
