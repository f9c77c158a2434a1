/* rel_entr by the block, for one STORAGE type: p log(p/q) itself and not its generalised form,
   because each value is seen by itself. The vector formulas hold where nothing leaves the normal
   range; elements outside, and invalid ones, are overwritten by the scalar formulas, so that none
   depends on its neighbours. */

#ifndef KL_ELEMENTS_SCALAR
#define KL_ELEMENTS_SCALAR

/* Between these the vector formulas neither over- nor underflow. Below LEAST_LOG even e**x does. */
static const double LEAST_f64 = 0x1p-1000, MOST_f64 = 0x1p1000;
static const float LEAST_f32 = 0x1p-100f, MOST_f32 = 0x1p100f;
static const double LEAST_LOG_f64 = -700, MOST_LOG_f64 = 600;
static const float LEAST_LOG_f32 = -80, MOST_LOG_f32 = 60;

static inline double rel_entr_by_definition(double p, double q, double eps)
{
    double floor = p < eps ? p : eps;
    if (isnan(p) || isnan(q))
        return NAN;
    if (p == 0)
        return 0;
    if (q < floor)
        q = floor;
    if (q == 0)
        return HUGE_VAL;
    double ratio = p / q;
    if (ratio > 0.5 && ratio < 2)
        return p * log1p((p - q) / q);
    return p * (ratio >= 0x1p-1022 && ratio <= 0x1p1023 ? log(ratio) : log(p) - log(q));
}

static inline double rel_entr_of_logs(double log_p, double log_q, double log_eps)
{
    double floor = log_p < log_eps ? log_p : log_eps;
    if (isnan(log_p) || isnan(log_q))
        return NAN;
    if (log_p == -HUGE_VAL)
        return 0;
    if (log_q < floor)
        log_q = floor;
    return log_q == -HUGE_VAL ? HUGE_VAL : exp(log_p) * (log_p - log_q);
}

#endif

/* Each gives the terms of one vector; `usual` is 1 where they stand, else 0. */
typedef vec (*STORED(rel_entr_formula))(vec p, vec q, vec floor, vec *usual);

KL_INLINE vec STORED(rel_entr_of_weights)(vec p, vec q, vec eps, vec *usual)
{
    vec one = all(1), y = larger(smaller(p, eps), q);
    mask absent = equal(p, all(0));
    *usual = keep(less(p, all(K(MOST))), keep(less(q, all(K(MOST))), one));
    *usual = keep(less(all(K(LEAST)), select(absent, one, p)), drop(less(q, all(0)), *usual));
    *usual = drop(less(select(absent, one, y), all(K(TINY))), *usual);
    exponent e = exponent_of_ratio(p, y);
    vec y_near = scale_by(y, e);
    vec s = quotient(sub(p, y_near), add(p, y_near));
    vec rest = LANED(log_rest)(units_of(e), s);
    return drop(absent, mul(p, fused(all(2), s, rest)));
}

KL_INLINE vec STORED(rel_entr_of_logarithms)(vec a, vec b, vec log_eps, vec *usual)
{
    vec infinity = all((real)HUGE_VAL);
    mask absent = equal(a, sub(all(0), infinity));
    *usual = keep(less(a, all(K(MOST_LOG))), keep(less(b, infinity), all(1)));
    *usual = keep(less(all(K(LEAST_LOG)), select(absent, all(0), a)), *usual);
    b = larger(smaller(a, log_eps), b);
    return drop(absent, mul(LANED(exponential)(a), sub(a, b)));
}

KL_INLINE int STORED(rel_entr_step)(vec p, vec q, kl_family family, double floor, double unit,
                                    STORED(rel_entr_formula) formula, real *result)
{
    vec usual;
    vec term = formula(p, q, all((real)floor), &usual);
    if (unit != 1)
        term = quotient(term, all((real)unit));
    put(result, term);
    if (!any(less(usual, all(1))))
        return KL_OK;
    int status = KL_OK;
    real ps[LANES], qs[LANES], stands[LANES];
    put(ps, p);
    put(qs, q);
    put(stands, usual);
    for (int i = 0; i < LANES; i++) {
        if (stands[i] == 1)
            continue;
        double x = (double)ps[i], y = (double)qs[i];
        if (!(x < HUGE_VAL && y < HUGE_VAL && (family == KL_LOG || (x >= 0 && y >= 0))))
            status = KL_SUSPECT;
        double value = family == KL_LOG ? rel_entr_of_logs(x, y, floor)
                                        : rel_entr_by_definition(x, y, floor);
        result[i] = (real)(value / unit);
    }
    return status;
}

KL_INLINE int STORED(rel_entr_block)(const stored *p, const stored *q, ptrdiff_t count,
                                     kl_family family, double floor, double unit,
                                     STORED(rel_entr_formula) formula, real *result)
{
    int status = KL_OK;
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES)
        status |= STORED(rel_entr_step)(fetch_lanes(p + i), fetch_lanes(q + i), family, floor,
                                        unit, formula, result + i);
    if (i < count) {
        real last[LANES];
        status |= STORED(rel_entr_step)(STORED(fetch_first)(p + i, count - i),
                                        STORED(fetch_first)(q + i, count - i), family, floor,
                                        unit, formula, last);
        memcpy(result + i, last, (size_t)(count - i) * sizeof *last);
    }
    return status;
}

static int STORED(rel_entr_linear)(const void *p, const void *q, ptrdiff_t count, double eps,
                                   double unit, void *result)
{
    return STORED(rel_entr_block)(p, q, count, KL_LINEAR, eps, unit, STORED(rel_entr_of_weights),
                                  result);
}

static int STORED(rel_entr_log)(const void *p, const void *q, ptrdiff_t count, double eps,
                                double unit, void *result)
{
    return STORED(rel_entr_block)(p, q, count, KL_LOG, eps > 0 ? log(eps) : -HUGE_VAL, unit,
                                  STORED(rel_entr_of_logarithms), result);
}
