/* Rows of a comparison: which kernel takes a pair, what the kernels of single measures add, what
   becomes of invalid rows. */

#include <math.h>
#include <stdlib.h>

#include "kl.h"

/* Whether a statistic is divided by the unit of the call. */
enum {
    NATS_nats = 1, NATS_likelihood = 1, NATS_probability = 0, NATS_flag = 0, NATS_outcome = 0,
    NATS_label_change = 0, NATS_list_share = 0, NATS_list_flag = 0, NATS_beyond = 0
};
#define STATISTIC_IN_NATS(name, kind) NATS_##kind,
static const int in_nats[] = {KL_STATISTIC_LIST(STATISTIC_IN_NATS)};

#define BAD_LABEL 4 /* beside the statuses of a row function */

/* The row divided by a power of two near its mass, for masses beyond the range of the kernels. */
static kl_source of_mass_near_1(const kl_source *wide, ptrdiff_t n)
{
    kl_source row = *wide;
    double normaliser[2];
    int exponent;
    kl_active->normalisers[KL_LINEAR][KL_FLOAT64](wide, n, 1, normaliser);
    if (normaliser[0] > 0 && normaliser[0] < HUGE_VAL) {
        frexp(normaliser[0], &exponent);
        row.divisor = ldexp(1, exponent > 1000 ? 1000 : exponent);
        row.direct = 0;
    }
    return row;
}

/* By the kernel of the rows' own dtype if they have one, then in float64, then brought into its
   range. A row once suspect stays so. */
static int compare_pair(const kl_job *job, const kl_source *p, const kl_source *q,
                        ptrdiff_t label, double *row)
{
    ptrdiff_t n = job->n;
    kl_params params = job->params;
    kl_family family = kl_family_of(p->form);
    int status = KL_RETRY, alike = family == kl_family_of(q->form)
                                   && (params.temperature == 1 || p->form == q->form);
    if (alike && p->dtype == q->dtype && p->dtype < KL_KERNEL_DTYPES)
        status = kl_active->compare[family][p->dtype](p, q, n, &params, label, row);
    if (!(status & KL_RETRY))
        return status;
    kl_source wide_p = kl_widened(p), wide_q = kl_widened(q);
    if (alike)
        status = (status & KL_SUSPECT)
                 | kl_active->compare[family][KL_FLOAT64](&wide_p, &wide_q, n, &params, label, row);
    if (!(status & KL_RETRY))
        return status;
    if (alike && family == KL_LINEAR) {
        wide_p = of_mass_near_1(&wide_p, n);
        wide_q = of_mass_near_1(&wide_q, n);
    } else {
        wide_p = kl_as_logarithms(&wide_p, n, params.temperature);
        wide_q = kl_as_logarithms(&wide_q, n, params.temperature);
        params.temperature = 1;
        family = KL_LOG;
    }
    return (status & KL_SUSPECT)
           | kl_active->compare[family][KL_FLOAT64](&wide_p, &wide_q, n, &params, label, row);
}

/* One measure of the pair by a kernel of its own, in nats. */
static double measure_of(kl_job *job, ptrdiff_t row, kl_kernel kernel, const kl_source *p,
                         const kl_source *q, double eps)
{
    kl_faults unheeded = {0};
    job->kernel = kernel;
    job->arrays = q ? 2 : 1;
    job->params.eps = eps;
    return kl_score(job, row, p, q, &unheeded);
}

/* What the sums of the pair do not give: everything in nats from weights, which share no logarithm;
   what looks at a floor; rows that no kernel of pairs holds. The rows are in cache. */
static void add_measures(const kl_job *job, kl_job *single, ptrdiff_t at, const kl_source *p,
                         const kl_source *q, int status, double *row)
{
    double eps = job->params.eps, reverse_eps = job->reverse_eps;
    int p_linear = kl_family_of(p->form) == KL_LINEAR;
    int q_linear = kl_family_of(q->form) == KL_LINEAR;
    int all = (p_linear && q_linear) || (status & KL_RETRY);
    if (all || eps > 0 || reverse_eps > 0) {
        row[KL_STATISTIC_kl] = measure_of(single, at, KL_KERNEL_kl_divergence, p, q, eps);
        row[KL_STATISTIC_reverse_kl] =
            measure_of(single, at, KL_KERNEL_kl_divergence, q, p, reverse_eps);
        row[KL_STATISTIC_cross_entropy] =
            measure_of(single, at, KL_KERNEL_cross_entropy, p, q, eps);
    }
    if (all) {
        row[KL_STATISTIC_js] = measure_of(single, at, KL_KERNEL_js_divergence, p, q, 0);
        row[KL_STATISTIC_entropy_p] = measure_of(single, at, KL_KERNEL_entropy, p, NULL, 0);
        row[KL_STATISTIC_entropy_q] = measure_of(single, at, KL_KERNEL_entropy, q, NULL, 0);
    }
    if (job->labels.row.data == NULL || (status & BAD_LABEL))
        return;
    if (p_linear)
        row[KL_STATISTIC_nll_p] = measure_of(single, at, KL_KERNEL_nll, p, NULL, reverse_eps);
    else if (reverse_eps > 0)
        row[KL_STATISTIC_nll_p] = fmin(row[KL_STATISTIC_nll_p], -log(reverse_eps));
    if (q_linear)
        row[KL_STATISTIC_nll_q] = measure_of(single, at, KL_KERNEL_nll, q, NULL, eps);
    else if (eps > 0)
        row[KL_STATISTIC_nll_q] = fmin(row[KL_STATISTIC_nll_q], -log(eps));
}

/* q(label) - p(label) from the two -log in nats, without the difference of two near numbers. */
static double change_of_label(double nll_p, double nll_q)
{
    double least = fmin(nll_p, nll_q);
    double change = least < HUGE_VAL ? -exp(-least) * expm1(-fabs(nll_p - nll_q)) : 0;
    return nll_q <= nll_p ? change : -change;
}

/* The k largest outcomes of both rows. Each is read as it is given, whatever the other is. */
static void add_tops(const kl_job *job, const kl_source *p, const kl_source *q, kl_outcome *best,
                     double *row)
{
    for (int side = 0; side < 2; side++) {
        const kl_source *given = side ? q : p;
        kl_source wide = kl_widened(given);
        int own = given->dtype < KL_KERNEL_DTYPES;
        kl_active->top[own ? given->dtype : KL_FLOAT64](own ? given : &wide, job->n, job->k,
                                                        best + side * job->k);
    }
    kl_compare_tops(best, best + job->k, job->k, row);
}

/* The first n outcomes of a row, whatever is beyond: weights of any mass. */
static kl_source head_of(const kl_source *whole)
{
    kl_source row = *whole;
    if (row.form == KL_PROBS)
        row.form = KL_COUNTS;
    row.tolerance = HUGE_VAL;
    return row;
}

/* The share of a row's mass that lies beyond its first n outcomes, by one kernel. */
static double share_beyond_by(kl_dtype dtype, const kl_source *row, ptrdiff_t n, ptrdiff_t width,
                              double temperature)
{
    kl_family family = kl_family_of(row->form);
    kl_normaliser_function normaliser = kl_active->normalisers[family][dtype];
    kl_source tail = *row;
    double kept[3], lost[3];
    tail.data += n * tail.stride;
    normaliser(row, n, temperature, kept);
    normaliser(&tail, width - n, temperature, lost);
    if (family == KL_LINEAR) /* lanes of float32 overflow first */
        return kept[0] + lost[0] < HUGE_VAL ? lost[0] / (kept[0] + lost[0]) : NAN;
    if (lost[0] == -HUGE_VAL)
        return 0;
    double ratio = (kept[1] + kept[2]) / (lost[1] + lost[2]);
    return 1 / (1 + ratio * exp((kept[0] - lost[0]) / temperature));
}

/* The same by the kernel of the row's own type, and in float64 where that does not hold the row. */
static double share_beyond(const kl_source *whole, ptrdiff_t n, ptrdiff_t width, double temperature)
{
    double share = NAN;
    if (width == n)
        return 0;
    if (whole->form != KL_LOGITS)
        temperature = 1;
    if (whole->dtype < KL_KERNEL_DTYPES && temperature >= 0x1p-60 && temperature <= 0x1p60)
        share = share_beyond_by(whole->dtype, whole, n, width, temperature);
    if (share >= 0 && share <= 1)
        return share;
    kl_source wide = kl_widened(whole);
    if (temperature != 1)
        wide = kl_as_logarithms(&wide, width, temperature);
    return share_beyond_by(KL_FLOAT64, &wide, n, width, 1);
}

/* Whether the whole of p or of q, of which only the head is scored, is at fault. */
static int is_invalid_beyond(const kl_job *job, ptrdiff_t at, kl_faults *faults)
{
    for (int array = 0; array < 2 && !job->ignore; array++) {
        kl_rule rule = array ? kl_check_row(&job->q, at, job->q_width)
                             : kl_check_row(&job->p, at, job->p_width);
        if (rule != KL_ROW_VALID) {
            kl_blame(faults, at, array, rule);
            return 1;
        }
    }
    return 0;
}

/* Whether p, q or the label is at fault, in this order. */
static int is_invalid(const kl_job *job, ptrdiff_t at, const kl_source *p, const kl_source *q,
                      int status, kl_faults *faults)
{
    double mass;
    for (int array = 0; array < 2 && (status & KL_SUSPECT); array++) {
        kl_rule rule = kl_classify(array ? q : p, job->n, &mass);
        if (rule != KL_ROW_VALID) {
            kl_blame(faults, at, array, rule);
            return 1;
        }
    }
    if (status & BAD_LABEL) {
        kl_blame(faults, at, 2, KL_ROW_LABEL);
        return 1;
    }
    return 0;
}

/* Every statistic of one row, still in nats; false where the row is invalid. */
static int compare_row(const kl_job *job, kl_job *single, ptrdiff_t at, kl_outcome *best,
                       kl_faults *faults, double *row)
{
    kl_source p = kl_row_of(&job->p, at), q = kl_row_of(&job->q, at);
    int cut = job->p_width > job->n || job->q_width > job->n;
    int labelled = job->labels.row.data != NULL;
    int64_t label = labelled ? kl_label(&job->labels, at) : -1;
    row[KL_STATISTIC_beyond_p] = row[KL_STATISTIC_beyond_q] = 0;
    if (cut) {
        if (is_invalid_beyond(job, at, faults))
            return 0;
        row[KL_STATISTIC_beyond_p] = share_beyond(&p, job->n, job->p_width, job->params.temperature);
        row[KL_STATISTIC_beyond_q] = share_beyond(&q, job->n, job->q_width, job->params.temperature);
        p = head_of(&p);
        q = head_of(&q);
    }
    if (label >= job->n)
        label = -1;
    int status = compare_pair(job, &p, &q, (ptrdiff_t)label, row);
    if (labelled && label < 0)
        status |= BAD_LABEL;
    if (KL_UNLIKELY(status & (KL_SUSPECT | BAD_LABEL)) && !job->ignore
        && is_invalid(job, at, &p, &q, status, faults))
        return 0;
    add_measures(job, single, at, &p, &q, status, row);
    if (label >= 0)
        row[KL_STATISTIC_label_change] =
            change_of_label(row[KL_STATISTIC_nll_p], row[KL_STATISTIC_nll_q]);
    if (best)
        add_tops(job, &p, &q, best, row);
    return 1;
}

void kl_compare_rows(const kl_job *job, ptrdiff_t begin, ptrdiff_t end, kl_faults *faults)
{
    kl_job single = *job;
    single.ignore = 1;
    single.unit = 1;
    single.map = KL_AS_IT_IS;
    single.ways = KL_FORWARD;
    single.has_ignore_index = 0;
    kl_outcome *best = NULL; /* where there is no memory for it, an overlap of -1 says so */
    if (job->k)
        best = malloc(2 * (size_t)job->k * sizeof *best);
    for (ptrdiff_t at = begin; at < end; at++) {
        double *row = job->statistics + at * KL_STATISTICS;
        for (int i = 0; i < KL_STATISTICS; i++)
            row[i] = NAN;
        if (job->p.above_floor)
            kl_count_above_floor(&job->p, at, job->p_width);
        if (job->q.above_floor)
            kl_count_above_floor(&job->q, at, job->q_width);
        if (job->skip && job->skip[at])
            continue;
        if (!compare_row(job, &single, at, best, faults, row)) {
            for (int i = 0; i < KL_STATISTICS; i++)
                row[i] = NAN;
            continue;
        }
        if (job->k && !best)
            row[KL_STATISTIC_topk_overlap] = -1;
        for (int i = 0; i < KL_STATISTICS; i++)
            if (in_nats[i])
                row[i] /= job->unit;
    }
    free(best);
}
