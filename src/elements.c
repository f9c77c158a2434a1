/* rel_entr over whole arrays: every element is a row of its own, read, checked, scored and stored
   block by block along the last axis. */

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
    for (ptrdiff_t row = begin; row < end; row++) {
        kl_source rows[2] = {kl_row_of(&job->p, row), kl_row_of(&job->q, row)};
        char *out = job->out.data
                    + kl_offset(job->out.shape, job->out.strides, job->out.ndim, row);
        rows[0].widen = rows[1].widen = 1;
        for (ptrdiff_t start = 0; start < job->n; start += KL_BLOCK) {
            ptrdiff_t count = job->n - start < KL_BLOCK ? job->n - start : KL_BLOCK;
            kl_rule rules[2][KL_BLOCK];
            for (int array = 0; array < 2; array++) {
                double *block = blocks[array];
                kl_gather(&rows[array], start, count, block);
                for (ptrdiff_t i = 0; i < count; i++)
                    rules[array][i] = rule_of(block[i], families[array]);
                if (families[array] != family)
                    for (ptrdiff_t i = 0; i < count; i++)
                        block[i] = block[i] < 0 ? NAN : log(block[i]);
            }
            kl_active->elements[family](blocks[0], blocks[1], count, job->params.eps, scores);
            for (ptrdiff_t i = 0; i < count; i++) {
                double score = scores[i] / job->unit;
                for (int array = 0; array < 2 && !job->ignore; array++)
                    if (KL_UNLIKELY(rules[array][i] != KL_ROW_VALID)) {
                        kl_blame(faults, row * job->n + start + i, array, rules[array][i]);
                        score = NAN;
                        break;
                    }
                kl_store(out + (start + i) * job->out_stride, job->out.single, score);
            }
        }
    }
}
