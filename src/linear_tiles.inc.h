/* Probs and counts of rows that lie beside one another, as along axis 0 of a C-ordered array.

   Lane k holds row k: one vector is one outcome of LANES rows, as memory has it, and nothing is
   turned. A row scored alone adds outcome i in lane i mod LANES, and outcomes i and i + LANES before
   they go to the sum; so here sum number j adds outcomes j and j + LANES of each 2 LANES. What the
   lanes of a row add up there, the LANES sums of a lane add up here, and the bits are the same. */

/* LANES rows, one in each lane. */
typedef struct {
    vec of[KL_SUMS][LANES];              /* over one block; number j is lane j of each row's sum */
    LANED(running) over[KL_SUMS][LANES]; /* over blocks, likewise */
    vec signs, largest_q, least_q;
    LANED(scales) scales;
    double p_at_peak[LANES], q_at_peak[LANES];
} STORED(abreast);

/* Whatever a tile needs beside its rows. */
typedef struct {
    STORED(abreast) abreast[KL_TILE_ROWS / LANES];
    stored p_lines[KL_TILE_LINES * KL_TILE_ROWS], q_lines[KL_TILE_LINES * KL_TILE_ROWS];
    kl_totals first[KL_TILE_ROWS];
    kl_masses masses[KL_TILE_ROWS];
    kl_estimate thought[KL_TILE_ROWS];
    int alone[KL_TILE_ROWS]; /* of which nothing can be thought */
} STORED(tile);

/* The first of the rows that share a vector: the last vector overlaps the one before, where it has
   too few rows of its own. */
KL_INLINE int STORED(first_abreast)(int number, int rows)
{
    int first = number * LANES;
    return first + LANES <= rows || rows < LANES ? first : rows - LANES;
}

/* Lane `lane` of every vector of a struct of vectors becomes that of the other. */
KL_INLINE void STORED(put_lane)(void *to, int to_lane, const void *from, int from_lane, size_t size)
{
    for (size_t at = 0; at < size; at += sizeof(vec))
        memcpy((char *)to + at + (size_t)to_lane * sizeof(real),
               (const char *)from + at + (size_t)from_lane * sizeof(real), sizeof(real));
}

/* The scales of one of the rows, as a row alone has them. */
KL_INLINE LANED(scales) STORED(scales_of_lane)(const LANED(scales) *abreast, int lane)
{
    LANED(scales) scales;
    for (int to = 0; to < LANES; to++)
        STORED(put_lane)(&scales, to, abreast, lane, sizeof scales);
    return scales;
}

/* The sums of one of the rows, as a row alone has them. */
KL_INLINE STORED(linear_state) STORED(state_of_lane)(STORED(linear_work) work,
                                                     const STORED(abreast) *abreast, int lane,
                                                     ptrdiff_t n)
{
    STORED(linear_state) state;
    state.signs = all(0);
    STORED(put_lane)(&state.signs, 0, &abreast->signs, lane, sizeof(vec));
    for (int j = 0; j < LANES; j++)
        STORED(put_lane)(&state.least_q, j, &abreast->least_q, lane, sizeof(vec));
    state.p_at_peak = abreast->p_at_peak[lane];
    state.q_at_peak = abreast->q_at_peak[lane];
    for (int i = 0; i < KL_SUMS; i++) {
        if (!STORED(sums_up)(work, i))
            continue;
        vec only = all(0);
        for (int j = 0; j < LANES; j++)
            STORED(put_lane)(&only, j, &abreast->of[i][j], lane, sizeof(vec));
        LANED(run_from)(&state.of[i], only);
        for (int j = 0; j < LANES && n > ROW_BLOCK; j++) {
            memcpy((char *)state.of[i].sum + j * 8,
                   (const char *)abreast->over[i][j].sum + lane * 8, 8);
            memcpy((char *)state.of[i].lost + j * 8,
                   (const char *)abreast->over[i][j].lost + lane * 8, 8);
        }
    }
    return state;
}

/* Outcomes of all rows of a tile: a line of each, `pitch` elements apart. Lanes without a row hold
   some number. */
typedef struct {
    const stored *at;
    ptrdiff_t pitch;
} STORED(lines);

KL_INLINE STORED(lines) STORED(lines_from)(const kl_source *first, int rows, ptrdiff_t start,
                                           ptrdiff_t count, ptrdiff_t n, stored *buffer)
{
    const ptrdiff_t size = sizeof(stored);
    const char *from = first->data + start * first->stride;
    /* Fewer rows than lanes: a vector reaches over outcomes that follow, as far as there are some. */
    int within = rows >= LANES || (n - start - count) * first->stride >= (LANES - rows) * size;
    if (within && first->step == size && !first->swapped && first->stride % size == 0
        && (uintptr_t)from % sizeof(stored) == 0)
        return (STORED(lines)){(const stored *)from, first->stride / size};
    ptrdiff_t pitch = rows < LANES ? LANES : rows;
    if (rows < LANES)
        memset(buffer, 0, (size_t)(count * pitch * size));
    kl_gather_abreast(first, rows, start, count, pitch, buffer);
    return (STORED(lines)){buffer, pitch};
}

/* Where the lines that come next lie. They are asked for in the order of memory, which is not that
   of the sums: of pieces of long rows memory gives a fourth more so. Into the second level of the
   cache: the first holds the sums. */
typedef struct {
    const char *p, *q;
    ptrdiff_t p_pitch, q_pitch; /* bytes, as all here */
    ptrdiff_t at, width;
} STORED(expected);

enum { STORED(AHEAD) = 3 * LANES };

KL_INLINE STORED(expected) STORED(expect_after)(STORED(lines) p, STORED(lines) q, int rows)
{
    const ptrdiff_t size = sizeof(stored), p_pitch = p.pitch * size, q_pitch = q.pitch * size;
    return (STORED(expected)){(const char *)p.at + STORED(AHEAD) * p_pitch,
                              (const char *)q.at + STORED(AHEAD) * q_pitch,
                              p_pitch, q_pitch, 0, rows * size};
}

/* As many bytes of each as two vectors take. */
KL_INLINE void STORED(expect_more)(STORED(expected) *next)
{
    enum { BYTES = 2 * LANES * sizeof(stored), STEP = BYTES < 64 ? BYTES : 64 };
    for (int done = 0; done < BYTES; done += STEP) {
        KL_PREFETCH_FAR(next->p + next->at);
        KL_PREFETCH_FAR(next->q + next->at);
        next->at += STEP;
        if (next->at >= next->width) {
            next->at = 0;
            next->p += next->p_pitch;
            next->q += next->q_pitch;
        }
    }
}

/* 2 LANES outcomes of LANES rows. */
KL_INLINE void STORED(abreast_on)(STORED(linear_work) work, STORED(abreast) *abreast,
                                  const stored *p, ptrdiff_t p_pitch, const stored *q,
                                  ptrdiff_t q_pitch, STORED(expected) *next)
{
    const LANED(scales) by = abreast->scales;
    STORED(expected) expected = *next; /* in registers */
    LANED(sums) sums = LANED(no_sums)();
    sums.signs = abreast->signs;
    sums.largest_q = abreast->largest_q;
    sums.least_q = abreast->least_q;
    for (int j = 0; j < LANES; j++, p += p_pitch, q += q_pitch) {
        STORED(expect_more)(&expected);
        for (int i = 0; i < KL_SUMS; i++)
            if (STORED(sums_up)(work, i))
                sums.of[i] = abreast->of[i][j];
        STORED(linear_two) two = STORED(begin_two)(work, &by, p, LANES * p_pitch, q,
                                                   LANES * q_pitch, &sums);
        STORED(end_two)(work, &by, &two, &sums);
        for (int i = 0; i < KL_SUMS; i++)
            if (STORED(sums_up)(work, i))
                abreast->of[i][j] = sums.of[i];
    }
    *next = expected;
    abreast->signs = sums.signs;
    abreast->largest_q = sums.largest_q;
    abreast->least_q = sums.least_q;
}

/* The last outcomes, fewer than 2 LANES: one vector of each row, then one filled up with zeros. */
KL_INLINE void STORED(abreast_tail)(STORED(linear_work) work, STORED(abreast) *abreast,
                                    const stored *p, ptrdiff_t p_pitch, const stored *q,
                                    ptrdiff_t q_pitch, ptrdiff_t count)
{
    const LANED(scales) by = abreast->scales;
    for (ptrdiff_t done = 0; done < count; done += LANES)
        for (int j = 0; j < LANES; j++) {
            ptrdiff_t i = done + j;
            int whole = i < count;
            LANED(sums) sums = LANED(no_sums)();
            for (int sum = 0; sum < KL_SUMS; sum++)
                sums.of[sum] = abreast->of[sum][j];
            sums.signs = abreast->signs;
            sums.largest_q = abreast->largest_q;
            sums.least_q = abreast->least_q;
            STORED(add_one)(work, &by, whole ? fetch_lanes(p + i * p_pitch) : all(0),
                            whole ? fetch_lanes(q + i * q_pitch) : all(0),
                            first_lanes(whole ? LANES : 0), &sums);
            for (int sum = 0; sum < KL_SUMS; sum++)
                abreast->of[sum][j] = sums.of[sum];
            abreast->signs = sums.signs;
            abreast->largest_q = sums.largest_q;
            abreast->least_q = sums.least_q;
        }
}

/* Gathers the block of each row with a peak and sums it up again without. */
static void STORED(abreast_below_peak)(STORED(linear_work) work, const kl_source *p,
                                       const kl_source *q, ptrdiff_t start, ptrdiff_t count,
                                       STORED(abreast) *abreast, int first, int rows)
{
    stored p_block[ROW_BLOCK], q_block[ROW_BLOCK];
    real largest[LANES], peak[LANES];
    put(largest, abreast->largest_q);
    put(peak, abreast->scales.peak);
    for (int lane = 0; lane < LANES && first + lane < rows; lane++) {
        if (!(peak[lane] < largest[lane]))
            continue;
        kl_source p_row = kl_beside(p, first + lane);
        LANED(scales) by = STORED(scales_of_lane)(&abreast->scales, lane);
        kl_gather(&p_row, start, count, p_block);
        if (q) {
            kl_source q_row = kl_beside(q, first + lane);
            kl_gather(&q_row, start, count, q_block);
        }
        LANED(sums) sums = STORED(linear_rest)(work, &by, p_block, q ? q_block : p_block, count,
                                               &abreast->p_at_peak[lane],
                                               &abreast->q_at_peak[lane]);
        for (int i = 0; i < KL_SUMS; i++)
            for (int j = 0; j < LANES; j++)
                STORED(put_lane)(&abreast->of[i][j], lane, &sums.of[i], j, sizeof(vec));
    }
}

KL_INLINE void STORED(lines_on)(STORED(linear_work) work, STORED(lines) p, STORED(lines) q,
                                int rows, ptrdiff_t count, STORED(tile) *tile)
{
    for (; count > 0; count -= 2 * LANES) {
        STORED(expected) next = STORED(expect_after)(p, q, rows);
        for (int v = 0; v * LANES < rows; v++) {
            int first = STORED(first_abreast)(v, rows);
            if (count >= 2 * LANES)
                STORED(abreast_on)(work, &tile->abreast[v], p.at + first, p.pitch, q.at + first,
                                   q.pitch, &next);
            else
                STORED(abreast_tail)(work, &tile->abreast[v], p.at + first, p.pitch, q.at + first,
                                     q.pitch, count);
        }
        p.at += 2 * LANES * p.pitch;
        q.at += 2 * LANES * q.pitch;
    }
}

/* One reading of the tile, or of a block at the head of every `step` outcomes. */
KL_INLINE void STORED(tile_sweep)(STORED(linear_work) work, const kl_source *p, const kl_source *q,
                                  int rows, ptrdiff_t n, ptrdiff_t step, STORED(tile) *tile)
{
    const vec zero = all(0);
    int vectors = (rows + LANES - 1) / LANES;
    for (int v = 0; v < vectors; v++) {
        STORED(abreast) *abreast = &tile->abreast[v];
        abreast->signs = zero;
        abreast->least_q = all((real)HUGE_VAL);
        for (int i = 0; i < LANES; i++)
            abreast->p_at_peak[i] = abreast->q_at_peak[i] = 0;
        for (int i = 0; i < KL_SUMS; i++)
            for (int j = 0; j < LANES && STORED(sums_up)(work, i); j++)
                LANED(run_from)(&abreast->over[i][j], zero);
    }
    for (ptrdiff_t start = 0; start < n; start += step) {
        ptrdiff_t end = n - start < ROW_BLOCK ? n : start + ROW_BLOCK;
        for (int v = 0; v < vectors; v++) {
            tile->abreast[v].largest_q = zero;
            for (int i = 0; i < KL_SUMS; i++)
                for (int j = 0; j < LANES && STORED(sums_up)(work, i); j++)
                    tile->abreast[v].of[i][j] = zero;
        }
        for (ptrdiff_t at = start; at < end; at += KL_TILE_LINES) {
            ptrdiff_t count = end - at < KL_TILE_LINES ? end - at : KL_TILE_LINES;
            STORED(lines) a = STORED(lines_from)(p, rows, at, count, n, tile->p_lines), b = a;
            if (q)
                b = STORED(lines_from)(q, rows, at, count, n, tile->q_lines);
            STORED(lines_on)(work, a, b, rows, count, tile);
        }
        for (int v = 0; v < vectors; v++) {
            STORED(abreast) *abreast = &tile->abreast[v];
            if (STORED(leaves_peaks)(work)
                && KL_UNLIKELY(any(less(abreast->scales.peak, abreast->largest_q))))
                STORED(abreast_below_peak)(work, p, q, start, end - start, abreast,
                                           STORED(first_abreast)(v, rows), rows);
            for (int i = 0; i < KL_SUMS; i++)
                for (int j = 0; j < LANES && n > ROW_BLOCK && STORED(sums_up)(work, i); j++)
                    LANED(run_on)(&abreast->over[i][j], abreast->of[i][j]);
        }
    }
}

KL_INLINE kl_totals STORED(totals_in_tile)(STORED(linear_work) work, const STORED(tile) *tile,
                                           int row, int rows, ptrdiff_t n)
{
    int number = row / LANES, lane = row - STORED(first_abreast)(number, rows);
    STORED(linear_state) state = STORED(state_of_lane)(work, &tile->abreast[number], lane, n);
    return STORED(linear_totals)(work, &state);
}

/* The masses and signs of the rows, or of a block at the head of every `step` outcomes. */
KL_APART void STORED(tile_masses)(const kl_source *p, const kl_source *q, int rows, ptrdiff_t n,
                                  ptrdiff_t step, STORED(tile) *tile)
{
    STORED(tile_sweep)(STORED(FOR_MASSES), p, q, rows, n, step, tile);
    for (int row = 0; row < rows; row++)
        tile->first[row] = STORED(totals_in_tile)(STORED(FOR_MASSES), tile, row, rows, n);
}

/* The scales of one of the rows, for its lane; a row in two vectors has them in both. */
KL_INLINE void STORED(scale_row)(STORED(tile) *tile, int row, int rows, LANED(scales) by)
{
    for (int v = 0; v * LANES < rows; v++) {
        int lane = row - STORED(first_abreast)(v, rows);
        if (lane >= 0 && lane < LANES)
            STORED(put_lane)(&tile->abreast[v].scales, lane, &by, 0, sizeof by);
    }
}

/* A first sweep over all rows; returns whether each of them has its score. */
KL_INLINE int STORED(first_in_tile)(STORED(linear_work) work, const kl_source *p,
                                    const kl_source *q, int rows, ptrdiff_t n,
                                    const kl_params *params, STORED(tile) *tile, double *scores,
                                    int *statuses)
{
    int done = 1;
    STORED(tile_sweep)(work, p, q, rows, n, ROW_BLOCK, tile);
    for (int row = 0; row < rows; row++) {
        kl_source p_row = kl_beside(p, row), q_row = q ? kl_beside(q, row) : p_row;
        kl_totals totals = STORED(totals_in_tile)(work, tile, row, rows, n);
        tile->first[row] = totals;
        if (tile->alone[row])
            continue;
        if (STORED(stands)(work, &totals, tile->thought[row], &p_row, &q_row, n, params,
                           &scores[row]))
            statuses[row] = STORED(linear_status)(work.kernel, &totals, &p_row, q ? &q_row : NULL,
                                                  n, params, scores[row]);
        else
            done = 0;
    }
    return done;
}

/* Rows for which the usual sweeps do not do are left to be scored alone. */
KL_INLINE void STORED(linear_tile)(kl_kernel kernel, STORED(linear_formula) formula,
                                   const kl_source *p, const kl_source *q, int rows, ptrdiff_t n,
                                   const kl_params *params, void *workspace, double *scores,
                                   int *statuses)
{
    STORED(tile) *tile = workspace;
    const STORED(linear_work) as_they_are = {kernel, formula, KL_AS_THEY_ARE};
    const STORED(linear_work) by_estimate = {kernel, formula, KL_ESTIMATED};
    const STORED(linear_work) scaled = {kernel, formula, KL_SCALED};
    int first_does = STORED(taken_as_they_are)(kernel, p, q, params);
    ptrdiff_t step = STORED(sample_step)(kernel, n, params);
    LANED(scales) usual = STORED(scales_by)(kernel, kl_mass_of_1, params);
    if (kernel == KL_KERNEL_entropy)
        q = NULL;
    for (int row = 0; row < rows; row++) {
        statuses[row] = KL_ALONE;
        tile->thought[row] = kl_mass_of_1;
        tile->alone[row] = 0;
    }
    if (rows < 2 || (kl_has_floor(kernel) && params->eps != USUAL_FLOOR))
        return;
    for (int v = 0; v * LANES < rows; v++)
        tile->abreast[v].scales = usual;
    if (first_does) {
        STORED(first_in_tile)(as_they_are, p, q, rows, n, params, tile, scores, statuses);
        return;
    }
    if (step > 0) {
        STORED(tile_masses)(p, q, rows, n, step, tile);
        for (int row = 0; row < rows; row++) {
            tile->alone[row] = !STORED(estimated)(&tile->first[row], n, step, &tile->thought[row]);
            if (tile->alone[row])
                continue;
            STORED(scale_row)(tile, row, rows,
                              STORED(scales_by)(kernel, tile->thought[row], params));
        }
        if (STORED(first_in_tile)(by_estimate, p, q, rows, n, params, tile, scores, statuses))
            return;
    } else
        STORED(tile_masses)(p, q, rows, n, ROW_BLOCK, tile);
    for (int row = 0; row < rows; row++) {
        const kl_totals *first = &tile->first[row];
        tile->masses[row] = kl_split(kl_p_mass(first), kl_q_mass(first));
        if (kl_in_range(first, &K(RANGES)))
            STORED(scale_row)(tile, row, rows,
                              STORED(linear_scales)(scaled, tile->masses[row], params));
    }
    STORED(tile_sweep)(scaled, p, q, rows, n, ROW_BLOCK, tile);
    for (int row = 0; row < rows; row++) {
        const kl_totals *first = &tile->first[row];
        if (statuses[row] != KL_ALONE || tile->alone[row] || !kl_in_range(first, &K(RANGES)))
            continue;
        kl_source p_row = kl_beside(p, row), q_row = q ? kl_beside(q, row) : p_row;
        kl_totals second = STORED(totals_in_tile)(scaled, tile, row, rows, n);
        int status = STORED(finish_scaled)(scaled, &second, tile->masses[row], params,
                                           &scores[row]);
        if (!kl_is_negligible(kernel, scores[row]))
            statuses[row] = status | STORED(linear_status)(kernel, first, &p_row,
                                                           q ? &q_row : NULL, n, params,
                                                           scores[row]);
    }
}
