/* The rows of one call, split over threads that are created and joined inside it.

   There is no pool and no OpenMP: both hang in a child that was forked after their first use, and
   two copies of a runtime in one process crash it. A thread that lives as long as one call knows
   nothing of forks, nests, and needs no global state; its price is what THREAD_WORK pays for.

   Rows are handed out a few at a time from one counter, not in fixed shares: a row that needs a
   more careful kernel takes several times as long as its neighbours, and a core may have other
   work. No answer depends on who scores a row. */

#if !defined(_WIN32)
#define _POSIX_C_SOURCE 200809L /* signals, which -std=c11 hides */
#endif

#include "kl.h"

#define MAX_WORKERS 256 /* more than one memory feeds; their records lie on the caller's stack */
#define STACK ((size_t)1 << 20) /* more than a row needs; the default of musl is 128 KiB */
#define THREAD_WORK 131072 /* least elements per thread: 60 us, where a second one begins to pay */
#define CHUNK 65536 /* elements handed out at once: some 30 us, and at least one row */

#if defined(_WIN32)
#include <process.h>
#include <windows.h>
typedef HANDLE thread;
typedef volatile LONG64 counter;
static ptrdiff_t fetch_add(counter *next, ptrdiff_t amount)
{
    return (ptrdiff_t)InterlockedExchangeAdd64(next, amount);
}
#else
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
typedef pthread_t thread;
typedef atomic_ptrdiff_t counter;
static ptrdiff_t fetch_add(counter *next, ptrdiff_t amount)
{
    return atomic_fetch_add_explicit(next, amount, memory_order_relaxed);
}
#endif

/* What the threads of one call share. */
typedef struct {
    kl_range_function score;
    const kl_job *job;
    ptrdiff_t rows, chunk;
    counter next; /* the lowest row that nobody has taken */
} shared_rows;

typedef struct {
    shared_rows *shared;
    kl_faults faults;
    thread handle;
} worker;

static kl_faults score_chunks(shared_rows *shared)
{
    kl_faults faults = {0};
    ptrdiff_t begin;
    while ((begin = fetch_add(&shared->next, shared->chunk)) < shared->rows) {
        ptrdiff_t left = shared->rows - begin;
        ptrdiff_t count = left < shared->chunk ? left : shared->chunk;
        shared->score(shared->job, begin, begin + count, &faults);
    }
    return faults;
}

/* start_all returns how many threads there are: fewer than asked for, perhaps none, where the
   system refuses more. That is no error, the others take the rows. */
#if defined(_WIN32)
static unsigned __stdcall run_worker(void *argument)
{
    worker *self = argument;
    self->faults = score_chunks(self->shared);
    return 0;
}

static int start_all(worker *workers, int count)
{
    int started = 0;
    for (; started < count; started++) {
        uintptr_t handle = _beginthreadex(NULL, (unsigned)STACK, run_worker, &workers[started],
                                          STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
        if (handle == 0)
            break;
        workers[started].handle = (HANDLE)handle;
    }
    return started;
}

static void join(thread handle)
{
    WaitForSingleObject(handle, INFINITE);
    CloseHandle(handle);
}
#else
static void *run_worker(void *argument)
{
    worker *self = argument;
    self->faults = score_chunks(self->shared);
    return NULL;
}

static int start_all(worker *workers, int count)
{
    int started = 0;
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0)
        return 0;
    pthread_attr_setstacksize(&attributes, STACK);

    /* Signals belong to the threads that the program knows, but for those that say that this very
       thread failed: a mapped file may be cut short while it is read. */
    sigset_t blocked, before;
    sigfillset(&blocked);
    sigdelset(&blocked, SIGSEGV);
    sigdelset(&blocked, SIGBUS);
    sigdelset(&blocked, SIGFPE);
    sigdelset(&blocked, SIGILL);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    while (started < count
           && pthread_create(&workers[started].handle, &attributes, run_worker,
                             &workers[started]) == 0)
        started++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return started;
}

static void join(thread handle)
{
    pthread_join(handle, NULL);
}
#endif

static ptrdiff_t at_most(ptrdiff_t x, ptrdiff_t limit)
{
    return x < limit ? x : limit;
}

/* Elements that a row costs: all of them, but a label's entry of probs costs a cache miss. */
static double work_of_row(const kl_job *job)
{
    if (job->kernel == KL_KERNEL_nll && job->p.row.form == KL_PROBS)
        return 64;
    return job->n < 1 ? 1 : (double)job->n;
}

int kl_most_workers(const kl_job *job, ptrdiff_t rows)
{
    double worth = work_of_row(job) * (double)rows / THREAD_WORK;
    ptrdiff_t most = at_most(rows, worth < MAX_WORKERS ? (ptrdiff_t)worth : MAX_WORKERS);
    return most < 1 ? 1 : (int)most;
}

static ptrdiff_t chunk_of(const kl_job *job, ptrdiff_t rows, int workers)
{
    double wanted = CHUNK / work_of_row(job);
    ptrdiff_t chunk = wanted < 1 ? 1 : (ptrdiff_t)wanted;
    if (kl_beside_one_another(&job->p) || (job->arrays == 2 && kl_beside_one_another(&job->q)))
        chunk = (chunk + KL_TILE_ROWS - 1) / KL_TILE_ROWS * KL_TILE_ROWS;
    return at_most(chunk, (rows + workers - 1) / workers);
}

void kl_run_parallel(kl_range_function score, const kl_job *job, ptrdiff_t rows, kl_faults *faults)
{
    int workers = (int)at_most(job->workers, MAX_WORKERS);
    if (workers <= 1) {
        score(job, 0, rows, faults);
        return;
    }
    shared_rows shared = {score, job, rows, chunk_of(job, rows, workers), 0};
    worker others[MAX_WORKERS - 1];
    for (int i = 0; i < workers - 1; i++)
        others[i].shared = &shared;
    int started = start_all(others, workers - 1);
    *faults = score_chunks(&shared);
    for (int i = 0; i < started; i++) {
        join(others[i].handle);
        kl_add_faults(faults, &others[i].faults);
    }
}
