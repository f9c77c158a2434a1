/* The loops over probs and counts, for one STORAGE type.

   A row of probs is read once: a sweep compares p with q as they are, and the masses that came
   with it correct the sum to that of the normalised rows (kl_finish). A row of counts is read once
   too where it is long enough to be sampled: a few blocks of it suggest the ratio of the masses,
   and the same correction mends what the suggestion lacks. Where that would lose digits, where rows
   are short, and where a floor must be compared with a normalised q, a second sweep over the row,
   now in cache, compares p with c q, c = P/Q. */

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
    kl_totals totals = STORED(masses_of)(p, NULL, n);
    result[0] = totals.of[KL_P_MASS];
    result[1] = totals.signs && STORED(negative)(p, n) ? -1 : 0;
}

/* A first sweep compares q with eps times the mass it was thought to have, the `estimate`, and not
   with eps Q. False where a q lies so near the floor that it matters on which side. */
KL_APART int STORED(allow_for_holes)(const kl_source *p, const kl_source *q, ptrdiff_t n,
                                     double least_q, double p_mass, double q_mass, double estimate,
                                     double *score)
{
    LANED(scales) by = LANED(unscaled)(K(TINY), 0.5);
    double lesser = q_mass < estimate ? q_mass : estimate;
    double greater = q_mass < estimate ? estimate : q_mass;
    if (least_q >= greater * ABOVE_FLOOR)
        return 1;
    by.edge = all((real)(lesser * BELOW_FLOOR));
    by.upper_edge = all((real)(greater * ABOVE_FLOOR));
    kl_totals totals = STORED(linear_sweep)(STORED(FOR_HOLES), p, q, n, &by);
    double part = totals.of[KL_HOLES] / p_mass;
    *score = kl_not_negative(*score - kl_floored_amiss(part, q_mass, estimate));
    return totals.of[KL_HOLES] == totals.of[KL_OTHER];
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

/* The elements from one block of a sample to the next, or 0 for rows and kernels that do with no
   estimate: a mixture needs the masses themselves. */
KL_INLINE ptrdiff_t STORED(sample_step)(kl_kernel kernel, ptrdiff_t n, const kl_params *params)
{
    return n < 2 * SAMPLE || kernel == KL_KERNEL_js_divergence
                   || (kl_has_floor(kernel) && params->eps != USUAL_FLOOR)
               ? 0
               : n / SAMPLE * ROW_BLOCK;
}

/* From a sample of the rows; false for rows so light that a vanishing part of them is no number.
   The floor is to be a normal number, and times P/Q too: where eps Q is less, q passes for
   heavier. */
KL_INLINE int STORED(estimated)(const kl_totals *sample, ptrdiff_t n, ptrdiff_t step,
                                kl_estimate *estimate)
{
    ptrdiff_t blocks = (n + step - 1) / step, last = n - (blocks - 1) * step;
    ptrdiff_t read = (blocks - 1) * ROW_BLOCK + (last < ROW_BLOCK ? last : ROW_BLOCK);
    double times = (double)n / (double)read, least = 4 * K(TINY) / USUAL_FLOOR;
    double p = times * kl_p_mass(sample), q = times * kl_q_mass(sample);
    double floor_mass = p < q ? least * (q / p) : least;
    if (floor_mass < q)
        floor_mass = q;
    *estimate = (kl_estimate){p, q, floor_mass, kl_split(p, q).q_exponent};
    return kl_in_range(sample, &K(RANGES)) && p >= K(LEAST_ESTIMATE) && q >= K(LEAST_ESTIMATE);
}

/* What a sample suggests of one row of each; false where there is to be none. */
KL_INLINE int STORED(think_of)(kl_kernel kernel, const kl_source *p, const kl_source *q, ptrdiff_t n,
                               const kl_params *params, kl_estimate *estimate)
{
    ptrdiff_t step = STORED(sample_step)(kernel, n, params);
    if (step == 0)
        return 0;
    kl_totals sample = STORED(masses_of_sample)(p, q, n, step);
    return STORED(estimated)(&sample, n, step, estimate);
}

/* The scales of a first sweep. */
KL_INLINE LANED(scales) STORED(scales_by)(kl_kernel kernel, kl_estimate estimate,
                                          const kl_params *params)
{
    real least = kl_has_floor(kernel) ? (real)(USUAL_FLOOR * estimate.floor_mass) : K(TINY);
    LANED(scales) by = LANED(unscaled)(least, params->weight);
    by.p_least = all(K(VANISHING) * (real)estimate.p_mass);
    by.c = all((real)(estimate.p_mass / estimate.q_mass));
    by.headroom = all((real)estimate.q_exponent * K(UNIT));
    by.peak = all((real)(0.75 * estimate.q_mass));
    by.edge = all(K(TINY));
    return by;
}

/* Whether the sums of a first sweep give the score to the promised error. */
KL_INLINE int STORED(stands)(STORED(linear_work) work, const kl_totals *totals,
                             kl_estimate thought, const kl_source *p, const kl_source *q,
                             ptrdiff_t n, const kl_params *params, double *score)
{
    double p_mass = kl_p_mass(totals), q_mass = kl_q_mass(totals);
    double c = (double)(real)(thought.p_mass / thought.q_mass), part = q_mass / thought.q_mass;
    if (kl_has_peak(work.kernel) ? !(part > 0.8 && part < 1.25) /* what passed for a peak is none */
                                 : !(c * q_mass > 0.25 * p_mass && c * q_mass < 4 * p_mass))
        return 0;
    int finished = kl_finish(work.kernel, totals, p_mass, q_mass, c, ldexp(1, -thought.q_exponent),
                             params->weight, &K(RANGES), score);
    if (STORED(sums_up)(work, KL_HOLES) && totals->of[KL_HOLES] > 0)
        *score = kl_not_negative(*score - kl_floored_amiss(totals->of[KL_HOLES] / p_mass, q_mass,
                                                           thought.floor_mass));
    return finished
           && (!kl_has_floor(work.kernel) || STORED(ZERO_OR_ABOVE)
               || fabs(q_mass / thought.floor_mass - 1) <= 100 * K(RANGES).unit
               || STORED(allow_for_holes)(p, q, n, totals->least_q, p_mass, q_mass,
                                          thought.floor_mass, score))
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
    kl_estimate thought = kl_mass_of_1;
    LANED(scales) by = STORED(scales_by)(kernel, thought, params);
    kl_totals first, second;
    if (kernel == KL_KERNEL_entropy)
        q = NULL;
    if (STORED(taken_as_they_are)(kernel, p, q, params)) {
        const STORED(linear_work) work = {kernel, formula, KL_AS_THEY_ARE};
        first = STORED(linear_sweep)(work, p, q, n, &by);
        if (STORED(stands)(work, &first, thought, p, q, n, params, score))
            return STORED(linear_status)(kernel, &first, p, q, n, params, *score);
    } else if (STORED(think_of)(kernel, p, q, n, params, &thought)) {
        const STORED(linear_work) work = {kernel, formula, KL_ESTIMATED};
        by = STORED(scales_by)(kernel, thought, params);
        first = STORED(linear_sweep)(work, p, q, n, &by);
        if (STORED(stands)(work, &first, thought, p, q, n, params, score))
            return STORED(linear_status)(kernel, &first, p, q, n, params, *score);
    } else
        first = STORED(masses_of)(p, q, n);
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
    static const STORED(linear_formula) STORED(kernel##_linear) = {                                \
        LANED(begin_##kernel##_linear), LANED(end_##kernel##_linear)};                             \
    static int STORED(kernel##_linear_row)(const kl_source *p, const kl_source *q, ptrdiff_t n,    \
                                           const kl_params *params, double *score)                 \
    {                                                                                              \
        return STORED(linear_row)(KL_KERNEL_##kernel, STORED(kernel##_linear), p, q, n, params,    \
                                  score);                                                          \
    }                                                                                              \
    static void STORED(kernel##_linear_tile)(const kl_source *p, const kl_source *q, int rows,     \
                                             ptrdiff_t n, const kl_params *params,                 \
                                             void *workspace, double *scores, int *statuses)       \
    {                                                                                              \
        STORED(linear_tile)(KL_KERNEL_##kernel, STORED(kernel##_linear), p, q, rows, n, params,    \
                            workspace, scores, statuses);                                          \
    }
KL_SWEEPING_LIST(KL_LINEAR_ROW)
#undef KL_LINEAR_ROW
