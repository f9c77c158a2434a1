/* The same for 64-bit ARM, where NEON is part of every CPU: nothing to ask for, nothing to check. */
#include "kl.h"

#if defined(__aarch64__)
#include <math.h>
#include "isa_neon.h"
#define BACKEND kl_backend_neon
#define BACKEND_NAME "neon"
#include "backend.inc.h"
#else
const kl_backend kl_backend_neon = {0};
#endif
