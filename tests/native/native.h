/* What the parts of the native tests share. POSIX and C11; no instruction set is named. */

#ifndef NATIVE_H
#define NATIVE_H

#include <stddef.h>

#include "kl.h"

/* The formulas of vecmath.inc.h whose accuracy is measured. */
#define FORMULA_LIST(F)                                                                            \
    F(far_mixture) F(near_mixture) F(divergence_term) F(logarithm)                                 \
    F(exponential) F(exp_less_1) F(exp_rest)
typedef enum {
#define FORMULA_ENUM(name) FORMULA_##name,
    FORMULA_LIST(FORMULA_ENUM)
#undef FORMULA_ENUM
    FORMULAS
} formula_name;

/* One formula in the lanes of one backend, over arrays of double or float; n is a multiple of 64.
   `limit` is the relative error that stands above the formula. */
typedef struct {
    void (*apply)(const void *x, const void *y, ptrdiff_t n, void *result);
    double limit;
} formula;

typedef struct {
    const char *backend;
    formula by_lane[2][FORMULAS]; /* KL_FLOAT64, KL_FLOAT32 */
} formulas;

/* Called before main by each backend that was compiled: formulas.inc.h. */
void add_formulas(const formulas *of_backend);

/* Counts a failure and says what is wrong, as printf does. */
void failed(const char *format, ...);

/* Kept for the message if the next call touches a guard page. */
void now_in(const char *format, ...);

/* A number in [0, 1) that is the same on every run. */
double uniform(void);

/* Memory between two pages that must not be touched. */
typedef struct {
    char *low, *high; /* of what may be touched */
} guarded;
guarded new_guarded(size_t size);

/* One row as it could come from Python: values in every dtype, and how they may lie in memory. */
typedef struct {
    const char *name;
    kl_form form;
    double eps, temperature;
    int holes; /* with zeros, or -inf, and outcomes far from equality */
} setting;
extern const setting settings[];
extern const int setting_count;

enum { MOST_OUTCOMES = 2 * KL_BLOCK + 77 };
void make_pair(const setting *how, ptrdiff_t n, double *p, double *q);
void encode(kl_dtype dtype, double value, void *element);
kl_source source_of(const setting *how, kl_dtype dtype, const void *data);

/* The parts. `every` > 1 tries about one case of so many: for emulators and sanitizers. */
void test_accuracy(int every);
void test_guard_pages(int every);
void test_batches(int every);
void test_columns(int every);

#endif
