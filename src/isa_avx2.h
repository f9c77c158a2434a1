/* The vocabulary of AVX2 with FMA and F16C: 4 lanes of float64, 8 of float32.

   Every word ends in its lane type; words.h drops the ending. min and max return their second
   argument when either is NaN, and masks are all-ones lanes. */

#ifndef KL_ISA_AVX2_H
#define KL_ISA_AVX2_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define LANES_f64 4
#define LANES_f32 8
typedef __m256d vec_f64, mask_f64;
typedef __m256 vec_f32, mask_f32;
typedef __m256i exponent_f64, exponent_f32; /* of a power of two, in place of the exponent bits */

/* float64 lanes */
KL_INLINE vec_f64 all_f64(double x) { return _mm256_set1_pd(x); }
KL_INLINE vec_f64 load_f64_f64(const double *x) { return _mm256_loadu_pd(x); }
KL_INLINE void store_f64(double *x, vec_f64 a) { _mm256_storeu_pd(x, a); }
KL_INLINE vec_f64 add_f64(vec_f64 a, vec_f64 b) { return _mm256_add_pd(a, b); }
KL_INLINE vec_f64 sub_f64(vec_f64 a, vec_f64 b) { return _mm256_sub_pd(a, b); }
KL_INLINE vec_f64 mul_f64(vec_f64 a, vec_f64 b) { return _mm256_mul_pd(a, b); }
KL_INLINE vec_f64 div_f64(vec_f64 a, vec_f64 b) { return _mm256_div_pd(a, b); }
KL_INLINE vec_f64 root_f64(vec_f64 a) { return _mm256_sqrt_pd(a); }
KL_INLINE vec_f64 fma_f64(vec_f64 a, vec_f64 b, vec_f64 c) { return _mm256_fmadd_pd(a, b, c); }
KL_INLINE vec_f64 fms_f64(vec_f64 a, vec_f64 b, vec_f64 c) { return _mm256_fmsub_pd(a, b, c); }
KL_INLINE vec_f64 fnma_f64(vec_f64 a, vec_f64 b, vec_f64 c) { return _mm256_fnmadd_pd(a, b, c); }
KL_INLINE vec_f64 min_f64(vec_f64 a, vec_f64 b) { return _mm256_min_pd(a, b); }
KL_INLINE vec_f64 max_f64(vec_f64 a, vec_f64 b) { return _mm256_max_pd(a, b); }
KL_INLINE vec_f64 at_least_f64(vec_f64 low, vec_f64 x) { return _mm256_max_pd(low, x); }
KL_INLINE mask_f64 less_f64(vec_f64 a, vec_f64 b) { return _mm256_cmp_pd(a, b, _CMP_LT_OQ); }
KL_INLINE mask_f64 equal_f64(vec_f64 a, vec_f64 b) { return _mm256_cmp_pd(a, b, _CMP_EQ_OQ); }
KL_INLINE vec_f64 keep_f64(mask_f64 m, vec_f64 a) { return _mm256_and_pd(m, a); }
KL_INLINE vec_f64 drop_f64(mask_f64 m, vec_f64 a) { return _mm256_andnot_pd(m, a); }
KL_INLINE vec_f64 select_f64(mask_f64 m, vec_f64 a, vec_f64 b) { return _mm256_blendv_pd(b, a, m); }
KL_INLINE int any_f64(mask_f64 m) { return _mm256_movemask_pd(m); }
KL_INLINE vec_f64 either_f64(vec_f64 a, vec_f64 b) { return _mm256_or_pd(a, b); }
KL_INLINE int any_sign_f64(vec_f64 a) { return _mm256_movemask_pd(a); }
KL_INLINE mask_f64 first_lanes_f64(ptrdiff_t count)
{
    return _mm256_cmp_pd(_mm256_setr_pd(0, 1, 2, 3), _mm256_set1_pd((double)count), _CMP_LT_OQ);
}
KL_INLINE double sum_f64(vec_f64 a)
{
    __m128d half = _mm_add_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd(a, 1));
    return _mm_cvtsd_f64(_mm_add_sd(half, _mm_unpackhi_pd(half, half)));
}
KL_INLINE vec_f64 part_f64(vec_f64 a, int i) { (void)i; return a; }

/* k 2**52 for the k that brings q 2**k within a factor 1.5 of p: bit patterns of positive numbers
   grow almost as their logarithms do, so their difference rounds to k in the exponent's place. */
KL_INLINE exponent_f64 exponent_of_ratio_f64(vec_f64 p, vec_f64 q)
{
    __m256i difference = _mm256_sub_epi64(_mm256_castpd_si256(p), _mm256_castpd_si256(q));
    return _mm256_and_si256(_mm256_add_epi64(difference, _mm256_set1_epi64x(0x0008000000000000)),
                            _mm256_set1_epi64x((long long)0xFFF0000000000000));
}
KL_INLINE vec_f64 scale_by_f64(vec_f64 a, exponent_f64 e)
{
    return _mm256_castsi256_pd(_mm256_add_epi64(_mm256_castpd_si256(a), e));
}
/* AVX2 converts no 64-bit integers: shift k, modulo 4096, into the low bits of 2**52 + 2048 and
   subtract. */
static const double UNIT_f64 = 1;
KL_INLINE vec_f64 units_of_f64(exponent_f64 e)
{
    __m256i shifted = _mm256_xor_si256(_mm256_srli_epi64(e, 52),
                                       _mm256_set1_epi64x(0x4330000000000800));
    return _mm256_sub_pd(_mm256_castsi256_pd(shifted), _mm256_set1_pd(0x1p52 + 0x1p11));
}
/* The integer in the low bits of t in place of the exponent: k for t = k + 1.5 * 2**52. */
KL_INLINE exponent_f64 exponent_in_f64(vec_f64 t)
{
    return _mm256_slli_epi64(_mm256_castpd_si256(t), 52);
}
/* 2**k for t = k + 1023 + 1.5 * 2**52; 0 for k = -1023. */
KL_INLINE vec_f64 power_of_two_in_f64(vec_f64 t) { return _mm256_castsi256_pd(exponent_in_f64(t)); }
/* How many units in the last place t lies above `lowest`, of one size; huge where it lies below,
   and for a NaN. The range is a power of two. */
KL_INLINE exponent_f64 steps_above_f64(vec_f64 t, vec_f64 lowest)
{
    return _mm256_sub_epi64(_mm256_castpd_si256(t), _mm256_castpd_si256(lowest));
}
KL_INLINE exponent_f64 either_steps_f64(exponent_f64 a, exponent_f64 b)
{
    return _mm256_or_si256(a, b);
}
KL_INLINE int any_beyond_f64(exponent_f64 steps, int range)
{
    return !_mm256_testz_si256(steps, _mm256_set1_epi64x(-range));
}

/* float32 lanes */
KL_INLINE vec_f32 all_f32(float x) { return _mm256_set1_ps(x); }
KL_INLINE vec_f32 load_f32_f32(const float *x) { return _mm256_loadu_ps(x); }
KL_INLINE vec_f32 load_f16_f32(const uint16_t *x)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)x));
}
KL_INLINE vec_f32 load_bf16_f32(const uint16_t *x)
{
    __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)x));
    return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}
KL_INLINE void store_f32(float *x, vec_f32 a) { _mm256_storeu_ps(x, a); }
KL_INLINE vec_f32 add_f32(vec_f32 a, vec_f32 b) { return _mm256_add_ps(a, b); }
KL_INLINE vec_f32 sub_f32(vec_f32 a, vec_f32 b) { return _mm256_sub_ps(a, b); }
KL_INLINE vec_f32 mul_f32(vec_f32 a, vec_f32 b) { return _mm256_mul_ps(a, b); }
KL_INLINE vec_f32 div_f32(vec_f32 a, vec_f32 b) { return _mm256_div_ps(a, b); }
KL_INLINE vec_f32 root_f32(vec_f32 a) { return _mm256_sqrt_ps(a); }
KL_INLINE vec_f32 fma_f32(vec_f32 a, vec_f32 b, vec_f32 c) { return _mm256_fmadd_ps(a, b, c); }
KL_INLINE vec_f32 fms_f32(vec_f32 a, vec_f32 b, vec_f32 c) { return _mm256_fmsub_ps(a, b, c); }
KL_INLINE vec_f32 fnma_f32(vec_f32 a, vec_f32 b, vec_f32 c) { return _mm256_fnmadd_ps(a, b, c); }
KL_INLINE vec_f32 min_f32(vec_f32 a, vec_f32 b) { return _mm256_min_ps(a, b); }
KL_INLINE vec_f32 max_f32(vec_f32 a, vec_f32 b) { return _mm256_max_ps(a, b); }
/* Bit patterns of numbers >= 0 are ordered as the numbers are, and integers compare on more ports. */
KL_INLINE vec_f32 at_least_f32(vec_f32 low, vec_f32 x)
{
    return _mm256_castsi256_ps(_mm256_max_epi32(_mm256_castps_si256(low), _mm256_castps_si256(x)));
}
KL_INLINE mask_f32 less_f32(vec_f32 a, vec_f32 b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
KL_INLINE mask_f32 equal_f32(vec_f32 a, vec_f32 b) { return _mm256_cmp_ps(a, b, _CMP_EQ_OQ); }
KL_INLINE vec_f32 keep_f32(mask_f32 m, vec_f32 a) { return _mm256_and_ps(m, a); }
KL_INLINE vec_f32 drop_f32(mask_f32 m, vec_f32 a) { return _mm256_andnot_ps(m, a); }
KL_INLINE vec_f32 select_f32(mask_f32 m, vec_f32 a, vec_f32 b) { return _mm256_blendv_ps(b, a, m); }
KL_INLINE int any_f32(mask_f32 m) { return _mm256_movemask_ps(m); }
KL_INLINE vec_f32 either_f32(vec_f32 a, vec_f32 b) { return _mm256_or_ps(a, b); }
KL_INLINE int any_sign_f32(vec_f32 a) { return _mm256_movemask_ps(a); }
KL_INLINE mask_f32 first_lanes_f32(ptrdiff_t count)
{
    return _mm256_cmp_ps(_mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_ps((float)count),
                         _CMP_LT_OQ);
}
KL_INLINE double sum_f32(vec_f32 a)
{
    return sum_f64(_mm256_add_pd(_mm256_cvtps_pd(_mm256_castps256_ps128(a)),
                                 _mm256_cvtps_pd(_mm256_extractf128_ps(a, 1))));
}
KL_INLINE vec_f64 part_f32(vec_f32 a, int i)
{
    return _mm256_cvtps_pd(i ? _mm256_extractf128_ps(a, 1) : _mm256_castps256_ps128(a));
}

KL_INLINE exponent_f32 exponent_of_ratio_f32(vec_f32 p, vec_f32 q)
{
    __m256i difference = _mm256_sub_epi32(_mm256_castps_si256(p), _mm256_castps_si256(q));
    return _mm256_and_si256(_mm256_add_epi32(difference, _mm256_set1_epi32(0x00400000)),
                            _mm256_set1_epi32((int)0xFF800000));
}
KL_INLINE vec_f32 scale_by_f32(vec_f32 a, exponent_f32 e)
{
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(a), e));
}
static const float UNIT_f32 = 0x1p23f; /* of the integer that stands in the exponent's place */
KL_INLINE vec_f32 units_of_f32(exponent_f32 e) { return _mm256_cvtepi32_ps(e); }
KL_INLINE exponent_f32 exponent_in_f32(vec_f32 t)
{
    return _mm256_slli_epi32(_mm256_castps_si256(t), 23);
}
KL_INLINE vec_f32 power_of_two_in_f32(vec_f32 t) { return _mm256_castsi256_ps(exponent_in_f32(t)); }
KL_INLINE exponent_f32 steps_above_f32(vec_f32 t, vec_f32 lowest)
{
    return _mm256_sub_epi32(_mm256_castps_si256(t), _mm256_castps_si256(lowest));
}
KL_INLINE exponent_f32 either_steps_f32(exponent_f32 a, exponent_f32 b)
{
    return _mm256_or_si256(a, b);
}
KL_INLINE int any_beyond_f32(exponent_f32 steps, int range)
{
    return !_mm256_testz_si256(steps, _mm256_set1_epi32(-range));
}

#endif
