/* Rows that lie beside one another, as along axis 0 of a C-ordered array, where each line of the
   cache holds one outcome of many rows. */

#include <string.h>

#include "kl.h"

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

/* Bytes, not values, in the order in which lines of the cache hold them. */
#define COPY_ABREAST(bits)                                                                         \
    static void copy_##bits(const kl_source *first, const char *from, int rows, ptrdiff_t count,   \
                            ptrdiff_t pitch, uint##bits##_t *to)                                   \
    {                                                                                              \
        const ptrdiff_t along = first->stride, across = first->step;                               \
        if (across * across <= along * along)                                                      \
            for (ptrdiff_t i = 0; i < count; i++)                                                  \
                for (int row = 0; row < rows; row++)                                               \
                    memcpy(to + i * pitch + row, from + i * along + row * across, sizeof *to);     \
        else                                                                                       \
            for (int row = 0; row < rows; row++)                                                   \
                for (ptrdiff_t i = 0; i < count; i++)                                              \
                    memcpy(to + i * pitch + row, from + i * along + row * across, sizeof *to);     \
    }
COPY_ABREAST(16)
COPY_ABREAST(32)
COPY_ABREAST(64)

void kl_gather_abreast(const kl_source *first, int rows, ptrdiff_t start, ptrdiff_t count,
                       ptrdiff_t pitch, void *lines)
{
    ptrdiff_t size = kl_size_of(first->dtype);
    const char *from = first->data + start * first->stride;
    if (first->swapped) {
        kl_source line = *first;
        line.stride = first->step;
        for (ptrdiff_t i = 0; i < count; i++) {
            line.data = from + i * first->stride;
            kl_gather(&line, 0, rows, (char *)lines + i * pitch * size);
        }
    } else if (size == 2)
        copy_16(first, from, rows, count, pitch, lines);
    else if (size == 4)
        copy_32(first, from, rows, count, pitch, lines);
    else
        copy_64(first, from, rows, count, pitch, lines);
}
