/* KL from log_probs and logits, the rows read once, for one STORAGE type. For logits a and b, a
   reference `top` near the largest a and a shift c near log(P/Q), with weights w = e**(a - top),
   y = b - a + c = log(q/p) but for a constant, and means over p

       G = sum w (e**y - 1 - y) / sum w,    Y = sum w y / sum w,    x = G + Y,

       KL = G + log(1 + x) - x,

   exact for every c; nothing cancels while x**2 is not large against G. For rows near
   normalised, which all log_probs and most logits are, c = 0 serves and y is one subtraction. Rows
   where q = 0 < p, or whose sums cancel all the same, are for the two sweeps of rows_log.inc.h. */

#ifndef KL_ONE_PASS
#define KL_ONE_PASS

/* Weights, and their sums with y and e**y - 1 - y. */
typedef struct {
    double weight, y, g;
    double weight_lost, y_lost, g_lost;
} kl_one_pass_sums;

KL_INLINE double kl_one_pass_x(const kl_one_pass_sums *sums)
{
    return (sums->g + sums->y) / sums->weight;
}

/* Whether log(1 + x) - x takes no more than half of G, nor multiplies the error of x, which is that
   of G and Y, by more than 1. */
KL_INLINE int kl_one_pass_holds(const kl_one_pass_sums *sums)
{
    double x = kl_one_pass_x(sums);
    return x >= -0.5 && -kl_log1p_less(x) <= 0.5 * (sums->g / sums->weight);
}

/* Logits less than this from 0 are weighed as they are, without the rounding of a subtraction;
   twice this above the reference a weight is near overflow, and the row takes two sweeps. */
static const double NEAR_ZERO_f64 = 300, NEAR_ZERO_f32 = 30;
/* The straight line takes exponents in a range whose bits one test can check, from the lowest one
   of the weights and up to FAR for e**y: beyond, the rounding of y is carried too far, and q is
   taken by itself. With a temperature y carries more of it. */
static const double LIGHTEST_f64 = -580, LIGHTEST_f32 = -84;
static const double FAR_f64 = 91, FAR_f32 = 22, FAR_TEMPERED_f64 = 57, FAR_TEMPERED_f32 = 8;

#endif

/* How log rows are given to the one-pass kernel: scored with no shift at all; as logits; as logits
   with a temperature. A constant wherever it is used. */
typedef enum { STORED(plain), STORED(shifted), STORED(tempered) } STORED(log_kind);

typedef struct {
    vec top, c, inverse, inverse_low;
    vec q_top, q_top_low; /* top - c, to the last digit */
    vec far;              /* the largest exponent of e**y */
    vec lightest, lowest; /* the least exponents of w and e**y, as their reductions give them */
} STORED(one_pass_scales);

typedef struct {
    vec weight, y, g, largest; /* the latter of all a and b that are not taken by the usual way */
} STORED(one_pass);

/* y, and a less its reference. */
KL_INLINE vec STORED(one_pass_ratio)(vec a, vec b, const STORED(one_pass_scales) *row,
                                     STORED(log_kind) kind, vec *below)
{
    *below = a;
    if (kind == STORED(plain))
        return sub(b, a);
    vec low, y = LANED(difference)(b, a, &low);
    y = add(add(y, row->c), low);
    *below = sub(a, row->top);
    return kind == STORED(tempered) ? mul(y, row->inverse) : y;
}

/* Any lanes, with their limits looked after: weights that underflow, q many times p, p = 0. */
KL_RARE STORED(one_pass) STORED(one_pass_careful)(STORED(one_pass) sums, vec a, vec b, mask inside,
                                                  const STORED(one_pass_scales) *row,
                                                  STORED(log_kind) kind)
{
    vec infinity = all((real)HUGE_VAL), zero = all(0), below;
    vec y = STORED(one_pass_ratio)(a, b, row, kind, &below);
    mask p_zero = equal(a, sub(zero, infinity)), q_zero = equal(b, sub(zero, infinity));
    y = select(p_zero, select(q_zero, zero, infinity), select(q_zero, sub(zero, infinity), y));
    sums.largest = larger(sums.largest, below);
    vec weight = kind == STORED(tempered)
                     ? LANED(weight)(a, row->top, row->inverse, row->inverse_low)
                     : LANED(exponential)(below);
    weight = keep(inside, weight);

    /* Where q is many times p: by itself, not by way of p. */
    mask far = less(mul(row->far, all(K(LN2))), y);
    vec q_below = sub(sub(b, row->q_top), row->q_top_low);
    sums.largest = larger(sums.largest, keep(far, q_below));
    q_below = smaller(q_below, all((real)(2 * K(NEAR_ZERO)))); /* beyond, the row is given up */
    vec q = keep(inside, LANED(weight)(q_below, zero, row->inverse, row->inverse_low));
    vec far_cost = fused_from(weight, smaller(all(K(ROUNDER)), y), sub(q, weight));

    /* For very negative y, exp(y) - 1 - y is -1 - y. */
    vec near_y = larger(all(K(LEAST_EXP_ARGUMENT)), drop(far, y));
    vec cost = LANED(expm1_less)(LANED(reduce)(near_y, K(BIASED)));
    cost = mul(weight, add(cost, sub(near_y, drop(far, y))));
    sums.weight = add(sums.weight, weight);
    sums.g = add(sums.g, select(far, far_cost, cost));
    sums.y = fused(weight, smaller(all(K(ROUNDER)), y), sums.y);
    return sums;
}

/* A vector of outcomes half-way, and by how much its exponents exceed the lowest. */
typedef struct {
    vec a, y;
    LANED(reduced) log_weight, log_ratio;
    exponent steps;
} STORED(one_pass_begun);

KL_INLINE STORED(one_pass_begun) STORED(begin_one_pass)(const stored *p, const stored *q,
                                                        const STORED(one_pass_scales) *row,
                                                        STORED(log_kind) kind)
{
    STORED(one_pass_begun) it;
    vec below;
    it.a = fetch_lanes(p);
    it.y = STORED(one_pass_ratio)(it.a, fetch_lanes(q), row, kind, &below);
    if (kind == STORED(tempered))
        below = mul(below, row->inverse);
    it.log_weight = LANED(reduce)(below, K(ROUNDER));
    it.log_ratio = LANED(reduce)(it.y, K(BIASED));
    it.steps = either_steps(steps_above(it.log_weight.t, row->lightest),
                            steps_above(it.log_ratio.t, row->lowest));
    return it;
}

KL_INLINE void STORED(end_one_pass)(STORED(one_pass) *sums, STORED(one_pass_begun) it,
                                    const STORED(one_pass_scales) *row, STORED(log_kind) kind)
{
    vec weight = kind == STORED(tempered)
                     ? LANED(weight)(it.a, row->top, row->inverse, row->inverse_low)
                     : LANED(exp_normal)(it.log_weight);
    sums->weight = add(sums->weight, weight);
    sums->y = fused(weight, it.y, sums->y);
    sums->g = fused(weight, LANED(expm1_less)(it.log_ratio), sums->g);
}

/* The straight line, as far as no lane is rare; returns where it stopped. Loops of their own, for
   the sums to stay in registers. */
KL_INLINE ptrdiff_t STORED(one_pass_usual)(STORED(one_pass) *sums, const stored *pb,
                                           const stored *qb, ptrdiff_t i, ptrdiff_t count,
                                           const STORED(one_pass_scales) *row,
                                           STORED(log_kind) kind)
{
#define KL_BEGUN(at) STORED(begin_one_pass)(pb + (at), qb + (at), row, kind)
    for (; i + 2 * LANES <= count; i += 2 * LANES) {
        for (size_t line = 0; line < 2 * LANES * sizeof(stored); line += 64) {
            KL_PREFETCH((const char *)(pb + i) + KL_AHEAD + line);
            KL_PREFETCH((const char *)(qb + i) + KL_AHEAD + line);
        }
        STORED(one_pass_begun) first = KL_BEGUN(i), second = KL_BEGUN(i + LANES);
        if (KL_UNLIKELY(any_beyond(either_steps(first.steps, second.steps), K(EXPONENTS)))) {
            if (any_beyond(first.steps, K(EXPONENTS)))
                return i;
            STORED(end_one_pass)(sums, first, row, kind);
            return i + LANES;
        }
        STORED(end_one_pass)(sums, first, row, kind);
        STORED(end_one_pass)(sums, second, row, kind);
    }
    if (i + LANES <= count) {
        STORED(one_pass_begun) it = KL_BEGUN(i);
        if (!any_beyond(it.steps, K(EXPONENTS))) {
            STORED(end_one_pass)(sums, it, row, kind);
            i += LANES;
        }
    }
#undef KL_BEGUN
    return i;
}

/* Sums over the row, or over its first block where they already show that the shift is poor. */
KL_INLINE int STORED(one_pass_sweep)(const kl_source *p, const kl_source *q, ptrdiff_t n,
                                     double top, double shift, double temperature,
                                     STORED(log_kind) kind, kl_one_pass_sums *sums)
{
    stored p_buffer[ROW_BLOCK], q_buffer[ROW_BLOCK];
    real inverse = (real)(1 / temperature);
    double low, q_top = kl_difference(top, shift, &low);
    double far = kind == STORED(tempered) ? K(FAR_TEMPERED) : K(FAR);
    STORED(one_pass_scales) row = {
        all((real)top), all((real)shift), all(inverse),
        all((real)(1 / temperature - (double)inverse)), all((real)q_top),
        all((real)((q_top - (double)(real)q_top) + low)), all((real)far),
        all((real)(K(ROUNDER) + K(LIGHTEST))), all((real)(K(BIASED) + far - (K(EXPONENTS) - 1)))};
    vec zero = all(0), largest = zero;
    mask every = equal(zero, zero);
    *sums = (kl_one_pass_sums){0};
    for (ptrdiff_t start = 0; start < n; start += ROW_BLOCK) {
        ptrdiff_t i = 0, count = n - start < ROW_BLOCK ? n - start : ROW_BLOCK;
        const stored *pb = STORED(fetch)(p, start, count, p_buffer);
        const stored *qb = STORED(fetch_beside)(q, start, count, q_buffer, pb);
        STORED(one_pass) s = {zero, zero, zero, largest};
        for (;; i += LANES) {
            i = STORED(one_pass_usual)(&s, pb, qb, i, count, &row, kind);
            ptrdiff_t left = count - i;
            if (left <= 0)
                break;
            /* Lanes past the end see y near 0 and weigh nothing. */
            vec a = STORED(fetch_some)(pb + i, left, row.top);
            vec b = STORED(fetch_some)(qb + i, left, row.q_top);
            mask inside = left < LANES ? first_lanes(left) : every;
            s = STORED(one_pass_careful)(s, a, b, inside, &row, kind);
        }
        kl_carry(&sums->weight, &sums->weight_lost, sum_of(s.weight));
        kl_carry(&sums->y, &sums->y_lost, sum_of(s.y));
        kl_carry(&sums->g, &sums->g_lost, sum_of(s.g));
        largest = s.largest;
        if (any(less(all((real)(2 * K(NEAR_ZERO))), largest)))
            return 0;
        if (start == 0 && n > ROW_BLOCK && !kl_one_pass_holds(sums))
            break;
    }
    sums->weight += sums->weight_lost;
    sums->y += sums->y_lost;
    sums->g += sums->g_lost;
    return sums->weight > 0 && sums->g < HUGE_VAL;
}

/* The largest of the first block, from which references are guessed; 0 if that is all -inf. */
KL_INLINE double STORED(first_largest)(const kl_source *row, ptrdiff_t n)
{
    stored buffer[ROW_BLOCK];
    ptrdiff_t count = n < ROW_BLOCK ? n : ROW_BLOCK;
    double largest = STORED(largest)(STORED(fetch)(row, 0, count, buffer), count);
    return largest == -HUGE_VAL ? 0 : largest;
}

/* False when the row needs the two sweeps. Rows near normalised are first scored with no shift,
   others with one guessed from the maxima of the first block; where the sums cancel, the row is
   read again with the shift that makes x vanish, or the guess where x does not tell it. */
KL_INLINE int STORED(kl_one_pass)(const kl_source *p, const kl_source *q, ptrdiff_t n,
                                  double temperature, double *score, int *status)
{
    kl_one_pass_sums sums;
    double top = 0, shift = 0, guess = 0;
    int normalised = p->form == KL_LOG_PROBS && q->form == KL_LOG_PROBS;
    if (!normalised) {
        top = STORED(first_largest)(p, n);
        double q_top = STORED(first_largest)(q, n);
        shift = guess = (double)(real)(top - q_top);
        if (!(fabs(top) < K(LARGEST_LOGIT) && fabs(guess) < K(LARGEST_LOGIT)))
            return 0;
        if (temperature == 1 && fabs(top) < K(NEAR_ZERO)) {
            top = 0;
            shift = fabs(q_top) < K(NEAR_ZERO) ? 0 : guess;
        }
    }
    for (int reading = 0;; reading++) {
        int read;
        if (temperature != 1)
            read = STORED(one_pass_sweep)(p, q, n, top, shift, temperature, STORED(tempered),
                                          &sums);
        else if (top != 0 || shift != 0)
            read = STORED(one_pass_sweep)(p, q, n, top, shift, 1, STORED(shifted), &sums);
        else
            read = STORED(one_pass_sweep)(p, q, n, 0, 0, 1, STORED(plain), &sums);
        if (!read)
            return 0;
        if (kl_one_pass_holds(&sums))
            break;
        if (reading == 2)
            return 0;
        double x = kl_one_pass_x(&sums);
        shift = x > -0.9 ? (double)(real)(shift - log1p(x) * temperature) : guess;
    }
    double x = kl_one_pass_x(&sums);
    *score = kl_not_negative((sums.g / sums.weight) + kl_log1p_less(x));
    *status = KL_OK;
    if (p->form != KL_LOGITS)
        *status |= kl_check_mass(p, sums.weight * exp(top));
    if (q->form != KL_LOGITS)
        *status |= kl_check_mass(q, sums.weight * (1 + x) * exp(top - shift));
    return 1;
}
