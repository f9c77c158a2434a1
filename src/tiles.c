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

void kl_gather_abreast(const kl_source *first, int rows, ptrdiff_t start, ptrdiff_t count,
                       ptrdiff_t pitch, void *lines)
{
    ptrdiff_t size = kl_size_of(first->dtype);
    char *to = lines, outcomes[8 * KL_BLOCK];
    if (first->step * first->step <= first->stride * first->stride) {
        kl_source line = *first;
        line.stride = first->step;
        line.data += start * first->stride;
        for (ptrdiff_t i = 0; i < count; i++, line.data += first->stride)
            kl_gather(&line, 0, rows, to + i * pitch * size);
        return;
    }
    /* Each row is read along, for lines of the cache are. */
    for (int row = 0; row < rows; row++) {
        kl_source source = kl_beside(first, row);
        kl_gather(&source, start, count, outcomes);
        for (ptrdiff_t i = 0; i < count; i++)
            memcpy(to + (i * pitch + row) * size, outcomes + i * size, (size_t)size);
    }
}
