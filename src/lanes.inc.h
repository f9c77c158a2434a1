/* Per LANE, before the formulas: what one sweep adds up, and the constants it multiplies by. */

#undef ROW_BLOCK
/* Elements per block: no lane adds up more than 64 terms before the sum goes on in double; a single
   lane of float32, which has no others to share the rounding with, no more than 16. */
#define ROW_BLOCK                                                                                  \
    (LANES == 1 && sizeof(real) == 4 ? 16 : 64 * LANES < KL_BLOCK ? 64 * LANES : KL_BLOCK)

#ifndef KL_LANES
#define KL_LANES

enum { SAMPLE = 4096 }; /* elements, in blocks spread over a row */
enum { EXPONENTS_f64 = 1024, EXPONENTS_f32 = 128 }; /* a range whose bits one test can check */

/* How a sweep takes its rows. */
typedef enum {
    KL_FOR_MASSES,   /* no terms, the masses alone */
    KL_AS_THEY_ARE,  /* terms of p and q themselves, with the masses */
    KL_ESTIMATED,    /* of p and c q, for masses that a sample suggests, with the masses */
    KL_SCALED,       /* brought to about equal masses */
    KL_FLOORED,      /* and q raised to the floor that p allows it */
    KL_FOR_HOLES     /* no terms, the mass of p where q lies below each of two edges */
} kl_sweep;

#endif

/* Sums over one block. */
typedef struct {
    vec of[KL_SUMS];
    vec signs, largest_q, least_q;
} LANED(sums);

KL_INLINE LANED(sums) LANED(no_sums)(void)
{
    vec zero = all(0);
    return (LANED(sums)){{zero, zero, zero, zero, zero}, zero, zero, all((real)HUGE_VAL)};
}

/* A sum over blocks: in double, lane by lane, with the error of adding carried along (Knuth). */
typedef struct {
    vec_f64 sum[PARTS], lost[PARTS];
} LANED(running);

KL_INLINE void LANED(run_from)(LANED(running) *running, vec x)
{
    for (int i = 0; i < PARTS; i++) {
        running->sum[i] = part_of(x, i);
        running->lost[i] = all_f64(0);
    }
}

KL_INLINE void LANED(run_on)(LANED(running) *running, vec x)
{
    for (int i = 0; i < PARTS; i++) {
        vec_f64 y = part_of(x, i), before = running->sum[i];
        vec_f64 sum = add_f64(before, y), added = sub_f64(sum, before);
        vec_f64 lost = add_f64(sub_f64(before, sub_f64(sum, added)), sub_f64(y, added));
        running->sum[i] = sum;
        running->lost[i] = add_f64(running->lost[i], lost);
    }
}

KL_INLINE double LANED(sum_of_running)(const LANED(running) *running)
{
    vec_f64 sum = running->sum[0], lost = running->lost[0];
    for (int i = 1; i < PARTS; i++) {
        sum = add_f64(sum, running->sum[i]);
        lost = add_f64(lost, running->lost[i]);
    }
    return sum_f64(sum) + sum_f64(lost);
}

KL_INLINE double LANED(largest_lane)(vec a)
{
    real lanes[LANES], result;
    put(lanes, a);
    result = lanes[0];
    for (int j = 1; j < LANES; j++)
        result = lanes[j] > result ? lanes[j] : result;
    return (double)result;
}

/* Vectors alone: rows abreast, one in each lane, have their scales put together lane by lane. */
typedef struct {
    vec p_least, q_least;     /* p and q are raised to these inside the logarithm */
    vec p_scale, q_scale;     /* powers of two that bring the masses to [1/2, 1) 2**HEADROOM */
    vec headroom;             /* HEADROOM itself in units of an exponent, or 0 */
    vec c, p_to_q;            /* P/Q and Q/P, so scaled: between 1/2 and 2 */
    vec floor, peak;          /* of q, so scaled: eps Q, and 3/4 Q */
    vec edge, upper_edge;     /* a q below is a hole; a q not below this is none */
    vec weight, other_weight; /* of p and q in the mixture */
    vec near; /* if they are equal, the largest (p - q)**2 / (p + q)**2 for the short way; or -1 */
} LANED(scales);

/* For rows taken as they are. */
KL_INLINE LANED(scales) LANED(unscaled)(real q_least, double weight)
{
    vec one = all(1), zero = all(0);
    return (LANED(scales)){all(K(VANISHING)), all(q_least), one, one, zero, one, one, zero,
                           all((real)0.75), zero, zero, all((real)weight),
                           all((real)(1 - weight)),
                           all(weight == 0.5 ? K(NEAR_MIXTURE) : -1)};
}
