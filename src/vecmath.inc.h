/* The mathematics, once, for LANE: log-ratio, exponential, and the terms built on them.

   Coefficients and their bounds come from coefficients.py. Instantiated for f64 and f32.
   The largest relative error of a function is the number above it; tests/native holds every backend
   to that number, float32 for every reduced argument. u is the unit roundoff. */

#undef K
#define K(name) LANED(name) /* a constant of this lane type */

#ifndef KL_VECMATH_CONSTANTS
#define KL_VECMATH_CONSTANTS

/* (2 atanh(s) - 2 s) / s**3 in powers of s**2, |s| <= 0.2. Relative error below 5.6e-17
   (float64) and 7.5e-7 (float32). The rest is at most 1.4 % of the logarithm, and 7 % of a
   divergence term. */
static const double ATANH_f64[] = {
    0x1.5555555555555p-1, 0x1.9999999999f30p-2, 0x1.24924923dba6ap-2, 0x1.c71c72e2f78d5p-3,
    0x1.745cab2727663p-3, 0x1.3b29fcbbce66dp-3, 0x1.0e88ea4725d3dp-3, 0x1.16b68338bd78bp-3};
static const float ATANH_f32[] = {0x1.555566p-1f, 0x1.996250p-2f, 0x1.32c83cp-2f};

/* (exp(r) - 1 - r) / r**2 in powers of r, |r| <= log(2) / 2. Relative error below 2.4e-16
   (float64) and 9.2e-9 (float32). */
static const double EXP_REST_f64[] = {
    0x1.0000000000001p-1, 0x1.5555555555556p-3, 0x1.5555555553d64p-5, 0x1.11111111109b4p-7,
    0x1.6c16c1788b646p-10, 0x1.a01a01a7c3d59p-13, 0x1.a019b90eefe8ep-16, 0x1.71de0daf7a6ccp-19,
    0x1.2891834686c7ep-22, 0x1.af38a71a18cb9p-26};
static const float EXP_REST_f32[] = {
    0x1.000000p-1f, 0x1.555556p-3f, 0x1.5554eap-5f, 0x1.1110e0p-7f, 0x1.6d4320p-10f,
    0x1.a124eep-13f};

/* exp(r) in powers of r, |r| <= log(2) / 2. Relative error below 3.4e-16 (float64) and 1.7e-7
   (float32). */
static const double EXP_f64[] = {
    0x1.0000000000000p+0, 0x1.000000000001ep+0, 0x1.0000000000005p-1, 0x1.555555554b73ep-3,
    0x1.55555555520a7p-5, 0x1.1111112dd9db2p-7, 0x1.6c16c17f45e48p-10, 0x1.a01978bc0a86ap-13,
    0x1.a019a6635643cp-16, 0x1.72fafb4456b0ap-19, 0x1.28a2c810d05b6p-22};
static const float EXP_f32[] = {
    0x1.000002p+0f, 0x1.000000p+0f, 0x1.fffd0ap-2f, 0x1.55547cp-3f, 0x1.576376p-5f, 0x1.123d8ep-7f};

/* ((1 + t) log(1 + t) + (1 - t) log(1 - t)) / (4 t**2) in powers of t**2, up to NEAR_MIXTURE.
   Relative error below 1.3e-16 (float64) and 2.4e-7 (float32). */
static const double EVEN_MIXTURE_f64[] = {
    0x1.fffffffffffffp-3, 0x1.5555555556403p-5, 0x1.1111110fb496fp-6, 0x1.249249ee685e5p-7,
    0x1.6c168542db3c4p-8, 0x1.f086a6a8e0e64p-9, 0x1.6781e477304eep-9, 0x1.1669a964c566dp-9,
    0x1.6b887b04e7ec1p-10, 0x1.2b42bfa7ff5afp-9, -0x1.3de6d7148683dp-10, 0x1.e399a687e2f2cp-9};
static const float EVEN_MIXTURE_f32[] = {
    0x1.000002p-2f, 0x1.55497ep-5f, 0x1.13a242p-6f, 0x1.e0d562p-8f, 0x1.a97278p-7f, -0x1.a62736p-7f,
    0x1.2f5220p-6f};

/* ((1 + t) log(1 + t) - (1 - t) log(1 - t) - 2 t) / (4 t**3) in powers of t**2, up to NEAR_MIXTURE.
   Relative error below 7.5e-9 (float64) and 1.7e-4 (float32): see near_mixture_terms. */
static const double ODD_MIXTURE_f64[] = {
    -0x1.555555308b92ep-4, -0x1.999a3eb1b3438p-6, -0x1.85dd0a5f097bep-7,
    -0x1.cecb3672ce10bp-8, -0x1.e3b3498fa19d8p-9, -0x1.82cb40f28c5b7p-8};
static const float ODD_MIXTURE_f32[] = {-0x1.554b42p-4f, -0x1.a26fa4p-6f, -0x1.e82bf2p-8f,
                                        -0x1.1df42cp-6f};

/* The largest t**2 of those: |t| = 1/2, p and q within a factor 3; and 3/4, a factor 7. */
static const double NEAR_MIXTURE_f64 = 0.25;
static const float NEAR_MIXTURE_f32 = 0.5625f;

/* ((2 - u) log(2 - u) - (1 - u)) / 2 in powers of u, for the t beyond, u = 1 - |t|. Relative error
   below 3.6e-16 (float64) and 6.6e-8 (float32). */
static const double GREATER_MIXTURE_f64[] = {
    0x1.8b90bfbe8e7bdp-3, -0x1.62e42fefa3a90p-2, 0x1.0000000008c73p-3, 0x1.5555554955fc3p-6,
    0x1.5555599442b93p-8, 0x1.9998b59590f4fp-10, 0x1.112057756ca74p-11, 0x1.84bba60b1c926p-13,
    0x1.2f1d4f97e161bp-14, 0x1.58ad3e4bdf712p-16, 0x1.7497d86354883p-16, -0x1.fef88550cf038p-18,
    0x1.1afc64f01fce0p-17};
static const float GREATER_MIXTURE_f32[] = {
    0x1.8b90c0p-3f, -0x1.62e462p-2f, 0x1.000c4cp-3f, 0x1.511cfep-6f, 0x1.9f2ccep-8f};

/* log 2, whole and as a head that times any exponent is exact, and a tail: 0 in float32, where
   every backend multiplies without rounding and the whole is off by 2.8e-9 of itself. */
static const double LN2_f64 = KL_LN2;
static const double LN2_HEAD_f64 = 0x1.62e42fefa0000p-1, LN2_TAIL_f64 = 0x1.cf79abc9e3b39p-40;
static const float LN2_f32 = 0x1.62e430p-1f;
static const float LN2_HEAD_f32 = 0x1.62e430p-1f, LN2_TAIL_f32 = 0;
static const double LOG2E_f64 = 0x1.71547652b82fep+0;
static const float LOG2E_f32 = 0x1.715476p+0f;

/* Adding 1.5 * 2**(mantissa bits) rounds to an integer k and leaves it in the low bits; a rounder
   with a bias leaves k + bias there, which power_of_two() only has to shift. */
static const double ROUNDER_f64 = 0x1.8p52, BIASED_f64 = 0x1.8p52 + 1023;
static const float ROUNDER_f32 = 0x1.8p23f, BIASED_f32 = 0x1.8p23f + 127;
/* The exponent whose power of two power_of_two() gives as 0, and an argument that reaches it. */
static const double LEAST_EXPONENT_f64 = -1023, LEAST_EXP_ARGUMENT_f64 = -709;
static const float LEAST_EXPONENT_f32 = -127, LEAST_EXP_ARGUMENT_f32 = -88;

/* p = 0 is taken as this part of q (of m): the term is q to the last digit, and nothing is
   subnormal, which would cost many times the term. */
static const double NEGLIGIBLE_f64 = 0x1p-60;
static const float NEGLIGIBLE_f32 = 0x1p-40f;
static const double TINY_f64 = 0x1p-1022; /* the smallest normal number */
static const float TINY_f32 = 0x1p-126f;
/* What an outcome without p counts as where the whole is 1: nothing beside any score that stands. */
static const double VANISHING_f64 = 0x1p-300;
static const float VANISHING_f32 = 0x1p-100f;

#endif

KL_INLINE vec LANED(polynomial)(vec x, const real *coefficients, int terms)
{
    vec value = all(coefficients[terms - 1]);
    for (int i = terms - 2; i >= 0; i--)
        value = fused(value, x, all(coefficients[i]));
    return value;
}
#define polynomial(x, table) LANED(polynomial)(x, table, (int)(sizeof table / sizeof *table))

/* The same for longer tables, given x**2: pairs of terms, then Horner's rule in the square. Half as
   deep, for a chain of operations that the processor cannot look past. */
KL_INLINE vec LANED(polynomial_by_pairs)(vec x, vec square, const real *coefficients, int terms)
{
    vec value = all(coefficients[terms - 1]);
    int i = terms - 2;
    if (terms % 2 == 0)
        value = fused(value, x, all(coefficients[i--]));
    for (; i > 0; i -= 2)
        value = fused(value, square, fused(all(coefficients[i]), x, all(coefficients[i - 1])));
    return value;
}
#define polynomial_by_pairs(x, square, table)                                                      \
    LANED(polynomial_by_pairs)(x, square, table, (int)(sizeof table / sizeof *table))

/* By Horner's rule alone as long as the chain is short: it rounds a little less. */
#define polynomial_by_length(x, square, table)                                                     \
    (sizeof table / sizeof *table > 5 ? polynomial_by_pairs(x, square, table)                      \
                                      : polynomial(x, table))

/* A formula up to its quotient s, the operation that takes longest. A loop begins some vectors before
   it ends the first of them; what waits for nothing keeps the processor busy meanwhile. */
typedef struct {
    vec p, q, sum;
    vec k; /* exponent, in units */
    vec s, rest;
} LANED(begun);

/* k log 2 + 2 atanh(s) - 2 s, |s| <= 0.2, for k in units. */
KL_INLINE vec LANED(log_rest)(vec k, vec s)
{
    vec square = mul(s, s), rest = polynomial_by_length(square, mul(square, square), K(ATANH));
    return fused(mul(s, square), rest, mul(k, all(K(LN2) / K(UNIT))));
}

/* The generalised divergence term p log(p/y) - p + q >= 0, for y = q or the floor that stands in
   for it. With k such that y' = y 2**k lies within a factor 1.5 of p, a = p - y', s = a / (p + y'):

       log(p/y) = k log 2 + 2 atanh(s),    2 p s = a + s a,    so
       p log(p/y) - p + q = p (k log 2 + R) + s a + (q - y'),  R = 2 atanh(s) - 2 s.

   For k = 0 and y = q the last part is exactly 0 and the rest never cancels. The worst ratio is
   p/q = 3/4, where k = -1 and parts of 15 times the term cancel: 32 u, and 48 u in the lane that
   rounds products too. */
#define DIVERGENCE_TERM_ERROR_f64 5.4e-15
#define DIVERGENCE_TERM_ERROR_f32 1.95e-6
KL_INLINE LANED(begun) LANED(begin_divergence_core)(vec p, vec k, vec a, vec p_plus_y,
                                                    vec q_less_y)
{
    vec s = quotient(a, p_plus_y);
    return (LANED(begun)){.p = p, .k = k, .s = s, .rest = fused(s, a, q_less_y)};
}

KL_INLINE vec LANED(end_divergence)(LANED(begun) it)
{
    return fused(it.p, LANED(log_rest)(it.k, it.s), it.rest);
}

/* The term for normal p and q. */
KL_INLINE LANED(begun) LANED(begin_divergence)(vec p, vec q)
{
    exponent e = exponent_of_ratio(p, q);
    vec y = scale_by(q, e);
    return LANED(begin_divergence_core)(p, units_of(e), sub(p, y), add(p, y), sub(q, y));
}

/* The term of p against c q, where f >= q is q or its floor: y' = c f' for f' = f 2**k, and
   p - c f' is rounded once, which matters near equality. One lane of float64 has no fused
   multiplication: it loses u/d, which the limit allows. */
KL_INLINE LANED(begun) LANED(begin_scaled_divergence)(vec p, vec q, vec f, vec c)
{
    exponent e = exponent_of_ratio(p, mul(c, f));
    f = scale_by(f, e);
    return LANED(begin_divergence_core)(p, units_of(e), fused_from(c, f, p), fused(c, f, p),
                                        mul(c, sub(q, f)));
}

/* The term of p against m when their difference a = p - m is known better than by subtraction. */
KL_INLINE vec LANED(divergence_term_by_difference)(vec p, vec m, vec a)
{
    exponent e = exponent_of_ratio(p, m);
    vec y = scale_by(m, e), k = units_of(e);
    a = select(equal(k, all(0)), a, sub(p, y));
    return LANED(end_divergence)(LANED(begin_divergence_core)(p, k, a, add(p, y), sub(m, y)));
}

/* The terms of p and of q against their mixture m = w p + (1-w) q, given d = p - q. */
KL_APART void LANED(mixture_terms)(vec p, vec q, vec d, vec w, vec v, vec *first, vec *second)
{
    vec m = larger(all(K(TINY)), fused(w, d, q));
    *first = LANED(divergence_term_by_difference)(p, m, mul(v, d));
    *second = LANED(divergence_term_by_difference)(q, m, mul(sub(all(0), w), d));
}

/* The same for equal weights and |t| not large, t = (p - q) / (p + q): with p = m (1 + t),
   q = m (1 - t) the terms are m ((1 + t) log(1 + t) - t) and its mirror image, halves of the sum and
   the difference of the even and the odd part of that function. z is t**2. A score is the mean of
   both sums, each over its mass, and stands where the masses differ by less than a part of
   2 sqrt(unit) (kl_finish_mixture): 6.3e-4 in float32, 6.3e-8 in float64. So half of that is all that
   the odd part counts, and a short polynomial does. The error is of the mean of terms so weighted.
   The roundings of t count twice: 16 u in all. */
#define NEAR_MIXTURE_ERROR_f64 1.8e-15
#define NEAR_MIXTURE_ERROR_f32 9.5e-7
KL_INLINE void LANED(near_mixture_terms)(vec sum, vec t, vec z, vec *first, vec *second)
{
    vec square = mul(z, z), weight = mul(sum, z);
    vec even = mul(weight, polynomial_by_pairs(z, square, K(EVEN_MIXTURE)));
    vec odd = polynomial_by_length(z, square, K(ODD_MIXTURE));
    weight = mul(weight, t);
    *first = fused(weight, odd, even);
    *second = fused_from(weight, odd, even);
}

/* w p log(p/m) + (1-w) q log(q/m) with m = w p + (1-w) q, given d = p - q. The parts linear in p
   and q cancel term by term, so unequal masses do no harm here. p and q may be 0. */
KL_INLINE vec LANED(mixture_term)(vec p, vec q, vec d, vec w, vec v)
{
    vec tiny = all(K(TINY)), m = larger(tiny, fused(w, d, q)), first, second;
    vec least = larger(tiny, mul(m, all(K(NEGLIGIBLE))));
    LANED(mixture_terms)(larger(least, p), larger(least, q), d, w, v, &first, &second);
    return fused(w, first, mul(v, second));
}

/* log(x 2**-h) for normal x, of full relative accuracy also near 1, with h in units. s is good to
   2 u and 2 atanh(s) to 3 u; where log 2 cancels, down to log(3/4), that grows to 5.5 u, and to 8 u
   in the lane that rounds products too. */
#define LOGARITHM_ERROR_f64 8.9e-16
#define LOGARITHM_ERROR_f32 3.3e-7
KL_INLINE LANED(begun) LANED(begin_logarithm)(vec x, vec h)
{
    vec one = all(1);
    exponent e = exponent_of_ratio(x, one);
    vec y = scale_by(one, e);
    return (LANED(begun)){.k = sub(units_of(e), h), .s = quotient(sub(x, y), add(x, y))};
}

KL_INLINE vec LANED(end_logarithm)(LANED(begun) it)
{
    return fused(all(2), it.s, LANED(log_rest)(it.k, it.s));
}

KL_INLINE vec LANED(logarithm)(vec x, vec h)
{
    return LANED(end_logarithm)(LANED(begin_logarithm)(x, h));
}

/* And for |t| larger, with u = 1 - |t| made from the lesser of p and q: m ((2 - u) log(2 - u) - 1 + u)
   is the greater's term, m (u log u + 1 - u) the lesser's. Worst for the largest u, where the latter
   is half its largest part: 7 u of u and its logarithm, 5 u of the rest. */
#define FAR_MIXTURE_ERROR_f64 1.5e-15
#define FAR_MIXTURE_ERROR_f32 8e-7
KL_INLINE void LANED(far_mixture_terms)(vec p, vec q, vec sum, vec *first, vec *second)
{
    vec half = mul(all((real)0.5), sum), u = at_least(all(K(TINY)), quotient(smaller(p, q), half));
    vec greater = mul(sum, polynomial_by_pairs(u, mul(u, u), K(GREATER_MIXTURE)));
    vec lesser = mul(half, fused(u, LANED(logarithm)(u, all(0)), sub(all(1), u)));
    mask q_greater = less(p, q);
    *first = select(q_greater, lesser, greater);
    *second = select(q_greater, greater, lesser);
}

/* x = k log 2 + r, |r| <= log(2) / 2, and t = k + rounder. */
typedef struct {
    vec t, k, r;
} LANED(reduced);

KL_INLINE LANED(reduced) LANED(reduce)(vec x, real rounder)
{
    LANED(reduced) y;
    y.t = fused(x, all(K(LOG2E)), all(rounder));
    y.k = sub(y.t, all(rounder));
    y.r = fused_from(y.k, all(K(LN2_HEAD)), x);
    if (K(LN2_TAIL) != 0)
        y.r = fused_from(y.k, all(K(LN2_TAIL)), y.r);
    return y;
}

/* exp x for x reduced with ROUNDER: the result must be a normal number. */
KL_INLINE vec LANED(exp_normal)(LANED(reduced) x)
{
    return scale_by(polynomial_by_pairs(x.r, mul(x.r, x.r), K(EXP)), exponent_in(x.t));
}

/* exp x for x <= 60 (float64: 600), 0 below the normal range. In float32 log 2 has no tail: its
   1.9e-9, up to 126 times, come on top of the 2.2e-7 of an x near 0. */
#define EXPONENTIAL_ERROR_f64 6e-16
#define EXPONENTIAL_ERROR_f32 4.6e-7
KL_INLINE vec LANED(exponential)(vec x)
{
    LANED(reduced) y = LANED(reduce)(larger(all(K(LEAST_EXP_ARGUMENT)), x), K(BIASED));
    return mul(power_of_two_in(y.t), polynomial_by_pairs(y.r, mul(y.r, y.r), K(EXP)));
}

/* Q = exp(r) - 1 - r for y = k log 2 + r, reduced with BIASED; it is good to 2.5 u. */
KL_INLINE vec LANED(exp_bend)(LANED(reduced) y)
{
    vec square = mul(y.r, y.r);
    return mul(square, polynomial_by_pairs(y.r, square, K(EXP_REST)));
}

/* 2**k Q + (2**k - 1)(1 + r); r added gives exp(y) - 1, of full relative accuracy near 0. Worst
   where k first is 1, made from parts twice its size: 4.7 u. */
#define EXP_LESS_1_ERROR_f64 5.2e-16
#define EXP_LESS_1_ERROR_f32 2.8e-7
KL_INLINE vec LANED(exp_excess)(LANED(reduced) y)
{
    vec power = power_of_two_in(y.t), power_less_1 = sub(power, all(1));
    return fused(power, LANED(exp_bend)(y), fused(power_less_1, y.r, power_less_1));
}

/* exp(y) - 1 - y >= 0, as 2**k Q + (2**k - 1) r + (2**k - 1 - k log 2). The last part is 0 for k = 0
   and, for 1 and -1, rounds nothing but log 2; the last two together are smaller than the result.
   Worst where k first is 1: 2**k Q, 1.6 times the result, brings 4 u, the rounding of r 1.5 u, and
   log 2 itself 3 u in float64, 0.5 u in float32. (With y, up to 20 times the result, it were 23 u.) */
#define EXP_REST_ERROR_f64 1.1e-15
#define EXP_REST_ERROR_f32 3.6e-7
KL_INLINE vec LANED(expm1_less)(LANED(reduced) y)
{
    vec power = power_of_two_in(y.t), power_less_1 = sub(power, all(1));
    vec step = fused_from(y.k, all(K(LN2)), power_less_1);
    return fused(power, LANED(exp_bend)(y), fused(power_less_1, y.r, step));
}

/* a - b = high + low exactly (Knuth). */
KL_INLINE vec LANED(difference)(vec a, vec b, vec *low)
{
    vec high = sub(a, b);
    vec b_virtual = sub(a, high);
    vec a_virtual = add(high, b_virtual);
    *low = add(sub(a, a_virtual), sub(b_virtual, b));
    return high;
}

/* exp((a - top) / T), its argument to the last digit: the difference and 1 / T come in two parts
   each, and what rounding took from head to tail multiplies the result. */
KL_INLINE vec LANED(weight)(vec a, vec top, vec inverse, vec inverse_low)
{
    vec x_low, x = LANED(difference)(a, top, &x_low);
    vec high = mul(x, inverse);
    vec low = fused(x, inverse_low, fused_less(x, inverse, high));
    low = fused(x_low, inverse, low);
    vec weight = LANED(exponential)(high);
    mask usual = less(all(K(LEAST_EXP_ARGUMENT)), high);
    return fused(weight, keep(usual, low), weight);
}
