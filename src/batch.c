/* Rows of a batch: where each lies, which kernel scores it, what becomes of it if it is invalid. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "finish.h"
#include "kl.h"

ptrdiff_t kl_offset(const ptrdiff_t *shape, const ptrdiff_t *strides, int ndim, ptrdiff_t row)
{
    ptrdiff_t offset = 0;
    for (int axis = ndim - 1; axis > 0; axis--) {
        offset += row % shape[axis] * strides[axis];
        row /= shape[axis];
    }
    return ndim ? offset + row * strides[0] : 0;
}

/* Lets a source of the array's rows be that row. */
KL_INLINE void move_to(kl_source *source, const kl_array *array, ptrdiff_t row)
{
    source->data = array->row.data + kl_offset(array->shape, array->strides, array->ndim, row);
}

kl_source kl_row_of(const kl_array *array, ptrdiff_t row)
{
    kl_source source = array->row;
    move_to(&source, array, row);
    if (KL_UNLIKELY(source.head != NULL)) /* which lies before its codes */
        source.head += source.data - array->row.data;
    return source;
}

int64_t kl_label(const kl_array *labels, ptrdiff_t row)
{
    kl_source label = kl_row_of(labels, row);
    return kl_integer(&label);
}

kl_source kl_widened(const kl_source *row)
{
    kl_source source = *row;
    source.widen = 1;
    source.direct = source.dtype == KL_FLOAT64 && row->direct && !source.take_log
                    && source.shift == 0 && source.divisor == 1;
    return source;
}

/* The normaliser of a log row, which a kernel of its dtype may read. */
static kl_log_sums log_sums_of(const kl_source *row, ptrdiff_t n, double temperature)
{
    double sums[3];
    kl_dtype dtype = row->widen ? KL_FLOAT64 : row->dtype;
    kl_active->normalisers[KL_LOG][dtype](row, n, temperature, sums);
    return (kl_log_sums){sums[0], sums[1], sums[2], 0};
}

/* The row in float64, less its maximum and divided by the temperature where it is read. */
static kl_source tempered(const kl_source *logits, ptrdiff_t n, double temperature)
{
    kl_source row = kl_widened(logits);
    double maximum = log_sums_of(&row, n, 1).maximum;
    row.direct = 0;
    row.shift = fabs(maximum) < HUGE_VAL ? maximum : 0;
    row.divisor = temperature;
    return row;
}

kl_source kl_as_logarithms(const kl_source *wide, ptrdiff_t n, double temperature)
{
    kl_source row = *wide;
    row.direct = 0;
    if (kl_family_of(row.form) == KL_LINEAR)
        row.take_log = 1;
    else if (row.form == KL_LOGITS)
        row = tempered(&row, n, temperature);
    return row;
}

/* Rows of different families, log rows under different temperatures, and logits or temperatures
   beyond the range of the kernels meet as logarithms in float64, logits less their maximum and
   divided by the temperature where they are read. */
static int score_logarithms(const kl_job *job, const kl_params *given, kl_source p, kl_source q,
                            double *score)
{
    kl_params params = *given;
    p = kl_as_logarithms(&p, job->n, params.temperature);
    if (job->arrays == 2)
        q = kl_as_logarithms(&q, job->n, params.temperature);
    params.temperature = 1;
    return kl_active->rows[job->kernel][KL_LOG][KL_FLOAT64](&p, job->arrays == 2 ? &q : NULL,
                                                           job->n, &params, score);
}

/* In float64, and beyond the range of its kernels with still more care. */
static int score_in_float64(const kl_job *job, const kl_params *params, const kl_source *p,
                            const kl_source *q, double *score)
{
    kl_source wide_p = kl_widened(p), wide_q = q ? kl_widened(q) : wide_p;
    const kl_source *second = q ? &wide_q : NULL;
    kl_family family = kl_family_of(p->form);
    if (q && (family != kl_family_of(q->form)
              || (params->temperature != 1 && p->form != q->form)))
        return score_logarithms(job, params, wide_p, wide_q, score);
    int status = kl_active->rows[job->kernel][family][KL_FLOAT64](&wide_p, second, job->n, params,
                                                                score);
    if (status & KL_RETRY)
        status = (status & KL_SUSPECT)
                 | (family == KL_LINEAR
                        ? kl_careful(job->kernel, &wide_p, second, job->n, params, score)
                        : score_logarithms(job, params, wide_p, wide_q, score));
    return status;
}

static int score_wide(const kl_job *job, const kl_params *params, const kl_source *p,
                      const kl_source *q, double *score)
{
    int status = score_in_float64(job, params, p, q, score);
    if ((status & KL_RETRY) && kl_of_family(job->kernel)) {
        kl_source wide_p = kl_widened(p), wide_q = q ? kl_widened(q) : wide_p;
        status = (status & KL_SUSPECT)
                 | kl_family_careful(job->kernel, &wide_p, &wide_q, job->n, params, score);
    }
    return status;
}

/* The kernel that takes such rows as they are, or NULL where they meet in float64. */
static kl_row_function kernel_for(const kl_job *job, const kl_source *p, const kl_source *q)
{
    kl_family family = kl_family_of(p->form);
    return p->dtype < KL_KERNEL_DTYPES
                   && (!q || (p->dtype == q->dtype && family == kl_family_of(q->form)
                              && (job->params.temperature == 1 || p->form == q->form)))
               ? kl_active->rows[job->kernel][family][p->dtype]
               : NULL;
}

/* Through kernels of growing care until one promises its answer. A row once suspect stays so. */
static int score_one_way(const kl_job *job, const kl_params *params, kl_row_function kernel,
                         const kl_source *p, const kl_source *q, double *score)
{
    int status = kernel ? kernel(p, q, job->n, params, score) : KL_RETRY;
    if (KL_UNLIKELY(status & KL_RETRY))
        status = (status & KL_SUSPECT) | score_wide(job, params, p, q, score);
    return status;
}

/* With q in the place of p, under the floor of p. */
static kl_params reversed(const kl_job *job)
{
    kl_params params = job->params;
    params.eps = job->reverse_eps;
    return params;
}

static int score_row(const kl_job *job, kl_row_function kernel, const kl_source *p,
                     const kl_source *q, double *score)
{
    if (KL_UNLIKELY(job->ways != KL_FORWARD)) {
        kl_params params = reversed(job);
        double forward = 0;
        int status = score_one_way(job, &params, kernel, q, p, score);
        if (job->ways == KL_BOTH_WAYS)
            status |= score_one_way(job, &job->params, kernel, p, q, &forward);
        *score += forward;
        return status;
    }
    return score_one_way(job, &job->params, kernel, p, q, score);
}

/* -log q of one outcome. From probs the row is not read; elsewhere it is normalised, and what the
   others weigh is summed without the label, so that a label near certainty keeps its digits. */
static int score_label(const kl_job *job, const kl_source *q, int64_t label, double *score)
{
    kl_source row = kl_widened(q), entry = row;
    entry.data += label * q->stride;
    entry.direct = 0;
    double x, sums[2];
    kl_gather(&entry, 0, 1, &x);
    int status = KL_OK;
    if (q->form == KL_PROBS) {
        if (!(x >= 0 && x <= 1 + q->tolerance))
            status = KL_SUSPECT;
        *score = -log(x);
    } else if (q->form == KL_COUNTS) {
        kl_normaliser_function masses = kl_active->normalisers[KL_LINEAR][KL_FLOAT64];
        double others = 0;
        ptrdiff_t before = (ptrdiff_t)label, after = job->n - before - 1;
        if (before) {
            masses(&row, before, 1, sums);
            others = sums[0];
            status |= sums[1] < 0 ? KL_SUSPECT : KL_OK;
        }
        if (after) {
            row.data += (before + 1) * q->stride;
            masses(&row, after, 1, sums);
            others += sums[0];
            status |= sums[1] < 0 ? KL_SUSPECT : KL_OK;
        }
        if (!(x >= 0 && x + others > 0 && x + others < HUGE_VAL))
            status = KL_SUSPECT;
        /* Of ratios, so that a multiple of the row gives the same bits. */
        double share = x / (x + others);
        *score = x > others        ? log1p(others / x)
                 : share > 0x1p-1000 ? -log(share)
                                     : log(x + others) - log(x);
    } else {
        /* In the lanes of the row's own type, where these hold the temperature. */
        double temperature = q->form == KL_LOGITS ? job->params.temperature : 1;
        if (q->dtype < KL_KERNEL_DTYPES && temperature >= 0x1p-60 && temperature <= 0x1p60)
            row = *q;
        else if (temperature != 1) {
            row = tempered(q, job->n, temperature);
            x = (x - row.shift) / temperature;
            temperature = 1;
        }
        kl_log_sums sums_of_row = log_sums_of(&row, job->n, temperature);
        status = kl_check_log_mass(q, &sums_of_row);
        *score = (sums_of_row.maximum - x) / temperature + kl_log_z(&sums_of_row);
    }
    if (job->params.eps > 0 && *score > -log(job->params.eps))
        *score = -log(job->params.eps);
    if (*score < 0)
        *score = 0;
    return status;
}

/* Whatever the order in which they come, the lowest row is kept. */
void kl_add_faults(kl_faults *faults, const kl_faults *found)
{
    ptrdiff_t count = faults->count + found->count;
    if (found->count && (faults->count == 0 || found->row < faults->row))
        *faults = *found;
    faults->count = count;
}

/* A row is blamed once, p before q. */
void kl_blame(kl_faults *faults, ptrdiff_t row, int array, kl_rule rule)
{
    kl_faults found = {1, row, array, rule};
    kl_add_faults(faults, &found);
}

/* The rule that the label's entry of a probs row breaks; the rest of the row is not read. */
static kl_rule classify_entry(const kl_source *q, int64_t label)
{
    kl_source entry = *q;
    double mass;
    entry.data += label * q->stride;
    entry.form = KL_COUNTS;
    kl_rule rule = kl_classify(&entry, 1, &mass);
    if (rule == KL_ROW_EMPTY)
        return KL_ROW_VALID;
    return rule == KL_ROW_VALID && mass > 1 + q->tolerance ? KL_ROW_MASS : rule;
}

KL_INLINE double in_unit(const kl_job *job, double score)
{
    score /= job->unit;
    return job->map == KL_AS_IT_IS ? score : job->map == KL_ROOT ? sqrt(score) : exp(score);
}

/* What becomes of a row: its score in the unit asked for, or NaN and a fault. */
static double judged(const kl_job *job, ptrdiff_t row, const kl_source *p, const kl_source *q,
                     int status, int64_t label, double score, kl_faults *faults)
{
    double mass;
    if (KL_UNLIKELY(status & KL_SUSPECT) && !job->ignore) {
        for (int array = 0; array < (q ? 2 : 1); array++) {
            const kl_source *suspect = array ? q : p;
            kl_rule rule = job->kernel == KL_KERNEL_nll && suspect->form == KL_PROBS
                               ? classify_entry(suspect, label)
                               : kl_classify(suspect, job->n, &mass);
            if (rule != KL_ROW_VALID) {
                kl_blame(faults, row, job->kernel == KL_KERNEL_nll ? 1 : array, rule);
                return NAN;
            }
        }
    }
    return in_unit(job, score);
}

/* The score of a row by the kernel that takes such rows, in the unit asked for. Short rows come by the
   million: a valid one goes through no check of what it might have been. */
KL_INLINE double score_pair(const kl_job *job, kl_row_function kernel, ptrdiff_t row,
                            const kl_source *p, const kl_source *q, kl_faults *faults)
{
    double score = NAN;
    int status = score_row(job, kernel, p, q, &score);
    return status == KL_OK ? in_unit(job, score)
                           : judged(job, row, p, q, status, 0, score, faults);
}

static double score_nll(const kl_job *job, ptrdiff_t row, const kl_source *q, kl_faults *faults)
{
    double score = NAN;
    int64_t label = kl_label(&job->labels, row);
    if (job->has_ignore_index && label == job->ignore_index)
        return NAN;
    if (label < 0 || label >= job->n) {
        if (!job->ignore)
            kl_blame(faults, row, 2, KL_ROW_LABEL);
        return NAN;
    }
    int status = score_label(job, q, label, &score);
    return judged(job, row, q, NULL, status, label, score, faults);
}

double kl_score(const kl_job *job, ptrdiff_t row, const kl_source *p, const kl_source *q,
                kl_faults *faults)
{
    return job->kernel == KL_KERNEL_nll ? score_nll(job, row, p, faults)
                                        : score_pair(job, kernel_for(job, p, q), row, p, q, faults);
}

/* Results may lie anywhere, unaligned too. */
void kl_store(char *out, int single, double score)
{
    float narrow = (float)score;
    if (single)
        memcpy(out, &narrow, sizeof narrow);
    else
        memcpy(out, &score, sizeof score);
}

static char *place_of(const kl_output *out, ptrdiff_t row)
{
    return out->data + kl_offset(out->shape, out->strides, out->ndim, row);
}

/* The kernel for rows beside one another, or NULL where there is none or no need of it. */
static kl_tile_function tile_function(const kl_job *job)
{
    const kl_source *p = &job->p.row, *q = &job->q.row;
    int pair = job->arrays == 2;
    if (job->kernel >= KL_SWEEPING || p->dtype >= KL_KERNEL_DTYPES
        || kl_family_of(p->form) != KL_LINEAR || (pair && p->dtype != q->dtype)
        || (pair && kl_family_of(q->form) != KL_LINEAR))
        return NULL;
    return kl_beside_one_another(&job->p) || (pair && kl_beside_one_another(&job->q))
               ? kl_active->tiles[job->kernel][p->dtype]
               : NULL;
}

/* How many of the rows that are left go into the next tile: tiles of about equal width, for a narrow
   one takes the memory as long as a wide one; but multiples of what lanes and lines hold. */
static int width_of_tile(ptrdiff_t left)
{
    const ptrdiff_t whole = 16;
    ptrdiff_t tiles = (left + KL_TILE_ROWS - 1) / KL_TILE_ROWS;
    ptrdiff_t width = ((left + tiles - 1) / tiles + whole - 1) / whole * whole;
    return (int)(width < left ? width : left);
}

/* A tile in the direction, or both, that the job asks for. */
static void score_ways(const kl_job *job, kl_tile_function score_tile, const kl_source *p,
                       const kl_source *q, int rows, void *workspace, double *scores,
                       int *statuses)
{
    kl_params params = reversed(job);
    double more_scores[KL_TILE_ROWS];
    int more_statuses[KL_TILE_ROWS];
    if (job->ways == KL_BACKWARD)
        score_tile(q, p, rows, job->n, &params, workspace, scores, statuses);
    else
        score_tile(p, q, rows, job->n, &job->params, workspace, scores, statuses);
    if (job->ways == KL_BOTH_WAYS)
        score_tile(q, p, rows, job->n, &params, workspace, more_scores, more_statuses);
    for (int i = 0; i < rows && job->ways != KL_FORWARD; i++) {
        if (job->ways == KL_BOTH_WAYS) {
            scores[i] += more_scores[i];
            statuses[i] |= more_statuses[i];
        }
        if (statuses[i] & KL_RETRY) /* which retries in one direction alone */
            statuses[i] |= KL_ALONE;
    }
}

/* Scores rows from `begin` along the last batch axis, `most` or as many as a tile takes; returns how
   many. */
static int run_tile(const kl_job *job, kl_tile_function score_tile, void *workspace,
                    ptrdiff_t begin, ptrdiff_t most, kl_faults *faults)
{
    double scores[KL_TILE_ROWS];
    int statuses[KL_TILE_ROWS];
    int pair = job->arrays == 2;
    ptrdiff_t last = job->p.shape[job->p.ndim - 1], left = last - begin % last;
    int rows = width_of_tile(left < most ? left : most);
    kl_source p = kl_row_of(&job->p, begin), q = p;
    p.step = kl_step_of(&job->p);
    if (pair) {
        q = kl_row_of(&job->q, begin);
        q.step = kl_step_of(&job->q);
    }
    score_ways(job, score_tile, &p, &q, rows, workspace, scores, statuses);
    for (int i = 0; i < rows; i++) {
        kl_source p_row = kl_beside(&p, i), q_row = kl_beside(&q, i);
        const kl_source *second = pair ? &q_row : NULL;
        int status = statuses[i];
        double score = scores[i];
        if (status & KL_ALONE)
            status = score_row(job, kernel_for(job, &p_row, second), &p_row, second, &score);
        else if (status & KL_RETRY)
            status = (status & KL_SUSPECT)
                     | score_wide(job, &job->params, &p_row, second, &score);
        kl_store(place_of(&job->out, begin + i), job->out.single,
                 judged(job, begin + i, &p_row, second, status, 0, score, faults));
    }
    return rows;
}

void kl_run(const kl_job *job, ptrdiff_t begin, ptrdiff_t end, kl_faults *faults)
{
    kl_tile_function score_tile = tile_function(job);
    void *allocated = score_tile ? malloc(kl_active->workspace[job->p.row.dtype] + 63) : NULL;
    if (allocated) {
        void *workspace = (char *)allocated + -(uintptr_t)allocated % 64; /* for whole vectors */
        while (begin < end)
            begin += run_tile(job, score_tile, workspace, begin, end - begin, faults);
        free(allocated);
        return;
    }
    kl_source p = job->p.row, q = job->q.row;
    const kl_source *second = job->arrays == 2 ? &q : NULL;
    kl_row_function kernel = job->kernel < KL_KERNELS ? kernel_for(job, &p, second) : NULL;
    for (ptrdiff_t row = begin; row < end; row++) {
        move_to(&p, &job->p, row);
        if (second)
            move_to(&q, &job->q, row);
        double score = kernel ? score_pair(job, kernel, row, &p, second, faults)
                              : kl_score(job, row, &p, second, faults);
        kl_store(place_of(&job->out, row), job->out.single, score);
    }
}

kl_rule kl_check_row(const kl_array *array, ptrdiff_t row, ptrdiff_t n)
{
    kl_source source = kl_row_of(array, row);
    kl_source read = source.dtype < KL_KERNEL_DTYPES ? source : kl_widened(&source);
    double sums[2], mass;
    int status;
    if (kl_family_of(source.form) == KL_LINEAR) {
        kl_dtype dtype = read.widen ? KL_FLOAT64 : read.dtype;
        kl_active->normalisers[KL_LINEAR][dtype](&read, n, 1, sums);
        status = sums[1] < 0 ? KL_SUSPECT : kl_check_mass(&source, sums[0]);
    } else {
        kl_log_sums log_sums = log_sums_of(&read, n, 1);
        status = kl_check_log_mass(&source, &log_sums);
    }
    return status == KL_OK ? KL_ROW_VALID : kl_classify(&source, n, &mass);
}
