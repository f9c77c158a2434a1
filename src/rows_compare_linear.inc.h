/* What a comparison of probs or counts takes beside the measures, for one STORAGE type: the top
   outcomes, total variation and the largest change. The masses are taken in a first sweep. */

typedef struct {
    double mass;
    ptrdiff_t at;
    int tied, negative;
} STORED(linear_side);

KL_INLINE STORED(linear_side) STORED(side_of_weights)(const kl_source *p, ptrdiff_t n)
{
    stored buffer[ROW_BLOCK];
    double normaliser[2];
    STORED(linear_side) side;
    kl_top top = {-HUGE_VAL, 0, 0};
    STORED(linear_normaliser)(p, n, 1, normaliser);
    side.mass = normaliser[0];
    side.negative = normaliser[1] < 0;
    for (ptrdiff_t start = 0; start < n; start += ROW_BLOCK) {
        ptrdiff_t count = n - start < ROW_BLOCK ? n - start : ROW_BLOCK;
        kl_rises(&top, STORED(largest)(STORED(fetch)(p, start, count, buffer), count), start);
    }
    ptrdiff_t count = n - top.start < ROW_BLOCK ? n - top.start : ROW_BLOCK;
    side.at = top.start + STORED(find_top)(STORED(fetch)(p, top.start, count, buffer), count,
                                           top.value, &top.tied);
    side.tied = top.tied;
    return side;
}

/* |p - c q| added up, and the largest. */
KL_INLINE void STORED(change_sweep)(const kl_source *p, const kl_source *q, ptrdiff_t n, real c,
                                    double *change, double *largest_change)
{
    stored p_buffer[ROW_BLOCK], q_buffer[ROW_BLOCK];
    vec largest = all(0);
    double lost = 0;
    *change = 0;
    for (ptrdiff_t start = 0; start < n; start += ROW_BLOCK) {
        ptrdiff_t count = n - start < ROW_BLOCK ? n - start : ROW_BLOCK;
        const stored *pb = STORED(fetch)(p, start, count, p_buffer);
        const stored *qb = STORED(fetch_beside)(q, start, count, q_buffer, pb);
        vec sum = all(0);
        for (ptrdiff_t i = 0; i < count; i += LANES) {
            vec a = STORED(fetch_some)(pb + i, count - i, all(0));
            vec b = STORED(fetch_some)(qb + i, count - i, all(0));
            vec d = fused_from(all(c), b, a);
            d = larger(sub(all(0), d), d);
            sum = add(sum, d);
            largest = larger(largest, d);
        }
        kl_carry(change, &lost, sum_of(sum));
    }
    *change += lost;
    *largest_change = LANED(largest_lane)(largest);
}

/* The measures of these rows have kernels of their own, and are left to them. */
static int STORED(compare_linear_row)(const kl_source *p, const kl_source *q, ptrdiff_t n,
                                      const kl_params *params, ptrdiff_t label, double *row)
{
    (void)params, (void)label;
    STORED(linear_side) ps = STORED(side_of_weights)(p, n), qs = STORED(side_of_weights)(q, n);
    int status = kl_check_mass(p, ps.mass) | kl_check_mass(q, qs.mass);
    if (ps.negative || qs.negative)
        status |= KL_SUSPECT;
    if (!kl_can_hold(&K(RANGES), ps.mass, qs.mass))
        return KL_RETRY | status;
    /* The ratio of the masses is rounded before they meet: a multiple of a row gives the same. */
    double change, largest_change;
    STORED(change_sweep)(p, q, n, (real)(ps.mass / qs.mass), &change, &largest_change);
    row[KL_STATISTIC_total_variation] = 0.5 * change / ps.mass < 1 ? 0.5 * change / ps.mass : 1;
    row[KL_STATISTIC_largest_change] = largest_change / ps.mass;
    row[KL_STATISTIC_top_p] = (double)ps.at;
    row[KL_STATISTIC_top_q] = (double)qs.at;
    row[KL_STATISTIC_tied_p] = ps.tied;
    row[KL_STATISTIC_tied_q] = qs.tied;
    row[KL_STATISTIC_same_top] = ps.at == qs.at;
    row[KL_STATISTIC_p_of_top_p] = STORED(outcome)(p, ps.at) / ps.mass;
    row[KL_STATISTIC_p_of_top_q] = STORED(outcome)(p, qs.at) / ps.mass;
    row[KL_STATISTIC_q_of_top_p] = STORED(outcome)(q, ps.at) / qs.mass;
    return status;
}
