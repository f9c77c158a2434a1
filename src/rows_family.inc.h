/* The loops of the family's kernels, for one STORAGE type: a reading for the masses (the normalisers),
   and one, the row being in cache, for the terms. There is no floor in any of them. */

/* The mass of a row, in double throughout: differences of probabilities are of first order in it.
   KL_SUSPECT if some number has its sign bit set and is not -0.0. */
KL_APART int STORED(exact_mass)(const kl_source *row, ptrdiff_t n, double *mass)
{
    stored buffer[ROW_BLOCK];
    double total = 0, lost = 0;
    vec signs = all(0);
    for (ptrdiff_t start = 0; start < n; start += ROW_BLOCK) {
        ptrdiff_t i = 0, count = n - start < ROW_BLOCK ? n - start : ROW_BLOCK;
        const stored *block = STORED(fetch)(row, start, count, buffer);
        vec_f64 sum = all_f64(0), other = all_f64(0);
        for (; i < count; i += LANES) {
            vec x = i + LANES <= count ? fetch_lanes(block + i)
                                       : STORED(fetch_first)(block + i, count - i);
            signs = either(signs, x);
            sum = add_f64(sum, part_of(x, 0));
            for (int part = 1; part < PARTS; part++)
                other = add_f64(other, part_of(x, part));
        }
        kl_carry(&total, &lost, sum_f64(add_f64(sum, other)));
    }
    *mass = total + lost;
    return any_sign(signs) && STORED(negative)(row, n) ? KL_SUSPECT : KL_OK;
}

/* The constants of a row whose terms are in units of `mass`. */
KL_INLINE LANED(family_scales) STORED(family_scales_of)(kl_order order, double mass)
{
    LANED(family_scales) by;
    real beta = (real)order.beta;
    by.p_scale = by.q_scale = by.c = all(1);
    by.c_low = by.headroom = all(0);
    by.mass = all((real)mass);
    by.log_mass = all((real)log(mass));
    by.peak = all((real)(0.75 * mass));
    by.alpha = all((real)order.alpha);
    by.beta = all(beta);
    by.inverse_beta = all(1 / beta);
    by.beta_sign = all(beta < 0 ? (real)-1 : 0);
    by.most_y = all(beta < 0 ? K(MOST_EXP_ARGUMENT) / -beta : 0);
    return by;
}

/* What a vector gives, added up: in lanes over a block, in double over a row. */
typedef struct {
    double score, other, rest;
    double score_lost, other_lost, rest_lost;
} STORED(family_totals);

KL_INLINE void STORED(add_family_block)(STORED(family_totals) *totals, vec score, vec other,
                                        vec rest)
{
    kl_carry(&totals->score, &totals->score_lost, sum_of(score));
    kl_carry(&totals->other, &totals->other_lost, sum_of(other));
    kl_carry(&totals->rest, &totals->rest_lost, sum_of(rest));
}

/* The score from the sums; `single` of an entropy. */
KL_INLINE int STORED(finish_family)(kl_kernel kernel, const STORED(family_totals) *totals,
                                    double mass, ptrdiff_t n, const kl_params *params,
                                    kl_order order, double *score)
{
    double first = (totals->score + totals->score_lost) / mass;
    double second = (totals->other + totals->other_lost) / mass;
    double rest = (totals->rest + totals->rest_lost) / mass;
    int status = kernel == KL_KERNEL_power_entropy
                     ? kl_finish_power_entropy(first, second, rest, params, &K(POWER_RANGE), score)
                     : kl_finish_family(kernel, first, second, params, order.beta,
                                        &K(POWER_RANGE), score);
    return status | kl_check_score(kernel, *score, n, 0, &K(RANGES));
}

/* The formulas of a kernel. */
typedef struct {
    LANED(begun) (*begin)(vec, vec, vec, const LANED(family_scales) *);
    LANED(family_terms) (*end)(LANED(begun), const LANED(family_scales) *);
    LANED(family_terms) (*usual)(vec, vec, LANED(reduced), const LANED(family_scales) *);
    LANED(family_terms) (*any_lanes)(vec, vec, vec, const LANED(family_scales) *);
} STORED(family_formula);

KL_INLINE LANED(begun) STORED(family_begin)(kl_kernel kernel, STORED(family_formula) formula,
                                            vec p, vec q, const LANED(family_scales) *by,
                                            vec *rest)
{
    p = mul(p, by->p_scale);
    if (kernel == KL_KERNEL_power_entropy) {
        p = drop(less(by->peak, p), p);
        *rest = add(*rest, p);
        return formula.begin(p, p, p, by);
    }
    q = mul(q, by->q_scale);
    vec a = fused_from(by->c_low, q, fused_from(by->c, q, p));
    return formula.begin(p, mul(by->c, q), a, by);
}

/* One row of weights. `kernel` and `formula` are constants wherever this is called. */
KL_INLINE int STORED(family_linear)(kl_kernel kernel, STORED(family_formula) formula,
                                    const kl_source *p, const kl_source *q, ptrdiff_t n,
                                    const kl_params *params, double *score)
{
    kl_order order = kl_order_swept(kernel, params->alpha);
    double p_mass, q_mass = 1;
    if (kernel == KL_KERNEL_power_entropy)
        q = p;
    int status = STORED(exact_mass)(p, n, &p_mass);
    status |= kl_check_mass(p, p_mass);
    if (kernel != KL_KERNEL_power_entropy) {
        status |= STORED(exact_mass)(q, n, &q_mass);
        status |= kl_check_mass(q, q_mass);
    }
    *score = NAN;
    if (!kl_can_hold(&K(RANGES), p_mass, q_mass) || kl_is_limit(kernel, params->alpha))
        return status | KL_RETRY;
    if (order.swapped) {
        const kl_source *other = p;
        double other_mass = p_mass;
        p = q, p_mass = q_mass;
        q = other, q_mass = other_mass;
    }
    kl_masses masses = kl_split(p_mass, q_mass);
    LANED(family_scales) by = STORED(family_scales_of)(order, ldexp(masses.p, HEADROOM));
    double c = masses.p / masses.q, c_low = fma(-c, masses.q, masses.p) / masses.q;
    by.p_scale = all((real)ldexp(1, HEADROOM - masses.p_exponent));
    by.q_scale = all((real)ldexp(1, HEADROOM - masses.q_exponent));
    by.c = all((real)c);
    by.c_low = all((real)((c - (double)(real)c) + c_low));
    by.headroom = all(HEADROOM * K(UNIT));
    by.log_mass = all((real)log(masses.p));

    stored p_buffer[ROW_BLOCK], q_buffer[ROW_BLOCK];
    STORED(family_totals) totals = {0};
    for (ptrdiff_t start = 0; start < n; start += ROW_BLOCK) {
        ptrdiff_t i = 0, count = n - start < ROW_BLOCK ? n - start : ROW_BLOCK;
        const stored *pb = STORED(fetch)(p, start, count, p_buffer), *qb = pb;
        if (kernel != KL_KERNEL_power_entropy)
            qb = STORED(fetch_beside)(q, start, count, q_buffer, pb);
        vec score_sum = all(0), other_sum = all(0), rest = all(0);
#define KL_BEGUN(j)                                                                                \
    STORED(family_begin)(kernel, formula, fetch_lanes(pb + i + (j) * LANES),                       \
                         fetch_lanes(qb + i + (j) * LANES), &by, &rest)
        for (; i + 4 * LANES <= count; i += 4 * LANES) {
            LANED(begun) b0 = KL_BEGUN(0), b1 = KL_BEGUN(1), b2 = KL_BEGUN(2), b3 = KL_BEGUN(3);
            LANED(family_terms) t0 = formula.end(b0, &by), t1 = formula.end(b1, &by);
            LANED(family_terms) t2 = formula.end(b2, &by), t3 = formula.end(b3, &by);
            score_sum = add(score_sum, add(add(t0.score, t1.score), add(t2.score, t3.score)));
            other_sum = add(other_sum, add(add(t0.other, t1.other), add(t2.other, t3.other)));
        }
#undef KL_BEGUN
        for (; i < count; i += LANES) {
            int whole = i + LANES <= count;
            vec a = whole ? fetch_lanes(pb + i) : STORED(fetch_first)(pb + i, count - i);
            vec b = whole ? fetch_lanes(qb + i) : STORED(fetch_first)(qb + i, count - i);
            LANED(family_terms) terms = formula.end(
                STORED(family_begin)(kernel, formula, a, b, &by, &rest), &by);
            score_sum = add(score_sum, terms.score);
            other_sum = add(other_sum, terms.other);
        }
        STORED(add_family_block)(&totals, score_sum, other_sum, rest);
    }
    return status
           | STORED(finish_family)(kernel, &totals, ldexp(masses.p, HEADROOM), n, params, order,
                                   score);
}

/* Log rows: a vector's outcomes of both rows. With one exponential for p and the formula's own where no
   lane is rare; false elsewhere. */
KL_INLINE int STORED(family_usual)(STORED(family_formula) formula, vec a, vec b,
                                   const STORED(log_scales) *row,
                                   const LANED(family_scales) *by, LANED(family_terms) *terms)
{
    vec low, y = LANED(difference)(b, a, &low);
    y = add(add(y, row->c), add(low, row->c_low));
    LANED(reduced) log_weight = LANED(reduce)(sub(a, row->p_top), K(ROUNDER));
    LANED(reduced) log_ratio = LANED(reduce)(y, K(BIASED));
    vec lightest = all((real)(K(ROUNDER) + K(LIGHTEST)));
    if (KL_UNLIKELY(any_beyond(steps_above(log_weight.t, lightest), K(EXPONENTS)))
        || !LANED(family_is_usual)(y, log_ratio, by))
        return 0;
    *terms = formula.usual(LANED(exp_normal)(log_weight), y, log_ratio, by);
    return 1;
}

KL_RARE LANED(family_terms) STORED(family_careful)(STORED(family_formula) formula, vec a, vec b,
                                                   const STORED(log_scales) *row,
                                                   const LANED(family_scales) *by)
{
    vec holes = all(0), none = all((real)-HUGE_VAL);
    STORED(log_outcome) at = STORED(log_outcome_of)(a, b, row, &holes);
    vec y = select(equal(b, none), all(K(NO_Q)), sub(all(0), at.d));
    return formula.any_lanes(at.p, at.q, select(equal(a, none), all(K(NO_P)), y), by);
}

KL_INLINE LANED(family_terms) STORED(power_entropy_log_step)(STORED(family_formula) formula,
                                                             vec a, const STORED(log_scale) *row,
                                                             const LANED(family_scales) *by,
                                                             vec *rest)
{
    vec weight = STORED(log_weight)(a, row), none = all((real)-HUGE_VAL);
    mask peak = less(by->peak, weight);
    vec log_p = select(peak, none, sub(STORED(log_below)(a, row), by->log_mass));
    weight = drop(peak, weight);
    *rest = add(*rest, weight);
    return formula.any_lanes(weight, weight, log_p, by);
}

KL_INLINE int STORED(family_log)(kl_kernel kernel, STORED(family_formula) formula,
                                 const kl_source *p, const kl_source *q, ptrdiff_t n,
                                 const kl_params *params, double *score)
{
    kl_order order = kl_order_swept(kernel, params->alpha);
    double temperature = params->temperature;
    int single = kernel == KL_KERNEL_power_entropy;
    kl_log_sums ps, qs;
    *score = NAN;
    if (!(temperature >= K(COLDEST) && temperature <= 1 / K(COLDEST)))
        return KL_RETRY;
    STORED(log_weights)(p, n, temperature, &ps);
    int status = kl_check_log_mass(p, &ps);
    if (single)
        qs = ps;
    else {
        STORED(log_weights)(q, n, temperature, &qs);
        status |= kl_check_log_mass(q, &qs);
        if (order.swapped) {
            const kl_source *other = p;
            kl_log_sums other_sums = ps;
            p = q, ps = qs;
            q = other, qs = other_sums;
        }
    }
    STORED(log_scales) row;
    if (STORED(log_scales_of)(&ps, &qs, temperature, 0, &row)
        || kl_is_limit(kernel, params->alpha))
        return status | KL_RETRY;
    double mass = ps.at_maximum + ps.others;
    LANED(family_scales) by = STORED(family_scales_of)(order, mass);
    STORED(log_scale) alone = STORED(log_scale_of)(ps.maximum, temperature, 1);

    stored p_buffer[ROW_BLOCK], q_buffer[ROW_BLOCK];
    STORED(family_totals) totals = {0};
    vec none = all((real)-HUGE_VAL);
    for (ptrdiff_t start = 0; start < n; start += ROW_BLOCK) {
        ptrdiff_t count = n - start < ROW_BLOCK ? n - start : ROW_BLOCK;
        const stored *pb = STORED(fetch)(p, start, count, p_buffer), *qb = pb;
        if (!single)
            qb = STORED(fetch_beside)(q, start, count, q_buffer, pb);
        vec score_sum = all(0), other_sum = all(0), rest = all(0);
        for (ptrdiff_t i = 0; i < count; i += LANES) {
            int whole = i + LANES <= count;
            vec a = whole ? fetch_lanes(pb + i) : STORED(fetch_some)(pb + i, count - i, none);
            LANED(family_terms) terms;
            if (single)
                terms = STORED(power_entropy_log_step)(formula, a, &alone, &by, &rest);
            else {
                vec b = whole ? fetch_lanes(qb + i) : STORED(fetch_some)(qb + i, count - i, none);
                if (!whole || temperature != 1
                    || !STORED(family_usual)(formula, a, b, &row, &by, &terms))
                    terms = STORED(family_careful)(formula, a, b, &row, &by);
            }
            score_sum = add(score_sum, terms.score);
            other_sum = add(other_sum, terms.other);
        }
        STORED(add_family_block)(&totals, score_sum, other_sum, rest);
    }
    return status | STORED(finish_family)(kernel, &totals, mass, n, params, order, score);
}

#define KL_FAMILY_ROW(kernel)                                                                      \
    static const STORED(family_formula) STORED(kernel##_family) = {                                \
        LANED(begin_##kernel), LANED(end_##kernel), LANED(kernel##_usual), LANED(kernel##_log)};   \
    static int STORED(kernel##_linear_row)(const kl_source *p, const kl_source *q, ptrdiff_t n,    \
                                           const kl_params *params, double *score)                 \
    {                                                                                              \
        return STORED(family_linear)(KL_KERNEL_##kernel, STORED(kernel##_family), p, q, n, params, \
                                     score);                                                       \
    }                                                                                              \
    static int STORED(kernel##_log_row)(const kl_source *p, const kl_source *q, ptrdiff_t n,       \
                                        const kl_params *params, double *score)                    \
    {                                                                                              \
        return STORED(family_log)(KL_KERNEL_##kernel, STORED(kernel##_family), p, q, n, params,    \
                                  score);                                                          \
    }
KL_FAMILY_LIST(KL_FAMILY_ROW)
#undef KL_FAMILY_ROW
