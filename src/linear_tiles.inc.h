/* Rows that lie side by side, each outcome of all of them in one place, read a tile at a time: a
   block of each row, taken from lines of the cache that are read once. */

/* One reading of the tile. */
KL_INLINE void STORED(tile_sweep)(STORED(linear_work) work, const kl_source *p, const kl_source *q,
                                  int rows, ptrdiff_t n, const LANED(scales) *scales,
                                  STORED(linear_state) *states)
{
    /* A line more than a block apart: blocks that lie a power of two apart fight for the same lines
       of the cache. */
    enum { ROWS = KL_TILE_BYTES / sizeof(stored), PITCH = ROW_BLOCK + 64 / sizeof(stored) };
    stored p_tile[ROWS * PITCH], q_tile[ROWS * PITCH];
    for (int row = 0; row < rows; row++)
        STORED(linear_start)(&states[row]);
    for (ptrdiff_t start = 0; start < n; start += ROW_BLOCK) {
        ptrdiff_t count = n - start < ROW_BLOCK ? n - start : ROW_BLOCK;
        kl_gather_tile(p, rows, start, count, PITCH, p_tile);
        if (q)
            kl_gather_tile(q, rows, start, count, PITCH, q_tile);
        for (int row = 0; row < rows; row++)
            STORED(linear_on)(work, &scales[row], p_tile + row * PITCH,
                              (q ? q_tile : p_tile) + row * PITCH, start, n, &states[row]);
    }
}

/* Rows for which the usual sweeps do not do are left to be scored alone. */
KL_INLINE void STORED(linear_tile)(kl_kernel kernel, STORED(linear_formula) formula,
                                   const kl_source *p, const kl_source *q, int rows, ptrdiff_t n,
                                   const kl_params *params, double *scores, int *statuses)
{
    enum { ROWS = KL_TILE_BYTES / sizeof(stored) };
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
    if (as_they_are) {
        const STORED(linear_work) work = {kernel, formula, KL_AS_THEY_ARE};
        STORED(tile_sweep)(work, p, q, rows, n, scales, states);
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
        const STORED(linear_work) work = {kernel, formula, KL_FOR_MASSES};
        STORED(tile_sweep)(work, p, q, rows, n, scales, states);
        for (int row = 0; row < rows; row++)
            first[row] = STORED(linear_totals)(work, n, &states[row]);
    }
    {
        const STORED(linear_work) work = {kernel, formula, KL_SCALED};
        for (int row = 0; row < rows; row++) {
            masses[row] = kl_split(kl_p_mass(&first[row]), kl_q_mass(&first[row]));
            if (kl_in_range(&first[row], &K(RANGES)))
                scales[row] = STORED(linear_scales)(work, masses[row], params);
        }
        STORED(tile_sweep)(work, p, q, rows, n, scales, states);
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
}
