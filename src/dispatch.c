/* What was compiled, and which backends this CPU runs. The choice is made once, at import. */

#include <string.h>

#include "kl.h"

const kl_measure kl_measures[] = {
#define KL_MEASURE_ENTRY(name, kind) {#name, #kind},
    KL_MEASURE_LIST(KL_MEASURE_ENTRY)
#undef KL_MEASURE_ENTRY
    {NULL, NULL}};

const kl_backend *const kl_all_backends[KL_BACKENDS] = {&kl_backend_scalar, &kl_backend_avx2};
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

/* AVX2, FMA and F16C in the CPU, and their registers saved by the operating system. */
static int runs_avx2(void)
{
    unsigned r[4];
    cpuid(0, 0, r);
    if (r[0] < 7)
        return 0;
    cpuid(1, 0, r);
    const unsigned fma = 1u << 12, osxsave = 1u << 27, avx = 1u << 28, f16c = 1u << 29;
    const unsigned needed = fma | osxsave | avx | f16c;
    if ((r[2] & needed) != needed || (enabled_state() & 6) != 6)
        return 0;
    cpuid(7, 0, r);
    return r[1] >> 5 & 1;
}
#else
static int runs_avx2(void) { return 0; }
#endif

int kl_cpu_runs(const kl_backend *backend)
{
    if (backend->name == NULL)
        return 0;
    return strcmp(backend->name, "avx2") == 0 ? runs_avx2() : 1;
}
