/* The family of divergences beside KL, for LANE: what one vector of outcomes gives to two sums.

   Every one is a sum of h(p, q) with h(t p, t q) = t h(p, q), so p and q need not be of mass 1 but of
   equal masses. All terms of the first sum are >= 0. Each formula stands three times: for probs and
   counts, in halves about its quotient, from p, q and a = p - q, which is known better than by
   subtraction; for log forms from p alone and y = log(q/p), as p h(1, exp y), where y is neither large
   nor far below; and for any lanes of log forms from p, q and y, NO_P or NO_Q. */

#ifndef KL_FAMILY_TERMS
#define KL_FAMILY_TERMS

/* Where exp(x) is near the end of the range. What y is where p = 0, and where q = 0 < p. */
static const double MOST_EXP_ARGUMENT_f64 = 700, NO_P_f64 = HUGE_VAL, NO_Q_f64 = -HUGE_VAL;
static const float MOST_EXP_ARGUMENT_f32 = 85, NO_P_f32 = (float)HUGE_VAL, NO_Q_f32 = -(float)HUGE_VAL;

#endif

typedef struct {
    vec score, other;
} LANED(family_terms);

/* Constants of a row. */
typedef struct {
    vec p_scale, q_scale, c, c_low; /* p p_scale and c q q_scale are of one mass */
    vec mass, log_mass, headroom;   /* that mass; its logarithm is both of these together */
    vec peak;                       /* three quarters of it */
    vec beta, inverse_beta, alpha;  /* beta = 1 - alpha */
    vec beta_sign, most_y;          /* times y: no more than this, for exp(beta y) */
} LANED(family_scales);

KL_INLINE vec LANED(magnitude)(vec x)
{
    return larger(x, sub(all(0), x));
}

/* Infinite where p exp(x) overflows, or p has vanished although p exp(x) need not: of a q below p, as
   elsewhere it is below q. */
KL_INLINE vec LANED(unless_beyond)(vec p, vec y, vec x, vec term)
{
    x = keep(less(y, all(0)), x);
    vec infinity = all((real)HUGE_VAL);
    term = select(less(all(K(MOST_EXP_ARGUMENT)), x), infinity, term);
    return select(less(all(20), keep(equal(p, all(0)), x)), infinity, term);
}

/* |p - q|. */
KL_INLINE LANED(begun) LANED(begin_total_variation)(vec p, vec q, vec a,
                                                    const LANED(family_scales) *by)
{
    (void)p, (void)q, (void)by;
    return (LANED(begun)){.rest = a};
}

KL_INLINE LANED(family_terms) LANED(end_total_variation)(LANED(begun) it,
                                                         const LANED(family_scales) *by)
{
    (void)by;
    return (LANED(family_terms)){LANED(magnitude)(it.rest), all(0)};
}

/* exp(x) - 1, exp(x) - 1 - x and exp(x), each of full relative accuracy, for an x that is not large. */
typedef struct {
    vec less_1, bend, whole;
} LANED(exponentials);

KL_INLINE LANED(exponentials) LANED(exponentials_from)(LANED(reduced) r)
{
    vec power = power_of_two_in(r.t), power_less_1 = sub(power, all(1));
    vec bend = LANED(exp_bend)(r);
    vec step = fused_from(r.k, all(K(LN2)), power_less_1);
    return (LANED(exponentials)){
        add(fused(power, bend, fused(power_less_1, r.r, power_less_1)), r.r),
        fused(power, bend, fused(power_less_1, r.r, step)),
        fused(power, add(bend, r.r), power)};
}

KL_INLINE LANED(exponentials) LANED(exponentials_of)(vec x)
{
    return LANED(exponentials_from)(LANED(reduce)(x, K(BIASED)));
}

KL_INLINE vec LANED(within)(vec x, real low, real high)
{
    return smaller(all(high), larger(all(low), x));
}

KL_INLINE LANED(family_terms) LANED(total_variation_usual)(vec p, vec y, LANED(reduced) r,
                                                           const LANED(family_scales) *by)
{
    (void)y, (void)by;
    return (LANED(family_terms)){
        mul(p, LANED(magnitude)(LANED(exponentials_from)(r).less_1)), all(0)};
}

KL_INLINE LANED(family_terms) LANED(total_variation_log)(vec p, vec q, vec y,
                                                         const LANED(family_scales) *by)
{
    (void)by;
    vec near_term = mul(p, LANED(exponentials_of)(LANED(within)(y, -1, 1)).less_1);
    mask near_one = less(LANED(magnitude)(y), all(1));
    return (LANED(family_terms)){LANED(magnitude)(select(near_one, near_term, sub(p, q))), all(0)};
}

/* (sqrt p - sqrt q)**2 = a**2 / (p + q + 2 g), and g = sqrt(p q). */
KL_INLINE LANED(begun) LANED(begin_affinity)(vec p, vec q, vec a, const LANED(family_scales) *by)
{
    (void)by;
    vec g = root(mul(p, q)), sum = fused(all(2), g, add(p, q));
    return (LANED(begun)){.s = quotient(a, at_least(all(K(TINY)), sum)), .rest = a, .sum = g};
}

KL_INLINE LANED(family_terms) LANED(end_affinity)(LANED(begun) it, const LANED(family_scales) *by)
{
    (void)by;
    return (LANED(family_terms)){mul(it.rest, it.s), it.sum};
}

/* p (exp(y/2) - 1)**2 and p exp(y/2). */
KL_INLINE LANED(family_terms) LANED(affinity_usual)(vec p, vec y, LANED(reduced) r,
                                                    const LANED(family_scales) *by)
{
    (void)r, (void)by;
    LANED(exponentials) e = LANED(exponentials_of)(mul(all((real)0.5), y));
    return (LANED(family_terms)){mul(mul(p, e.less_1), e.less_1), mul(p, e.whole)};
}

/* The same from the larger of p and q, m, and the other's root relative to it: g = m exp(-|y|/2), and
   m (exp(-|y|/2) - 1)**2 near equality, p + q - 2 g elsewhere. */
KL_INLINE LANED(family_terms) LANED(affinity_log)(vec p, vec q, vec y,
                                                  const LANED(family_scales) *by)
{
    (void)by;
    vec half = larger(all(K(LEAST_EXP_ARGUMENT)), mul(all((real)-0.5), LANED(magnitude)(y)));
    LANED(exponentials) e = LANED(exponentials_of)(half);
    vec m = larger(p, q), g = mul(m, e.whole), near_term = mul(mul(m, e.less_1), e.less_1);
    vec far_term = fused_from(all(2), g, add(p, q));
    return (LANED(family_terms)){
        select(less(LANED(magnitude)(y), all(2)), near_term, far_term), g};
}

/* (p - q)**2 / q. */
KL_INLINE LANED(begun) LANED(begin_chi2_divergence)(vec p, vec q, vec a,
                                                    const LANED(family_scales) *by)
{
    (void)by;
    return (LANED(begun)){.p = p, .q = q, .s = quotient(a, q), .rest = a};
}

KL_INLINE LANED(family_terms) LANED(end_chi2_divergence)(LANED(begun) it,
                                                         const LANED(family_scales) *by)
{
    (void)by;
    vec term = mul(it.rest, it.s);
    return (LANED(family_terms)){select(equal(it.p, all(0)), it.q, term), all(0)};
}

/* p (exp(y) - 1)**2 / exp(y). */
KL_INLINE LANED(family_terms) LANED(chi2_divergence_usual)(vec p, vec y, LANED(reduced) r,
                                                           const LANED(family_scales) *by)
{
    (void)y, (void)by;
    LANED(exponentials) e = LANED(exponentials_from)(r);
    return (LANED(family_terms)){mul(mul(p, e.less_1), quotient(e.less_1, e.whole)), all(0)};
}

/* The same near equality, and p (exp(-y) - 2) + q elsewhere. */
KL_INLINE LANED(family_terms) LANED(chi2_divergence_log)(vec p, vec q, vec y,
                                                         const LANED(family_scales) *by)
{
    (void)by;
    vec minus_y = sub(all(0), y);
    LANED(exponentials) e = LANED(exponentials_of)(LANED(within)(y, -1, 1));
    vec near_term = mul(mul(p, e.less_1), quotient(e.less_1, e.whole));
    vec inverse = LANED(exponential)(smaller(all(K(MOST_EXP_ARGUMENT)), minus_y));
    vec far_term = LANED(unless_beyond)(p, y, minus_y, fused(p, sub(inverse, all(2)), q));
    return (LANED(family_terms)){select(less(LANED(magnitude)(y), all(1)), near_term, far_term),
                                 all(0)};
}

/* The divergence of order alpha >= 1/2, with beta = 1 - alpha, y = log(q/p), E(x) = exp(x) - 1 and
   F(x) = exp(x) - 1 - x:

       (alpha p + beta q - p**alpha q**beta) / beta  =  p (F(y) - F(beta y) / beta)
                                                     =  p (E(y) - E(beta y) / beta),

   the former near equality, where neither part is much larger than the term; the latter elsewhere.
   And p**alpha q**beta = p exp(beta y) itself. Overflow, and q = 0 < p where alpha > 1, are infinite;
   p = 0 gives q and 0. */
KL_INLINE LANED(family_terms) LANED(power_divergence_usual)(vec p, vec y, LANED(reduced) r,
                                                            const LANED(family_scales) *by)
{
    LANED(exponentials) e = LANED(exponentials_from)(r);
    LANED(exponentials) f = LANED(exponentials_of)(mul(by->beta, y));
    mask near_one = less(LANED(magnitude)(y), all(2));
    vec of_y = select(near_one, e.bend, e.less_1), of_x = select(near_one, f.bend, f.less_1);
    return (LANED(family_terms)){mul(p, fused_from(of_x, by->inverse_beta, of_y)),
                                 mul(p, f.whole)};
}

KL_INLINE LANED(family_terms) LANED(power_divergence_log)(vec p, vec q, vec y,
                                                          const LANED(family_scales) *by)
{
    vec x = mul(by->beta, y);
    LANED(exponentials) e =
        LANED(exponentials_of)(LANED(within)(x, K(LEAST_EXP_ARGUMENT), K(MOST_EXP_ARGUMENT)));
    vec bend = LANED(exponentials_of)(LANED(within)(y, -2, 2)).bend;
    vec near_term = mul(p, fused_from(e.bend, by->inverse_beta, bend));
    vec far_term = fused_from(mul(p, e.less_1), by->inverse_beta, sub(q, p));
    vec term = select(less(LANED(magnitude)(y), all(2)), near_term, far_term);
    return (LANED(family_terms)){LANED(unless_beyond)(p, y, x, select(equal(p, all(0)), q, term)),
                                 LANED(unless_beyond)(p, y, x, mul(p, e.whole))};
}

/* Whether all lanes are usual: y, reduced as `r`, above the least exponent and not above 2**8, and
   beta y no more than an exponential takes. */
KL_INLINE int LANED(family_is_usual)(vec y, LANED(reduced) r, const LANED(family_scales) *by)
{
    vec lowest = all((real)(K(BIASED) + 8 - (K(EXPONENTS) - 1)));
    return !(KL_UNLIKELY(any_beyond(steps_above(r.t, lowest), K(EXPONENTS)))
             || KL_UNLIKELY(any(less(by->most_y, mul(by->beta_sign, y)))));
}

KL_RARE LANED(family_terms) LANED(power_divergence_rare)(vec p, vec q, vec y,
                                                         const LANED(family_scales) *by)
{
    return LANED(power_divergence_log)(p, q, y, by);
}

KL_INLINE LANED(begun) LANED(begin_power_divergence)(vec p, vec q, vec a,
                                                     const LANED(family_scales) *by)
{
    (void)by;
    vec tiny = all(K(TINY)), x = at_least(tiny, p), y = at_least(tiny, q);
    exponent e = exponent_of_ratio(x, y);
    vec near_y = scale_by(y, e), k = units_of(e);
    a = select(equal(k, all(0)), a, sub(x, near_y));
    return (LANED(begun)){.p = p, .q = q, .k = k, .s = quotient(a, add(x, near_y))};
}

KL_INLINE LANED(family_terms) LANED(end_power_divergence)(LANED(begun) it,
                                                          const LANED(family_scales) *by)
{
    vec log_ratio = fused(all(2), it.s, LANED(log_rest)(it.k, it.s)), y = sub(all(0), log_ratio);
    y = select(equal(it.q, all(0)), all(K(NO_Q)), y);
    y = select(equal(it.p, all(0)), all(K(NO_P)), y);
    LANED(reduced) r = LANED(reduce)(y, K(BIASED));
    return LANED(family_is_usual)(y, r, by) ? LANED(power_divergence_usual)(it.p, y, r, by)
                                            : LANED(power_divergence_rare)(it.p, it.q, y, by);
}

/* p**alpha - p, in units of the mass, from p and log p of the normalised p; and p**alpha. */
KL_INLINE LANED(family_terms) LANED(power_entropy_log)(vec p, vec q, vec log_p,
                                                       const LANED(family_scales) *by)
{
    (void)q;
    vec power = mul(by->mass, LANED(exponential)(mul(by->alpha, log_p)));
    vec x = sub(all(0), mul(by->beta, log_p));
    vec near_term = mul(p, LANED(exponentials_of)(LANED(within)(x, -1, 1)).less_1);
    mask near_one = less(LANED(magnitude)(x), all(1));
    return (LANED(family_terms)){select(near_one, near_term, sub(power, p)), power};
}

KL_RARE LANED(family_terms) LANED(power_entropy_rare)(vec p, vec log_p,
                                                      const LANED(family_scales) *by)
{
    log_p = select(equal(p, all(0)), all((real)-HUGE_VAL), log_p);
    return LANED(power_entropy_log)(p, p, log_p, by);
}

KL_INLINE LANED(begun) LANED(begin_power_entropy)(vec p, vec q, vec a,
                                                  const LANED(family_scales) *by)
{
    (void)q, (void)a;
    LANED(begun) it = LANED(begin_logarithm)(at_least(all(K(TINY)), p), by->headroom);
    it.p = p;
    return it;
}

KL_INLINE LANED(family_terms) LANED(end_power_entropy)(LANED(begun) it,
                                                       const LANED(family_scales) *by)
{
    vec log_p = drop(equal(it.p, all(0)), sub(LANED(end_logarithm)(it), by->log_mass));
    vec x = sub(all(0), mul(by->beta, log_p));
    if (KL_UNLIKELY(any(less(all(20), LANED(magnitude)(x))))) /* or its rounding tells */
        return LANED(power_entropy_rare)(it.p, log_p, by);
    LANED(exponentials) e = LANED(exponentials_of)(x);
    return (LANED(family_terms)){mul(it.p, e.less_1), mul(it.p, e.whole)};
}

/* It has no second row. */
KL_INLINE LANED(family_terms) LANED(power_entropy_usual)(vec p, vec y, LANED(reduced) r,
                                                         const LANED(family_scales) *by)
{
    (void)r;
    return LANED(power_entropy_log)(p, p, y, by);
}
