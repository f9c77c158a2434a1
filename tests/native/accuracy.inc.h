/* For one lane type, with REAL its type, EXACT the next wider one and IN_LANE(name): the truth, and
   one chunk of arguments held against it.

   Near 0 both (1 + u) log(1 + u) - u and exp(x) - 1 - x are summed as series, which do not cancel;
   beyond, what cancels is no more than four digits of EXACT. */

static EXACT IN_LANE(log_excess)(EXACT u) /* (1 + u) log(1 + u) - u */
{
    if (fabs(u) > (EXACT)0.125)
        return (1 + u) * log1p(u) - u;
    EXACT sum = 0;
    for (int k = 22; k >= 2; k--)
        sum = 1 / (EXACT)(k * (k - 1)) - u * sum;
    return u * u * sum;
}

static inline EXACT IN_LANE(exp_series)(EXACT x) /* exp(x) - 1 - x, |x| < 0.36 */
{
    EXACT sum = 0;
    for (int k = 16; k >= 2; k--)
        sum = (1 + x * sum) * (1 / (EXACT)k);
    return x * x * sum;
}

static REAL IN_LANE(narrow_xs)[CHUNK], IN_LANE(narrow_ys)[CHUNK], IN_LANE(results)[CHUNK];
static EXACT IN_LANE(truths)[CHUNK];

static EXACT IN_LANE(truth)(formula_name name, EXACT x, EXACT y)
{
    switch (name) {
    case FORMULA_far_mixture: return (x + y) / 2 * IN_LANE(log_excess)((x - y) / (x + y));
    case FORMULA_near_mixture: {
        EXACT t = (x - y) / (x + y), tilt = sqrt((EXACT)IN_LANE(RANGES).unit);
        return (x + y) / 4
               * ((1 + tilt) * IN_LANE(log_excess)(t) + (1 - tilt) * IN_LANE(log_excess)(-t));
    }
    case FORMULA_divergence_term:
        return x > y / 2 && x < 2 * y ? y * IN_LANE(log_excess)((x - y) / y)
                                      : x * log(x / y) + (y - x);
    case FORMULA_logarithm: return log(x);
    case FORMULA_exponential: return exp(x);
    case FORMULA_exp_less_1: return expm1(x);
    default: return fabs(x) < (EXACT)0.36 ? IN_LANE(exp_series)(x) : expm1(x) - x;
    }
}

/* `reduced`: every |x| < 0.36, so that the series serves, which is an order of magnitude faster. */
static void IN_LANE(find_truths)(formula_name name, int reduced)
{
    const REAL *xs = IN_LANE(narrow_xs), *ys = IN_LANE(narrow_ys);
    EXACT *truths = IN_LANE(truths);
    if (!reduced)
        for (int i = 0; i < CHUNK; i++)
            truths[i] = IN_LANE(truth)(name, xs[i], ys[i]);
    else
        for (int i = 0; i < CHUNK; i++)
            truths[i] = IN_LANE(exp_series)(xs[i]);
    if (reduced && name != FORMULA_exp_rest)
        for (int i = 0; i < CHUNK; i++)
            truths[i] += xs[i];
    if (reduced && name == FORMULA_exponential)
        for (int i = 0; i < CHUNK; i++)
            truths[i] += 1;
}

static void IN_LANE(try_chunk)(formula_name first, formula_name last, int reduced)
{
    for (int i = 0; i < CHUNK; i++) {
        IN_LANE(narrow_xs)[i] = (REAL)xs[i];
        IN_LANE(narrow_ys)[i] = (REAL)ys[i];
    }
    for (formula_name name = first; name <= last; name++) {
        IN_LANE(find_truths)(name, reduced);
        for (int b = 0; b < backends; b++) {
            worst_case *found = &worst[b][IN_LANE(lane)][name];
            registered[b]->by_lane[IN_LANE(lane)][name].apply(
                IN_LANE(narrow_xs), IN_LANE(narrow_ys), CHUNK, IN_LANE(results));
            for (int i = 0; i < CHUNK; i++) {
                EXACT error = fabs(IN_LANE(results)[i] - IN_LANE(truths)[i]);
                EXACT size = fabs(IN_LANE(truths)[i]);
                /* A NaN is the worst there is, and stays. */
                if (!(error <= found->error * size) && found->error == found->error)
                    *found = (worst_case){(double)(error / size), IN_LANE(narrow_xs)[i],
                                          IN_LANE(narrow_ys)[i]};
            }
        }
    }
}
