/* From the sums of two compared rows to their statistics: scalar, in double, once per row. */

#ifndef KL_FINISH_COMPARE_H
#define KL_FINISH_COMPARE_H

#include "finish.h"

#define KL_COMPARE_AHEAD 2048 /* bytes: the block that comes next */

#define KL_LOG2E 0x1.71547652b82fep+0
#define KL_LOG2E_TAIL 0x1.777d0ffda0d24p-56 /* what the rounding of KL_LOG2E took */

/* The top of the blocks read so far. */
typedef struct {
    double value;
    ptrdiff_t start; /* of its first block */
    int tied;        /* with a later block */
} kl_top;

/* Takes the maximum of the block at `start`; returns whether it is the new top. */
KL_INLINE int kl_rises(kl_top *top, double maximum, ptrdiff_t start)
{
    int rises = maximum > top->value;
    top->tied = !rises && (top->tied || maximum == top->value);
    if (rises) {
        top->value = maximum;
        top->start = start;
    }
    return rises;
}

/* A log row by itself: its top outcome, whether others equal it, and relative to its weight the
   weights of the others and the sum of weight log2(weight). */
typedef struct {
    double top;
    ptrdiff_t at;
    int tied;
    double others, gap;
} kl_log_side;

/* Sums of weights and of weight log2(weight), each with the rounding errors of adding blocks. */
typedef struct {
    double weight, gap, weight_lost, gap_lost;
} kl_compare_weights;

KL_INLINE void kl_add_weights(kl_compare_weights *to, const kl_compare_weights *more)
{
    to->weight += to->weight_lost + (more->weight + more->weight_lost);
    to->gap += to->gap_lost + (more->gap + more->gap_lost);
    to->weight_lost = to->gap_lost = 0;
}

/* As if every exponent had been less `by`. */
KL_INLINE void kl_lower_weights(kl_compare_weights *sums, double by)
{
    double factor = exp2(-by);
    if (sums->weight == 0) /* nothing yet, and the factor may be infinite */
        return;
    sums->gap = (sums->gap - by * sums->weight) * factor;
    sums->weight *= factor;
}

KL_INLINE int kl_check_side(const kl_source *row, const kl_log_side *side)
{
    kl_log_sums sums = {side->top, 1, side->others, 0};
    return side->gap > -HUGE_VAL ? kl_check_log_mass(row, &sums) : KL_SUSPECT; /* no NaN */
}

KL_INLINE double kl_side_entropy(const kl_log_side *side)
{
    return kl_not_negative(log1p(side->others) - KL_LN2 * side->gap / (1 + side->others));
}

/* The probability of outcome x of the row. */
KL_INLINE double kl_side_probability(const kl_log_side *side, double x, double temperature)
{
    return exp((x - side->top) / temperature) / (1 + side->others);
}

KL_INLINE double kl_side_nll(const kl_log_side *side, double x, double temperature)
{
    return kl_not_negative((side->top - x) / temperature + log1p(side->others));
}

/* Sums over a pair of rows, in double, each with the rounding errors of adding its blocks. */
typedef struct {
    double forward, reverse, mixture; /* divergence terms, as compare_terms has them */
    double change, loss;              /* |p - q|, and that where q is larger */
    double forward_lost, reverse_lost, mixture_lost, change_lost, loss_lost;
    double largest_change;
    int p_holes, q_holes;             /* p is 0 where q is not; q where p is not */
} kl_compare_totals;

/* The divergences, of probabilities `unit` times those that were summed. Where the normalisers were
   off, q has 1 + t times the mass of p, and the sums are corrected in second order of it. */
KL_INLINE void kl_finish_comparison(const kl_compare_totals *totals, double unit, double *row)
{
    double change = unit * (totals->change + totals->change_lost);
    double t = 2 * unit * (totals->loss + totals->loss_lost) - change;
    double forward = unit * (totals->forward + totals->forward_lost) + kl_log1p_less(t);
    double reverse = unit * (totals->reverse + totals->reverse_lost) + kl_log1p_less(-t / (1 + t));
    double mixture = 0.5 * unit * (totals->mixture + totals->mixture_lost);
    row[KL_STATISTIC_kl] = totals->q_holes ? HUGE_VAL : kl_not_negative(forward);
    row[KL_STATISTIC_reverse_kl] = totals->p_holes ? HUGE_VAL : kl_not_negative(reverse);
    row[KL_STATISTIC_js] = kl_within_mixture(mixture, 0.5);
    row[KL_STATISTIC_total_variation] = change < 2 ? 0.5 * change : 1;
    row[KL_STATISTIC_largest_change] = unit * totals->largest_change;
}

/* Whether differences a - b may be rounded before the shift c between the rows is taken off. Each
   is then wrong by its last digit, of |d| + |c|: |c| / d of a divergence near d**2 / 2. */
KL_INLINE int kl_is_close_shift(double c, const double *row)
{
    double least = fmin(row[KL_STATISTIC_kl], row[KL_STATISTIC_reverse_kl]);
    return c * c <= 36 * 2 * least;
}

/* Whether a divergence is not 0, and lost among the roundings of the lanes. */
KL_INLINE int kl_is_too_small(const double *row, const kl_ranges *ranges)
{
    double least = fmin(row[KL_STATISTIC_js],
                        fmin(row[KL_STATISTIC_kl], row[KL_STATISTIC_reverse_kl]));
    return least < ranges->too_small && row[KL_STATISTIC_total_variation] > 0;
}

#endif
