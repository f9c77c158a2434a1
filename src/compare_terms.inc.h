/* What one vector of outcomes adds to every statistic of a comparison, for LANE. In base 2: the
   exponent is split off by rounding alone, and the temperature is part of the scale.

   Coefficients and their bounds come from coefficients.py. */

#ifndef KL_COMPARE_CONSTANTS
#define KL_COMPARE_CONSTANTS

/* 2**r in powers of r, |r| <= 1/2. Relative error below 2.0e-17 (float64) and 1.6e-7 (float32). */
static const double POWER_f64[] = {
    0x1.0000000000000p+0, 0x1.62e42fefa39efp-1, 0x1.ebfbdff82c5aep-3, 0x1.c6b08d704a0c6p-5,
    0x1.3b2ab6fb9f1a5p-7, 0x1.5d87fe78a3f9cp-10, 0x1.430913112c61bp-13, 0x1.ffcbfc6da6ed1p-17,
    0x1.62bfc2c86d700p-20, 0x1.b524ebd13a55fp-24, 0x1.e6228acd1c6e5p-28, 0x1.e9ec1fcb69a7fp-32};
static const float POWER_f32[] = {0x1.000002p+0f, 0x1.62e430p-1f, 0x1.ebf906p-3f,
                                  0x1.c6af6cp-5f, 0x1.3d1070p-7f, 0x1.5f0890p-10f};

/* (2**r - 1 - r log 2) / r**2 in powers of r, |r| <= 1/2. Relative error below 2.8e-16 (float64)
   and 1.4e-7 (float32). */
static const double POWER_REST_f64[] = {
    0x1.ebfbdff82c590p-3, 0x1.c6b08d704a0c0p-5, 0x1.3b2ab6fba385fp-7, 0x1.5d87fe78a5dc5p-10,
    0x1.4309130378460p-13, 0x1.ffcbfc61f6f47p-17, 0x1.62bfe46117445p-20, 0x1.b52508787c662p-24,
    0x1.e5e9f548e5725p-28, 0x1.e9bbdd894b294p-32};
static const float POWER_REST_f32[] = {0x1.ebfbe0p-3f, 0x1.c6afeep-5f, 0x1.3b2a80p-7f,
                                       0x1.5ec866p-10f, 0x1.43e716p-13f};

/* 1 - (v + (2 - v) log(1 - v/2)) / v**2 in powers of v, 0 <= v <= 1. Relative error below 4.9e-16
   (float64) and 1.2e-7 (float32). */
static const double MIXTURE_f64[] = {
    0x1.7ffffffffffffp-1, -0x1.5555555552289p-5, -0x1.5555555a139eep-7, -0x1.999996cde3e6bp-9,
    -0x1.11117faf49922p-10, -0x1.8603b7c57143bp-12, -0x1.25d6972a02a35p-13, -0x1.ab9da8170f96ep-15,
    -0x1.20b1a7c26b172p-15, 0x1.c6a31176c8ee4p-16, -0x1.4a299f6a65e6fp-14, 0x1.dd1c2677b8169p-14,
    -0x1.10a508052ca7bp-13, 0x1.afc94e47e0e29p-14, -0x1.d567b7d5248d6p-15, 0x1.356a40a6e909ap-16,
    -0x1.87ecf7c1ea2c5p-19};
static const float MIXTURE_f32[] = {0x1.7ffffep-1f,  -0x1.554db6p-5f, -0x1.573278p-7f,
                                    -0x1.6ec7d0p-9f, -0x1.f3dedep-10f, 0x1.8256ccp-11f,
                                    -0x1.88174ep-11f};

#endif

/* x = k + r, |r| <= 1/2, and the power 2**k. Below LEAST_EXPONENT the power is 0. */
KL_INLINE vec LANED(reduce2)(vec x, vec *k, vec *power)
{
    vec rounder = all(K(ROUNDER) - K(LEAST_EXPONENT)), t = add(x, rounder);
    *k = sub(t, rounder);
    *power = power_of_two_in(larger(all(K(ROUNDER)), t));
    return sub(x, *k);
}

/* 2**x from LEAST_EXPONENT, where it is 0, to 100 (float64: 1000), in two halves; NaN stays. */
typedef struct {
    vec r, power;
} LANED(split);

KL_INLINE LANED(split) LANED(begin_power2)(vec x)
{
    vec rounder = all(K(ROUNDER) - K(LEAST_EXPONENT)), t = add(x, rounder);
    return (LANED(split)){sub(x, sub(t, rounder)), power_of_two_in(t)};
}

KL_INLINE vec LANED(end_power2)(LANED(split) x)
{
    return mul(polynomial_by_length(x.r, mul(x.r, x.r), K(POWER)), x.power);
}

KL_INLINE vec LANED(power2)(vec x)
{
    return LANED(end_power2)(LANED(begin_power2)(x));
}

#undef FEW
#define FEW 8 /* vectors added up before the sum goes on in another */

typedef struct {
    vec forward, reverse, mixture, change, loss, largest_change;
} LANED(comparison);

KL_INLINE LANED(comparison) LANED(no_comparison)(void)
{
    vec zero = all(0);
    return (LANED(comparison)){zero, zero, zero, zero, zero, zero};
}

KL_INLINE void LANED(add_comparison)(LANED(comparison) *sums, const LANED(comparison) *more)
{
    sums->forward = add(sums->forward, more->forward);
    sums->reverse = add(sums->reverse, more->reverse);
    sums->mixture = add(sums->mixture, more->mixture);
    sums->change = add(sums->change, more->change);
    sums->loss = add(sums->loss, more->loss);
    sums->largest_change = larger(sums->largest_change, more->largest_change);
}

/* What stands of a vector of outcomes after a third of the way, and after two. A loop takes some
   vectors through each third before the next: a vector's own operations wait for one another. */
typedef struct {
    vec d, k, r, power;
} LANED(ratio);

typedef struct {
    vec most, v, g;
    mask q_larger;
} LANED(compared);

/* One vector of outcomes whose larger probability is `most` and whose log2(p/q) is `d`. With
   u = 2**-|d|, the lesser over the larger, v = 1 - u and g = u - 1 - log u, nothing cancels:

       larger log(larger/lesser) - larger + lesser = larger g
       lesser log(lesser/larger) - lesser + larger = larger (v**2 - u g)
       larger log(larger/m) + lesser log(lesser/m) = larger (v**2 M(v) - u g),   m their mean,

   M being MIXTURE. g and v come from 2**-|d| = 2**k 2**r as differences of small numbers. */
KL_INLINE LANED(ratio) LANED(begin_comparison)(vec d)
{
    LANED(ratio) it = {.d = d};
    it.r = LANED(reduce2)(either(d, all((real)-0.0)), &it.k, &it.power);
    return it;
}

KL_INLINE LANED(compared) LANED(go_on_comparing)(vec most, LANED(ratio) it)
{
    vec one = all(1), power = it.power, r_square = mul(it.r, it.r);
    vec linear = mul(it.r, all(K(LN2))), power_less_1 = sub(power, one);
    vec rest = mul(r_square, polynomial_by_length(it.r, r_square, K(POWER_REST)));
    vec v = fused_from(power, add(linear, rest), sub(one, power));
    vec step = fused_from(it.k, all(K(LN2)), power_less_1); /* as in expm1_less */
    vec g = fused(power, rest, fused(power_less_1, linear, step));
    return (LANED(compared)){most, v, g, less(it.d, all(0))};
}

KL_INLINE void LANED(end_comparison)(LANED(comparison) *sums, LANED(compared) it)
{
    vec u_g = mul(sub(all(1), it.v), it.g), square = mul(it.v, it.v);
    vec lesser = sub(square, u_g), change = mul(it.most, it.v);
    sums->forward = fused(it.most, select(it.q_larger, lesser, it.g), sums->forward);
    sums->reverse = fused(it.most, select(it.q_larger, it.g, lesser), sums->reverse);
    vec mixture = fused_less(square, polynomial_by_length(it.v, square, K(MIXTURE)), u_g);
    sums->mixture = fused(it.most, mixture, sums->mixture);
    sums->change = add(sums->change, change);
    sums->loss = add(sums->loss, keep(it.q_larger, change));
    sums->largest_change = larger(sums->largest_change, change);
}
