/* Per LANE, before the formulas: what one sweep adds up, and the constants it multiplies by. */

typedef struct {
    vec score, p_mass, q_mass, p_at_peak, q_at_peak;
    vec least, largest_k, holes;
} LANED(sums);

KL_INLINE LANED(sums) LANED(no_sums)(void)
{
    vec zero = all(0);
    return (LANED(sums)){zero, zero, zero, zero, zero, zero, zero, zero};
}

typedef struct {
    vec tiny;                   /* p and q are raised to it inside the logarithm */
    vec c, p_to_q;              /* P/Q and Q/P */
    vec floor, q_scale, peak;   /* of q: eps Q; a power of two that brings Q to [1/2, 1); 3/4 Q */
    vec weight, other_weight;   /* of p and q in the mixture */
} LANED(scales);

/* For rows taken as they are. */
KL_INLINE LANED(scales) LANED(unscaled)(real tiny, double weight)
{
    LANED(scales) by = {all(tiny), all(1), all(1), all(0), all(1), all((real)0.75),
                        all((real)weight), all((real)(1 - weight))};
    return by;
}
