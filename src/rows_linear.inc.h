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

typedef void (*STORED(linear_formula))(vec, vec, const LANED(scales) *, kl_sweep, vec *, vec *);

/* What is summed, and how; constants wherever they are used. */
typedef struct {
    kl_kernel kernel;
    STORED(linear_formula) formula;
    kl_sweep sweep;
} STORED(linear_work);

KL_INLINE int STORED(sums_up)(STORED(linear_work) work, int sum)
{
    int terms = work.sweep != KL_FOR_MASSES && work.sweep != KL_FOR_HOLES;
    int masses = work.sweep == KL_FOR_MASSES || work.sweep == KL_AS_THEY_ARE
                 || (terms && kl_has_peak(work.kernel));
    switch (sum) {
    case KL_SCORE: return terms;
    case KL_OTHER: return terms && work.kernel == KL_KERNEL_js_divergence;
    case KL_P_MASS: return masses;
    case KL_Q_MASS: return masses && work.kernel != KL_KERNEL_entropy;
    default: /* KL_HOLES; the masses of half precision are off by more than a float32 notices */
        return kl_has_floor(work.kernel)
               && (work.sweep == KL_FOR_HOLES || work.sweep == KL_FLOORED
                   || (work.sweep == KL_AS_THEY_ARE && sizeof(stored) == 2));
    }
}

/* What one vector of outcomes gives to the sums. */
KL_INLINE LANED(sums) STORED(linear_step)(STORED(linear_work) work,
                                          const LANED(scales) *by, vec p, vec q)
{
    LANED(sums) given = LANED(no_sums)();
    given.signs = either(p, q);
    if (work.sweep == KL_SCALED || work.sweep == KL_FLOORED) {
        p = mul(p, by->p_scale);
        q = mul(q, by->q_scale);
    }
    given.of[KL_P_MASS] = p;
    given.of[KL_Q_MASS] = given.largest_q = q;
    if (STORED(sums_up)(work, KL_HOLES))
        given.of[KL_HOLES] = keep(less(q, by->edge), p);
    if (STORED(sums_up)(work, KL_SCORE))
        work.formula(p, q, by, work.sweep, &given.of[KL_SCORE], &given.of[KL_OTHER]);
    return given;
}

/* Adds what a vector gave, or, for `b`, what two gave together: each lane then adds half as many
   terms. */
KL_INLINE void STORED(linear_add)(STORED(linear_work) work, LANED(sums) *sums,
                                  const LANED(sums) *a, const LANED(sums) *b)
{
    for (int i = 0; i < KL_SUMS; i++)
        if (STORED(sums_up)(work, i))
            sums->of[i] = add(sums->of[i], b ? add(a->of[i], b->of[i]) : a->of[i]);
    if (work.sweep == KL_FOR_MASSES || work.sweep == KL_AS_THEY_ARE)
        sums->signs = either(sums->signs, b ? either(a->signs, b->signs) : a->signs);
    if (kl_has_peak(work.kernel) && STORED(sums_up)(work, KL_SCORE)) {
        sums->largest_q = at_least(sums->largest_q, a->largest_q);
        if (b)
            sums->largest_q = at_least(sums->largest_q, b->largest_q);
    }
}

/* The sums over one block, in an order fixed by position, for answers that repeat bit by bit. */
KL_INLINE LANED(sums) STORED(linear_block)(STORED(linear_work) work,
                                           const LANED(scales) *by, const stored *p,
                                           const stored *q, ptrdiff_t count)
{
    LANED(sums) sums = LANED(no_sums)(), a, b;
    ptrdiff_t i = 0;
    for (; i + 2 * LANES <= count; i += 2 * LANES) {
        a = STORED(linear_step)(work, by, fetch_lanes(p + i), fetch_lanes(q + i));
        b = STORED(linear_step)(work, by, fetch_lanes(p + i + LANES), fetch_lanes(q + i + LANES));
        STORED(linear_add)(work, &sums, &a, &b);
    }
    if (i + LANES <= count) {
        a = STORED(linear_step)(work, by, fetch_lanes(p + i), fetch_lanes(q + i));
        STORED(linear_add)(work, &sums, &a, NULL);
        i += LANES;
    }
    if (i < count) {
        a = STORED(linear_step)(work, by, STORED(fetch_first)(p + i, count - i),
                                STORED(fetch_first)(q + i, count - i));
        STORED(linear_add)(work, &sums, &a, NULL);
    }
    return sums;
}

/* The state of a row between its blocks, so that rows of a tile can take turns. */
typedef struct {
    LANED(running) of[KL_SUMS];
    LANED(sums) only; /* of a row of one block */
    vec signs;
    double p_at_peak, q_at_peak;
} STORED(linear_state);

KL_INLINE void STORED(linear_start)(STORED(linear_state) *state)
{
    LANED(sums) none = LANED(no_sums)();
    state->only = none;
    for (int i = 0; i < KL_SUMS; i++)
        LANED(run_from)(&state->of[i], none.of[i]);
    state->signs = none.signs;
    state->p_at_peak = state->q_at_peak = 0;
}

/* Copies the block without the outcomes above the peak, whose masses go to the state. */
static void STORED(linear_below_peak)(const stored *p, const stored *q, ptrdiff_t count, vec p_scale,
                                      vec q_scale, vec peak, stored *p_rest, stored *q_rest,
                                      STORED(linear_state) *state)
{
    for (ptrdiff_t i = 0; i < count; i++) {
        vec q_here = mul(STORED(fetch_first)(q + i, 1), q_scale);
        int rest = !any(less(peak, q_here));
        if (!rest) {
            state->p_at_peak += sum_of(mul(STORED(fetch_first)(p + i, 1), p_scale));
            state->q_at_peak += sum_of(q_here);
        }
        p_rest[i] = rest ? p[i] : 0;
        q_rest[i] = rest ? q[i] : 0;
    }
}

/* One block of a row of n. */
KL_INLINE void STORED(linear_on)(STORED(linear_work) work, const LANED(scales) *by,
                                 const stored *p, const stored *q, ptrdiff_t start, ptrdiff_t n,
                                 STORED(linear_state) *state)
{
    ptrdiff_t count = n - start < ROW_BLOCK ? n - start : ROW_BLOCK;
    stored p_rest[ROW_BLOCK], q_rest[ROW_BLOCK];
    LANED(sums) sums;
    for (int whole = 1;; whole = 0) {
        sums = STORED(linear_block)(work, by, p, q, count);
        if (!(whole && kl_has_peak(work.kernel) && STORED(sums_up)(work, KL_SCORE)
              && KL_UNLIKELY(any(less(by->peak, sums.largest_q)))))
            break;
        STORED(linear_below_peak)(p, q, count, by->p_scale, by->q_scale, by->peak, p_rest, q_rest,
                                  state);
        p = p_rest;
        q = q_rest;
    }
    state->signs = either(state->signs, sums.signs);
    if (n <= ROW_BLOCK)
        state->only = sums;
    else
        for (int i = 0; i < KL_SUMS; i++)
            if (STORED(sums_up)(work, i))
                LANED(run_on)(&state->of[i], sums.of[i]);
}

KL_INLINE kl_totals STORED(linear_totals)(STORED(linear_work) work, ptrdiff_t n,
                                          const STORED(linear_state) *state)
{
    kl_totals totals = {{0}, state->p_at_peak, state->q_at_peak, any_sign(state->signs)};
    for (int i = 0; i < KL_SUMS; i++)
        if (STORED(sums_up)(work, i))
            totals.of[i] = n <= ROW_BLOCK ? sum_of(state->only.of[i])
                                          : LANED(sum_of_running)(&state->of[i]);
    if (work.kernel == KL_KERNEL_entropy)
        totals.of[KL_Q_MASS] = totals.of[KL_P_MASS];
    return totals;
}

/* One reading of the row; q is NULL for a measure of p alone. */
KL_INLINE kl_totals STORED(linear_sweep)(STORED(linear_work) work, const kl_source *p,
                                         const kl_source *q, ptrdiff_t n,
                                         const LANED(scales) *by)
{
    stored p_buffer[ROW_BLOCK], q_buffer[ROW_BLOCK];
    STORED(linear_state) state;
    STORED(linear_start)(&state);
    for (ptrdiff_t start = 0; start < n; start += ROW_BLOCK) {
        ptrdiff_t count = n - start < ROW_BLOCK ? n - start : ROW_BLOCK;
        const stored *pb = STORED(fetch)(p, start, count, p_buffer);
        const stored *qb = q ? STORED(fetch)(q, start, count, q_buffer) : pb;
        STORED(linear_on)(work, by, pb, qb, start, n, &state);
    }
    return STORED(linear_totals)(work, n, &state);
}

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
    const STORED(linear_work) masses = {KL_KERNEL_entropy, LANED(entropy_linear), KL_FOR_MASSES};
    LANED(scales) by = LANED(unscaled)(K(TINY), 0.5);
    kl_totals totals = STORED(linear_sweep)(masses, p, NULL, n, &by);
    result[0] = totals.of[KL_P_MASS];
    result[1] = totals.signs && STORED(negative)(p, n) ? -1 : 0;
}

/* The mass of p where q lies below `edge`. */
KL_INLINE double STORED(mass_at_holes)(STORED(linear_work) work, const kl_source *p,
                                       const kl_source *q, ptrdiff_t n, double edge)
{
    const STORED(linear_work) holes = {work.kernel, work.formula, KL_FOR_HOLES};
    LANED(scales) by = LANED(unscaled)(K(TINY), 0.5);
    by.edge = all((real)edge);
    return STORED(linear_sweep)(holes, p, q, n, &by).of[KL_HOLES];
}

/* Rows taken as they are compare q with eps and not with eps Q. Where Q is 1 but for rounding that
   is the same; else outcomes at the floor, which hold the part H of p, add H log Q too much.
   False where a q lies so near the floor that it matters on which side. */
KL_INLINE int STORED(allow_for_holes)(STORED(linear_work) work, const kl_totals *totals,
                                      const kl_source *p, const kl_source *q, ptrdiff_t n,
                                      double p_mass, double q_mass, double *score)
{
    if (!kl_has_floor(work.kernel) || fabs(q_mass - 1) <= 100 * K(RANGES).unit)
        return 1;
    double near = STORED(sums_up)(work, KL_HOLES)
                      ? totals->of[KL_HOLES]
                      : STORED(mass_at_holes)(work, p, q, n, ABOVE_FLOOR);
    if (near == 0)
        return 1;
    double below = STORED(SMALLEST) > ABOVE_FLOOR
                       ? near
                       : STORED(mass_at_holes)(work, p, q, n, BELOW_FLOOR);
    *score = kl_not_negative(*score - below / p_mass * log(q_mass));
    return below == near;
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

/* The scales of the first sweep. */
KL_INLINE LANED(scales) STORED(first_scales)(kl_kernel kernel, const kl_params *params)
{
    LANED(scales) by = LANED(unscaled)(kl_has_floor(kernel) ? (real)USUAL_FLOOR : K(TINY),
                                       params->weight);
    by.edge = all((real)ABOVE_FLOOR);
    return by;
}

/* Whether the sums over rows taken as they are give the score to the promised error. */
KL_INLINE int STORED(stands)(STORED(linear_work) work, const kl_totals *totals,
                             const kl_source *p, const kl_source *q, ptrdiff_t n,
                             const kl_params *params, double *score)
{
    double p_mass = kl_p_mass(totals), q_mass = kl_q_mass(totals);
    return kl_finish(work.kernel, totals, p_mass, q_mass, 1, 1, params->weight, &K(RANGES), score)
           && STORED(allow_for_holes)(work, totals, p, q, n, p_mass, q_mass, score)
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
    LANED(scales) by = STORED(first_scales)(kernel, params);
    kl_totals first, second;
    if (kernel == KL_KERNEL_entropy)
        q = NULL;
    if (STORED(taken_as_they_are)(kernel, p, q, params)) {
        const STORED(linear_work) work = {kernel, formula, KL_AS_THEY_ARE};
        first = STORED(linear_sweep)(work, p, q, n, &by);
        if (STORED(stands)(work, &first, p, q, n, params, score))
            return STORED(linear_status)(kernel, &first, p, q, n, params, *score);
    } else {
        const STORED(linear_work) work = {kernel, formula, KL_FOR_MASSES};
        first = STORED(linear_sweep)(work, p, q, n, &by);
    }
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

/* Rows that lie side by side, each outcome of all of them in one place, read a tile at a time: a
   block of each row, taken from lines of the cache that are read once. Rows for which the usual
   sweeps do not do are left to be scored alone. */
KL_INLINE void STORED(linear_tile)(kl_kernel kernel, STORED(linear_formula) formula,
                                   const kl_source *p, const kl_source *q, int rows, ptrdiff_t n,
                                   const kl_params *params, double *scores, int *statuses)
{
    /* A line more than a block apart: blocks that lie a power of two apart fight for the same lines
       of the cache. */
    enum { ROWS = KL_TILE_BYTES / sizeof(stored), PITCH = ROW_BLOCK + 64 / sizeof(stored) };
    stored p_tile[ROWS * PITCH], q_tile[ROWS * PITCH];
    STORED(linear_state) states[ROWS];
    LANED(scales) scales[ROWS];
    kl_masses masses[ROWS];
    kl_totals first[ROWS];
    int as_they_are = STORED(taken_as_they_are)(kernel, p, q, params);
    if (kernel == KL_KERNEL_entropy)
        q = NULL;
    for (int row = 0; row < rows; row++) {
        statuses[row] = KL_ALONE;
        scales[row] = STORED(first_scales)(kernel, params);
    }
    if (kl_has_floor(kernel) && params->eps != USUAL_FLOOR)
        return;
#define SWEEP(how)                                                                                 \
    const STORED(linear_work) work = {kernel, formula, how};                                       \
    for (int row = 0; row < rows; row++)                                                           \
        STORED(linear_start)(&states[row]);                                                        \
    for (ptrdiff_t start = 0; start < n; start += ROW_BLOCK) {                                     \
        ptrdiff_t count = n - start < ROW_BLOCK ? n - start : ROW_BLOCK;                           \
        kl_gather_tile(p, rows, start, count, PITCH, p_tile);                                      \
        if (q)                                                                                     \
            kl_gather_tile(q, rows, start, count, PITCH, q_tile);                                  \
        for (int row = 0; row < rows; row++)                                                       \
            STORED(linear_on)(work, &scales[row], p_tile + row * PITCH,                            \
                              (q ? q_tile : p_tile) + row * PITCH, start, n, &states[row]);        \
    }
    if (as_they_are) {
        SWEEP(KL_AS_THEY_ARE)
        for (int row = 0; row < rows; row++) {
            kl_source p_row = kl_beside(p, row), q_row = q ? kl_beside(q, row) : p_row;
            first[row] = STORED(linear_totals)(work, n, &states[row]);
            if (STORED(stands)(work, &first[row], &p_row, &q_row, n, params, &scores[row]))
                statuses[row] = STORED(linear_status)(kernel, &first[row], &p_row,
                                                      q ? &q_row : NULL, n, params, scores[row]);
        }
        return;
    }
    {
        SWEEP(KL_FOR_MASSES)
        for (int row = 0; row < rows; row++)
            first[row] = STORED(linear_totals)(work, n, &states[row]);
    }
    {
        for (int row = 0; row < rows; row++) {
            const STORED(linear_work) scaled = {kernel, formula, KL_SCALED};
            masses[row] = kl_split(kl_p_mass(&first[row]), kl_q_mass(&first[row]));
            if (kl_in_range(&first[row], &K(RANGES)))
                scales[row] = STORED(linear_scales)(scaled, masses[row], params);
        }
        SWEEP(KL_SCALED)
        for (int row = 0; row < rows; row++) {
            kl_source p_row = kl_beside(p, row), q_row = q ? kl_beside(q, row) : p_row;
            kl_totals second = STORED(linear_totals)(work, n, &states[row]);
            int status = STORED(finish_scaled)(work, &second, masses[row], params, &scores[row]);
            if (kl_in_range(&first[row], &K(RANGES)) && !kl_is_negligible(kernel, scores[row]))
                statuses[row] = status
                                | STORED(linear_status)(kernel, &first[row], &p_row,
                                                        q ? &q_row : NULL, n, params, scores[row]);
        }
    }
#undef SWEEP
}

#define KL_LINEAR_ROW(kernel)                                                                      \
    static int STORED(kernel##_linear_row)(const kl_source *p, const kl_source *q, ptrdiff_t n,    \
                                           const kl_params *params, double *score)                 \
    {                                                                                              \
        return STORED(linear_row)(KL_KERNEL_##kernel, LANED(kernel##_linear), p, q, n, params,     \
                                  score);                                                          \
    }                                                                                              \
    static void STORED(kernel##_linear_tile)(const kl_source *p, const kl_source *q, int rows,     \
                                             ptrdiff_t n, const kl_params *params,                 \
                                             double *scores, int *statuses)                        \
    {                                                                                              \
        STORED(linear_tile)(KL_KERNEL_##kernel, LANED(kernel##_linear), p, q, rows, n, params,     \
                            scores, statuses);                                                     \
    }
KL_KERNEL_LIST(KL_LINEAR_ROW)
#undef KL_LINEAR_ROW
