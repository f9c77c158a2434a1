/* Every function of every measure in plain C11, one outcome at a time. */
#include "kl.h"

/* GCC 12 rounds vectors that it makes of straight-line code otherwise than the code itself, and so
   gives two copies of a formula two answers. There is nothing to win here. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-tree-slp-vectorize")
#endif
#include "isa_scalar.h"
#define BACKEND kl_backend_scalar
#define BACKEND_NAME "scalar"
#include "backend.inc.h"
