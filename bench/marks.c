/* Between begin and end, callgrind counts; end writes the count under a name. Linked into a C
   program, or loaded by Python. Outside of valgrind both do nothing. */

#include <valgrind/callgrind.h>

#include "marks.h"

void begin(void)
{
    CALLGRIND_START_INSTRUMENTATION;
    CALLGRIND_ZERO_STATS;
}

void end(const char *name)
{
    CALLGRIND_DUMP_STATS_AT(name);
}
