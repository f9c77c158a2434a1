/* Every statistic of two log_probs or logits rows, for one STORAGE type.

   The first sweep, from memory, takes each row by itself: normaliser, entropy, top outcome. The
   second, over rows that are in cache, knows the normalisers and takes what needs both: two
   exponentials, of the larger probability and of the ratio, serve all its sums. */

typedef struct {
    vec x;
    LANED(split) power;
} STORED(weighed);

KL_INLINE STORED(weighed) STORED(begin_weighing)(vec a, vec scale, vec reference)
{
    vec x = larger(all(K(LEAST_EXPONENT)), fused_less(a, scale, reference));
    return (STORED(weighed)){x, LANED(begin_power2)(x)};
}

KL_INLINE void STORED(end_weighing)(STORED(weighed) it, vec *weight, vec *gap)
{
    vec w = LANED(end_power2)(it.power);
    *weight = add(*weight, w);
    *gap = fused(w, it.x, *gap);
}

/* Adds the weights 2**x, x = a scale - reference, of one block, and the sum of weight times x. */
KL_INLINE void STORED(weigh)(const stored *block, ptrdiff_t count, real scale, double reference,
                             kl_compare_weights *sums)
{
    vec s = all(scale), r = all((real)reference), lowest = all((real)-HUGE_VAL);
    vec weight = all(0), gap = weight, other_weight = weight, other_gap = weight;
    ptrdiff_t i = 0;
#define KL_BEGUN(at) STORED(begin_weighing)(fetch_lanes(block + (at)), s, r)
    for (; i + 4 * LANES <= count; i += 4 * LANES) {
        for (size_t line = 0; line < 4 * LANES * sizeof(stored); line += 64)
            KL_PREFETCH((const char *)(block + i) + KL_COMPARE_AHEAD + line);
        STORED(weighed) first = KL_BEGUN(i), second = KL_BEGUN(i + LANES);
        STORED(weighed) third = KL_BEGUN(i + 2 * LANES), fourth = KL_BEGUN(i + 3 * LANES);
        STORED(end_weighing)(first, &weight, &gap);
        STORED(end_weighing)(second, &other_weight, &other_gap);
        STORED(end_weighing)(third, &weight, &gap);
        STORED(end_weighing)(fourth, &other_weight, &other_gap);
    }
#undef KL_BEGUN
    for (; i < count; i += LANES) {
        vec a = STORED(fetch_some)(block + i, count - i, lowest);
        STORED(end_weighing)(STORED(begin_weighing)(a, s, r), &weight, &gap);
    }
    kl_carry(&sums->weight, &sums->weight_lost, sum_of(add(weight, other_weight)));
    kl_carry(&sums->gap, &sums->gap_lost, sum_of(add(gap, other_gap)));
}

/* The first outcome of the block that equals `top`, and whether there is a second one. */
KL_INLINE ptrdiff_t STORED(find_top)(const stored *block, ptrdiff_t count, double top, int *tied)
{
    ptrdiff_t at = -1;
    for (ptrdiff_t i = 0; i < count; i += LANES) {
        vec a = STORED(fetch_some)(block + i, count - i, all((real)-HUGE_VAL));
        if (!any(equal(a, all((real)top))))
            continue;
        real lanes[LANES];
        put(lanes, a);
        for (ptrdiff_t j = 0; j < LANES && i + j < count; j++) {
            if ((double)lanes[j] != top)
                continue;
            if (at >= 0) {
                *tied = 1;
                return at;
            }
            at = i + j;
        }
    }
    return at < 0 ? 0 : at; /* no number in the row: it is suspect anyway */
}

/* One row by itself. The weights of the top's block are kept apart: where the top outweighs all the
   others they are summed again without it, so that a sliver beside it keeps its digits. */
static void STORED(log_side)(const kl_source *p, ptrdiff_t n, real scale, double scale_lost,
                             kl_log_side *side)
{
    stored buffer[ROW_BLOCK];
    kl_compare_weights rest = {0}, at_top = {0};
    double reference = 0;
    kl_top top = {-HUGE_VAL, 0, 0};
    for (ptrdiff_t start = 0; start < n; start += ROW_BLOCK) {
        ptrdiff_t count = n - start < ROW_BLOCK ? n - start : ROW_BLOCK;
        const stored *block = STORED(fetch)(p, start, count, buffer);
        double maximum = STORED(largest)(block, count);
        if (kl_rises(&top, maximum, start)) {
            double higher = (double)(real)(maximum * (double)scale);
            kl_add_weights(&rest, &at_top);
            kl_lower_weights(&rest, higher - reference);
            at_top = (kl_compare_weights){0};
            reference = higher;
            STORED(weigh)(block, count, scale, reference, &at_top);
        } else
            STORED(weigh)(block, count, scale, reference, &rest);
    }
    ptrdiff_t count = n - top.start < ROW_BLOCK ? n - top.start : ROW_BLOCK;
    const stored *block = STORED(fetch)(p, top.start, count, buffer);
    ptrdiff_t at = STORED(find_top)(block, count, top.value, &top.tied);
    side->top = top.value;
    side->at = top.start + at;
    side->tied = top.tied;
    double x = fma(top.value, (double)scale, -reference), weight = exp2(x), less = weight;
    double lost = 0;
    if (rest.weight + at_top.weight < 2 * weight) {
        at_top = (kl_compare_weights){0};
        STORED(weigh)(block, at, scale, reference, &at_top);
        STORED(weigh)(block + at + 1, count - at - 1, scale, reference, &at_top);
        less = 0;
        lost = scale_lost; /* of the scale: a first order that counts for a sliver far below */
    }
    kl_add_weights(&rest, &at_top);
    side->gap = (rest.gap - x * rest.weight) / weight * (1 + lost);
    side->others = (rest.weight - less) / weight + KL_LN2 * lost * side->gap;
}

/* One outcome, as a kernel sees it. */
KL_INLINE double STORED(outcome)(const kl_source *p, ptrdiff_t at)
{
    stored buffer[ROW_BLOCK];
    real lanes[LANES];
    put(lanes, STORED(fetch_first)(STORED(fetch)(p, at, 1, buffer), 1));
    return (double)lanes[0];
}

/* 2**(a scale - reference + shift), with the argument to the last digit. */
KL_INLINE vec STORED(careful_power)(vec a, vec scale, vec scale_lost, vec reference, vec shift)
{
    vec low, product = mul(a, scale), x = LANED(difference)(product, reference, &low);
    low = add(add(low, shift), fused(x, scale_lost, fused_less(a, scale, product)));
    x = larger(all(K(LEAST_EXPONENT)), x);
    mask usual = less(all(K(LEAST_EXPONENT)), x);
    vec power = LANED(power2)(x);
    return fused(power, keep(usual, mul(all(K(LN2)), low)), power);
}

/* p is 2**(a scale - p_reference) and q is 2**(b scale - q_reference + q_shift), both times one
   number near 1; log2(p/q) is (a - b - c - c_low) scale, or (a - b) scale - shift. The
   scale itself is rounded, by scale_lost of it. */
typedef struct {
    vec scale, scale_lost, p_reference, q_reference, q_shift, c, c_low, shift;
} STORED(compare_scales);

/* The ratio of a vector, and its larger probability: on its way, or with care, at once. */
typedef struct {
    LANED(ratio) ratio;
    LANED(split) most;
    vec careful_most;
} STORED(met);

KL_INLINE STORED(met) STORED(begin_step)(vec *p_holes, vec *q_holes, vec a, vec b, mask inside,
                                           const STORED(compare_scales) *row, int whole,
                                           int careful)
{
    if (!careful) {
        vec d = fused_less(sub(a, b), row->scale, row->shift);
        vec x = fused_less(a, row->scale, row->p_reference);
        vec y = add(fused_less(b, row->scale, row->q_reference), row->q_shift);
        vec most = larger(all(K(LEAST_EXPONENT)), larger(x, y));
        return (STORED(met)){LANED(begin_comparison)(d), LANED(begin_power2)(most), all(0)};
    }
    /* A ratio of 0 or infinity is one beyond all that the lanes tell from these. */
    vec none = all((real)-HUGE_VAL), beyond = all(-4 * K(LEAST_EXPONENT));
    mask p_zero = equal(a, none), q_zero = equal(b, none);
    vec low, high = LANED(difference)(a, b, &low);
    vec exact = mul(add(sub(high, row->c), sub(low, row->c_low)), row->scale);
    vec d = select(p_zero, select(q_zero, all(0), sub(all(0), beyond)),
                   select(q_zero, beyond, exact));
    vec one = whole ? all(1) : keep(inside, all(1));
    *p_holes = larger(*p_holes, drop(q_zero, keep(p_zero, one)));
    *q_holes = larger(*q_holes, drop(p_zero, keep(q_zero, one)));
    vec x = STORED(careful_power)(a, row->scale, row->scale_lost, row->p_reference, all(0));
    vec y = STORED(careful_power)(b, row->scale, row->scale_lost, row->q_reference, row->q_shift);
    return (STORED(met)){LANED(begin_comparison)(d), {all(0), all(0)}, larger(x, y)};
}

KL_INLINE LANED(compared) STORED(go_on)(STORED(met) it, int careful)
{
    vec most = careful ? it.careful_most : LANED(end_power2)(it.most);
    return LANED(go_on_comparing)(most, it.ratio);
}

/* The sums over both rows. Without care a - b is rounded and holes are not expected; with it the
   difference is exact, whatever the shift. False if a NaN came up: of a hole or an invalid row. */
KL_INLINE int STORED(compare_sweep)(const kl_source *p, const kl_source *q, ptrdiff_t n,
                                    const STORED(compare_scales) *row, int careful,
                                    kl_compare_totals *totals)
{
    stored p_buffer[ROW_BLOCK], q_buffer[ROW_BLOCK];
    vec largest_change = all(0), p_holes = largest_change, q_holes = largest_change;
    *totals = (kl_compare_totals){0};
    for (ptrdiff_t start = 0; start < n; start += ROW_BLOCK) {
        ptrdiff_t i = 0, count = n - start < ROW_BLOCK ? n - start : ROW_BLOCK;
        const stored *pb = STORED(fetch)(p, start, count, p_buffer);
        const stored *qb = STORED(fetch_beside)(q, start, count, q_buffer, pb);
        LANED(comparison) sums = LANED(no_comparison)();
        while (i + LANES <= count) {
            /* A few at a time: equal terms added to a large sum are all rounded the same way. */
            ptrdiff_t end = count - i < FEW * LANES ? count - LANES : i + (FEW - 1) * LANES;
            LANED(comparison) few = LANED(no_comparison)();
#define KL_BEGUN(at)                                                                               \
    STORED(begin_step)(&p_holes, &q_holes, fetch_lanes(pb + (at)), fetch_lanes(qb + (at)),         \
                       first_lanes(LANES), row, 1, careful)
            for (; i + 3 * LANES <= end; i += 4 * LANES) {
                STORED(met) b1 = KL_BEGUN(i), b2 = KL_BEGUN(i + LANES);
                STORED(met) b3 = KL_BEGUN(i + 2 * LANES), b4 = KL_BEGUN(i + 3 * LANES);
                LANED(compared) c1 = STORED(go_on)(b1, careful), c2 = STORED(go_on)(b2, careful);
                LANED(compared) c3 = STORED(go_on)(b3, careful), c4 = STORED(go_on)(b4, careful);
                LANED(end_comparison)(&few, c1);
                LANED(end_comparison)(&few, c2);
                LANED(end_comparison)(&few, c3);
                LANED(end_comparison)(&few, c4);
            }
            for (; i <= end; i += LANES)
                LANED(end_comparison)(&few, STORED(go_on)(KL_BEGUN(i), careful));
#undef KL_BEGUN
            LANED(add_comparison)(&sums, &few);
        }
        if (i < count) {
            mask inside = first_lanes(count - i);
            vec p_last = STORED(fetch_first)(pb + i, count - i);
            vec q_last = STORED(fetch_first)(qb + i, count - i);
            LANED(compared) last = STORED(go_on)(
                STORED(begin_step)(&p_holes, &q_holes, p_last, q_last, inside, row, 0, careful),
                careful);
            last.most = keep(inside, last.most);
            LANED(end_comparison)(&sums, last);
        }
        kl_carry(&totals->forward, &totals->forward_lost, sum_of(sums.forward));
        kl_carry(&totals->reverse, &totals->reverse_lost, sum_of(sums.reverse));
        kl_carry(&totals->mixture, &totals->mixture_lost, sum_of(sums.mixture));
        kl_carry(&totals->change, &totals->change_lost, sum_of(sums.change));
        kl_carry(&totals->loss, &totals->loss_lost, sum_of(sums.loss));
        largest_change = larger(largest_change, sums.largest_change);
        if (KL_UNLIKELY(!(totals->change < HUGE_VAL)))
            return 0;
    }
    totals->p_holes = any(less(all(0), p_holes));
    totals->q_holes = any(less(all(0), q_holes));
    totals->largest_change = LANED(largest_lane)(largest_change);
    return totals->forward < HUGE_VAL && totals->reverse < HUGE_VAL && totals->mixture < HUGE_VAL;
}

static int STORED(compare_log_row)(const kl_source *p, const kl_source *q, ptrdiff_t n,
                                   const kl_params *params, ptrdiff_t label, double *row)
{
    double temperature = params->temperature;
    if (!(temperature >= K(COLDEST) && temperature <= 1 / K(COLDEST)))
        return KL_RETRY;
    real scale = (real)(KL_LOG2E / temperature);
    double wide_scale = (double)scale;
    kl_log_side ps, qs;
    double scale_lost = (fma(-wide_scale, temperature, KL_LOG2E) + KL_LOG2E_TAIL) / KL_LOG2E;
    STORED(log_side)(p, n, scale, scale_lost, &ps);
    STORED(log_side)(q, n, scale, scale_lost, &qs);
    int status = kl_check_side(p, &ps) | kl_check_side(q, &qs);
    double limit = K(LARGEST_LOGIT) * (temperature < 1 ? temperature : 1);
    if (!(fabs(ps.top) < limit && fabs(qs.top) < limit))
        return KL_RETRY | status;
    row[KL_STATISTIC_entropy_p] = kl_side_entropy(&ps);
    row[KL_STATISTIC_entropy_q] = kl_side_entropy(&qs);
    row[KL_STATISTIC_top_p] = (double)ps.at;
    row[KL_STATISTIC_top_q] = (double)qs.at;
    row[KL_STATISTIC_tied_p] = ps.tied;
    row[KL_STATISTIC_tied_q] = qs.tied;
    row[KL_STATISTIC_same_top] = ps.at == qs.at;
    row[KL_STATISTIC_p_of_top_p] = 1 / (1 + ps.others);
    row[KL_STATISTIC_p_of_top_q] =
        kl_side_probability(&ps, STORED(outcome)(p, qs.at), temperature);
    row[KL_STATISTIC_q_of_top_p] =
        kl_side_probability(&qs, STORED(outcome)(q, ps.at), temperature);
    if (label >= 0) {
        row[KL_STATISTIC_nll_p] = kl_side_nll(&ps, STORED(outcome)(p, label), temperature);
        row[KL_STATISTIC_nll_q] = kl_side_nll(&qs, STORED(outcome)(q, label), temperature);
    }

    /* The references are rounded; what that does to p, `p_off`, is done to q as well, and undone
       at the end. The shift c comes in two parts: to its last digit, however far the rows lie
       apart. */
    double p_log_z = log1p(ps.others) * KL_LOG2E, q_log_z = log1p(qs.others) * KL_LOG2E;
    real p_reference = (real)(ps.top * wide_scale + p_log_z);
    double p_off = fma(-ps.top, wide_scale, (double)p_reference) - p_log_z;
    real q_reference = (real)(qs.top * wide_scale + q_log_z + p_off);
    double q_off = fma(-qs.top, wide_scale, (double)q_reference) - q_log_z;
    double low, high = kl_difference(ps.top, qs.top, &low);
    double more = (p_log_z - q_log_z) / wide_scale;
    real c = (real)(high + more);
    STORED(compare_scales) scales = {
        all(scale), all((real)scale_lost), all(p_reference), all(q_reference),
        all((real)(q_off - p_off)), all(c),
        all((real)(((high - (double)c) + more) + low)),
        all((real)((high + more) * wide_scale))};
    double unit = exp2(p_off);
    kl_compare_totals totals;
    int plain = STORED(compare_sweep)(p, q, n, &scales, 0, &totals), numbers = plain;
    if (plain) {
        kl_finish_comparison(&totals, unit, row);
        plain = kl_is_close_shift((high + more) / temperature, row)
                || kl_is_too_small(row, &K(RANGES));
    }
    if (!plain) {
        numbers = STORED(compare_sweep)(p, q, n, &scales, 1, &totals);
        kl_finish_comparison(&totals, unit, row);
    }
    if (!numbers || kl_is_too_small(row, &K(RANGES)))
        status |= KL_RETRY;
    row[KL_STATISTIC_cross_entropy] = row[KL_STATISTIC_entropy_p] + row[KL_STATISTIC_kl];
    return status;
}
