/* The family of divergences beside KL, for LANE: what one vector of outcomes gives to two sums.

   Every one is a sum of h(p, q) with h(t p, t q) = t h(p, q), so p and q need not be of mass 1 but of
   equal masses. From probs and counts come p, q and a = p - q, known better than by subtraction; from
   log forms p, q and y = log(q/p) of full relative accuracy, NO_P or NO_Q. All terms of the first sum
   are >= 0. */

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
KL_INLINE LANED(family_terms) LANED(total_variation_linear)(vec p, vec q, vec a,
                                                            const LANED(family_scales) *by)
{
    (void)p, (void)q, (void)by;
    return (LANED(family_terms)){LANED(magnitude)(a), all(0)};
}

/* exp(x) - 1, exp(x) - 1 - x and exp(x), each of full relative accuracy, for an x that is not large. */
typedef struct {
    vec less_1, bend, whole;
} LANED(exponentials);

KL_INLINE LANED(exponentials) LANED(exponentials_of)(vec x)
{
    LANED(reduced) r = LANED(reduce)(x, K(BIASED));
    vec power = power_of_two_in(r.t), power_less_1 = sub(power, all(1));
    vec bend = LANED(exp_bend)(r);
    vec step = fused_from(r.k, all(K(LN2)), power_less_1);
    return (LANED(exponentials)){
        add(fused(power, bend, fused(power_less_1, r.r, power_less_1)), r.r),
        fused(power, bend, fused(power_less_1, r.r, step)),
        fused(power, add(bend, r.r), power)};
}

KL_INLINE vec LANED(within)(vec x, real low, real high)
{
    return smaller(all(high), larger(all(low), x));
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
KL_INLINE LANED(family_terms) LANED(affinity_linear)(vec p, vec q, vec a,
                                                     const LANED(family_scales) *by)
{
    (void)by;
    vec g = root(mul(p, q)), sum = fused(all(2), g, add(p, q));
    return (LANED(family_terms)){mul(a, quotient(a, at_least(all(K(TINY)), sum))), g};
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
KL_INLINE LANED(family_terms) LANED(chi2_divergence_linear)(vec p, vec q, vec a,
                                                            const LANED(family_scales) *by)
{
    (void)by;
    vec term = mul(a, quotient(a, q));
    return (LANED(family_terms)){select(equal(p, all(0)), q, term), all(0)};
}

/* The same as p (exp(y) - 1)**2 / exp(y) near equality, and as p (exp(-y) - 2) + q. */
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
                                                     =  q - p - p E(beta y) / beta,

   the former near equality, where neither part is much larger than the term; the latter elsewhere.
   And p**alpha q**beta = p exp(beta y) itself. Overflow, and q = 0 < p where alpha > 1, are infinite;
   p = 0 gives q and 0. */
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

KL_INLINE LANED(family_terms) LANED(power_divergence_linear)(vec p, vec q, vec a,
                                                             const LANED(family_scales) *by)
{
    vec tiny = all(K(TINY)), x = at_least(tiny, p), y = at_least(tiny, q);
    exponent e = exponent_of_ratio(x, y);
    vec near_y = scale_by(y, e), k = units_of(e);
    a = select(equal(k, all(0)), a, sub(x, near_y));
    vec s = quotient(a, add(x, near_y));
    vec log_ratio = fused(all(2), s, LANED(log_rest)(k, s));
    y = select(equal(q, all(0)), all(K(NO_Q)), sub(all(0), log_ratio));
    y = select(equal(p, all(0)), all(K(NO_P)), y);
    return LANED(power_divergence_log)(p, q, y, by);
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

KL_INLINE LANED(family_terms) LANED(power_entropy_linear)(vec p, vec q, vec a,
                                                          const LANED(family_scales) *by)
{
    (void)a;
    vec log_p = LANED(logarithm)(at_least(all(K(TINY)), p), by->headroom);
    log_p = select(equal(p, all(0)), all((real)-HUGE_VAL), sub(log_p, by->log_mass));
    return LANED(power_entropy_log)(p, q, log_p, by);
}
