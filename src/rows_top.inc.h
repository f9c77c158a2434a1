/* The k largest outcomes of a row, for one STORAGE type: vectors are held against the least of those
   kept so far, and few hold an outcome above it. Values are compared as they are given, so that the
   order is the same in every form and under every temperature. */

static void STORED(top_row)(const kl_source *p, ptrdiff_t n, ptrdiff_t k, kl_outcome *best)
{
    stored buffer[ROW_BLOCK];
    ptrdiff_t held = 0;
    vec bar = all((real)-HUGE_VAL), lowest = bar;
    for (ptrdiff_t start = 0; start < n; start += ROW_BLOCK) {
        ptrdiff_t count = n - start < ROW_BLOCK ? n - start : ROW_BLOCK, i = 0;
        const stored *block = STORED(fetch)(p, start, count, buffer);
        while (i < count) {
            if (held == k) { /* four at a time while none of them counts */
                for (; i + 4 * LANES <= count; i += 4 * LANES) {
                    vec a = larger(fetch_lanes(block + i), fetch_lanes(block + i + LANES));
                    vec b = larger(fetch_lanes(block + i + 2 * LANES),
                                   fetch_lanes(block + i + 3 * LANES));
                    if (any(less(bar, larger(a, b))))
                        break;
                }
                if (i >= count)
                    break;
            }
            /* One by one: as many as were looked at together. */
            ptrdiff_t end = count - i < 4 * LANES ? count : i + 4 * LANES;
            for (; i < end; i += LANES) {
                vec a = STORED(fetch_some)(block + i, end - i, lowest);
                if (held == k && !any(less(bar, a)))
                    continue;
                real lanes[LANES];
                put(lanes, a);
                for (ptrdiff_t j = 0; j < LANES && i + j < end; j++) {
                    double value = (double)lanes[j];
                    if (held < k) {
                        best[held++] = (kl_outcome){value, start + i + j};
                        if (held == k)
                            kl_make_heap(best, k);
                    } else if (value > best[0].value)
                        kl_replace_worst(best, k, value, start + i + j);
                }
                if (held == k)
                    bar = all((real)best[0].value);
            }
            if (i > end)
                i = end;
        }
    }
}
