/* The vocabulary of NEON on aarch64: 2 lanes of float64, 4 of float32.

   Every word ends in its lane type; words.h drops the ending. min and max return their second
   argument when either is NaN (the instructions of that name would return the NaN, so these are
   comparisons and selections), and masks are all-ones lanes. */

#ifndef KL_ISA_NEON_H
#define KL_ISA_NEON_H

#include <arm_neon.h>
#include <stdint.h>
#include <string.h>

#define LANES_f64 2
#define LANES_f32 4
typedef float64x2_t vec_f64;
typedef float32x4_t vec_f32;
typedef uint64x2_t mask_f64;
typedef uint32x4_t mask_f32;
typedef int64x2_t exponent_f64; /* of a power of two, in place of the exponent bits */
typedef int32x4_t exponent_f32;

/* float64 lanes */
KL_INLINE vec_f64 all_f64(double x) { return vdupq_n_f64(x); }
KL_INLINE vec_f64 load_f64_f64(const double *x) { return vld1q_f64(x); }
KL_INLINE void store_f64(double *x, vec_f64 a) { vst1q_f64(x, a); }
KL_INLINE vec_f64 add_f64(vec_f64 a, vec_f64 b) { return vaddq_f64(a, b); }
KL_INLINE vec_f64 sub_f64(vec_f64 a, vec_f64 b) { return vsubq_f64(a, b); }
KL_INLINE vec_f64 mul_f64(vec_f64 a, vec_f64 b) { return vmulq_f64(a, b); }
KL_INLINE vec_f64 div_f64(vec_f64 a, vec_f64 b) { return vdivq_f64(a, b); }
KL_INLINE vec_f64 root_f64(vec_f64 a) { return vsqrtq_f64(a); }
KL_INLINE vec_f64 fma_f64(vec_f64 a, vec_f64 b, vec_f64 c) { return vfmaq_f64(c, a, b); }
KL_INLINE vec_f64 fms_f64(vec_f64 a, vec_f64 b, vec_f64 c) { return vfmaq_f64(vnegq_f64(c), a, b); }
KL_INLINE vec_f64 fnma_f64(vec_f64 a, vec_f64 b, vec_f64 c) { return vfmsq_f64(c, a, b); }
KL_INLINE mask_f64 less_f64(vec_f64 a, vec_f64 b) { return vcltq_f64(a, b); }
KL_INLINE mask_f64 equal_f64(vec_f64 a, vec_f64 b) { return vceqq_f64(a, b); }
KL_INLINE vec_f64 select_f64(mask_f64 m, vec_f64 a, vec_f64 b) { return vbslq_f64(m, a, b); }
KL_INLINE vec_f64 min_f64(vec_f64 a, vec_f64 b) { return vbslq_f64(vcltq_f64(a, b), a, b); }
KL_INLINE vec_f64 max_f64(vec_f64 a, vec_f64 b) { return vbslq_f64(vcgtq_f64(a, b), a, b); }
KL_INLINE vec_f64 at_least_f64(vec_f64 low, vec_f64 x) { return vmaxq_f64(low, x); }
KL_INLINE vec_f64 keep_f64(mask_f64 m, vec_f64 a)
{
    return vreinterpretq_f64_u64(vandq_u64(m, vreinterpretq_u64_f64(a)));
}
KL_INLINE vec_f64 drop_f64(mask_f64 m, vec_f64 a)
{
    return vreinterpretq_f64_u64(vbicq_u64(vreinterpretq_u64_f64(a), m));
}
KL_INLINE vec_f64 either_f64(vec_f64 a, vec_f64 b)
{
    return vreinterpretq_f64_u64(vorrq_u64(vreinterpretq_u64_f64(a), vreinterpretq_u64_f64(b)));
}
KL_INLINE int any_sign_f64(vec_f64 a)
{
    return vmaxvq_u32(vreinterpretq_u32_u64(vshrq_n_u64(vreinterpretq_u64_f64(a), 63))) != 0;
}
KL_INLINE int any_f64(mask_f64 m) { return vmaxvq_u32(vreinterpretq_u32_u64(m)) != 0; }
KL_INLINE mask_f64 first_lanes_f64(ptrdiff_t count)
{
    static const double lane[] = {0, 1};
    return vcltq_f64(vld1q_f64(lane), vdupq_n_f64((double)count));
}
KL_INLINE double sum_f64(vec_f64 a) { return vaddvq_f64(a); }
KL_INLINE vec_f64 part_f64(vec_f64 a, int i) { (void)i; return a; }

/* k 2**52 for the k that brings q 2**k within a factor 1.5 of p: bit patterns of positive numbers
   grow almost as their logarithms do, so their difference rounds to k in the exponent's place. */
KL_INLINE exponent_f64 exponent_of_ratio_f64(vec_f64 p, vec_f64 q)
{
    int64x2_t difference = vsubq_s64(vreinterpretq_s64_f64(p), vreinterpretq_s64_f64(q));
    return vandq_s64(vaddq_s64(difference, vdupq_n_s64(0x0008000000000000)),
                     vdupq_n_s64((int64_t)0xFFF0000000000000));
}
KL_INLINE vec_f64 scale_by_f64(vec_f64 a, exponent_f64 e)
{
    return vreinterpretq_f64_s64(vaddq_s64(vreinterpretq_s64_f64(a), e));
}
static const double UNIT_f64 = 0x1p52; /* of the integer that stands in the exponent's place */
KL_INLINE vec_f64 units_of_f64(exponent_f64 e) { return vcvtq_f64_s64(e); }
/* The integer in the low bits of t in place of the exponent: k for t = k + 1.5 * 2**52. */
KL_INLINE exponent_f64 exponent_in_f64(vec_f64 t)
{
    return vshlq_n_s64(vreinterpretq_s64_f64(t), 52);
}
/* 2**k for t = k + 1023 + 1.5 * 2**52; 0 for k = -1023. */
KL_INLINE vec_f64 power_of_two_in_f64(vec_f64 t)
{
    return vreinterpretq_f64_s64(exponent_in_f64(t));
}
/* How many units in the last place t lies above `lowest`, of one size; huge where it lies below,
   and for a NaN. The range is a power of two. */
KL_INLINE exponent_f64 steps_above_f64(vec_f64 t, vec_f64 lowest)
{
    return vsubq_s64(vreinterpretq_s64_f64(t), vreinterpretq_s64_f64(lowest));
}
KL_INLINE exponent_f64 either_steps_f64(exponent_f64 a, exponent_f64 b)
{
    return vorrq_s64(a, b);
}
KL_INLINE int any_beyond_f64(exponent_f64 steps, int range)
{
    return vmaxvq_u32(vreinterpretq_u32_s64(vandq_s64(steps, vdupq_n_s64(-range)))) != 0;
}

/* float32 lanes */
KL_INLINE vec_f32 all_f32(float x) { return vdupq_n_f32(x); }
KL_INLINE vec_f32 load_f32_f32(const float *x) { return vld1q_f32(x); }
KL_INLINE vec_f32 load_f16_f32(const uint16_t *x)
{
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(x)));
}
KL_INLINE vec_f32 load_bf16_f32(const uint16_t *x)
{
    return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(x), 16));
}
KL_INLINE void store_f32(float *x, vec_f32 a) { vst1q_f32(x, a); }
KL_INLINE vec_f32 add_f32(vec_f32 a, vec_f32 b) { return vaddq_f32(a, b); }
KL_INLINE vec_f32 sub_f32(vec_f32 a, vec_f32 b) { return vsubq_f32(a, b); }
KL_INLINE vec_f32 mul_f32(vec_f32 a, vec_f32 b) { return vmulq_f32(a, b); }
KL_INLINE vec_f32 div_f32(vec_f32 a, vec_f32 b) { return vdivq_f32(a, b); }
KL_INLINE vec_f32 root_f32(vec_f32 a) { return vsqrtq_f32(a); }
KL_INLINE vec_f32 fma_f32(vec_f32 a, vec_f32 b, vec_f32 c) { return vfmaq_f32(c, a, b); }
KL_INLINE vec_f32 fms_f32(vec_f32 a, vec_f32 b, vec_f32 c) { return vfmaq_f32(vnegq_f32(c), a, b); }
KL_INLINE vec_f32 fnma_f32(vec_f32 a, vec_f32 b, vec_f32 c) { return vfmsq_f32(c, a, b); }
KL_INLINE mask_f32 less_f32(vec_f32 a, vec_f32 b) { return vcltq_f32(a, b); }
KL_INLINE mask_f32 equal_f32(vec_f32 a, vec_f32 b) { return vceqq_f32(a, b); }
KL_INLINE vec_f32 select_f32(mask_f32 m, vec_f32 a, vec_f32 b) { return vbslq_f32(m, a, b); }
KL_INLINE vec_f32 min_f32(vec_f32 a, vec_f32 b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
KL_INLINE vec_f32 max_f32(vec_f32 a, vec_f32 b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
KL_INLINE vec_f32 at_least_f32(vec_f32 low, vec_f32 x) { return vmaxq_f32(low, x); }
KL_INLINE vec_f32 keep_f32(mask_f32 m, vec_f32 a)
{
    return vreinterpretq_f32_u32(vandq_u32(m, vreinterpretq_u32_f32(a)));
}
KL_INLINE vec_f32 drop_f32(mask_f32 m, vec_f32 a)
{
    return vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(a), m));
}
KL_INLINE vec_f32 either_f32(vec_f32 a, vec_f32 b)
{
    return vreinterpretq_f32_u32(vorrq_u32(vreinterpretq_u32_f32(a), vreinterpretq_u32_f32(b)));
}
KL_INLINE int any_sign_f32(vec_f32 a) { return vminvq_s32(vreinterpretq_s32_f32(a)) < 0; }
KL_INLINE int any_f32(mask_f32 m) { return vmaxvq_u32(m) != 0; }
KL_INLINE mask_f32 first_lanes_f32(ptrdiff_t count)
{
    static const float lane[] = {0, 1, 2, 3};
    return vcltq_f32(vld1q_f32(lane), vdupq_n_f32((float)count));
}
KL_INLINE double sum_f32(vec_f32 a)
{
    return sum_f64(vaddq_f64(vcvt_f64_f32(vget_low_f32(a)), vcvt_high_f64_f32(a)));
}
KL_INLINE vec_f64 part_f32(vec_f32 a, int i)
{
    return i ? vcvt_high_f64_f32(a) : vcvt_f64_f32(vget_low_f32(a));
}

KL_INLINE exponent_f32 exponent_of_ratio_f32(vec_f32 p, vec_f32 q)
{
    int32x4_t difference = vsubq_s32(vreinterpretq_s32_f32(p), vreinterpretq_s32_f32(q));
    return vandq_s32(vaddq_s32(difference, vdupq_n_s32(0x00400000)),
                     vdupq_n_s32((int32_t)0xFF800000));
}
KL_INLINE vec_f32 scale_by_f32(vec_f32 a, exponent_f32 e)
{
    return vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(a), e));
}
static const float UNIT_f32 = 0x1p23f; /* of the integer that stands in the exponent's place */
KL_INLINE vec_f32 units_of_f32(exponent_f32 e) { return vcvtq_f32_s32(e); }
KL_INLINE exponent_f32 exponent_in_f32(vec_f32 t)
{
    return vshlq_n_s32(vreinterpretq_s32_f32(t), 23);
}
KL_INLINE vec_f32 power_of_two_in_f32(vec_f32 t)
{
    return vreinterpretq_f32_s32(exponent_in_f32(t));
}
KL_INLINE exponent_f32 steps_above_f32(vec_f32 t, vec_f32 lowest)
{
    return vsubq_s32(vreinterpretq_s32_f32(t), vreinterpretq_s32_f32(lowest));
}
KL_INLINE exponent_f32 either_steps_f32(exponent_f32 a, exponent_f32 b)
{
    return vorrq_s32(a, b);
}
KL_INLINE int any_beyond_f32(exponent_f32 steps, int range)
{
    return vmaxvq_u32(vreinterpretq_u32_s32(vandq_s32(steps, vdupq_n_s32(-range)))) != 0;
}

#endif
