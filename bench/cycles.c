/* Time-stamp cycles per vector of every row kernel, from L1: no Python, no memory, no neighbours'
   doing but their heat. Compiled and run by cycles.py; prints a JSON list. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <x86intrin.h>

#include "kl.h"

enum { OUTCOMES = 2048, READINGS = 4000 };

static double uniform(void) { return (rand() + 0.5) / (RAND_MAX + 1.0); }
static double normal(void) { return sqrt(-2 * log(uniform())) * cos(6.283185307179586 * uniform()); }

/* One row of near pairs in every form: logits of standard deviation 2, the other 0.3 away. */
static double rows[4][2][OUTCOMES];

static void make_rows(void)
{
    double mass[2] = {0, 0};
    for (int i = 0; i < OUTCOMES; i++) {
        rows[KL_LOGITS][0][i] = 2 * normal();
        rows[KL_LOGITS][1][i] = rows[KL_LOGITS][0][i] + 0.3 * normal();
        for (int side = 0; side < 2; side++)
            mass[side] += exp(rows[KL_LOGITS][side][i]);
    }
    for (int side = 0; side < 2; side++)
        for (int i = 0; i < OUTCOMES; i++) {
            double log_prob = rows[KL_LOGITS][side][i] - log(mass[side]);
            rows[KL_LOG_PROBS][side][i] = log_prob;
            rows[KL_PROBS][side][i] = exp(log_prob);
            rows[KL_COUNTS][side][i] = 1000 * exp(log_prob);
        }
}

int main(void)
{
#define KERNEL_NAME(name) #name,
    static const char *const kernels[] = {KL_KERNEL_LIST(KERNEL_NAME)};
    static const char *const forms[] = {"probs", "counts", "log_probs", "logits"};
    static float narrow[2][OUTCOMES];
    make_rows();
    const char *comma = "[";
    for (int b = 0; b < KL_BACKENDS; b++) {
        kl_active = kl_all_backends[b];
        if (!kl_cpu_runs(kl_active))
            continue;
        for (int kernel = 0; kernel < KL_KERNELS; kernel++)
            for (int form = 0; form < 4; form++)
                for (int dtype = KL_FLOAT64; dtype <= KL_FLOAT32; dtype++) {
                    kl_source sides[2];
                    for (int side = 0; side < 2; side++) {
                        for (int i = 0; i < OUTCOMES; i++)
                            narrow[side][i] = (float)rows[form][side][i];
                        sides[side] = (kl_source){0};
                        sides[side].data = dtype == KL_FLOAT64 ? (char *)rows[form][side]
                                                               : (char *)narrow[side];
                        sides[side].dtype = (kl_dtype)dtype;
                        sides[side].form = (kl_form)form;
                        sides[side].direct = 1;
                        sides[side].divisor = 1;
                        sides[side].tolerance =
                            form == KL_COUNTS || form == KL_LOGITS ? HUGE_VAL : 1e-3;
                    }
                    kl_params params = kl_params_of(kernel, form <= KL_COUNTS ? 0x1p-126 : 0, 1);
                    const kl_source *q = kl_of_one_row(kernel) ? NULL : &sides[1];
                    unsigned long long least = ~0ull;
                    int status = 0;
                    double score = 0;
                    for (int i = 0; i < READINGS; i++) {
                        unsigned long long start = __rdtsc();
                        status |= kl_active->rows[kernel][kl_family_of((kl_form)form)][dtype](
                            &sides[0], q, OUTCOMES, &params, &score);
                        unsigned long long taken = __rdtsc() - start;
                        least = taken < least ? taken : least;
                    }
                    if (status != KL_OK) {
                        fprintf(stderr, "%s of %s: status %d\n", kernels[kernel], forms[form],
                                status);
                        return 1;
                    }
                    printf("%s\n{\"backend\": \"%s\", \"measure\": \"%s\", \"form\": \"%s\", "
                           "\"dtype\": \"%s\", \"lanes\": %d, \"cycles per vector\": %.2f}",
                           comma, kl_active->name, kernels[kernel], forms[form],
                           dtype ? "float32" : "float64", kl_active->lanes[dtype],
                           (double)least * kl_active->lanes[dtype] / OUTCOMES);
                    comma = ",";
                }
    }
    puts("]");
    return 0;
}
