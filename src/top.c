/* The k largest outcomes of a row as a heap whose head is the first to go, and what two rows' lists
   have in common. Once a row, or for the few outcomes that get into a list. */

#include "kl.h"

/* Of equals the lower index comes first. */
static int precedes(const kl_outcome *a, const kl_outcome *b)
{
    return a->value > b->value || (a->value == b->value && a->at < b->at);
}

/* Lets the outcome at the head of a subtree sink until those below it precede it. */
static void sink(kl_outcome *heap, ptrdiff_t count, ptrdiff_t at)
{
    kl_outcome moved = heap[at];
    for (ptrdiff_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && precedes(&heap[child], &heap[child + 1]))
            child++;
        if (!precedes(&moved, &heap[child]))
            break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

void kl_make_heap(kl_outcome *best, ptrdiff_t k)
{
    for (ptrdiff_t at = k / 2; at-- > 0;)
        sink(best, k, at);
}

void kl_replace_worst(kl_outcome *best, ptrdiff_t k, double value, ptrdiff_t at)
{
    best[0] = (kl_outcome){value, at};
    sink(best, k, 0);
}

/* From a heap to a list, the best first. */
static void sort(kl_outcome *best, ptrdiff_t k)
{
    for (ptrdiff_t count = k - 1; count > 0; count--) {
        kl_outcome worst = best[0];
        best[0] = best[count];
        best[count] = worst;
        sink(best, count, 0);
    }
}

/* From a list to one by index. */
static void sort_by_index(kl_outcome *best, ptrdiff_t k)
{
    for (ptrdiff_t i = 0; i < k; i++)
        best[i].value = 0; /* all alike: the index decides */
    kl_make_heap(best, k);
    sort(best, k);
}

void kl_compare_tops(kl_outcome *p_best, kl_outcome *q_best, ptrdiff_t k, double *row)
{
    ptrdiff_t same_place = 0, shared = 0;
    int listed = 0;
    sort(p_best, k);
    sort(q_best, k);
    for (ptrdiff_t i = 0; i < k; i++) {
        same_place += p_best[i].at == q_best[i].at;
        listed |= p_best[0].at == q_best[i].at;
    }
    sort_by_index(p_best, k);
    sort_by_index(q_best, k);
    for (ptrdiff_t i = 0, j = 0; i < k && j < k;) {
        shared += p_best[i].at == q_best[j].at;
        if (p_best[i].at <= q_best[j].at)
            i++;
        else
            j++;
    }
    row[KL_STATISTIC_topk_overlap] = (double)shared / (double)k;
    row[KL_STATISTIC_topk_ordered] = same_place == k;
    row[KL_STATISTIC_top_in_topk] = listed;
}
