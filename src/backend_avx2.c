/* The same for x86 with AVX2, FMA and F16C, whatever the flags of the build: only this file's code
   is compiled for them, and all of it is static but its table. GCC takes the target from a pragma;
   clang ignores that one silently and has its own; MSVC emits what an intrinsic asks for. */
#include "kl.h"

#if defined(__x86_64__) || defined(_M_X64)
#include <math.h>
#if defined(__clang__)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#elif defined(__GNUC__)
#pragma GCC target("avx2,fma,f16c")
#endif
#include "isa_avx2.h"
#define BACKEND kl_backend_avx2
#define BACKEND_NAME "avx2"
#include "backend.inc.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#else
const kl_backend kl_backend_avx2 = {0};
#endif
