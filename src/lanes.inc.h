/* Per LANE, before the formulas: what one sweep adds up, and the constants it multiplies by. */

#undef ROW_BLOCK
/* Elements per block: no lane adds up more than 64 terms before the sum goes on in double. */
#define ROW_BLOCK (64 * LANES < KL_BLOCK ? 64 * LANES : KL_BLOCK)

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
    vec tiny;                 /* p and q are raised to it inside the logarithm */
    vec p_scale, q_scale;     /* powers of two that bring the masses to [1/2, 1) 2**HEADROOM */
    vec headroom;             /* HEADROOM itself, or 0 */
    vec c, p_to_q;            /* P/Q and Q/P, so scaled: between 1/2 and 2 */
    vec floor, peak;          /* of q, so scaled: eps Q, and 3/4 Q */
    vec weight, other_weight; /* of p and q in the mixture */
} LANED(scales);

/* For rows taken as they are. */
KL_INLINE LANED(scales) LANED(unscaled)(real tiny, double weight)
{
    vec one = all(1), zero = all(0);
    return (LANED(scales)){all(tiny), one, one, zero, one, one, zero, all((real)0.75),
                           all((real)weight), all((real)(1 - weight))};
}
