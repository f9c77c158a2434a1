/* Every function of every measure in plain C11, one outcome at a time. */
#include "kl.h"
#include "isa_scalar.h"
#define BACKEND kl_backend_scalar
#define BACKEND_NAME "scalar"
#include "backend.inc.h"
