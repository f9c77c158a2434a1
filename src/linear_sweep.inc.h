/* One sweep over a row of probs or counts, for one STORAGE type: what a vector of outcomes gives to
   the sums, block by block. What is to be summed, and how, is a constant of each sweep. */

/* Where a block of the row can be read. */
KL_INLINE const stored *STORED(fetch)(const kl_source *row, ptrdiff_t start, ptrdiff_t count,
                                      stored *buffer)
{
    if (row->direct)
        return (const stored *)row->data + start;
    kl_gather(row, start, count, buffer);
    return buffer;
}

/* The same of a row that is read beside another, whose block that is. Lines that the cache takes for
   those of the other are copied, a block at a time; the next block comes near meanwhile. */
KL_INLINE const stored *STORED(fetch_beside)(const kl_source *row, ptrdiff_t start, ptrdiff_t count,
                                             stored *buffer, const stored *other)
{
    const stored *block = STORED(fetch)(row, start, count, buffer);
    if (count < ROW_BLOCK || !kl_taken_for(block, other))
        return block;
    for (size_t at = 0; at < sizeof *block * ROW_BLOCK; at += 64)
        KL_PREFETCH_FAR((const char *)(block + ROW_BLOCK) + at);
    return memcpy(buffer, block, sizeof *block * ROW_BLOCK);
}

/* The first count < LANES elements, then zeros. */
KL_INLINE vec STORED(fetch_first)(const stored *x, ptrdiff_t count)
{
    stored padded[LANES] = {0};
    for (ptrdiff_t i = 0; i < count; i++)
        padded[i] = x[i];
    return fetch_lanes(padded);
}

/* A formula in its two halves. */
typedef struct {
    LANED(begun) (*begin)(vec, vec, const LANED(scales) *, kl_sweep);
    void (*end)(LANED(begun), const LANED(scales) *, kl_sweep, vec *, vec *);
} STORED(linear_formula);

/* What is summed, and how; constants wherever they are used. */
typedef struct {
    kl_kernel kernel;
    STORED(linear_formula) formula;
    kl_sweep sweep;
} STORED(linear_work);

/* The sweeps that no measure tells apart. */
static const STORED(linear_work) STORED(FOR_MASSES) = {
    KL_KERNEL_kl_divergence, {0}, KL_FOR_MASSES};
static const STORED(linear_work) STORED(FOR_HOLES) = {
    KL_KERNEL_kl_divergence, {0}, KL_FOR_HOLES};

/* Whether this is the first sweep over the whole row, which checks it and takes the masses. */
KL_INLINE int STORED(checks)(STORED(linear_work) work)
{
    return work.sweep == KL_FOR_MASSES || work.sweep == KL_AS_THEY_ARE
           || work.sweep == KL_ESTIMATED;
}

/* Whether the masses are likely off by so much that it matters at which of two floors q was held. */
KL_INLINE int STORED(may_floor_amiss)(STORED(linear_work) work)
{
    return work.sweep == KL_ESTIMATED || (work.sweep == KL_AS_THEY_ARE && sizeof(stored) == 2);
}

KL_INLINE int STORED(sums_up)(STORED(linear_work) work, int sum)
{
    int terms = work.sweep != KL_FOR_MASSES && work.sweep != KL_FOR_HOLES;
    int masses = STORED(checks)(work) || (terms && kl_has_peak(work.kernel));
    switch (sum) {
    case KL_SCORE: return terms;
    case KL_OTHER: return work.sweep == KL_FOR_HOLES
                          || (terms && work.kernel == KL_KERNEL_js_divergence);
    case KL_P_MASS: return masses;
    case KL_Q_MASS: return masses && work.kernel != KL_KERNEL_entropy;
    default: /* KL_HOLES */
        return kl_has_floor(work.kernel)
               && (work.sweep == KL_FOR_HOLES || work.sweep == KL_FLOORED
                   || (STORED(may_floor_amiss)(work) && STORED(ZERO_OR_ABOVE)));
    }
}

/* Whether the least q tells if a floor acted, and if there is a q below 0. */
KL_INLINE int STORED(seeks_least)(STORED(linear_work) work)
{
    return kl_has_floor(work.kernel) && STORED(may_floor_amiss)(work) && !STORED(ZERO_OR_ABOVE);
}

/* What one vector of outcomes gives to the sums, as far as it is known before the quotient. */
KL_INLINE LANED(sums) STORED(linear_begin)(STORED(linear_work) work, const LANED(scales) *by,
                                           vec p, vec q, LANED(begun) *begun)
{
    LANED(sums) given = LANED(no_sums)();
    given.signs = STORED(seeks_least)(work) ? p : either(p, q);
    if (work.sweep == KL_SCALED || work.sweep == KL_FLOORED) {
        p = mul(p, by->p_scale);
        q = mul(q, by->q_scale);
    }
    given.of[KL_P_MASS] = p;
    given.of[KL_Q_MASS] = given.largest_q = given.least_q = q;
    if (STORED(sums_up)(work, KL_HOLES))
        given.of[KL_HOLES] = keep(less(q, by->edge), p);
    if (STORED(sums_up)(work, KL_SCORE))
        *begun = work.formula.begin(p, q, by, work.sweep);
    else if (STORED(sums_up)(work, KL_OTHER))
        given.of[KL_OTHER] = keep(less(q, by->upper_edge), p);
    return given;
}

/* The rest of it. */
KL_INLINE void STORED(linear_end)(STORED(linear_work) work, const LANED(scales) *by,
                                  const LANED(begun) *begun, LANED(sums) *given)
{
    if (STORED(sums_up)(work, KL_SCORE))
        work.formula.end(*begun, by, work.sweep, &given->of[KL_SCORE], &given->of[KL_OTHER]);
}

/* Adds what a vector gave, or, for `b`, what two gave together: each lane then adds half as many
   terms. First what is known before the quotient, */
KL_INLINE void STORED(add_begun)(STORED(linear_work) work, LANED(sums) *sums,
                                 const LANED(sums) *a, const LANED(sums) *b)
{
    for (int i = KL_TERMS; i < KL_SUMS; i++)
        if (STORED(sums_up)(work, i))
            sums->of[i] = add(sums->of[i], b ? add(a->of[i], b->of[i]) : a->of[i]);
    if (STORED(checks)(work))
        sums->signs = either(sums->signs, b ? either(a->signs, b->signs) : a->signs);
    if (kl_has_peak(work.kernel) && STORED(sums_up)(work, KL_SCORE)) {
        sums->largest_q = at_least(sums->largest_q, a->largest_q);
        if (b)
            sums->largest_q = at_least(sums->largest_q, b->largest_q);
    }
    if (STORED(seeks_least)(work))
        sums->least_q = smaller(b ? smaller(a->least_q, b->least_q) : a->least_q, sums->least_q);
}

/* then the terms. */
KL_INLINE void STORED(add_ended)(STORED(linear_work) work, LANED(sums) *sums,
                                 const LANED(sums) *a, const LANED(sums) *b)
{
    for (int i = 0; i < KL_TERMS; i++)
        if (STORED(sums_up)(work, i))
            sums->of[i] = add(sums->of[i], b ? add(a->of[i], b->of[i]) : a->of[i]);
}

/* Asks for what comes KL_AHEAD bytes after the 2 LANES elements at x. Every second vector of most
   arrays lies across two lines of the cache, and waits for both. */
KL_INLINE void STORED(ask_ahead)(const stored *x)
{
    for (size_t at = 0; at < 2 * LANES * sizeof *x; at += 64)
        KL_PREFETCH((const char *)x + at + KL_AHEAD);
}

KL_INLINE void STORED(ask_for_two)(STORED(linear_work) work, const stored *p, const stored *q)
{
    if (work.kernel == KL_KERNEL_js_divergence) /* which is slow enough without */
        return;
    STORED(ask_ahead)(p);
    if (work.kernel != KL_KERNEL_entropy)
        STORED(ask_ahead)(q);
}

/* Two vectors that are on their way to the sums. */
typedef struct {
    LANED(sums) given[2];
    LANED(begun) begun[2];
} STORED(linear_two);

KL_INLINE STORED(linear_two) STORED(begin_two)(STORED(linear_work) work, const LANED(scales) *by,
                                               const stored *p, ptrdiff_t p_next, const stored *q,
                                               ptrdiff_t q_next, LANED(sums) *sums)
{
    STORED(linear_two) two;
    two.given[0] = STORED(linear_begin)(work, by, fetch_lanes(p), fetch_lanes(q), &two.begun[0]);
    two.given[1] = STORED(linear_begin)(work, by, fetch_lanes(p + p_next), fetch_lanes(q + q_next),
                                        &two.begun[1]);
    STORED(add_begun)(work, sums, &two.given[0], &two.given[1]);
    return two;
}

KL_INLINE void STORED(end_two)(STORED(linear_work) work, const LANED(scales) *by,
                               STORED(linear_two) *two, LANED(sums) *sums)
{
    STORED(linear_end)(work, by, &two->begun[0], &two->given[0]);
    STORED(linear_end)(work, by, &two->begun[1], &two->given[1]);
    STORED(add_ended)(work, sums, &two->given[0], &two->given[1]);
}

/* One vector, of which the lanes `inside` hold outcomes and the others 0. */
KL_INLINE void STORED(add_one)(STORED(linear_work) work, const LANED(scales) *by, vec p, vec q,
                               mask inside, LANED(sums) *sums)
{
    LANED(begun) begun;
    LANED(sums) given = STORED(linear_begin)(work, by, p, q, &begun);
    given.least_q = select(inside, given.least_q, sums->least_q);
    STORED(add_begun)(work, sums, &given, NULL);
    STORED(linear_end)(work, by, &begun, &given);
    STORED(add_ended)(work, sums, &given, NULL);
}

/* The sums over one block, in an order fixed by position, for answers that repeat bit by bit. */
KL_INLINE LANED(sums) STORED(linear_block)(STORED(linear_work) work,
                                           const LANED(scales) *by, const stored *p,
                                           const stored *q, ptrdiff_t count)
{
    LANED(sums) sums = LANED(no_sums)();
    ptrdiff_t i = 0;
    for (; i + 4 * LANES <= count; i += 4 * LANES) {
        STORED(ask_for_two)(work, p + i, q + i);
        STORED(ask_for_two)(work, p + i + 2 * LANES, q + i + 2 * LANES);
        STORED(linear_two) a = STORED(begin_two)(work, by, p + i, LANES, q + i, LANES, &sums);
        STORED(linear_two) b = STORED(begin_two)(work, by, p + i + 2 * LANES, LANES,
                                                 q + i + 2 * LANES, LANES, &sums);
        STORED(end_two)(work, by, &a, &sums);
        STORED(end_two)(work, by, &b, &sums);
    }
    if (i + 2 * LANES <= count) {
        STORED(linear_two) a = STORED(begin_two)(work, by, p + i, LANES, q + i, LANES, &sums);
        STORED(end_two)(work, by, &a, &sums);
        i += 2 * LANES;
    }
    if (i + LANES <= count) {
        STORED(add_one)(work, by, fetch_lanes(p + i), fetch_lanes(q + i), first_lanes(LANES), &sums);
        i += LANES;
    }
    if (i < count)
        STORED(add_one)(work, by, STORED(fetch_first)(p + i, count - i),
                        STORED(fetch_first)(q + i, count - i), first_lanes(count - i), &sums);
    return sums;
}

/* The state of a row between its blocks, so that rows of a tile can take turns. */
typedef struct {
    LANED(running) of[KL_SUMS];
    vec signs, least_q;
    double p_at_peak, q_at_peak;
} STORED(linear_state);

/* Copies the block without the outcomes above the peak, whose masses are added to the two given. */
static void STORED(linear_below_peak)(const stored *p, const stored *q, ptrdiff_t count, vec p_scale,
                                      vec q_scale, vec peak, stored *p_rest, stored *q_rest,
                                      double *p_at_peak, double *q_at_peak)
{
    for (ptrdiff_t i = 0; i < count; i++) {
        vec q_here = mul(STORED(fetch_first)(q + i, 1), q_scale);
        int rest = !any(less(peak, q_here));
        if (!rest) {
            *p_at_peak += sum_of(mul(STORED(fetch_first)(p + i, 1), p_scale));
            *q_at_peak += sum_of(q_here);
        }
        p_rest[i] = rest ? p[i] : 0;
        q_rest[i] = rest ? q[i] : 0;
    }
}

KL_INLINE int STORED(leaves_peaks)(STORED(linear_work) work)
{
    return kl_has_peak(work.kernel) && STORED(sums_up)(work, KL_SCORE);
}

/* The sums over one block without its peaks, if this sweep leaves these out. */
KL_INLINE LANED(sums) STORED(linear_rest)(STORED(linear_work) work, const LANED(scales) *by,
                                          const stored *p, const stored *q, ptrdiff_t count,
                                          double *p_at_peak, double *q_at_peak)
{
    stored p_rest[ROW_BLOCK], q_rest[ROW_BLOCK];
    LANED(sums) sums = LANED(no_sums)();
    vec least_q = sums.least_q;
    for (int whole = 1;; whole = 0) {
        sums = STORED(linear_block)(work, by, p, q, count);
        if (whole)
            least_q = sums.least_q;
        sums.least_q = least_q;
        if (!(whole && STORED(leaves_peaks)(work)
              && KL_UNLIKELY(any(less(by->peak, sums.largest_q)))))
            return sums;
        STORED(linear_below_peak)(p, q, count, by->p_scale, by->q_scale, by->peak, p_rest, q_rest,
                                  p_at_peak, q_at_peak);
        p = p_rest;
        q = q_rest;
    }
}

/* One block; the first of a row begins the state. */
KL_INLINE void STORED(linear_on)(STORED(linear_work) work, const LANED(scales) *by,
                                 const stored *p, const stored *q, ptrdiff_t count, int first,
                                 STORED(linear_state) *state)
{
    if (first)
        state->p_at_peak = state->q_at_peak = 0;
    LANED(sums) sums = STORED(linear_rest)(work, by, p, q, count, &state->p_at_peak,
                                           &state->q_at_peak);
    state->signs = first ? sums.signs : either(state->signs, sums.signs);
    if (STORED(seeks_least)(work))
        state->least_q = first ? sums.least_q : smaller(sums.least_q, state->least_q);
    for (int i = 0; i < KL_SUMS; i++)
        if (STORED(sums_up)(work, i)) {
            if (first)
                LANED(run_from)(&state->of[i], sums.of[i]);
            else
                LANED(run_on)(&state->of[i], sums.of[i]);
        }
}

KL_INLINE kl_totals STORED(linear_totals)(STORED(linear_work) work,
                                          const STORED(linear_state) *state)
{
    kl_totals totals = {{0}, state->p_at_peak, state->q_at_peak, 0, any_sign(state->signs)};
    for (int i = 0; i < KL_SUMS; i++)
        if (STORED(sums_up)(work, i))
            totals.of[i] = LANED(sum_of_running)(&state->of[i]);
    if (work.kernel == KL_KERNEL_entropy)
        totals.of[KL_Q_MASS] = totals.of[KL_P_MASS];
    if (STORED(seeks_least)(work)) {
        totals.least_q = -LANED(largest_lane)(sub(all(0), state->least_q));
        totals.signs |= totals.least_q < 0;
    }
    return totals;
}

/* One reading of the row; q is NULL for a measure of p alone. */
KL_INLINE kl_totals STORED(linear_sweep)(STORED(linear_work) work, const kl_source *p,
                                         const kl_source *q, ptrdiff_t n,
                                         const LANED(scales) *by)
{
    stored p_buffer[ROW_BLOCK], q_buffer[ROW_BLOCK];
    STORED(linear_state) state;
    int first = 1;
    for (ptrdiff_t start = 0; first || start < n; start += ROW_BLOCK) { /* a row has an outcome */
        ptrdiff_t count = n - start < ROW_BLOCK ? n - start : ROW_BLOCK;
        const stored *pb = STORED(fetch)(p, start, count, p_buffer);
        const stored *qb = q ? STORED(fetch_beside)(q, start, count, q_buffer, pb) : pb;
        STORED(linear_on)(work, by, pb, qb, count, first, &state);
        first = 0;
    }
    return STORED(linear_totals)(work, &state);
}

/* The masses and signs of the rows. */
KL_APART kl_totals STORED(masses_of)(const kl_source *p, const kl_source *q, ptrdiff_t n)
{
    LANED(scales) by = LANED(unscaled)(K(TINY), 0.5);
    return STORED(linear_sweep)(STORED(FOR_MASSES), p, q, n, &by);
}

/* Those of a block at the head of every `step` elements. */
KL_APART kl_totals STORED(masses_of_sample)(const kl_source *p, const kl_source *q, ptrdiff_t n,
                                            ptrdiff_t step)
{
    LANED(scales) by = LANED(unscaled)(K(TINY), 0.5);
    stored p_buffer[ROW_BLOCK], q_buffer[ROW_BLOCK];
    STORED(linear_state) state;
    int first = 1;
    for (ptrdiff_t start = 0; first || start < n; start += step) {
        ptrdiff_t count = n - start < ROW_BLOCK ? n - start : ROW_BLOCK;
        const stored *pb = STORED(fetch)(p, start, count, p_buffer);
        const stored *qb = q ? STORED(fetch_beside)(q, start, count, q_buffer, pb) : pb;
        STORED(linear_on)(STORED(FOR_MASSES), &by, pb, qb, count, first, &state);
        first = 0;
    }
    return STORED(linear_totals)(STORED(FOR_MASSES), &state);
}
