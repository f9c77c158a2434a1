/* THE list of measures, and the formula of each. What is on the list is exported, tested and
   timed; what is not does not exist.

   Included without LANE it gives the list; with LANE also the formulas of the kernels that sweep, for
   that lane type; those of the family stand in family_terms.inc.h. The loops that call them are
   linear_sweep.inc.h (probs, counts), rows_log.inc.h (log_probs, logits) and rows_family.inc.h. */

#ifndef KL_MEASURES_H
#define KL_MEASURES_H

/*    measure        kind */
#define KL_MEASURE_LIST(M)                                                                         \
    M(kl_divergence, pair)                                                                         \
    M(cross_entropy, pair)                                                                         \
    M(js_divergence, pair)                                                                         \
    M(js_distance, pair)                                                                           \
    M(jeffreys_divergence, pair)                                                                   \
    M(total_variation, pair)                                                                       \
    M(hellinger_distance, pair)                                                                    \
    M(bhattacharyya_distance, pair)                                                                \
    M(chi2_divergence, pair)                                                                       \
    M(renyi_divergence, pair)                                                                      \
    M(tsallis_divergence, pair)                                                                    \
    M(alpha_divergence, pair)                                                                      \
    M(entropy, single)                                                                             \
    M(perplexity, single)                                                                          \
    M(renyi_entropy, single)                                                                       \
    M(tsallis_entropy, single)                                                                     \
    M(rel_entr, elementwise)                                                                       \
    M(nll, labels)

/* Kernels that score a row in the loops, several measures by one where they share its sums. Those that
   sweep a row once where they can, with the formulas below; and those of the family, in two readings. */
#define KL_SWEEPING_LIST(X) X(kl_divergence) X(cross_entropy) X(js_divergence) X(entropy)
#define KL_FAMILY_LIST(X)                                                                          \
    X(total_variation) X(affinity) X(chi2_divergence) X(power_divergence) X(power_entropy)
#define KL_KERNEL_LIST(X) KL_SWEEPING_LIST(X) KL_FAMILY_LIST(X)

typedef enum {
#define KL_KERNEL_ENUM(name) KL_KERNEL_##name,
    KL_KERNEL_LIST(KL_KERNEL_ENUM)
#undef KL_KERNEL_ENUM
    KL_KERNELS, /* the rest of the list is scored by other means */
    KL_SWEEPING = KL_KERNEL_total_variation, /* how many sweep */
    KL_KERNEL_rel_entr = KL_KERNELS,
    KL_KERNEL_nll
} kl_kernel;

/* What becomes of the sums of a kernel that serves several measures. */
typedef enum {
    KL_ENDS_ITSELF, KL_ENDS_HELLINGER, KL_ENDS_BHATTACHARYYA, KL_ENDS_RENYI, KL_ENDS_TSALLIS,
    KL_ENDS_ALPHA
} kl_end;

static inline int kl_of_family(int kernel)
{
    return kernel >= KL_KERNEL_total_variation && kernel < KL_KERNELS;
}

static inline int kl_of_one_row(int kernel)
{
    return kernel == KL_KERNEL_entropy || kernel == KL_KERNEL_power_entropy;
}

/* Whether log q is taken, so that the floor acts and q = 0 < p is infinite without one. */
static inline int kl_has_floor(kl_kernel kernel)
{
    return kernel == KL_KERNEL_kl_divergence || kernel == KL_KERNEL_cross_entropy;
}

/* Whether -log q is summed: the outcome that holds most of q is then left to the finish, because its
   -log q is the small difference of its mass from the whole, which only the sum of the others knows. */
static inline int kl_has_peak(kl_kernel kernel)
{
    return kernel == KL_KERNEL_cross_entropy || kernel == KL_KERNEL_entropy;
}

/* Whether the score is near 0 for nearly equal rows, where float32 sums keep too few digits. */
static inline int kl_vanishes(kl_kernel kernel)
{
    return kernel == KL_KERNEL_kl_divergence || kernel == KL_KERNEL_js_divergence
           || (kl_of_family(kernel) && kernel != KL_KERNEL_power_entropy);
}

#endif

#ifdef LANE

/* From probs and counts. Each gives the terms of one vector of outcomes, in two halves: up to the
   quotient, and from it on. `sweep` is a constant, and p and q are scaled where it says so. */

/* q, or the floor that p allows it: min(p, eps), compared as the rows are scaled. */
KL_INLINE vec LANED(floored)(vec x, vec y, const LANED(scales) *by)
{
    return larger(smaller(mul(x, by->p_to_q), by->floor), y);
}

/* p log(p/q) - p + q; the masses are corrected for in kl_finish_divergence. An outcome without p
   is taken as a vanishing part: of a mass of 1, or, where the floor is wanted to the last digit, of
   its q. Its term is q either way, and no operand is subnormal, which would cost many times it. */
KL_INLINE LANED(begun) LANED(begin_kl_divergence_linear)(vec p, vec q, const LANED(scales) *by,
                                                         kl_sweep sweep)
{
    vec y = at_least(by->q_least, q), x = at_least(by->p_least, p);
    if (sweep == KL_AS_THEY_ARE)
        return LANED(begin_divergence)(x, y);
    if (sweep != KL_FLOORED)
        return LANED(begin_scaled_divergence)(x, y, y, by->c);
    x = larger(mul(y, all(K(NEGLIGIBLE))), larger(all(K(TINY)), p));
    return LANED(begin_scaled_divergence)(x, y, LANED(floored)(x, y, by), by->c);
}

KL_INLINE void LANED(end_kl_divergence_linear)(LANED(begun) it, const LANED(scales) *by,
                                               kl_sweep sweep, vec *score, vec *other)
{
    (void)by, (void)sweep, (void)other;
    *score = LANED(end_divergence)(it);
}

/* p log(p/m) - p + m and q log(q/m) - q + m for the mixture m. */
KL_INLINE LANED(begun) LANED(begin_js_divergence_linear)(vec p, vec q, const LANED(scales) *by,
                                                         kl_sweep sweep)
{
    if (sweep == KL_FLOORED) { /* outcomes of any smallness count */
        vec cq = mul(by->c, q), d = fused_from(by->c, q, p);
        vec m = larger(all(K(TINY)), fused(by->weight, d, cq));
        vec least = larger(all(K(TINY)), mul(m, all(K(NEGLIGIBLE))));
        return (LANED(begun)){.p = larger(least, p), .q = larger(least, cq), .rest = d};
    }
    p = at_least(by->p_least, p);
    q = at_least(by->p_least, q);
    vec d = sweep == KL_SCALED ? fused_from(by->c, q, p) : sub(p, q);
    q = sweep == KL_SCALED ? mul(by->c, q) : q;
    vec sum = add(p, q);
    return (LANED(begun)){.p = p, .q = q, .sum = sum, .s = quotient(d, sum), .rest = d};
}

KL_INLINE void LANED(end_js_divergence_linear)(LANED(begun) it, const LANED(scales) *by,
                                               kl_sweep sweep, vec *score, vec *other)
{
    vec w = by->weight, v = by->other_weight;
    if (sweep == KL_FLOORED) {
        LANED(mixture_terms)(it.p, it.q, it.rest, w, v, score, other);
        return;
    }
    vec z = mul(it.s, it.s);
    mask far = less(by->near, z);
    LANED(near_mixture_terms)(it.sum, it.s, z, score, other);
    if (!any(far))
        return;
    vec far_score, far_other;
    if (any(less(by->near, all(0))))
        LANED(mixture_terms)(it.p, it.q, it.rest, w, v, &far_score, &far_other);
    else
        LANED(far_mixture_terms)(it.p, it.q, it.sum, &far_score, &far_other);
    *score = select(far, far_score, *score);
    *other = select(far, far_other, *other);
}

/* p log q. */
KL_INLINE LANED(begun) LANED(begin_cross_entropy_linear)(vec p, vec q, const LANED(scales) *by,
                                                         kl_sweep sweep)
{
    vec y = at_least(by->q_least, q);
    if (sweep == KL_FLOORED)
        y = LANED(floored)(larger(all(K(TINY)), p), y, by);
    LANED(begun) it = LANED(begin_logarithm)(y, sweep == KL_AS_THEY_ARE ? all(0) : by->headroom);
    it.p = p;
    return it;
}

KL_INLINE void LANED(end_cross_entropy_linear)(LANED(begun) it, const LANED(scales) *by,
                                               kl_sweep sweep, vec *score, vec *other)
{
    (void)by, (void)sweep, (void)other;
    *score = mul(it.p, LANED(end_logarithm)(it));
}

/* The cross-entropy of p and p. */
KL_INLINE LANED(begun) LANED(begin_entropy_linear)(vec p, vec q, const LANED(scales) *by,
                                                   kl_sweep sweep)
{
    return LANED(begin_cross_entropy_linear)(p, q, by, sweep);
}

KL_INLINE void LANED(end_entropy_linear)(LANED(begun) it, const LANED(scales) *by, kl_sweep sweep,
                                         vec *score, vec *other)
{
    LANED(end_cross_entropy_linear)(it, by, sweep, score, other);
}

/* From log_probs and logits, with p = exp(log p), q likewise, d = log(p/q) of full relative
   accuracy, and `log_q` the logarithm of q or its floor. `floored` marks lanes where d speaks of
   the floor and not of q. */

/* p log(p/q) - p + q, where q is small against p or large: without expm1. */
KL_INLINE vec LANED(kl_divergence_log)(vec p, vec q, vec d, vec log_q, mask floored,
                                       const LANED(scales) *by)
{
    (void)log_q, (void)by;
    vec magnitude = larger(d, sub(all(0), d));
    vec y = sub(all(0), smaller(all(1), larger(all(-1), d)));
    vec near_term = mul(p, LANED(expm1_less)(LANED(reduce)(y, K(BIASED))));
    vec far_term = fused(p, d, sub(q, p));
    vec distance = select(floored, all(2), magnitude);
    return select(less(distance, all(1)), near_term, far_term);
}

/* w p log(p/m) + (1-w) q log(q/m). */
KL_INLINE vec LANED(js_divergence_log)(vec p, vec q, vec d, vec log_q, mask floored,
                                       const LANED(scales) *by)
{
    (void)log_q, (void)floored;
    vec magnitude = larger(d, sub(all(0), d));
    LANED(reduced) y = LANED(reduce)(sub(all(0), smaller(all(1), larger(all(-1), d))), K(BIASED));
    vec e = add(LANED(exp_excess)(y), y.r);
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
