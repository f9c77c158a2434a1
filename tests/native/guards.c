/* Every row function, comparison, normaliser, top-k and element function between guard pages, at
   every alignment and from every layout: nothing outside of a row is touched, and the answer is bit by bit that of the
   row by itself. */

#include <stdio.h>
#include <string.h>

#include "native.h"

/* How a row lies in memory. Direct rows are read in place, the others are gathered. */
typedef struct {
    const char *name;
    int direct, step, odd, swapped; /* stride: step elements and so many bytes */
} layout;
static const layout layouts[] = {
    {"direct", 1, 1, 0, 0},         {"gathered", 0, 1, 0, 0}, {"backward", 0, -1, 0, 0},
    {"every third", 0, 3, 0, 0},    {"every second, backward", 0, -2, 0, 0},
    {"unaligned", 0, 1, 1, 0},      {"byte order swapped", 0, 1, 0, 1},
};
enum { LAYOUTS = sizeof layouts / sizeof *layouts, OFFSETS = 64 /* bytes: the widest vector */ };

/* What is asked of every function: its results for a pair, and a status. */
typedef struct {
    double numbers[KL_STATISTICS];
    int status;
} answer;

enum { NORMALISER = KL_KERNELS, COMPARISON, TOP, ASKED };
enum { K = 5 };

typedef struct {
    const kl_backend *backend;
    const setting *how;
    kl_dtype dtype;
    int kernel; /* or NORMALISER or TOP, of p, or COMPARISON */
    ptrdiff_t n;
} one_case;

static guarded areas[2], outcome; /* of p and q, of the results */
static double values[2][MOST_OUTCOMES];
static unsigned char plain[2][MOST_OUTCOMES * 8]; /* the same in the dtype of the case */

static answer ask(const one_case *c, const kl_source *p, const kl_source *q)
{
    kl_family family = kl_family_of(c->how->form);
    int numbers = c->kernel < KL_KERNELS    ? 1
                  : c->kernel == COMPARISON ? (int)KL_STATISTICS
                  : c->kernel == TOP        ? 2 * K
                  : family == KL_LINEAR     ? 2
                                            : 3;
    double *result = (double *)outcome.high - numbers;
    kl_params params = kl_params_of(c->kernel, c->how->eps, c->how->temperature);
    answer found = {{0}, 0};
    memset(result, 0, (size_t)numbers * sizeof *result);
    if (c->kernel < KL_KERNELS)
        found.status = c->backend->rows[c->kernel][family][c->dtype](
            p, kl_of_one_row(c->kernel) ? NULL : q, c->n, &params, result);
    else if (c->kernel == COMPARISON)
        found.status = c->backend->compare[family][c->dtype](p, q, c->n, &params, c->n / 2, result);
    else if (c->kernel == TOP) {
        kl_outcome best[K];
        ptrdiff_t k = c->n < K ? c->n : K;
        c->backend->top[c->dtype](p, c->n, k, best);
        for (ptrdiff_t i = 0; i < k; i++) {
            result[2 * i] = best[i].value;
            result[2 * i + 1] = (double)best[i].at;
        }
    } else
        c->backend->normalisers[family][c->dtype](p, c->n, c->how->temperature, result);
    memcpy(found.numbers, result, (size_t)numbers * sizeof *result);
    return found;
}

/* Lays the row out with its first byte `offset` after the guard page, or its last before it. */
static kl_source place(const one_case *c, int side, const layout *how, int at_end, int offset)
{
    int size = (int)kl_size_of(c->dtype);
    ptrdiff_t step = how->step * size + how->odd;
    ptrdiff_t span = (step < 0 ? -step : step) * (c->n - 1) + size;
    char *start = at_end ? areas[side].high - span - offset : areas[side].low + offset;
    char *first = step < 0 ? start + span - size : start;
    memset(start, 0xFF, (size_t)span); /* NaN between the elements */
    for (ptrdiff_t i = 0; i < c->n; i++)
        for (int byte = 0; byte < size; byte++)
            first[i * step + byte] =
                (char)plain[side][i * size + (how->swapped ? size - 1 - byte : byte)];
    kl_source source = source_of(c->how, c->dtype, first);
    source.stride = step;
    source.direct = how->direct;
    source.swapped = how->swapped;
    return source;
}

static void try_everywhere(const one_case *c)
{
    int size = (int)kl_size_of(c->dtype), kernel = c->kernel;
    const char *const names[] = {
#define KERNEL_NAME(name) #name,
        KL_KERNEL_LIST(KERNEL_NAME)
#undef KERNEL_NAME
        "normaliser", "comparison", "top outcomes"};
    for (int side = 0; side < 2; side++)
        for (ptrdiff_t i = 0; i < c->n; i++)
            encode(c->dtype, values[side][i], plain[side] + i * size);
    kl_source p = source_of(c->how, c->dtype, plain[0]), q = source_of(c->how, c->dtype, plain[1]);
    answer expected = ask(c, &p, &q);
    for (int l = 0; l < LAYOUTS; l++) {
        /* Gathered rows are copied to one place: three offsets are enough. */
        int last = layouts[l].direct ? OFFSETS - size : 2 * size;
        for (int offset = 0; offset <= last; offset += size)
            for (int p_at_end = 0; p_at_end < 2; p_at_end++) {
                now_in("%s %s of %s, dtype %d, %td outcomes %s, p %d bytes from the %s",
                       c->backend->name, names[kernel], c->how->name, (int)c->dtype, c->n,
                       layouts[l].name, offset, p_at_end ? "end" : "start");
                p = place(c, 0, &layouts[l], p_at_end, offset);
                q = place(c, 1, &layouts[l], !p_at_end, (offset * 5) % OFFSETS);
                answer found = ask(c, &p, &q);
                if (memcmp(&found.numbers, &expected.numbers, sizeof found.numbers)
                    || found.status != expected.status)
                    failed("%s %s of %s, dtype %d, %td outcomes: %a (%d) %s, %a (%d) alone",
                           c->backend->name, names[kernel], c->how->name, (int)c->dtype, c->n,
                           found.numbers[0], found.status, layouts[l].name, expected.numbers[0],
                           expected.status);
            }
    }
}

/* Elementwise terms of p and q, which are aligned blocks of the kernel's type. */
static void try_elements(const kl_backend *backend, const setting *how, kl_dtype dtype, ptrdiff_t n)
{
    static double expected[KL_BLOCK];
    kl_family family = kl_family_of(how->form);
    size_t size = (size_t)kl_size_of(dtype), bytes = (size_t)n * size;
    size_t result_bytes = (size_t)n * (dtype == KL_FLOAT64 ? sizeof(double) : sizeof(float));
    for (int side = 0; side < 2; side++)
        for (ptrdiff_t i = 0; i < n; i++)
            encode(dtype, values[side][i], plain[side] + (size_t)i * size);
    int status = backend->elements[family][dtype](plain[0], plain[1], n, how->eps, 1, expected);
    for (size_t offset = 0; offset < OFFSETS; offset += size) {
        char *p = memcpy(areas[0].low + offset, plain[0], bytes);
        char *q = memcpy(areas[1].high - offset - bytes, plain[1], bytes);
        char *result = offset % (2 * size) ? outcome.low : outcome.high - result_bytes;
        now_in("%s elements of %s, dtype %d, %td of them at %zu", backend->name, how->name,
               (int)dtype, n, offset);
        if (backend->elements[family][dtype](p, q, n, how->eps, 1, result) != status
            || memcmp(result, expected, result_bytes))
            failed("%s elements of %s, dtype %d: %td of them differ at offset %zu", backend->name,
                   how->name, (int)dtype, n, offset);
    }
}

/* Every length about one to four vectors, and those about the ends of blocks; -1 after the last. */
static ptrdiff_t length(int index, int lanes)
{
    const ptrdiff_t block = 64 * lanes < KL_BLOCK ? 64 * lanes : KL_BLOCK;
    const ptrdiff_t longer[] = {block - 1, block, block + 1, 2 * block + lanes + 1};
    int short_ones = 4 * lanes + 3;
    if (index < short_ones)
        return index + 1;
    index -= short_ones;
    return index < (int)(sizeof longer / sizeof *longer) ? longer[index] : -1;
}

void test_guard_pages(int every)
{
    for (int side = 0; side < 2; side++)
        areas[side] = new_guarded(3 * 8 * MOST_OUTCOMES + OFFSETS);
    outcome = new_guarded(8 * KL_BLOCK);
    int cases = 0;
    ptrdiff_t n;
    for (int b = 0; b < KL_BACKENDS; b++) {
        const kl_backend *backend = kl_all_backends[b];
        if (!kl_cpu_runs(backend))
            continue;
        kl_active = backend;
        for (int s = 0; s < setting_count; s++)
            for (int dtype = 0; dtype < KL_KERNEL_DTYPES; dtype++)
                for (int i = 0; (n = length(i, backend->lanes[dtype])) > 0; i++) {
                    make_pair(&settings[s], n, values[0], values[1]);
                    for (int kernel = 0; kernel < ASKED; kernel++)
                        if (cases++ % every == 0)
                            try_everywhere(
                                &(one_case){backend, &settings[s], (kl_dtype)dtype, kernel, n});
                    if (n <= KL_BLOCK && cases++ % every == 0)
                        try_elements(backend, &settings[s], (kl_dtype)dtype, n);
                }
    }
    printf("guard pages: %d cases\n", (cases + every - 1) / every);
}
