/* The loops over probs and counts, for one STORAGE type.

   A row of probs is read once: a sweep compares p with q as they are, and the masses that came
   with it correct the sum to that of the normalised rows (kl_finish). Where that would lose digits,
   or a floor must be compared with a normalised q, and always for counts, a second sweep over the
   row, now in cache, compares p with c q, c = P/Q. */

/* Where a block of the row can be read. */
KL_INLINE const stored *STORED(fetch)(const kl_source *row, ptrdiff_t start, ptrdiff_t count,
                                      stored *buffer)
{
    if (row->direct)
        return (const stored *)row->data + start;
    kl_gather(row, start, count, buffer);
    return buffer;
}

/* The first count < LANES elements, then zeros. */
KL_INLINE vec STORED(fetch_first)(const stored *x, ptrdiff_t count)
{
    stored padded[LANES] = {0};
    for (ptrdiff_t i = 0; i < count; i++)
        padded[i] = x[i];
    return fetch_lanes(padded);
}

typedef void (*STORED(linear_formula))(LANED(sums) *, vec, vec, vec, vec, vec,
                                       const LANED(scales) *, int);

KL_INLINE void STORED(linear_step)(LANED(sums) *sums, vec p, vec q, const LANED(scales) *by,
                                   int floored, STORED(linear_formula) formula)
{
    if (floored) {
        p = mul(p, by->p_scale);
        q = mul(q, by->q_scale);
    }
    vec y = larger(by->tiny, q), f = y;
    vec x = larger(mul(y, all(K(NEGLIGIBLE))), larger(by->tiny, p));
    if (floored) {
        f = larger(smaller(mul(x, by->p_to_q), by->floor), y);
        sums->holes = larger(sums->holes, keep(less(q, by->tiny), p));
    }
    sums->least = smaller(smaller(sums->least, p), q);
    formula(sums, p, q, x, y, f, by, floored);
}

KL_INLINE void STORED(linear_add)(kl_totals *totals, const LANED(sums) *a, const LANED(sums) *b)
{
    kl_carry(&totals->score, &totals->score_lost, sum_of(add(a->score, b->score)));
    kl_carry(&totals->p_mass, &totals->p_mass_lost, sum_of(add(a->p_mass, b->p_mass)));
    kl_carry(&totals->q_mass, &totals->q_mass_lost, sum_of(add(a->q_mass, b->q_mass)));
    totals->p_at_peak += sum_of(add(a->p_at_peak, b->p_at_peak));
    totals->q_at_peak += sum_of(add(a->q_at_peak, b->q_at_peak));
    totals->negative |= any(less(smaller(a->least, b->least), all(0)));
    totals->far |= any(less(all(63), larger(a->largest_k, b->largest_k)));
    totals->holes |= any(less(all(0), larger(a->holes, b->holes)));
}

/* One reading of the row: two sums at a time for the accuracy of float32 lanes, a fixed order for
   the sake of answers that repeat bit by bit. */
KL_INLINE void STORED(linear_sweep)(const kl_source *p, const kl_source *q, ptrdiff_t n,
                                    const LANED(scales) *by, int floored,
                                    STORED(linear_formula) formula, kl_totals *totals)
{
    stored p_buffer[ROW_BLOCK], q_buffer[ROW_BLOCK];
    *totals = (kl_totals){0};
    for (ptrdiff_t start = 0; start < n; start += ROW_BLOCK) {
        ptrdiff_t i = 0, count = n - start < ROW_BLOCK ? n - start : ROW_BLOCK;
        const stored *pb = STORED(fetch)(p, start, count, p_buffer);
        const stored *qb = q ? STORED(fetch)(q, start, count, q_buffer) : pb;
        LANED(sums) a = LANED(no_sums)(), b = LANED(no_sums)();
        for (; i + 2 * LANES <= count; i += 2 * LANES) {
            STORED(linear_step)(&a, fetch_lanes(pb + i), fetch_lanes(qb + i), by, floored, formula);
            STORED(linear_step)(&b, fetch_lanes(pb + i + LANES), fetch_lanes(qb + i + LANES), by,
                                floored, formula);
        }
        if (i + LANES <= count) {
            STORED(linear_step)(&a, fetch_lanes(pb + i), fetch_lanes(qb + i), by, floored, formula);
            i += LANES;
        }
        if (i < count)
            STORED(linear_step)(&b, STORED(fetch_first)(pb + i, count - i),
                                STORED(fetch_first)(qb + i, count - i), by, floored, formula);
        STORED(linear_add)(totals, &a, &b);
    }
    totals->score += totals->score_lost;
    totals->p_mass += totals->p_mass_lost;
    totals->q_mass += totals->q_mass_lost;
}

static void STORED(linear_normaliser)(const kl_source *p, ptrdiff_t n, double temperature,
                                      double *result)
{
    (void)temperature;
    kl_totals totals;
    LANED(scales) by = LANED(unscaled)(K(TINY), 0.5);
    STORED(linear_sweep)(p, NULL, n, &by, 0, LANED(mass_linear), &totals);
    result[0] = totals.p_mass;
    result[1] = totals.negative ? -1 : 0;
}

/* One row. `kernel` and `formula` are constants wherever this is called. */
KL_INLINE int STORED(linear_row)(kl_kernel kernel, STORED(linear_formula) formula,
                                 const kl_source *p, const kl_source *q, ptrdiff_t n,
                                 const kl_params *params, double *score)
{
    const kl_ranges *ranges = &K(RANGES);
    int has_floor = kl_has_floor(kernel), pair = kernel != KL_KERNEL_entropy;
    kl_totals totals;
    double p_mass, q_mass;
    int negative;

    if (p->form == KL_PROBS && (!pair || q->form == KL_PROBS)
        && (!has_floor || params->eps == 0x1p-126)) {
        LANED(scales) by = LANED(unscaled)(has_floor ? (real)0x1p-126 : K(TINY), params->weight);
        STORED(linear_sweep)(p, pair ? q : NULL, n, &by, 0, formula, &totals);
        p_mass = totals.p_mass + totals.p_at_peak;
        q_mass = pair ? totals.q_mass + totals.q_at_peak : p_mass;
        negative = totals.negative;
        int stands = kl_finish(kernel, &totals, p_mass, q_mass, 1, 1, params->weight, ranges,
                               score);
        int floor_tells = has_floor
                          && ((totals.far && fabs(q_mass - 1) > 100 * ranges->unit)
                              || (*score > 0 && *score < NEGLIGIBLE_SCORE));
        if (stands && !floor_tells)
            goto check;
    } else {
        double normaliser[2];
        STORED(linear_normaliser)(p, n, 1, normaliser);
        p_mass = q_mass = normaliser[0];
        negative = normaliser[1] < 0;
        if (pair) {
            STORED(linear_normaliser)(q, n, 1, normaliser);
            q_mass = normaliser[0];
            negative |= normaliser[1] < 0;
        }
    }
    if (!(p_mass >= ranges->least_mass && p_mass <= ranges->largest_mass
          && q_mass >= ranges->least_mass && q_mass <= ranges->largest_mass)) {
        *score = NAN;
        return KL_SUSPECT | KL_RETRY;
    }
    /* Scaled by powers of two, rows of any mass meet at about equal ones, a multiple of the row
       gives the same bits, and a floor of 2**-126 is a normal float32. */
    int p_exponent, q_exponent;
    double p_half = frexp(p_mass, &p_exponent), q_half = frexp(q_mass, &q_exponent);
    real c = (real)(p_half / q_half);
    LANED(scales) by = LANED(unscaled)(K(TINY), params->weight);
    by.p_scale = all((real)ldexp(1, HEADROOM - p_exponent));
    by.q_scale = all((real)ldexp(1, HEADROOM - q_exponent));
    by.headroom = all(HEADROOM);
    by.c = all(c);
    by.p_to_q = all((real)(q_half / p_half));
    by.floor = all(has_floor ? (real)ldexp(params->eps * q_half, HEADROOM) : 0);
    by.peak = larger(by.floor, all((real)ldexp(0.75 * q_half, HEADROOM)));
    STORED(linear_sweep)(p, pair ? q : NULL, n, &by, 1, formula, &totals);
    kl_finish(kernel, &totals, ldexp(p_half, HEADROOM), ldexp(q_half, HEADROOM), (double)c,
              ldexp(1, -HEADROOM), params->weight, NULL, score);
    if (has_floor && totals.holes && params->eps < K(TINY))
        return KL_RETRY;

check:;
    int status = kl_check_mass(p, p_mass) | (pair ? kl_check_mass(q, q_mass) : KL_OK);
    if (negative)
        status |= KL_SUSPECT;
    return status | kl_check_score(kernel, *score, n, params->eps, ranges);
}

#define KL_LINEAR_ROW(kernel)                                                                      \
    static int STORED(kernel##_linear_row)(const kl_source *p, const kl_source *q, ptrdiff_t n,    \
                                           const kl_params *params, double *score)                 \
    {                                                                                              \
        return STORED(linear_row)(KL_KERNEL_##kernel, LANED(kernel##_linear), p, q, n, params,     \
                                  score);                                                          \
    }
KL_KERNEL_LIST(KL_LINEAR_ROW)
#undef KL_LINEAR_ROW
