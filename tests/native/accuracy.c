/* How far the formulas of vecmath.inc.h are from the truth, in every backend: float32 for every
   reduced argument, float64 for a fixed sample of them, and both for a sample of all arguments. */

#include "finish.h" /* before tgmath.h: its functions are of double */

#include <float.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <tgmath.h>

#include "native.h"

enum { CHUNK = 4096, SAMPLES = 1 << 20, MOST_BACKENDS = 16 };

static const char *const names[] = {
#define FORMULA_NAME(name) #name,
    FORMULA_LIST(FORMULA_NAME)
#undef FORMULA_NAME
};

static const formulas *registered[MOST_BACKENDS];
static int backends;

void add_formulas(const formulas *of_backend) { registered[backends++] = of_backend; }

/* Leaves the backends that this CPU runs, which are among kl_all_backends by name. */
static void keep_those_that_run(void)
{
    int kept = 0, expected = 0;
    for (int b = 0; b < KL_BACKENDS; b++) {
        if (!kl_cpu_runs(kl_all_backends[b]))
            continue;
        expected++;
        for (int i = kept; i < backends; i++)
            if (strcmp(kl_all_backends[b]->name, registered[i]->backend) == 0) {
                const formulas *found = registered[i];
                registered[i] = registered[kept];
                registered[kept++] = found;
                break;
            }
    }
    backends = kept;
    if (kept != expected)
        failed("the formulas of %d backends are not linked", expected - kept);
}

typedef struct {
    double error, x, y;
} worst_case;
static worst_case worst[MOST_BACKENDS][2][FORMULAS];

static double xs[CHUNK], ys[CHUNK]; /* arguments */

enum { lane_f64 = KL_FLOAT64, lane_f32 = KL_FLOAT32 };
#define IN_LANE(name) name##_f64
#define REAL double
#define EXACT long double
#include "accuracy.inc.h"
#undef IN_LANE
#undef REAL
#undef EXACT
#define IN_LANE(name) name##_f32
#define REAL float
#define EXACT double
#include "accuracy.inc.h"

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void try_in(int lane, formula_name first, formula_name last, int reduced)
{
    (lane == KL_FLOAT64 ? try_chunk_f64 : try_chunk_f32)(first, last, reduced);
}

/* Every float x from `low` to `high`, both positive, or -x; `every` as in native.h. */
static void try_all_floats(float low, float high, double sign, int every, formula_name first,
                           formula_name last)
{
    uint32_t end = bits_of(high);
    for (uint32_t bits = bits_of(low); bits <= end;) {
        for (int i = 0; i < CHUNK; i++) {
            xs[i] = sign * (double)from_bits(bits < end ? bits : end);
            ys[i] = 1;
            bits += (uint32_t)every;
        }
        try_in(KL_FLOAT32, first, last, high < 0.36f);
    }
}

static double between(double low, double high) { return low + (high - low) * uniform(); }
static double sign(void) { return uniform() < 0.5 ? -1 : 1; }

/* Samples of reduced arguments, half of them as near to where the result vanishes as they come. */
static void try_reduced(int lane, int every)
{
    int digits = lane == KL_FLOAT64 ? DBL_MANT_DIG : FLT_MANT_DIG;
    for (int done = 0; done < SAMPLES / every; done += CHUNK) {
        for (int i = 0; i < CHUNK; i++) {
            double near = 1 + sign() * exp2(-between(1, digits - 1));
            xs[i] = i % 2 ? near : between(0.5, 2);
            ys[i] = 1;
        }
        try_in(lane, FORMULA_near_mixture, FORMULA_logarithm, 0);
        for (int i = 0; i < CHUNK; i++)
            xs[i] = i % 2 ? sign() * exp2(-between(1.6, digits + 2)) : between(-0.3466, 0.3466);
        try_in(lane, FORMULA_exponential, FORMULA_exp_rest, 1);
    }
}

/* Samples of all arguments that a kernel may pass on. */
static void try_domain(int lane, int every)
{
    int wide = lane == KL_FLOAT64;
    /* Of x and y: their term is normal, also where they are nearly equal. */
    double least = wide ? -900 : -70, most = wide ? 900 : 60, lowest = wide ? -708 : -87.3;
    for (int done = 0; done < SAMPLES / every; done += CHUNK) {
        for (int i = 0; i < CHUNK; i++) {
            xs[i] = exp2(between(least, most));
            ys[i] = i % 2 ? exp2(between(least, most)) : xs[i] * exp2(between(-3, 3));
        }
        try_in(lane, FORMULA_divergence_term, FORMULA_logarithm, 0);
        for (int i = 0; i < CHUNK; i++) /* as far from equality as the short way goes */
            xs[i] = ys[i] * exp2(between(-1, 1) * (wide ? 1.58 : 2.8));
        try_in(lane, FORMULA_near_mixture, FORMULA_near_mixture, 0);
        for (int i = 0; i < CHUNK; i++)
            xs[i] = ys[i] * exp2(sign() * between(wide ? 1.6 : 2.81, i % 2 ? 4 : wide ? 50 : 20));
        try_in(lane, FORMULA_far_mixture, FORMULA_far_mixture, 0);
        for (int i = 0; i < CHUNK; i++)
            xs[i] = between(lowest, wide ? 600 : 60);
        try_in(lane, FORMULA_exponential, FORMULA_exponential, 0);
        for (int i = 0; i < CHUNK; i++)
            xs[i] = i % 2 ? between(-4, 4) : between(lowest, 80);
        try_in(lane, FORMULA_exp_less_1, FORMULA_exp_rest, 0);
    }
}

/* To float32 precision floats nearer to 0 have an exp(r) - 1 of r and an exp(r) - 1 - r of r r / 2;
   the samples see them. */
static const float LEAST_REDUCED = 0x1p-24f, LARGEST_REDUCED = 0x1.62e43p-2f;

void test_accuracy(int every)
{
    keep_those_that_run();
    try_all_floats(0.5f, 2, 1, every, FORMULA_near_mixture, FORMULA_logarithm);
    for (int sign = -1; sign <= 1; sign += 2)
        try_all_floats(LEAST_REDUCED, LARGEST_REDUCED, sign, every, FORMULA_exponential,
                       FORMULA_exp_rest);
    try_reduced(KL_FLOAT32, every);
    try_domain(KL_FLOAT32, every);
    if (LDBL_MANT_DIG >= DBL_MANT_DIG + 11) {
        try_reduced(KL_FLOAT64, every);
        try_domain(KL_FLOAT64, every);
    } else
        puts("skipped: float64, since long double is no wider here");

    for (int b = 0; b < backends; b++)
        for (int lane = KL_FLOAT64; lane <= KL_FLOAT32; lane++)
            for (formula_name name = 0; name < FORMULAS; name++) {
                worst_case found = worst[b][lane][name];
                double limit = registered[b]->by_lane[lane][name].limit;
                const char *type = lane == KL_FLOAT64 ? "float64" : "float32";
                printf("%-8s %-16s %s  worst %.2e of %.1e at %a, %a\n", registered[b]->backend,
                       names[name], type, found.error, limit, found.x, found.y);
                if (!(found.error <= limit))
                    failed("%s %s %s: relative error %.3e at %a, %a is above %.1e",
                           registered[b]->backend, names[name], type, found.error, found.x,
                           found.y, limit);
            }
}
