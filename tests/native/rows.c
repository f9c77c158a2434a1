/* Rows as they come from Python: in every form, and in every dtype. */

#include <math.h>
#include <string.h>

#include "native.h"

const setting settings[] = {
    {"probs", KL_PROBS, 0x1p-126, 1, 0},
    {"probs with zeros", KL_PROBS, 0x1p-126, 1, 1},
    {"probs with zeros, floor 2**-20", KL_PROBS, 0x1p-20, 1, 1},
    {"counts", KL_COUNTS, 0x1p-126, 1, 0},
    {"counts with zeros, no floor", KL_COUNTS, 0, 1, 1},
    {"log_probs", KL_LOG_PROBS, 0, 1, 0},
    {"log_probs with -inf", KL_LOG_PROBS, 0, 1, 1},
    {"logits", KL_LOGITS, 0, 1, 0},
    {"logits with -inf, floor 2**-20", KL_LOGITS, 0x1p-20, 1, 1},
    {"logits at temperature 1.7", KL_LOGITS, 0, 1.7, 0},
};
const int setting_count = sizeof settings / sizeof *settings;

double uniform(void)
{
    static uint64_t state = 20;
    state = state * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX */
    return (double)(state >> 11) * 0x1p-53;
}

void make_pair(const setting *how, ptrdiff_t n, double *p, double *q)
{
    double masses[2] = {0, 0}, *rows[2] = {p, q};
    for (ptrdiff_t i = 0; i < n; i++) {
        p[i] = 6 * uniform();
        q[i] = p[i] + 2 * uniform() - 1;
        if (how->holes && i % 7 == 3)
            p[i] = -HUGE_VAL;
        if (how->holes && i % 7 == (i % 2 ? 3 : 5))
            q[i] = -HUGE_VAL;
        if (how->holes && i % 7 == 4)
            p[i] -= 30;
        masses[0] += exp(p[i]);
        masses[1] += exp(q[i]);
    }
    for (int side = 0; side < 2; side++)
        for (ptrdiff_t i = 0; i < n; i++) {
            double *x = rows[side] + i, log_prob = *x - log(masses[side]);
            if (how->form != KL_LOGITS)
                *x = how->form == KL_LOG_PROBS ? log_prob
                     : how->form == KL_PROBS   ? exp(log_prob)
                                               : ceil(100 * exp(log_prob));
        }
}

/* The nearest float16; subnormals become 0. */
static uint16_t half_of(double value)
{
    if (!isfinite(value))
        return isnan(value) ? 0x7E00 : value < 0 ? 0xFC00 : 0x7C00;
    int exponent;
    double fraction = frexp(fabs(value), &exponent); /* in [1/2, 1) */
    if (value == 0 || exponent < -13)
        return 0;
    return (uint16_t)((value < 0) << 15 | ((exponent + 13) * 1024 + (int)rint(fraction * 2048)));
}

void encode(kl_dtype dtype, double value, void *element)
{
    float narrow = (float)value;
    uint32_t bits;
    uint16_t half = half_of(value);
    int64_t whole = isfinite(value) ? (int64_t)value : 0;
    memcpy(&bits, &narrow, sizeof bits);
    if (dtype == KL_BFLOAT16)
        half = (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
#define STORE(type, from)                                                                          \
    {                                                                                              \
        type stored = (type)(from);                                                                \
        memcpy(element, &stored, sizeof stored);                                                   \
        break;                                                                                     \
    }
    switch (dtype) {
    case KL_FLOAT64: STORE(double, value)
    case KL_FLOAT32: STORE(float, narrow)
    case KL_FLOAT16: case KL_BFLOAT16: STORE(uint16_t, half)
    case KL_INT8: STORE(int8_t, whole)
    case KL_UINT8: STORE(uint8_t, whole)
    case KL_INT16: STORE(int16_t, whole)
    case KL_UINT16: STORE(uint16_t, whole)
    case KL_INT32: STORE(int32_t, whole)
    case KL_UINT32: STORE(uint32_t, whole)
    case KL_INT64: STORE(int64_t, whole)
    case KL_UINT64: STORE(uint64_t, whole)
    }
#undef STORE
}

kl_source source_of(const setting *how, kl_dtype dtype, const void *data)
{
    kl_source source = {0};
    source.data = data;
    source.stride = kl_size_of(dtype);
    source.dtype = dtype;
    source.form = how->form;
    source.direct = 1;
    source.divisor = 1;
    source.tolerance = how->form == KL_PROBS || how->form == KL_LOG_PROBS ? 5e-2 : HUGE_VAL;
    return source;
}
