/* Rows of llama.cpp's codes, for the readers of files: whole rows decoded, and what clipping left of
   them. Comparisons decode as they read, by kl_gather. */

#include <string.h>

#include "kl.h"

#define AHEAD 2048 /* bytes: the block after the next */

void kl_decode(const kl_source *row, ptrdiff_t start, ptrdiff_t count, float *out)
{
    const uint16_t *codes = (const uint16_t *)row->data + start;
    float head[2];
    memcpy(head, row->head, sizeof head);
    for (ptrdiff_t at = 0; at < count; at += 32) /* a line of the cache holds as many */
        KL_PREFETCH((const char *)(codes + at) + AHEAD);
    kl_active->decode(codes, count, head[0], head[1], out);
}

/* Rows `begin` to `end` of p to `out`, n floats a row. */
void kl_decode_rows(const kl_job *job, ptrdiff_t begin, ptrdiff_t end, kl_faults *faults)
{
    (void)faults;
    for (ptrdiff_t at = begin; at < end; at++) {
        kl_source row = kl_row_of(&job->p, at);
        kl_decode(&row, 0, job->n, (float *)job->out.data + at * job->n);
    }
}

void kl_count_above_floor(const kl_array *rows, ptrdiff_t at, ptrdiff_t n)
{
    kl_source row = kl_row_of(rows, at);
    rows->above_floor[at] = (double)kl_active->count_codes((const uint16_t *)row.data, n);
}

void kl_count_rows(const kl_job *job, ptrdiff_t begin, ptrdiff_t end, kl_faults *faults)
{
    (void)faults;
    for (ptrdiff_t at = begin; at < end; at++)
        kl_count_above_floor(&job->p, at, job->n);
}
