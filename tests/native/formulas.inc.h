/* The formulas of one backend as functions over arrays. Takes the place of the rows in
   backend.inc.h, so that it is compiled as they are: same vocabulary, target and flags. */

#ifndef LANE

#include "native.h"

#define LANE f64
#include "formulas.inc.h"
#undef LANE
#define LANE f32
#include "formulas.inc.h"
#undef LANE

static const formulas formulas_here = {BACKEND_NAME, {FORMULAS_OF_f64, FORMULAS_OF_f32}};
static __attribute__((constructor)) void add_formulas_here(void) { add_formulas(&formulas_here); }

#else

#include "vecmath.inc.h"

#define APPLY(name, expression)                                                                    \
    static void LANED(apply_##name)(const void *xs, const void *ys, ptrdiff_t n, void *results)    \
    {                                                                                              \
        for (ptrdiff_t i = 0; i < n; i += LANES) {                                                 \
            vec x = fetch_reals((const real *)xs + i), y = fetch_reals((const real *)ys + i);      \
            (void)y;                                                                               \
            put((real *)results + i, expression);                                                  \
        }                                                                                          \
    }
/* The mean of both, for masses that differ as far as they may where the terms stand. */
KL_INLINE vec LANED(mean_of_near_mixture_terms)(vec x, vec y)
{
    vec first, second, sum = add(x, y), t = quotient(sub(x, y), sum);
    LANED(near_mixture_terms)(sum, t, mul(t, t), &first, &second);
    vec tilt = all((real)sqrt(K(RANGES).unit));
    return mul(all((real)0.5), fused(tilt, sub(first, second), add(first, second)));
}
KL_INLINE vec LANED(first_far_mixture_term)(vec x, vec y)
{
    vec first, second;
    LANED(far_mixture_terms)(x, y, add(x, y), &first, &second);
    return first;
}
APPLY(far_mixture, LANED(first_far_mixture_term)(x, y))
APPLY(near_mixture, LANED(mean_of_near_mixture_terms)(x, y))
APPLY(divergence_term, LANED(end_divergence)(LANED(begin_divergence)(x, y)))
APPLY(logarithm, LANED(logarithm)(x, all(0)))
APPLY(exponential, LANED(exponential)(x))
APPLY(exp_less_1, add(LANED(exp_excess)(LANED(reduce)(x, K(BIASED))),
                      LANED(reduce)(x, K(BIASED)).r))
APPLY(exp_rest, LANED(expm1_less)(LANED(reduce)(x, K(BIASED))))
#undef APPLY

#ifndef FORMULAS_OF_f64
#define FORMULAS_OF(lane)                                                                          \
    {                                                                                              \
        {apply_far_mixture_##lane, FAR_MIXTURE_ERROR_##lane},                                      \
        {apply_near_mixture_##lane, NEAR_MIXTURE_ERROR_##lane},                                    \
        {apply_divergence_term_##lane, DIVERGENCE_TERM_ERROR_##lane},                              \
        {apply_logarithm_##lane, LOGARITHM_ERROR_##lane},                                          \
        {apply_exponential_##lane, EXPONENTIAL_ERROR_##lane},                                      \
        {apply_exp_less_1_##lane, EXP_LESS_1_ERROR_##lane},                                        \
        {apply_exp_rest_##lane, EXP_REST_ERROR_##lane},                                            \
    }
#define FORMULAS_OF_f64 FORMULAS_OF(f64)
#define FORMULAS_OF_f32 FORMULAS_OF(f32)
#endif

#endif
