/* Blocks of rows that lie beside one another, as along axis 0 of a C-ordered array, turned into rows
   one after the other. A line of the cache holds one outcome of all rows of a tile: it is read once,
   and squares of it are turned in registers of 16 bytes, which every machine of these has. */

#include <string.h>

#include "kl.h"

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#define TURNS_IN_REGISTERS 1
typedef __m128i words;
static words load(const char *from) { return _mm_loadu_si128((const __m128i *)from); }
static void store(char *to, words a) { _mm_storeu_si128((__m128i *)to, a); }
#define ZIP(bits)                                                                                  \
    static words low_##bits(words a, words b) { return _mm_unpacklo_epi##bits(a, b); }             \
    static words high_##bits(words a, words b) { return _mm_unpackhi_epi##bits(a, b); }
#elif defined(__aarch64__)
#include <arm_neon.h>
#define TURNS_IN_REGISTERS 1
typedef uint64x2_t words;
static words load(const char *from) { return vreinterpretq_u64_u8(vld1q_u8((const uint8_t *)from)); }
static void store(char *to, words a) { vst1q_u8((uint8_t *)to, vreinterpretq_u8_u64(a)); }
#define AS(bits, a) vreinterpretq_u##bits##_u64(a)
#define BACK(bits, a) vreinterpretq_u64_u##bits(a)
#define vreinterpretq_u64_u64(a) (a)
#define ZIP(bits)                                                                                  \
    static words low_##bits(words a, words b)                                                      \
    {                                                                                              \
        return BACK(bits, vzip1q_u##bits(AS(bits, a), AS(bits, b)));                               \
    }                                                                                              \
    static words high_##bits(words a, words b)                                                     \
    {                                                                                              \
        return BACK(bits, vzip2q_u##bits(AS(bits, a), AS(bits, b)));                               \
    }
#else
#define TURNS_IN_REGISTERS 0
#endif

#if defined(__GNUC__) || defined(__clang__)
#define EXPECT_READ(address) __builtin_prefetch(address)
#else
#define EXPECT_READ(address) ((void)(address))
#endif
#define LINES_AHEAD 24 /* the lines lie too far apart for the processor to foresee them all */

#if TURNS_IN_REGISTERS
ZIP(16)
ZIP(32)
ZIP(64)

/* 16 / size outcomes of as many rows. Zipping element 2i with 2i + 1 of each pair of vectors, then
   pairs, then pairs of pairs, is a transposition. */
static void turn_2(const char *from, ptrdiff_t stride, ptrdiff_t pitch, char *to)
{
    words a[8], b[8];
    for (int i = 0; i < 8; i++)
        a[i] = load(from + i * stride);
    for (int i = 0; i < 4; i++) {
        b[2 * i] = low_16(a[2 * i], a[2 * i + 1]);
        b[2 * i + 1] = high_16(a[2 * i], a[2 * i + 1]);
    }
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++) {
            a[4 * i + 2 * j] = low_32(b[4 * i + j], b[4 * i + j + 2]);
            a[4 * i + 2 * j + 1] = high_32(b[4 * i + j], b[4 * i + j + 2]);
        }
    for (int j = 0; j < 4; j++) {
        store(to + 2 * j * pitch, low_64(a[j], a[j + 4]));
        store(to + (2 * j + 1) * pitch, high_64(a[j], a[j + 4]));
    }
}

static void turn_4(const char *from, ptrdiff_t stride, ptrdiff_t pitch, char *to)
{
    words a[4], b[4];
    for (int i = 0; i < 4; i++)
        a[i] = load(from + i * stride);
    for (int i = 0; i < 2; i++) {
        b[2 * i] = low_32(a[2 * i], a[2 * i + 1]);
        b[2 * i + 1] = high_32(a[2 * i], a[2 * i + 1]);
    }
    for (int j = 0; j < 2; j++) {
        store(to + 2 * j * pitch, low_64(b[j], b[j + 2]));
        store(to + (2 * j + 1) * pitch, high_64(b[j], b[j + 2]));
    }
}

static void turn_8(const char *from, ptrdiff_t stride, ptrdiff_t pitch, char *to)
{
    words a = load(from), b = load(from + stride);
    store(to, low_64(a, b));
    store(to + pitch, high_64(a, b));
}
#endif

/* Size is a constant wherever this is called; stride and pitch are in bytes. */
KL_INLINE void turn(const char *from, ptrdiff_t stride, int rows, ptrdiff_t count,
                    ptrdiff_t pitch, char *to, int size)
{
    ptrdiff_t i = 0;
#if TURNS_IN_REGISTERS
    const int side = 16 / size;
    for (; i + side <= count; i += side) {
        const char *here = from + i * stride;
        for (int k = 0; k < side && i + k + LINES_AHEAD < count; k++)
            EXPECT_READ(here + (k + LINES_AHEAD) * stride);
        int row = 0;
        for (; row + side <= rows; row += side) {
            const char *corner = here + row * size;
            char *turned = to + row * pitch + i * size;
            if (size == 2)
                turn_2(corner, stride, pitch, turned);
            else if (size == 4)
                turn_4(corner, stride, pitch, turned);
            else
                turn_8(corner, stride, pitch, turned);
        }
        for (; row < rows; row++)
            for (int k = 0; k < side; k++)
                memcpy(to + row * pitch + (i + k) * size, here + k * stride + row * size,
                       (size_t)size);
    }
#endif
    for (; i < count; i++)
        for (int row = 0; row < rows; row++)
            memcpy(to + row * pitch + i * size, from + i * stride + row * size, (size_t)size);
}

ptrdiff_t kl_step_of(const kl_array *array)
{
    return array->ndim ? array->strides[array->ndim - 1] : 0;
}

int kl_beside_one_another(const kl_array *array)
{
    ptrdiff_t size = kl_size_of(array->row.dtype);
    return kl_step_of(array) == size && array->row.stride != size && !array->row.swapped;
}

kl_source kl_beside(const kl_source *first, int row)
{
    kl_source source = *first;
    source.data += row * first->step;
    return source;
}

void kl_gather_tile(const kl_source *first, int rows, ptrdiff_t start, ptrdiff_t count,
                    ptrdiff_t pitch, void *tile)
{
    ptrdiff_t size = kl_size_of(first->dtype);
    const char *from = first->data + start * first->stride;
    char *to = tile;
    if (first->step == size && !first->swapped) {
        switch (size) {
        case 2: turn(from, first->stride, rows, count, pitch * 2, to, 2); break;
        case 4: turn(from, first->stride, rows, count, pitch * 4, to, 4); break;
        default: turn(from, first->stride, rows, count, pitch * 8, to, 8);
        }
        return;
    }
    for (int row = 0; row < rows; row++) {
        kl_source source = kl_beside(first, row);
        kl_gather(&source, start, count, to + row * pitch * size);
    }
}
