/* From memory as it lies to a block that a kernel reads: any stride, byte order and dtype. */

#include <math.h>
#include <string.h>

#include "kl.h"

/* Bytes, not values: what is unaligned or swapped may only be copied. */
#define COPY_ELEMENTS(bits)                                                                        \
    static void copy_##bits(const kl_source *source, const char *from, ptrdiff_t count,            \
                            uint##bits##_t *to)                                                    \
    {                                                                                              \
        if (source->stride == sizeof *to)                                                          \
            memcpy(to, from, (size_t)count * sizeof *to);                                          \
        else                                                                                       \
            for (ptrdiff_t i = 0; i < count; i++, from += source->stride)                          \
                memcpy(to + i, from, sizeof *to);                                                  \
        if (source->swapped)                                                                       \
            for (ptrdiff_t i = 0; i < count; i++)                                                  \
                to[i] = swap_##bits(to[i]);                                                        \
    }

static uint8_t swap_8(uint8_t x) { return x; }
static uint16_t swap_16(uint16_t x) { return (uint16_t)(x << 8 | x >> 8); }
static uint32_t swap_32(uint32_t x)
{
    return (uint32_t)swap_16((uint16_t)x) << 16 | swap_16((uint16_t)(x >> 16));
}
static uint64_t swap_64(uint64_t x)
{
    return (uint64_t)swap_32((uint32_t)x) << 32 | swap_32((uint32_t)(x >> 32));
}
COPY_ELEMENTS(8)
COPY_ELEMENTS(16)
COPY_ELEMENTS(32)
COPY_ELEMENTS(64)

static double bits_to_double(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Exponent and fraction in the places of a float32's give the magnitude times 2**-112, subnormals
   too; infinity and NaN keep an exponent of ones. Without branches, for the loop to be vectors. */
static double half_to_double(uint16_t bits)
{
    uint32_t rest = bits & 0x7FFF, wide = rest << 13;
    double finite = bits_to_double(wide) * 0x1p112, special = bits_to_double(wide | 0x7F800000);
    double magnitude = rest < 0x7C00 ? finite : special;
    return bits >> 15 ? -magnitude : magnitude;
}

static double bfloat16_to_double(uint16_t bits)
{
    return bits_to_double((uint32_t)bits << 16);
}

typedef union {
    double f64[KL_BLOCK];
    float f32[KL_BLOCK];
    uint8_t u8[KL_BLOCK];
    uint16_t u16[KL_BLOCK];
    uint32_t u32[KL_BLOCK];
    uint64_t u64[KL_BLOCK];
    int8_t i8[KL_BLOCK];
    int16_t i16[KL_BLOCK];
    int32_t i32[KL_BLOCK];
    int64_t i64[KL_BLOCK];
} elements;

ptrdiff_t kl_size_of(kl_dtype dtype)
{
    switch (dtype) {
    case KL_INT8: case KL_UINT8: return 1;
    case KL_FLOAT16: case KL_BFLOAT16: case KL_INT16: case KL_UINT16: return 2;
    case KL_FLOAT32: case KL_INT32: case KL_UINT32: return 4;
    default: return 8;
    }
}

static void copy(const kl_source *source, ptrdiff_t start, ptrdiff_t count, void *to)
{
    const char *from = source->data + start * source->stride;
    if (KL_UNLIKELY(source->head != NULL)) {
        kl_decode(source, start, count, to);
        return;
    }
    switch (kl_size_of(source->dtype)) {
    case 1: copy_8(source, from, count, to); break;
    case 2: copy_16(source, from, count, to); break;
    case 4: copy_32(source, from, count, to); break;
    default: copy_64(source, from, count, to);
    }
}

static void convert(kl_dtype dtype, const elements *from, ptrdiff_t count, double *to)
{
#define CONVERT(dtype, expression)                                                                 \
    case dtype:                                                                                    \
        for (ptrdiff_t i = 0; i < count; i++)                                                      \
            to[i] = (double)(expression);                                                          \
        break;
    switch (dtype) {
        CONVERT(KL_FLOAT64, from->f64[i])
        CONVERT(KL_FLOAT32, from->f32[i])
        CONVERT(KL_FLOAT16, half_to_double(from->u16[i]))
        CONVERT(KL_BFLOAT16, bfloat16_to_double(from->u16[i]))
        CONVERT(KL_INT8, from->i8[i])
        CONVERT(KL_UINT8, from->u8[i])
        CONVERT(KL_INT16, from->i16[i])
        CONVERT(KL_UINT16, from->u16[i])
        CONVERT(KL_INT32, from->i32[i])
        CONVERT(KL_UINT32, from->u32[i])
        CONVERT(KL_INT64, from->i64[i])
        CONVERT(KL_UINT64, from->u64[i])
    }
#undef CONVERT
}

void kl_gather(const kl_source *source, ptrdiff_t start, ptrdiff_t count, void *block)
{
    if (!source->widen) {
        copy(source, start, count, block);
        return;
    }
    elements raw;
    double *values = block;
    copy(source, start, count, &raw);
    convert(source->dtype, &raw, count, values);
    if (source->shift != 0 || source->divisor != 1)
        for (ptrdiff_t i = 0; i < count; i++)
            values[i] = (values[i] - source->shift) / source->divisor;
    if (source->take_log)
        for (ptrdiff_t i = 0; i < count; i++)
            values[i] = values[i] < 0 ? NAN : log(values[i]);
}

int64_t kl_integer(const kl_source *source)
{
    elements raw;
    copy(source, 0, 1, &raw);
    switch (source->dtype) {
    case KL_INT8: return raw.i8[0];
    case KL_UINT8: return raw.u8[0];
    case KL_INT16: return raw.i16[0];
    case KL_UINT16: return raw.u16[0];
    case KL_INT32: return raw.i32[0];
    case KL_UINT32: return raw.u32[0];
    case KL_INT64: return raw.i64[0];
    default: return raw.u64[0] > INT64_MAX ? INT64_MAX : (int64_t)raw.u64[0];
    }
}
