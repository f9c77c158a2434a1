/* The same for x86 with AVX-512 F, BW, DQ and VL; the compilers are told as in backend_avx2.c. */
#include "kl.h"

#if defined(__x86_64__) || defined(_M_X64)
#include <math.h>
#if defined(__clang__)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"))),        \
                             apply_to = function)
#elif defined(__GNUC__)
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl")
#endif
#include "isa_avx512.h"
#define BACKEND kl_backend_avx512
#define BACKEND_NAME "avx512"
#include "backend.inc.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#else
const kl_backend kl_backend_avx512 = {0};
#endif
