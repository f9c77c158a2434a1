/* THE list of statistics of two rows that are compared: name and kind. A row's statistics are an
   array of doubles in this order; Python reads the list from here.

   nats            divided by the unit of the call
   likelihood      the same, of the row's label: NaN without one
   probability     a number from 0 to 1
   flag            0 or 1
   outcome         the index of an outcome
   label_change    a difference of two probabilities of the row's label: NaN without one
   list_share      a number from 0 to 1 about the k likeliest outcomes: NaN without a k
   list_flag       0 or 1 about them
   beyond          the probability of the outcomes that are left out */

#ifndef KL_STATISTICS_H
#define KL_STATISTICS_H

#define KL_STATISTIC_LIST(S)                                                                       \
    S(kl, nats)                                                                                    \
    S(reverse_kl, nats)                                                                            \
    S(js, nats)                                                                                    \
    S(total_variation, probability)                                                                \
    S(largest_change, probability)                                                                 \
    S(cross_entropy, nats)                                                                         \
    S(entropy_p, nats)                                                                             \
    S(entropy_q, nats)                                                                             \
    S(top_p, outcome)                                                                              \
    S(top_q, outcome)                                                                              \
    S(tied_p, flag)                                                                                \
    S(tied_q, flag)                                                                                \
    S(same_top, flag)                                                                              \
    S(p_of_top_p, probability)                                                                     \
    S(p_of_top_q, probability)                                                                     \
    S(q_of_top_p, probability)                                                                     \
    S(nll_p, likelihood)                                                                           \
    S(nll_q, likelihood)                                                                           \
    S(label_change, label_change)                                                                  \
    S(topk_overlap, list_share)                                                                    \
    S(topk_ordered, list_flag)                                                                     \
    S(top_in_topk, list_flag)                                                                      \
    S(beyond_p, beyond)                                                                            \
    S(beyond_q, beyond)

typedef enum {
#define KL_STATISTIC_ENUM(name, kind) KL_STATISTIC_##name,
    KL_STATISTIC_LIST(KL_STATISTIC_ENUM)
#undef KL_STATISTIC_ENUM
    KL_STATISTICS
} kl_statistic;

#endif
