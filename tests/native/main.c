/* native [part [every]]: the tests of the native half that need no Python. Prints the worst cases;
   exits with 1 if anything failed, and says where when a guard page was touched. */

#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "native.h"

static int failures;
static char here[256];

void failed(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    if (failures++ < 20) {
        vprintf(format, values);
        puts("");
    }
    va_end(values);
}

void now_in(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(here, sizeof here, format, values);
    va_end(values);
}

static void touched(int signal)
{
    (void)signal;
    static const char what[] = "memory outside of a buffer was touched in ";
    ssize_t written = write(STDOUT_FILENO, what, sizeof what - 1);
    written += write(STDOUT_FILENO, here, strlen(here));
    _exit(written ? 1 : 2);
}

guarded new_guarded(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), length = (size + page - 1) / page * page;
    char *mapped = mmap(NULL, length + 2 * page, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED || mprotect(mapped, page, PROT_NONE)
        || mprotect(mapped + page + length, page, PROT_NONE)) {
        perror("guard pages");
        exit(2);
    }
    return (guarded){mapped + page, mapped + page + length};
}

int main(int arguments, char **argument)
{
    static const struct {
        const char *name;
        void (*run)(int);
    } parts[] = {{"accuracy", test_accuracy}, {"guards", test_guard_pages},
                 {"batches", test_batches}, {"columns", test_columns}};
    int every = arguments > 2 ? atoi(argument[2]) : 1, found = 0;
    struct sigaction action = {.sa_handler = touched};
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (arguments < 2 || strcmp(argument[1], parts[i].name) == 0) {
            found = 1;
            parts[i].run(every < 1 ? 1 : every);
        }
    if (!found)
        printf("no part is called %s\n", argument[1]);
    if (failures)
        printf("%d failures\n", failures);
    return failures || !found;
}
