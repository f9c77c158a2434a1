/* rel_entr by the block, in float64 lanes: p log(p/q) itself and not its generalised form, because
   each value is seen by itself. The vector formulas hold where nothing leaves the normal range;
   elements outside are overwritten by the scalar ones, so that none depends on its neighbours. */

/* Zeros, subnormals and ratios beyond the exponents end here. */
static double rel_entr_by_definition(double p, double q, double eps)
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

static double rel_entr_of_logs(double log_p, double log_q, double log_eps)
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

static void rel_entr_linear(const double *p, const double *q, ptrdiff_t count, double eps,
                            double *result)
{
    const double least = 0x1p-1000, most = 0x1p1000;
    for (ptrdiff_t start = 0; start < count; start += LANES) {
        ptrdiff_t left = count - start < LANES ? count - start : LANES;
        double xs[LANES] = {0}, ys[LANES] = {0}, out[LANES];
        memcpy(xs, p + start, (size_t)left * sizeof *xs);
        memcpy(ys, q + start, (size_t)left * sizeof *ys);
        vec x = fetch_reals(xs), y = fetch_reals(ys), one = all(1);
        vec usual = keep(less(all(least), smaller(x, y)), keep(less(larger(x, y), all(most)), one));
        y = larger(smaller(x, all(eps)), y);
        exponent e = exponent_of_ratio(x, y);
        vec y_near = scale_by(y, e);
        vec s = quotient(sub(x, y_near), add(x, y_near));
        vec rest = fused(units_of(e), all(K(LN2) / K(UNIT)), LANED(atanh_rest)(s));
        put(out, mul(x, fused(all(2), s, rest)));
        if (KL_UNLIKELY(any(less(usual, one))))
            for (int i = 0; i < LANES; i++)
                if (!(xs[i] > least && ys[i] > least && xs[i] < most && ys[i] < most))
                    out[i] = rel_entr_by_definition(xs[i], ys[i], eps);
        memcpy(result + start, out, (size_t)left * sizeof *out);
    }
}

static void rel_entr_log(const double *p, const double *q, ptrdiff_t count, double eps,
                         double *result)
{
    const double least = -700, most = 700;
    double log_eps = eps > 0 ? log(eps) : -HUGE_VAL;
    for (ptrdiff_t start = 0; start < count; start += LANES) {
        ptrdiff_t left = count - start < LANES ? count - start : LANES;
        double xs[LANES] = {0}, ys[LANES] = {0}, out[LANES];
        memcpy(xs, p + start, (size_t)left * sizeof *xs);
        memcpy(ys, q + start, (size_t)left * sizeof *ys);
        vec x = fetch_reals(xs), y = fetch_reals(ys), one = all(1);
        vec usual = keep(less(all(least), smaller(x, y)), keep(less(larger(x, y), all(most)), one));
        y = larger(smaller(x, all(log_eps)), y);
        put(out, mul(LANED(exponential)(x), sub(x, y)));
        if (KL_UNLIKELY(any(less(usual, one))))
            for (int i = 0; i < LANES; i++)
                if (!(xs[i] > least && ys[i] > least && xs[i] < most && ys[i] < most))
                    out[i] = rel_entr_of_logs(xs[i], ys[i], log_eps);
        memcpy(result + start, out, (size_t)left * sizeof *out);
    }
}
