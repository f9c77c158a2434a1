/* rel_entr over whole arrays: every element is a row of its own, read, checked, scored and stored
   block by block along the last axis. A range is one of blocks, so that threads can share one row. */

#include <math.h>

#include "kl.h"

static kl_rule rule_of(double x, kl_family family)
{
    if (isnan(x))
        return KL_ROW_NAN;
    if (family == KL_LINEAR && x < 0)
        return KL_ROW_NEGATIVE;
    return x == HUGE_VAL ? KL_ROW_INFINITE : KL_ROW_VALID;
}

void kl_run_elements(const kl_job *job, ptrdiff_t begin, ptrdiff_t end, kl_faults *faults)
{
    kl_family families[2] = {kl_family_of(job->p.row.form), kl_family_of(job->q.row.form)};
    kl_family family = families[0] == families[1] ? families[0] : KL_LOG;
    double blocks[2][KL_BLOCK], scores[KL_BLOCK];
    ptrdiff_t per_row = (job->n + KL_BLOCK - 1) / KL_BLOCK;
    for (ptrdiff_t block = begin; block < end; block++) {
        ptrdiff_t row = block / per_row, start = block % per_row * KL_BLOCK;
        ptrdiff_t count = job->n - start < KL_BLOCK ? job->n - start : KL_BLOCK;
        kl_rule rules[2][KL_BLOCK];
        for (int array = 0; array < 2; array++) {
            kl_source values = kl_row_of(array ? &job->q : &job->p, row);
            values.widen = 1;
            kl_gather(&values, start, count, blocks[array]);
            for (ptrdiff_t i = 0; i < count; i++)
                rules[array][i] = rule_of(blocks[array][i], families[array]);
            if (families[array] != family)
                for (ptrdiff_t i = 0; i < count; i++)
                    blocks[array][i] = blocks[array][i] < 0 ? NAN : log(blocks[array][i]);
        }
        kl_active->elements[family](blocks[0], blocks[1], count, job->params.eps, scores);
        char *out = job->out.data
                    + kl_offset(job->out.shape, job->out.strides, job->out.ndim, row)
                    + start * job->out_stride;
        for (ptrdiff_t i = 0; i < count; i++) {
            double score = scores[i] / job->unit;
            for (int array = 0; array < 2 && !job->ignore; array++)
                if (KL_UNLIKELY(rules[array][i] != KL_ROW_VALID)) {
                    kl_blame(faults, row * job->n + start + i, array, rules[array][i]);
                    score = NAN;
                    break;
                }
            kl_store(out + i * job->out_stride, job->out.single, score);
        }
    }
}
