/* rel_entr over whole arrays: every element is a row of its own, in C order. What lies along the
   last axis is read, scored, stored and, where the kernel saw something suspect, checked block by
   block. */

#include <math.h>

#include "kl.h"

/* Neighbouring axes through which every array steps as through one become one. */
void kl_merge_axes(kl_job *job)
{
    ptrdiff_t *shapes[3] = {job->p.shape, job->q.shape, job->out.shape};
    ptrdiff_t *strides[3] = {job->p.strides, job->q.strides, job->out.strides};
    int kept = 0;
    for (int axis = 0; axis < job->out.ndim; axis++) {
        ptrdiff_t length = job->out.shape[axis];
        int joins = kept > 0;
        if (length == 1)
            continue;
        for (int array = 0; array < 3 && joins; array++)
            joins = strides[array][kept - 1] == strides[array][axis] * length;
        for (int array = 0; array < 3; array++) {
            shapes[array][kept - joins] = joins ? shapes[array][kept - 1] * length : length;
            strides[array][kept - joins] = strides[array][axis];
        }
        kept += !joins;
    }
    job->p.ndim = job->q.ndim = job->out.ndim = kept;
}

static kl_rule rule_of(double x, kl_family family)
{
    if (isnan(x))
        return KL_ROW_NAN;
    if (family == KL_LINEAR && x < 0)
        return KL_ROW_NEGATIVE;
    return x == HUGE_VAL ? KL_ROW_INFINITE : KL_ROW_VALID;
}

/* Names the rule that each invalid element of a block breaks, and scores it NaN. */
static void blame_block(const kl_job *job, ptrdiff_t first, ptrdiff_t count, kl_source rows[2],
                        char *out, ptrdiff_t out_stride, kl_faults *faults)
{
    double values[2][KL_BLOCK];
    for (int array = 0; array < 2; array++) {
        rows[array].widen = 1;
        rows[array].take_log = 0;
        kl_gather(&rows[array], 0, count, values[array]);
    }
    for (ptrdiff_t i = 0; i < count; i++)
        for (int array = 0; array < 2; array++) {
            kl_rule rule = rule_of(values[array][i], kl_family_of(rows[array].form));
            if (rule != KL_ROW_VALID) {
                kl_blame(faults, first + i, array, rule);
                kl_store(out + i * out_stride, job->out.single, NAN);
                break;
            }
        }
}

/* Whether lanes of float32 hold the floor to the last digit, and its logarithm. */
static int lanes_hold(kl_dtype dtype, kl_family family, double eps)
{
    return dtype == KL_FLOAT64 || eps == 0 || (family == KL_LINEAR && eps == (double)(float)eps);
}

static void score_block(const kl_job *job, ptrdiff_t first, ptrdiff_t count, kl_faults *faults)
{
    union { double f64[KL_BLOCK]; float f32[KL_BLOCK]; } buffers[2], scores;
    const void *blocks[2];
    int last = job->out.ndim - 1;
    kl_source rows[2] = {kl_row_of(&job->p, first), kl_row_of(&job->q, first)};
    kl_family families[2] = {kl_family_of(rows[0].form), kl_family_of(rows[1].form)};
    kl_family family = families[0] == families[1] ? families[0] : KL_LOG;
    int native = rows[0].dtype == rows[1].dtype && rows[0].dtype < KL_KERNEL_DTYPES
                 && families[0] == families[1]
                 && lanes_hold(rows[0].dtype, family, job->params.eps);
    kl_dtype dtype = native ? rows[0].dtype : KL_FLOAT64;
    for (int array = 0; array < 2; array++) {
        kl_source *row = &rows[array];
        row->stride = last < 0 ? 0 : (array ? &job->q : &job->p)->strides[last];
        row->widen = !native;
        row->take_log = families[array] != family;
        if (native && row->direct && (count == 1 || row->stride == kl_size_of(dtype)))
            blocks[array] = row->data;
        else {
            kl_gather(row, 0, count, &buffers[array]);
            blocks[array] = &buffers[array];
        }
    }
    char *out = job->out.data
                + kl_offset(job->out.shape, job->out.strides, job->out.ndim, first);
    ptrdiff_t out_stride = last < 0 ? 0 : job->out.strides[last];
    int single = dtype != KL_FLOAT64;
    ptrdiff_t size = single ? sizeof(float) : sizeof(double);
    int in_place = job->out.single == single && (count == 1 || out_stride == size)
                   && (uintptr_t)out % (uintptr_t)size == 0;
    int status = kl_active->elements[family][dtype](blocks[0], blocks[1], count, job->params.eps,
                                                    job->unit, in_place ? (void *)out : &scores);
    if (!in_place)
        for (ptrdiff_t i = 0; i < count; i++)
            kl_store(out + i * out_stride, job->out.single,
                     single ? (double)scores.f32[i] : scores.f64[i]);
    if (KL_UNLIKELY(status & KL_SUSPECT) && !job->ignore)
        blame_block(job, first, count, rows, out, out_stride, faults);
}

void kl_run_elements(const kl_job *job, ptrdiff_t begin, ptrdiff_t end, kl_faults *faults)
{
    ptrdiff_t length = job->out.ndim ? job->out.shape[job->out.ndim - 1] : 1;
    while (begin < end) {
        ptrdiff_t left = length - begin % length, count = end - begin;
        count = count < left ? count : left;
        count = count < KL_BLOCK ? count : KL_BLOCK;
        score_block(job, begin, count, faults);
        begin += count;
    }
}
