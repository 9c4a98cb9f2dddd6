/*
 * sound-check [--threads] [ALLOCATOR...]: test all allocators that are linked in, or those named,
 * without the harness. With --threads: only the test on four cores.
 *
 * Prints "ok ALLOCATOR alone" and so on. The last line is "# passed N of N".
 */
#include "check.h"

#include <sys/wait.h>

enum { LIMIT_SECONDS = 60 }; /* to end a test that hangs, not to judge speed */

static unsigned tried, passed;

static void try_in_a_process(const struct page_allocator *allocator, const char *what,
                             void (*run)(const struct page_allocator *))
{
    int status = 0;

    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        alarm(LIMIT_SECONDS);
        run(allocator);
        fflush(stdout);
        _exit(0);
    }
    waitpid(child, &status, 0);
    printf("%s %s %s\n", status == 0 ? "ok" : "not ok", allocator->name, what);
    tried++;
    passed += status == 0;
}

static void try_contract(const struct page_allocator *allocator)
{
    char message[200];

    if (page_allocator_check(allocator, message, sizeof message))
        return;
    printf("# %s\n", message);
    fflush(stdout);
    _exit(1);
}

static bool is_wanted(const struct page_allocator *allocator, int count, char **names)
{
    for (int i = 1; i < count; i++)
        if (strcmp(names[i], allocator->name) == 0)
            return true;
    return count < 2;
}

int main(int count, char **names)
{
    bool threads_only = count > 1 && strcmp(names[1], "--threads") == 0;

    count -= threads_only;
    names += threads_only;
    for (const struct page_allocator *const *entry = __start_page_allocators;
         entry < __stop_page_allocators; entry++) {
        if (!is_wanted(*entry, count, names))
            continue;
        if (!threads_only) {
            try_in_a_process(*entry, "contract", try_contract);
            try_in_a_process(*entry, "alone", try_alone);
        }
        try_in_a_process(*entry, "threads", try_threads);
    }
    printf("# passed %u of %u\n", passed, tried);
    return passed == tried && tried > 0 ? 0 : 1;
}
