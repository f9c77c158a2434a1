/* THE list of measures, and the formula of each. What is on the list is exported, tested and
   timed; what is not does not exist.

   Included without LANE it gives the list; with LANE also the formulas, for that lane type. The
   loops that call them are rows_linear.inc.h (probs, counts) and rows_log.inc.h (log_probs,
   logits). */

#ifndef KL_MEASURES_H
#define KL_MEASURES_H

/*    measure        kind */
#define KL_MEASURE_LIST(M)                                                                         \
    M(kl_divergence, pair)                                                                         \
    M(cross_entropy, pair)                                                                         \
    M(js_divergence, pair)                                                                         \
    M(js_distance, pair)                                                                           \
    M(entropy, single)                                                                             \
    M(rel_entr, elementwise)                                                                       \
    M(nll, labels)

/* Kernels that score a row in the loops; each has the formulas below. */
#define KL_KERNEL_LIST(X) X(kl_divergence) X(cross_entropy) X(js_divergence) X(entropy)

typedef enum {
#define KL_KERNEL_ENUM(name) KL_KERNEL_##name,
    KL_KERNEL_LIST(KL_KERNEL_ENUM)
#undef KL_KERNEL_ENUM
    KL_KERNELS, /* the rest of the list is scored by other means */
    KL_KERNEL_rel_entr = KL_KERNELS,
    KL_KERNEL_nll
} kl_kernel;

/* Whether log q is taken, so that the floor acts and q = 0 < p is infinite without one. */
static inline int kl_has_floor(kl_kernel kernel)
{
    return kernel == KL_KERNEL_kl_divergence || kernel == KL_KERNEL_cross_entropy;
}

/* Whether the score is near 0 for nearly equal rows, where float32 sums keep too few digits. */
static inline int kl_vanishes(kl_kernel kernel)
{
    return kernel == KL_KERNEL_kl_divergence || kernel == KL_KERNEL_js_divergence;
}

#endif

#ifdef LANE

/* From probs and counts. x and y are p and q raised to at least `tiny`, f is y or its floor. Each
   adds one vector of outcomes to the sums; `floored` is a constant: whether y is compared with a
   floor and scaled to the mass of p, or taken as it is. */

/* sum p log(p/q) - p + q; the masses are corrected for in kl_divergence_of_sums. */
KL_INLINE void LANED(kl_divergence_linear)(LANED(sums) *sums, vec p, vec q, vec x, vec y, vec f,
                                           const LANED(scales) *by, int floored)
{
    vec term = floored ? LANED(scaled_divergence_term)(x, y, f, by->c)
                       : LANED(divergence_term)(x, y, &sums->largest_k);
    sums->score = add(sums->score, term);
    sums->p_mass = add(sums->p_mass, p);
    sums->q_mass = add(sums->q_mass, q);
}

/* sum w p log(p/m) + (1-w) q log(q/m). */
KL_INLINE void LANED(js_divergence_linear)(LANED(sums) *sums, vec p, vec q, vec x, vec y, vec f,
                                           const LANED(scales) *by, int floored)
{
    (void)x, (void)y, (void)f;
    vec d = floored ? fused_from(by->c, q, p) : sub(p, q);
    vec term = LANED(mixture_term)(p, floored ? mul(by->c, q) : q, d, by->weight,
                                   by->other_weight);
    sums->score = add(sums->score, term);
    sums->p_mass = add(sums->p_mass, p);
    sums->q_mass = add(sums->q_mass, q);
}

/* -sum p log q without the outcome whose q exceeds `peak`: there -log q is the small difference of
   its mass from the whole, which only the sum of the others knows. */
KL_INLINE void LANED(cross_entropy_linear)(LANED(sums) *sums, vec p, vec q, vec x, vec y, vec f,
                                           const LANED(scales) *by, int floored)
{
    (void)x, (void)y;
    vec k;
    vec log_q = LANED(logarithm)(f, floored ? by->headroom : all(0), &k);
    mask at_peak = less(by->peak, q);
    sums->largest_k = larger(sums->largest_k, sub(all(0), k));
    sums->score = add(sums->score, drop(at_peak, mul(sub(all(0), p), log_q)));
    sums->p_mass = add(sums->p_mass, drop(at_peak, p));
    sums->q_mass = add(sums->q_mass, drop(at_peak, q));
    sums->p_at_peak = add(sums->p_at_peak, keep(at_peak, p));
    sums->q_at_peak = add(sums->q_at_peak, keep(at_peak, q));
}

/* The cross-entropy of p and p. */
KL_INLINE void LANED(entropy_linear)(LANED(sums) *sums, vec p, vec q, vec x, vec y, vec f,
                                     const LANED(scales) *by, int floored)
{
    LANED(cross_entropy_linear)(sums, p, q, x, y, f, by, floored);
}

/* The mass alone, for rows whose masses are needed first. */
KL_INLINE void LANED(mass_linear)(LANED(sums) *sums, vec p, vec q, vec x, vec y, vec f,
                                  const LANED(scales) *by, int floored)
{
    (void)q, (void)x, (void)y, (void)f, (void)by, (void)floored;
    sums->p_mass = add(sums->p_mass, p);
}

/* From log_probs and logits, with p = exp(log p), q likewise, d = log(p/q) of full relative
   accuracy, and `log_q` the logarithm of q or its floor. `floored` marks lanes where d speaks of
   the floor and not of q. */

/* p log(p/q) - p + q, where q is small against p or large: without expm1. */
KL_INLINE vec LANED(kl_divergence_log)(vec p, vec q, vec d, vec log_q, mask floored,
                                       const LANED(scales) *by)
{
    (void)log_q, (void)by;
    vec e, magnitude = larger(d, sub(all(0), d));
    vec near_term = mul(p, LANED(exp_terms)(sub(all(0), smaller(all(1), larger(all(-1), d))), &e));
    vec far_term = fused(p, d, sub(q, p));
    vec distance = select(floored, all(2), magnitude);
    return select(less(distance, all(1)), near_term, far_term);
}

/* w p log(p/m) + (1-w) q log(q/m). */
KL_INLINE vec LANED(js_divergence_log)(vec p, vec q, vec d, vec log_q, mask floored,
                                       const LANED(scales) *by)
{
    (void)log_q, (void)floored;
    vec e, magnitude = larger(d, sub(all(0), d));
    LANED(exp_terms)(sub(all(0), smaller(all(1), larger(all(-1), d))), &e);
    vec difference = select(less(magnitude, all(1)), mul(sub(all(0), p), e), sub(p, q));
    return LANED(mixture_term)(p, q, difference, by->weight, by->other_weight);
}

/* -p log q. */
KL_INLINE vec LANED(cross_entropy_log)(vec p, vec q, vec d, vec log_q, mask floored,
                                       const LANED(scales) *by)
{
    (void)q, (void)d, (void)floored, (void)by;
    return mul(p, sub(all(0), log_q));
}

/* The cross-entropy of p and p. */
KL_INLINE vec LANED(entropy_log)(vec p, vec q, vec d, vec log_q, mask floored,
                                 const LANED(scales) *by)
{
    return LANED(cross_entropy_log)(p, q, d, log_q, floored, by);
}

#endif
