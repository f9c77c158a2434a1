/* llama.cpp's codes to logarithms, for the readers of files: x = scale * code + floor in float32, each
   step rounded, as that program reads them. Two bytes are read and four written an outcome; what any
   compiler makes of the loop (SSE2: 12 instructions for 8 outcomes) is a small part of what scoring
   them takes. */

#include <string.h>

#include "kl.h"

/* Rows `begin` to `end` of p: the floats scale and floor, then n codes. To `out`, n floats a row, and
   to `statistics` how many codes are above 0. */
void kl_decode_rows(const kl_job *job, ptrdiff_t begin, ptrdiff_t end, kl_faults *faults)
{
    (void)faults;
    for (ptrdiff_t row = begin; row < end; row++) {
        const char *words = job->p.row.data + row * job->p.strides[0];
        float head[2];
        memcpy(head, words, sizeof head);
        const float scale = head[0], floor = head[1];
        const uint16_t *codes = (const uint16_t *)(words + sizeof head);
        float *out = (float *)job->out.data + row * job->n;
        ptrdiff_t above = 0;
        for (ptrdiff_t start = 0; start < job->n; start += 4096) {
            ptrdiff_t stop = start + 4096 < job->n ? start + 4096 : job->n;
            uint32_t few = 0;
            for (ptrdiff_t i = start; i < stop; i++) {
                float product = scale * (float)codes[i];
                out[i] = product + floor;
                few += codes[i] != 0;
            }
            above += few;
        }
        job->statistics[row] = (double)above;
    }
}
