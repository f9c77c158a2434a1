/* The loops over probs and counts, for one STORAGE type.

   A row of probs is read once: a sweep compares p with q as they are, and the masses that came
   with it correct the sum to that of the normalised rows (kl_finish). Where that would lose digits,
   or a floor must be compared with a normalised q, and always for counts, a second sweep over the
   row, now in cache, compares p with c q, c = P/Q. */

#include "linear_sweep.inc.h"

/* Whether a number of the row is below 0, and not only -0.0. */
static int STORED(negative)(const kl_source *p, ptrdiff_t n)
{
    stored buffer[ROW_BLOCK];
    for (ptrdiff_t start = 0; start < n; start += ROW_BLOCK) {
        ptrdiff_t count = n - start < ROW_BLOCK ? n - start : ROW_BLOCK;
        const stored *block = STORED(fetch)(p, start, count, buffer);
        for (ptrdiff_t i = 0; i < count; i += LANES) {
            vec x = count - i < LANES ? STORED(fetch_first)(block + i, count - i)
                                      : fetch_lanes(block + i);
            if (any(less(x, all(0))))
                return 1;
        }
    }
    return 0;
}

static void STORED(linear_normaliser)(const kl_source *p, ptrdiff_t n, double temperature,
                                      double *result)
{
    (void)temperature;
    const STORED(linear_work) masses = {KL_KERNEL_entropy, LANED(entropy_linear), KL_FOR_MASSES};
    LANED(scales) by = LANED(unscaled)(K(TINY), 0.5);
    kl_totals totals = STORED(linear_sweep)(masses, p, NULL, n, &by);
    result[0] = totals.of[KL_P_MASS];
    result[1] = totals.signs && STORED(negative)(p, n) ? -1 : 0;
}

/* The mass of p where q lies below `edge`. */
KL_INLINE double STORED(mass_at_holes)(STORED(linear_work) work, const kl_source *p,
                                       const kl_source *q, ptrdiff_t n, double edge)
{
    const STORED(linear_work) holes = {work.kernel, work.formula, KL_FOR_HOLES};
    LANED(scales) by = LANED(unscaled)(K(TINY), 0.5);
    by.edge = all((real)edge);
    return STORED(linear_sweep)(holes, p, q, n, &by).of[KL_HOLES];
}

/* Rows taken as they are compare q with eps and not with eps Q. Where Q is 1 but for rounding that
   is the same; else outcomes at the floor, which hold the part H of p, add H log Q too much.
   False where a q lies so near the floor that it matters on which side. */
KL_INLINE int STORED(allow_for_holes)(STORED(linear_work) work, const kl_totals *totals,
                                      const kl_source *p, const kl_source *q, ptrdiff_t n,
                                      double p_mass, double q_mass, double *score)
{
    if (!kl_has_floor(work.kernel) || fabs(q_mass - 1) <= 100 * K(RANGES).unit)
        return 1;
    double near = STORED(sums_up)(work, KL_HOLES)
                      ? totals->of[KL_HOLES]
                      : STORED(mass_at_holes)(work, p, q, n, ABOVE_FLOOR);
    if (near == 0)
        return 1;
    double below = STORED(SMALLEST) > ABOVE_FLOOR
                       ? near
                       : STORED(mass_at_holes)(work, p, q, n, BELOW_FLOOR);
    *score = kl_not_negative(*score - below / p_mass * log(q_mass));
    return below == near;
}

/* The scales under which rows of any mass meet at about equal ones: powers of two, so that a
   multiple of the row gives the same bits. */
KL_INLINE LANED(scales) STORED(linear_scales)(STORED(linear_work) work, kl_masses masses,
                                              const kl_params *params)
{
    int has_floor = kl_has_floor(work.kernel);
    LANED(scales) by = LANED(unscaled)(K(TINY), params->weight);
    by.p_scale = all((real)ldexp(1, HEADROOM - masses.p_exponent));
    by.q_scale = all((real)ldexp(1, HEADROOM - masses.q_exponent));
    by.headroom = all(HEADROOM * K(UNIT));
    by.c = all((real)(masses.p / masses.q));
    by.p_to_q = all((real)(masses.q / masses.p));
    by.floor = all(has_floor ? (real)ldexp(params->eps * masses.q, HEADROOM) : 0);
    by.peak = larger(by.floor, all((real)ldexp(0.75 * masses.q, HEADROOM)));
    by.edge = all(K(TINY));
    by.p_least = all((real)ldexp(K(VANISHING), HEADROOM));
    if (work.sweep == KL_SCALED && has_floor)
        by.q_least = by.floor;
    return by;
}

/* Both rows as probabilities under the floor that is usual: no mass is needed before the terms. */
KL_INLINE int STORED(taken_as_they_are)(kl_kernel kernel, const kl_source *p, const kl_source *q,
                                        const kl_params *params)
{
    return p->form == KL_PROBS && (kernel == KL_KERNEL_entropy || q->form == KL_PROBS)
           && (!kl_has_floor(kernel) || params->eps == USUAL_FLOOR);
}

/* The scales of the first sweep. */
KL_INLINE LANED(scales) STORED(first_scales)(kl_kernel kernel, const kl_params *params)
{
    LANED(scales) by = LANED(unscaled)(kl_has_floor(kernel) ? (real)USUAL_FLOOR : K(TINY),
                                       params->weight);
    by.edge = all((real)ABOVE_FLOOR);
    return by;
}

/* Whether the sums over rows taken as they are give the score to the promised error. */
KL_INLINE int STORED(stands)(STORED(linear_work) work, const kl_totals *totals,
                             const kl_source *p, const kl_source *q, ptrdiff_t n,
                             const kl_params *params, double *score)
{
    double p_mass = kl_p_mass(totals), q_mass = kl_q_mass(totals);
    return kl_finish(work.kernel, totals, p_mass, q_mass, 1, 1, params->weight, &K(RANGES), score)
           && STORED(allow_for_holes)(work, totals, p, q, n, p_mass, q_mass, score)
           && !kl_is_negligible(work.kernel, *score);
}

/* The score from the second sweep; KL_RETRY where only a more careful kernel knows it. */
KL_INLINE int STORED(finish_scaled)(STORED(linear_work) work, const kl_totals *totals,
                                    kl_masses masses, const kl_params *params, double *score)
{
    kl_finish(work.kernel, totals, ldexp(masses.p, HEADROOM), ldexp(masses.q, HEADROOM),
              (double)(real)(masses.p / masses.q), ldexp(1, -HEADROOM), params->weight, NULL, score);
    return work.sweep == KL_FLOORED && kl_has_floor(work.kernel) && totals->of[KL_HOLES] > 0
                   && params->eps < K(TINY)
               ? KL_RETRY
               : KL_OK;
}

/* What the masses, signs and score say of rows whose score was found. */
KL_INLINE int STORED(linear_status)(kl_kernel kernel, const kl_totals *first, const kl_source *p,
                                    const kl_source *q, ptrdiff_t n, const kl_params *params,
                                    double score)
{
    int status = kl_check_mass(p, kl_p_mass(first));
    if (q)
        status |= kl_check_mass(q, kl_q_mass(first));
    if (first->signs && (STORED(negative)(p, n) || (q && STORED(negative)(q, n))))
        status |= KL_SUSPECT;
    return status | kl_check_score(kernel, score, n, params->eps, &K(RANGES));
}

/* One row. `kernel` and `formula` are constants wherever this is called. */
KL_INLINE int STORED(linear_row)(kl_kernel kernel, STORED(linear_formula) formula,
                                 const kl_source *p, const kl_source *q, ptrdiff_t n,
                                 const kl_params *params, double *score)
{
    LANED(scales) by = STORED(first_scales)(kernel, params);
    kl_totals first, second;
    if (kernel == KL_KERNEL_entropy)
        q = NULL;
    if (STORED(taken_as_they_are)(kernel, p, q, params)) {
        const STORED(linear_work) work = {kernel, formula, KL_AS_THEY_ARE};
        first = STORED(linear_sweep)(work, p, q, n, &by);
        if (STORED(stands)(work, &first, p, q, n, params, score))
            return STORED(linear_status)(kernel, &first, p, q, n, params, *score);
    } else {
        const STORED(linear_work) work = {kernel, formula, KL_FOR_MASSES};
        first = STORED(linear_sweep)(work, p, q, n, &by);
    }
    if (!kl_in_range(&first, &K(RANGES))) {
        *score = NAN;
        return KL_SUSPECT | KL_RETRY;
    }
    kl_masses masses = kl_split(kl_p_mass(&first), kl_q_mass(&first));
    int status = KL_OK, floored = kl_has_floor(kernel) && params->eps != USUAL_FLOOR;
    if (!floored) {
        const STORED(linear_work) work = {kernel, formula, KL_SCALED};
        by = STORED(linear_scales)(work, masses, params);
        second = STORED(linear_sweep)(work, p, q, n, &by);
        status = STORED(finish_scaled)(work, &second, masses, params, score);
        floored = kl_is_negligible(kernel, *score);
    }
    if (floored) {
        const STORED(linear_work) work = {kernel, formula, KL_FLOORED};
        by = STORED(linear_scales)(work, masses, params);
        second = STORED(linear_sweep)(work, p, q, n, &by);
        status = STORED(finish_scaled)(work, &second, masses, params, score);
    }
    return status | STORED(linear_status)(kernel, &first, p, q, n, params, *score);
}

#include "linear_tiles.inc.h"

#define KL_LINEAR_ROW(kernel)                                                                      \
    static int STORED(kernel##_linear_row)(const kl_source *p, const kl_source *q, ptrdiff_t n,    \
                                           const kl_params *params, double *score)                 \
    {                                                                                              \
        return STORED(linear_row)(KL_KERNEL_##kernel, LANED(kernel##_linear), p, q, n, params,     \
                                  score);                                                          \
    }                                                                                              \
    static void STORED(kernel##_linear_tile)(const kl_source *p, const kl_source *q, int rows,     \
                                             ptrdiff_t n, const kl_params *params,                 \
                                             void *workspace, double *scores, int *statuses)       \
    {                                                                                              \
        STORED(linear_tile)(KL_KERNEL_##kernel, LANED(kernel##_linear), p, q, rows, n, params,     \
                            workspace, scores, statuses);                                          \
    }
KL_KERNEL_LIST(KL_LINEAR_ROW)
#undef KL_LINEAR_ROW
