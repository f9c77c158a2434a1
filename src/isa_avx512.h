/* The vocabulary of AVX-512 F, BW, DQ and VL: 8 lanes of float64, 16 of float32.

   Every word ends in its lane type; words.h drops the ending. min and max return their second
   argument when either is NaN, and masks are one bit per lane. */

#ifndef KL_ISA_AVX512_H
#define KL_ISA_AVX512_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define LANES_f64 8
#define LANES_f32 16
typedef __m512d vec_f64;
typedef __m512 vec_f32;
typedef __mmask8 mask_f64;
typedef __mmask16 mask_f32;
typedef __m512i exponent_f64, exponent_f32; /* of a power of two, in place of the exponent bits */

/* float64 lanes */
KL_INLINE vec_f64 all_f64(double x) { return _mm512_set1_pd(x); }
KL_INLINE vec_f64 load_f64_f64(const double *x) { return _mm512_loadu_pd(x); }
KL_INLINE void store_f64(double *x, vec_f64 a) { _mm512_storeu_pd(x, a); }
KL_INLINE vec_f64 add_f64(vec_f64 a, vec_f64 b) { return _mm512_add_pd(a, b); }
KL_INLINE vec_f64 sub_f64(vec_f64 a, vec_f64 b) { return _mm512_sub_pd(a, b); }
KL_INLINE vec_f64 mul_f64(vec_f64 a, vec_f64 b) { return _mm512_mul_pd(a, b); }
KL_INLINE vec_f64 div_f64(vec_f64 a, vec_f64 b) { return _mm512_div_pd(a, b); }
KL_INLINE vec_f64 root_f64(vec_f64 a) { return _mm512_sqrt_pd(a); }
KL_INLINE vec_f64 fma_f64(vec_f64 a, vec_f64 b, vec_f64 c) { return _mm512_fmadd_pd(a, b, c); }
KL_INLINE vec_f64 fms_f64(vec_f64 a, vec_f64 b, vec_f64 c) { return _mm512_fmsub_pd(a, b, c); }
KL_INLINE vec_f64 fnma_f64(vec_f64 a, vec_f64 b, vec_f64 c) { return _mm512_fnmadd_pd(a, b, c); }
KL_INLINE vec_f64 min_f64(vec_f64 a, vec_f64 b) { return _mm512_min_pd(a, b); }
KL_INLINE vec_f64 max_f64(vec_f64 a, vec_f64 b) { return _mm512_max_pd(a, b); }
KL_INLINE vec_f64 at_least_f64(vec_f64 low, vec_f64 x)
{
    return _mm512_castsi512_pd(
        _mm512_max_epi64(_mm512_castpd_si512(low), _mm512_castpd_si512(x)));
}
KL_INLINE mask_f64 less_f64(vec_f64 a, vec_f64 b)
{
    return _mm512_cmp_pd_mask(a, b, _CMP_LT_OQ);
}
KL_INLINE mask_f64 equal_f64(vec_f64 a, vec_f64 b)
{
    return _mm512_cmp_pd_mask(a, b, _CMP_EQ_OQ);
}
KL_INLINE vec_f64 keep_f64(mask_f64 m, vec_f64 a) { return _mm512_maskz_mov_pd(m, a); }
KL_INLINE vec_f64 drop_f64(mask_f64 m, vec_f64 a)
{
    return _mm512_mask_mov_pd(a, m, _mm512_setzero_pd());
}
KL_INLINE vec_f64 select_f64(mask_f64 m, vec_f64 a, vec_f64 b)
{
    return _mm512_mask_blend_pd(m, b, a);
}
KL_INLINE int any_f64(mask_f64 m) { return m; }
KL_INLINE vec_f64 either_f64(vec_f64 a, vec_f64 b) { return _mm512_or_pd(a, b); }
KL_INLINE int any_sign_f64(vec_f64 a) { return _mm512_movepi64_mask(_mm512_castpd_si512(a)); }
KL_INLINE mask_f64 first_lanes_f64(ptrdiff_t count)
{
    return (mask_f64)(count < LANES_f64 ? (1u << count) - 1 : 0xFFu);
}
KL_INLINE double sum_f64(vec_f64 a)
{
    __m256d half = _mm256_add_pd(_mm512_castpd512_pd256(a), _mm512_extractf64x4_pd(a, 1));
    __m128d quarter = _mm_add_pd(_mm256_castpd256_pd128(half), _mm256_extractf128_pd(half, 1));
    return _mm_cvtsd_f64(_mm_add_sd(quarter, _mm_unpackhi_pd(quarter, quarter)));
}
KL_INLINE vec_f64 part_f64(vec_f64 a, int i) { (void)i; return a; }

/* k 2**52 for the k that brings q 2**k within a factor 1.5 of p: bit patterns of positive numbers
   grow almost as their logarithms do, so their difference rounds to k in the exponent's place. */
KL_INLINE exponent_f64 exponent_of_ratio_f64(vec_f64 p, vec_f64 q)
{
    __m512i difference = _mm512_sub_epi64(_mm512_castpd_si512(p), _mm512_castpd_si512(q));
    return _mm512_and_si512(_mm512_add_epi64(difference, _mm512_set1_epi64(0x0008000000000000)),
                            _mm512_set1_epi64((long long)0xFFF0000000000000));
}
KL_INLINE vec_f64 scale_by_f64(vec_f64 a, exponent_f64 e)
{
    return _mm512_castsi512_pd(_mm512_add_epi64(_mm512_castpd_si512(a), e));
}
static const double UNIT_f64 = 0x1p52; /* of the integer that stands in the exponent's place */
KL_INLINE vec_f64 units_of_f64(exponent_f64 e) { return _mm512_cvtepi64_pd(e); }
/* The integer in the low bits of t in place of the exponent: k for t = k + 1.5 * 2**52. */
KL_INLINE exponent_f64 exponent_in_f64(vec_f64 t)
{
    return _mm512_slli_epi64(_mm512_castpd_si512(t), 52);
}
/* 2**k for t = k + 1023 + 1.5 * 2**52; 0 for k = -1023. */
KL_INLINE vec_f64 power_of_two_in_f64(vec_f64 t)
{
    return _mm512_castsi512_pd(exponent_in_f64(t));
}
/* How many units in the last place t lies above `lowest`, of one size; huge where it lies below,
   and for a NaN. The range is a power of two. */
KL_INLINE exponent_f64 steps_above_f64(vec_f64 t, vec_f64 lowest)
{
    return _mm512_sub_epi64(_mm512_castpd_si512(t), _mm512_castpd_si512(lowest));
}
KL_INLINE exponent_f64 either_steps_f64(exponent_f64 a, exponent_f64 b)
{
    return _mm512_or_si512(a, b);
}
KL_INLINE int any_beyond_f64(exponent_f64 steps, int range)
{
    return _mm512_test_epi64_mask(steps, _mm512_set1_epi64(-range)) != 0;
}

/* float32 lanes */
KL_INLINE vec_f32 all_f32(float x) { return _mm512_set1_ps(x); }
KL_INLINE vec_f32 load_f32_f32(const float *x) { return _mm512_loadu_ps(x); }
KL_INLINE vec_f32 load_f16_f32(const uint16_t *x)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)x));
}
KL_INLINE vec_f32 load_bf16_f32(const uint16_t *x)
{
    __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)x));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}
KL_INLINE void store_f32(float *x, vec_f32 a) { _mm512_storeu_ps(x, a); }
KL_INLINE vec_f32 add_f32(vec_f32 a, vec_f32 b) { return _mm512_add_ps(a, b); }
KL_INLINE vec_f32 sub_f32(vec_f32 a, vec_f32 b) { return _mm512_sub_ps(a, b); }
KL_INLINE vec_f32 mul_f32(vec_f32 a, vec_f32 b) { return _mm512_mul_ps(a, b); }
KL_INLINE vec_f32 div_f32(vec_f32 a, vec_f32 b) { return _mm512_div_ps(a, b); }
KL_INLINE vec_f32 root_f32(vec_f32 a) { return _mm512_sqrt_ps(a); }
KL_INLINE vec_f32 fma_f32(vec_f32 a, vec_f32 b, vec_f32 c) { return _mm512_fmadd_ps(a, b, c); }
KL_INLINE vec_f32 fms_f32(vec_f32 a, vec_f32 b, vec_f32 c) { return _mm512_fmsub_ps(a, b, c); }
KL_INLINE vec_f32 fnma_f32(vec_f32 a, vec_f32 b, vec_f32 c) { return _mm512_fnmadd_ps(a, b, c); }
KL_INLINE vec_f32 min_f32(vec_f32 a, vec_f32 b) { return _mm512_min_ps(a, b); }
KL_INLINE vec_f32 max_f32(vec_f32 a, vec_f32 b) { return _mm512_max_ps(a, b); }
/* Bit patterns of numbers >= 0 are ordered as the numbers are, and integers compare on more ports. */
KL_INLINE vec_f32 at_least_f32(vec_f32 low, vec_f32 x)
{
    return _mm512_castsi512_ps(_mm512_max_epi32(_mm512_castps_si512(low), _mm512_castps_si512(x)));
}
KL_INLINE mask_f32 less_f32(vec_f32 a, vec_f32 b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}
KL_INLINE mask_f32 equal_f32(vec_f32 a, vec_f32 b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ);
}
KL_INLINE vec_f32 keep_f32(mask_f32 m, vec_f32 a) { return _mm512_maskz_mov_ps(m, a); }
KL_INLINE vec_f32 drop_f32(mask_f32 m, vec_f32 a)
{
    return _mm512_mask_mov_ps(a, m, _mm512_setzero_ps());
}
KL_INLINE vec_f32 select_f32(mask_f32 m, vec_f32 a, vec_f32 b)
{
    return _mm512_mask_blend_ps(m, b, a);
}
KL_INLINE int any_f32(mask_f32 m) { return m; }
KL_INLINE vec_f32 either_f32(vec_f32 a, vec_f32 b) { return _mm512_or_ps(a, b); }
KL_INLINE int any_sign_f32(vec_f32 a) { return _mm512_movepi32_mask(_mm512_castps_si512(a)); }
KL_INLINE mask_f32 first_lanes_f32(ptrdiff_t count)
{
    return (mask_f32)(count < LANES_f32 ? (1u << count) - 1 : 0xFFFFu);
}
KL_INLINE double sum_f32(vec_f32 a)
{
    return sum_f64(_mm512_add_pd(_mm512_cvtps_pd(_mm512_castps512_ps256(a)),
                                 _mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1))));
}
KL_INLINE vec_f64 part_f32(vec_f32 a, int i)
{
    return _mm512_cvtps_pd(i ? _mm512_extractf32x8_ps(a, 1) : _mm512_castps512_ps256(a));
}

KL_INLINE exponent_f32 exponent_of_ratio_f32(vec_f32 p, vec_f32 q)
{
    __m512i difference = _mm512_sub_epi32(_mm512_castps_si512(p), _mm512_castps_si512(q));
    return _mm512_and_si512(_mm512_add_epi32(difference, _mm512_set1_epi32(0x00400000)),
                            _mm512_set1_epi32((int)0xFF800000));
}
KL_INLINE vec_f32 scale_by_f32(vec_f32 a, exponent_f32 e)
{
    return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(a), e));
}
static const float UNIT_f32 = 0x1p23f; /* of the integer that stands in the exponent's place */
KL_INLINE vec_f32 units_of_f32(exponent_f32 e) { return _mm512_cvtepi32_ps(e); }
KL_INLINE exponent_f32 exponent_in_f32(vec_f32 t)
{
    return _mm512_slli_epi32(_mm512_castps_si512(t), 23);
}
KL_INLINE vec_f32 power_of_two_in_f32(vec_f32 t)
{
    return _mm512_castsi512_ps(exponent_in_f32(t));
}
KL_INLINE exponent_f32 steps_above_f32(vec_f32 t, vec_f32 lowest)
{
    return _mm512_sub_epi32(_mm512_castps_si512(t), _mm512_castps_si512(lowest));
}
KL_INLINE exponent_f32 either_steps_f32(exponent_f32 a, exponent_f32 b)
{
    return _mm512_or_si512(a, b);
}
KL_INLINE int any_beyond_f32(exponent_f32 steps, int range)
{
    return _mm512_test_epi32_mask(steps, _mm512_set1_epi32(-range)) != 0;
}

#endif
