/* KL from log_probs and logits, the rows read once, for one STORAGE type. For logits a and b and a
   shift c near log(P/Q), with d = a - b - c, weights e**a, G = E_p[e**-d - 1 + d] and
   x = E_p[e**-d - 1]:

       KL = G + log(1 + x) - x,

   exact for every c; nothing cancels while x**2 is not large against G. Rows that hold -inf, or
   whose sums cancel all the same, are for the two sweeps of rows_log.inc.h. */

#ifndef KL_ONE_PASS
#define KL_ONE_PASS

/* Weights, and G and x times their sum. */
typedef struct {
    double weight, x, g;
    double weight_lost, x_lost, g_lost;
} kl_one_pass_sums;

/* Whether log(1 + x) - x takes no more than half of G. */
KL_INLINE int kl_one_pass_holds(const kl_one_pass_sums *sums)
{
    return -kl_log1p_less(sums->x / sums->weight) <= 0.5 * (sums->g / sums->weight);
}

/* Logits less than this from 0 are weighed as they are, without the rounding of a subtraction;
   twice this above the reference a weight is near overflow, and the row takes two sweeps. */
static const double NEAR_ZERO_f64 = 300, NEAR_ZERO_f32 = 30;
/* Below these d, exp(-d) carries the rounding of d too far: q is taken by itself. */
static const double FAR_f64 = -80, FAR_f32 = -14, FAR_TEMPERED_f64 = -40, FAR_TEMPERED_f32 = -6;

#endif

/* How log rows are given to the one-pass kernel: scored with no shift at all; as logits; as logits
   with a temperature. A constant wherever it is used. */
typedef enum { STORED(normalised), STORED(untempered), STORED(tempered) } STORED(log_kind);

typedef struct {
    vec top, c, far, inverse, inverse_low;
    vec q_top, q_top_low; /* top - c, to the last digit */
} STORED(one_pass_scales);

typedef struct {
    vec weight, x, g, largest_a; /* the latter of all a, and of those b that are weighed */
} STORED(one_pass);

/* Lanes where q is many times p: its weight by itself, not by way of p. */
KL_INLINE void STORED(one_pass_far)(STORED(one_pass) *sums, vec b, vec d, vec weight, mask far,
                                    const STORED(one_pass_scales) *row)
{
    vec below = sub(sub(b, row->q_top), row->q_top_low);
    sums->largest_a = larger(keep(far, below), sums->largest_a);
    below = smaller(below, all((real)(2 * K(NEAR_ZERO)))); /* beyond, the row is given up */
    vec q = LANED(weight)(below, all(0), row->inverse, row->inverse_low);
    vec surplus = sub(q, weight);
    vec cost = fused(weight, larger(all(-K(ROUNDER)), d), surplus);
    sums->x = add(sums->x, keep(far, surplus));
    sums->g = add(sums->g, keep(far, cost));
}

KL_INLINE void STORED(one_pass_step)(STORED(one_pass) *sums, vec a, vec b, mask inside,
                                     const STORED(one_pass_scales) *row, STORED(log_kind) kind)
{
    vec d, below = a, low;
    if (kind == STORED(normalised))
        d = sub(a, b);
    else {
        d = LANED(difference)(a, b, &low);
        d = add(sub(d, row->c), low);
        below = sub(a, row->top);
    }
    sums->largest_a = larger(sums->largest_a, below);
    vec weight;
    if (kind == STORED(tempered)) {
        d = mul(d, row->inverse);
        weight = LANED(weight)(a, row->top, row->inverse, row->inverse_low);
    } else
        weight = LANED(exponential)(below);
    weight = keep(inside, weight);
    mask far = less(d, row->far);
    if (KL_UNLIKELY(any(far))) {
        STORED(one_pass_far)(sums, b, d, weight, far, row);
        d = drop(far, d);
    }
    vec e, g = LANED(exp_terms)(sub(all(0), d), &e);
    sums->weight = add(sums->weight, weight);
    sums->x = fused(weight, e, sums->x);
    sums->g = fused(weight, g, sums->g);
}

/* Sums over the row, or over its first block where they already show that the shift is poor. */
KL_INLINE int STORED(one_pass_sweep)(const kl_source *p, const kl_source *q, ptrdiff_t n,
                                     double top, double shift, double temperature,
                                     STORED(log_kind) kind, kl_one_pass_sums *sums)
{
    stored p_buffer[ROW_BLOCK], q_buffer[ROW_BLOCK];
    real inverse = (real)(1 / temperature);
    double low, q_top = kl_difference(top, shift, &low);
    STORED(one_pass_scales) row = {
        all((real)top), all((real)shift),
        all((real)(kind == STORED(tempered) ? K(FAR_TEMPERED) : K(FAR))), all(inverse),
        all((real)(1 / temperature - (double)inverse)), all((real)q_top),
        all((real)((q_top - (double)(real)q_top) + low))};
    vec zero = all(0), largest_a = zero;
    mask inside = equal(zero, zero); /* every lane */
    *sums = (kl_one_pass_sums){0};
    for (ptrdiff_t start = 0; start < n; start += ROW_BLOCK) {
        ptrdiff_t i = 0, count = n - start < ROW_BLOCK ? n - start : ROW_BLOCK;
        const stored *pb = STORED(fetch)(p, start, count, p_buffer);
        const stored *qb = STORED(fetch)(q, start, count, q_buffer);
        STORED(one_pass) s = {zero, zero, zero, largest_a}, t = s;
        for (; i + 2 * LANES <= count; i += 2 * LANES) {
            STORED(one_pass_step)(&s, fetch_lanes(pb + i), fetch_lanes(qb + i), inside, &row,
                                  kind);
            STORED(one_pass_step)(&t, fetch_lanes(pb + i + LANES), fetch_lanes(qb + i + LANES),
                                  inside, &row, kind);
        }
        for (; i < count; i += LANES) {
            /* Lanes past the end see d near 0 and weigh nothing. */
            ptrdiff_t left = count - i;
            vec a = STORED(fetch_some)(pb + i, left, row.top);
            vec b = STORED(fetch_some)(qb + i, left, row.q_top);
            STORED(one_pass_step)(&s, a, b, left < LANES ? first_lanes(left) : inside, &row, kind);
        }
        kl_carry(&sums->weight, &sums->weight_lost, sum_of(add(s.weight, t.weight)));
        kl_carry(&sums->x, &sums->x_lost, sum_of(add(s.x, t.x)));
        kl_carry(&sums->g, &sums->g_lost, sum_of(add(s.g, t.g)));
        largest_a = larger(s.largest_a, t.largest_a);
        if (any(less(all((real)(2 * K(NEAR_ZERO))), largest_a)))
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
                                  double temperature, STORED(log_kind) kind, double *score,
                                  int *status)
{
    kl_one_pass_sums sums;
    double top = 0, shift = 0;
    if (kind != STORED(normalised)) {
        stored buffer[ROW_BLOCK];
        ptrdiff_t count = n < ROW_BLOCK ? n : ROW_BLOCK;
        top = STORED(largest)(STORED(fetch)(p, 0, count, buffer), count);
        shift = top - STORED(largest)(STORED(fetch)(q, 0, count, buffer), count);
        shift = (double)(real)shift;
        if (!(fabs(top) < K(LARGEST_LOGIT) && fabs(shift) < K(LARGEST_LOGIT)))
            return 0;
        if (kind == STORED(untempered) && fabs(top) < K(NEAR_ZERO))
            top = 0;
    }
    for (int reading = 0;; reading++) {
        if (!STORED(one_pass_sweep)(p, q, n, top, shift, temperature, kind, &sums))
            return 0;
        if (kl_one_pass_holds(&sums))
            break;
        if (kind == STORED(normalised) || reading == 2)
            return 0;
        shift = (double)(real)(shift - log1p(sums.x / sums.weight) * temperature);
    }
    *score = kl_not_negative((sums.g / sums.weight) + kl_log1p_less(sums.x / sums.weight));
    *status = KL_OK;
    if (p->form != KL_LOGITS)
        *status |= kl_check_mass(p, sums.weight * exp(top));
    if (q->form != KL_LOGITS)
        *status |= kl_check_mass(q, (sums.weight + sums.x) * exp(top - shift));
    return 1;
}
