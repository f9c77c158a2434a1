/* The vocabulary of one lane, in plain C11: the backend of every machine without a better one.

   fma of float64 is a multiplication and an addition here, rounded twice: a call of C's own fma
   costs more than the whole term where no instruction stands behind it, and the error bounds hold
   without. That of float32 goes through float64, where the product is exact. */

#ifndef KL_ISA_SCALAR_H
#define KL_ISA_SCALAR_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define LANES_f64 1
#define LANES_f32 1
typedef double vec_f64;
typedef float vec_f32;
typedef int mask_f64, mask_f32;
typedef uint64_t exponent_f64; /* two's complement, modulo 2**64 */
typedef uint32_t exponent_f32;

#define KL_SCALAR_WORDS(T, R)                                                                      \
    KL_INLINE R all_##T(R x) { return x; }                                                         \
    KL_INLINE void store_##T(R *x, R a) { *x = a; }                                                \
    KL_INLINE R add_##T(R a, R b) { return a + b; }                                                \
    KL_INLINE R sub_##T(R a, R b) { return a - b; }                                                \
    KL_INLINE R mul_##T(R a, R b) { return a * b; }                                                \
    KL_INLINE R div_##T(R a, R b) { return a / b; }                                                \
    KL_INLINE R root_##T(R a) { return (R)sqrt((double)a); }                                       \
    KL_INLINE R fma_##T(R a, R b, R c) { return (R)((double)a * b + c); }                          \
    KL_INLINE R fms_##T(R a, R b, R c) { return (R)((double)a * b - c); }                          \
    KL_INLINE R fnma_##T(R a, R b, R c) { return (R)(c - (double)a * b); }                         \
    KL_INLINE R min_##T(R a, R b) { return a < b ? a : b; }                                        \
    KL_INLINE R max_##T(R a, R b) { return a > b ? a : b; }                                        \
    KL_INLINE R at_least_##T(R low, R x) { return x < low ? low : x; }                             \
    KL_INLINE int less_##T(R a, R b) { return a < b; }                                             \
    KL_INLINE int equal_##T(R a, R b) { return a == b; }                                           \
    KL_INLINE R keep_##T(int m, R a) { return m ? a : 0; }                                         \
    KL_INLINE R drop_##T(int m, R a) { return m ? 0 : a; }                                         \
    KL_INLINE R select_##T(int m, R a, R b) { return m ? a : b; }                                  \
    KL_INLINE int any_##T(int m) { return m; }                                                     \
    KL_INLINE int first_lanes_##T(ptrdiff_t count) { return count > 0; }                           \
    KL_INLINE double sum_##T(R a) { return (double)a; }                                            \
    KL_INLINE double part_##T(R a, int i) { (void)i; return (double)a; }

KL_SCALAR_WORDS(f64, double)
KL_SCALAR_WORDS(f32, float)
#undef KL_SCALAR_WORDS

KL_INLINE uint64_t bits_of_f64(double x) { uint64_t b; memcpy(&b, &x, sizeof b); return b; }
KL_INLINE uint32_t bits_of_f32(float x) { uint32_t b; memcpy(&b, &x, sizeof b); return b; }
KL_INLINE double from_bits_f64(uint64_t b) { double x; memcpy(&x, &b, sizeof x); return x; }
KL_INLINE float from_bits_f32(uint32_t b) { float x; memcpy(&x, &b, sizeof x); return x; }

KL_INLINE double either_f64(double a, double b) { return from_bits_f64(bits_of_f64(a) | bits_of_f64(b)); }
KL_INLINE float either_f32(float a, float b) { return from_bits_f32(bits_of_f32(a) | bits_of_f32(b)); }
KL_INLINE int any_sign_f64(double a) { return (int)(bits_of_f64(a) >> 63); }
KL_INLINE int any_sign_f32(float a) { return (int)(bits_of_f32(a) >> 31); }

KL_INLINE double load_f64_f64(const double *x) { return *x; }
KL_INLINE float load_f32_f32(const float *x) { return *x; }
KL_INLINE float load_bf16_f32(const uint16_t *x) { return from_bits_f32((uint32_t)*x << 16); }
KL_INLINE float load_f16_f32(const uint16_t *x)
{
    uint32_t sign = (uint32_t)(*x & 0x8000) << 16, rest = *x & 0x7FFF;
    if (rest >= 0x7C00) /* infinity and NaN */
        return from_bits_f32(sign | 0x7F800000 | (rest & 0x3FF) << 13);
    if (rest < 0x0400) { /* subnormal: a multiple of 2**-24 */
        float magnitude = (float)rest * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
    return from_bits_f32(sign | ((rest << 13) + 0x38000000));
}

/* k 2**52 (k 2**23) for the k that brings q 2**k within a factor 1.5 of p: bit patterns of positive
   numbers grow almost as their logarithms do, so their difference rounds to k in the exponent's
   place. */
KL_INLINE uint64_t exponent_of_ratio_f64(double p, double q)
{
    return (bits_of_f64(p) - bits_of_f64(q) + 0x0008000000000000u) & 0xFFF0000000000000u;
}
KL_INLINE uint32_t exponent_of_ratio_f32(float p, float q)
{
    return (bits_of_f32(p) - bits_of_f32(q) + 0x00400000u) & 0xFF800000u;
}
KL_INLINE double scale_by_f64(double a, uint64_t e) { return from_bits_f64(bits_of_f64(a) + e); }
KL_INLINE float scale_by_f32(float a, uint32_t e) { return from_bits_f32(bits_of_f32(a) + e); }
static const double UNIT_f64 = 1;
static const float UNIT_f32 = 1;
KL_INLINE double units_of_f64(uint64_t e)
{
    return (double)(int)((e >> 52) ^ 0x800) - 2048.0;
}
KL_INLINE float units_of_f32(uint32_t e)
{
    return (float)(int)((e >> 23) ^ 0x100) - 256.0f;
}
/* The integer in the low bits of t in place of the exponent: k for t = k + 1.5 * 2**52 (2**23). */
KL_INLINE uint64_t exponent_in_f64(double t) { return bits_of_f64(t) << 52; }
KL_INLINE uint32_t exponent_in_f32(float t) { return bits_of_f32(t) << 23; }
/* 2**k for t = k + 1023 + 1.5 * 2**52 (k + 127 + 1.5 * 2**23); 0 for the least k. */
KL_INLINE double power_of_two_in_f64(double t) { return from_bits_f64(exponent_in_f64(t)); }
KL_INLINE float power_of_two_in_f32(float t) { return from_bits_f32(exponent_in_f32(t)); }
/* How many units in the last place t lies above `lowest`, of one size; huge where it lies below,
   and for a NaN. The range is a power of two. */
KL_INLINE uint64_t steps_above_f64(double t, double lowest)
{
    return bits_of_f64(t) - bits_of_f64(lowest);
}
KL_INLINE uint32_t steps_above_f32(float t, float lowest)
{
    return bits_of_f32(t) - bits_of_f32(lowest);
}
KL_INLINE uint64_t either_steps_f64(uint64_t a, uint64_t b) { return a | b; }
KL_INLINE uint32_t either_steps_f32(uint32_t a, uint32_t b) { return a | b; }
KL_INLINE int any_beyond_f64(uint64_t steps, int range) { return steps >= (uint64_t)range; }
KL_INLINE int any_beyond_f32(uint32_t steps, int range) { return steps >= (uint32_t)range; }

#endif
