/* Rows that turn each other out of the first cache, and how to tell them. */

#ifndef KL_IN_STEP_H
#define KL_IN_STEP_H

#include <stdint.h>

#include "kl.h"

/* Whether cores of AMD take lines at one address for lines at another. Their first cache looks for a
   line by eight bits, bits 12 to 19 of its address, each combined with one of bits 20 to 27, and of
   the lines of a set keeps one for each value (Lipp et al., "Take A Way", 2020). Rows that lie in
   step, as arrays of 128 MiB and a page do that were allocated one after another, then turn each
   other out of the cache at every step, at twice the time. Anywhere else it is a chance in thousands,
   and no harm. */
KL_INLINE unsigned kl_way(const void *address)
{
    uintptr_t page = (uintptr_t)address >> 12;
    uintptr_t crossed = (page >> 15 & 1) | (page >> 13 & 2) | (page >> 11 & 4) | (page >> 5 & 0xf8);
    return (unsigned)((page ^ crossed) & 0xff);
}

KL_INLINE int kl_taken_for(const void *p, const void *q)
{
    uintptr_t reach = KL_AHEAD + 128, apart = ((uintptr_t)p - (uintptr_t)q + reach) & 0xfff;
    return apart < 2 * reach && kl_way(p) == kl_way(q) && ((uintptr_t)p ^ (uintptr_t)q) >> 12 != 0;
}

#endif
