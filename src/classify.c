/* The last word on whether a row is valid, and by which rule not. Exact and unhurried: it is asked
   about rows that failed a check inside a kernel, and by check_rows. */

#include <math.h>

#include "finish.h"
#include "kl.h"

kl_rule kl_classify(const kl_source *row, ptrdiff_t n, double *mass)
{
    kl_source plain = *row; /* the values as given, whatever a kernel would make of them */
    plain.widen = 1;
    plain.take_log = 0;
    plain.shift = 0;
    plain.divisor = 1;
    int logarithms = kl_family_of(row->form) == KL_LOG;
    int infinite = 0, negative = 0, positive = 0;
    double block[KL_BLOCK], sum = 0, lost = 0;
    for (ptrdiff_t start = 0; start < n; start += KL_BLOCK) {
        ptrdiff_t count = n - start < KL_BLOCK ? n - start : KL_BLOCK;
        kl_gather(&plain, start, count, block);
        for (ptrdiff_t i = 0; i < count; i++) {
            double x = block[i];
            if (isnan(x))
                return KL_ROW_NAN;
            infinite |= x == HUGE_VAL;
            negative |= !logarithms && x < 0;
            positive |= logarithms ? x > -HUGE_VAL : x > 0;
            double weight = row->form == KL_LOG_PROBS ? exp(x) : x;
            if (row->form != KL_LOGITS)
                kl_carry(&sum, &lost, weight);
        }
    }
    *mass = sum + (isfinite(lost) ? lost : 0);
    if (negative)
        return KL_ROW_NEGATIVE;
    if (infinite)
        return KL_ROW_INFINITE;
    if (!positive && row->form != KL_PROBS)
        return KL_ROW_EMPTY;
    if (row->form == KL_COUNTS && !isfinite(sum))
        return KL_ROW_OVERFLOW;
    if ((row->form == KL_PROBS || row->form == KL_LOG_PROBS)
        && !(fabs(*mass - 1) <= row->tolerance))
        return KL_ROW_MASS;
    return KL_ROW_VALID;
}
