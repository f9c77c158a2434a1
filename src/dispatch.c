/* What was compiled, and which backends this CPU runs. The choice is made once, at import. */

#include <string.h>

#include "kl.h"

const kl_measure kl_measures[] = {
#define KL_MEASURE_ENTRY(name, kind) {#name, #kind},
    KL_MEASURE_LIST(KL_MEASURE_ENTRY)
    {NULL, NULL}};
const kl_measure kl_statistics[] = {
    KL_STATISTIC_LIST(KL_MEASURE_ENTRY)
    {NULL, NULL}};
#undef KL_MEASURE_ENTRY

const kl_backend *const kl_all_backends[KL_BACKENDS] = {
    &kl_backend_scalar, &kl_backend_avx2, &kl_backend_avx512, &kl_backend_neon};
const kl_backend *kl_active = &kl_backend_scalar;

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#if defined(__clang__)
const char *const kl_compiler = __VERSION__;
#elif defined(__GNUC__)
const char *const kl_compiler = "GCC " __VERSION__;
#elif defined(_MSC_VER)
const char *const kl_compiler = "MSVC " TEXT(_MSC_FULL_VER);
#else
const char *const kl_compiler = "unknown";
#endif

#if defined(__x86_64__) || defined(_M_X64)
#if defined(_MSC_VER)
#include <intrin.h>
static void cpuid(int leaf, int subleaf, unsigned *r) { __cpuidex((int *)r, leaf, subleaf); }
static unsigned long long enabled_state(void) { return _xgetbv(0); }
#else
#include <cpuid.h>
static void cpuid(int leaf, int subleaf, unsigned *r)
{
    __cpuid_count(leaf, subleaf, r[0], r[1], r[2], r[3]);
}
static unsigned long long enabled_state(void)
{
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (unsigned long long)high << 32 | low;
}
#endif

/* What a backend needs of the CPU (leaf 1, ECX; leaf 7, EBX), and which of its registers the
   operating system must save (XCR0). */
#define BIT(n) (1u << (n))
#define OSXSAVE BIT(27)
#define AVX2_BASIC (BIT(12) | BIT(28) | BIT(29))                /* FMA, AVX, F16C */
#define AVX2_EXTENDED BIT(5)                                    /* AVX2 */
#define AVX2_STATE (BIT(1) | BIT(2))                            /* XMM, YMM */
#define AVX512_EXTENDED (BIT(16) | BIT(17) | BIT(30) | BIT(31)) /* F, DQ, BW, VL */
#define AVX512_STATE (BIT(5) | BIT(6) | BIT(7))                 /* masks, ZMM, high ZMM */
static const struct {
    const char *backend;
    unsigned basic, extended, state;
} needs[] = {
    {"avx2", AVX2_BASIC, AVX2_EXTENDED, AVX2_STATE},
    {"avx512", AVX2_BASIC, AVX2_EXTENDED | AVX512_EXTENDED, AVX2_STATE | AVX512_STATE},
};

static int cpu_has(unsigned basic, unsigned extended, unsigned state)
{
    unsigned r[4];
    cpuid(0, 0, r);
    if (r[0] < 7)
        return 0;
    basic |= OSXSAVE; /* XCR0 can be read */
    cpuid(1, 0, r);
    if ((r[2] & basic) != basic || (enabled_state() & state) != state)
        return 0;
    cpuid(7, 0, r);
    return (r[1] & extended) == extended;
}

int kl_cpu_runs(const kl_backend *backend)
{
    if (backend->name == NULL)
        return 0;
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++)
        if (strcmp(backend->name, needs[i].backend) == 0)
            return cpu_has(needs[i].basic, needs[i].extended, needs[i].state);
    return 1;
}
#else
/* Here every backend that was compiled is part of the platform. */
int kl_cpu_runs(const kl_backend *backend) { return backend->name != NULL; }
#endif
