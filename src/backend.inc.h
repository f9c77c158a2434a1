/* One backend: the files of formulas and loops, instantiated for every storage type. The
   file that includes this has included an ISA header and defined BACKEND and BACKEND_NAME. */

#include "finish_compare.h"
#include "finish_family.h"
#include "in_step.h"
#include "words.h"

#ifdef KL_INSTEAD_OF_ROWS /* the accuracy tests: the formulas alone, in this very setting */
#include KL_INSTEAD_OF_ROWS
#else

#define LANE f64
#include "vecmath.inc.h"
#include "lanes.inc.h"
#include "measures.inc.h"
#include "family_terms.inc.h"
#include "compare_terms.inc.h"
#define STORAGE f64
#include "rows_linear.inc.h"
#include "rows_log.inc.h"
#include "rows_family.inc.h"
#include "elements.inc.h"
#include "rows_compare.inc.h"
#include "rows_compare_linear.inc.h"
#include "rows_top.inc.h"
#undef STORAGE
#undef LANE

#define LANE f32
#include "vecmath.inc.h"
#include "lanes.inc.h"
#include "measures.inc.h"
#include "family_terms.inc.h"
#include "compare_terms.inc.h"
#define STORAGE f32
#include "rows_linear.inc.h"
#include "rows_log.inc.h"
#include "rows_family.inc.h"
#include "elements.inc.h"
#include "rows_compare.inc.h"
#include "rows_compare_linear.inc.h"
#include "rows_top.inc.h"
#undef STORAGE
#define STORAGE f16
#include "rows_linear.inc.h"
#include "rows_log.inc.h"
#include "rows_family.inc.h"
#include "elements.inc.h"
#include "rows_compare.inc.h"
#include "rows_compare_linear.inc.h"
#include "rows_top.inc.h"
#undef STORAGE
#define STORAGE bf16
#include "rows_linear.inc.h"
#include "rows_log.inc.h"
#include "rows_family.inc.h"
#include "elements.inc.h"
#include "rows_compare.inc.h"
#include "rows_compare_linear.inc.h"
#include "rows_top.inc.h"
#undef STORAGE
#undef LANE

#include "codes.inc.h"

#define PER_STORAGE(name) {name##_f64, name##_f32, name##_f16, name##_bf16}
#define KERNEL_TILES(kernel) PER_STORAGE(kernel##_linear_tile),
#define SIZE_OF_TILES {sizeof(tile_f64), sizeof(tile_f32), sizeof(tile_f16), sizeof(tile_bf16)}
#define KERNEL_ROWS(kernel) {PER_STORAGE(kernel##_linear_row), PER_STORAGE(kernel##_log_row)},

const kl_backend BACKEND = {
    BACKEND_NAME,
    {LANES_f64, LANES_f32, LANES_f32, LANES_f32},
    {KL_KERNEL_LIST(KERNEL_ROWS)},
    {KL_SWEEPING_LIST(KERNEL_TILES)},
    SIZE_OF_TILES,
    {PER_STORAGE(linear_normaliser), PER_STORAGE(log_normaliser)},
    {PER_STORAGE(rel_entr_linear), PER_STORAGE(rel_entr_log)},
    {PER_STORAGE(compare_linear_row), PER_STORAGE(compare_log_row)},
    PER_STORAGE(top_row),
    decode_codes,
    count_codes,
};

#endif
