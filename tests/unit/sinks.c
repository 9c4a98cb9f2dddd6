#include <lib/fail.h>
#include <lib/log.h>
#include <lib/sinks.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <tests/unit/unit.h>
#include <unistd.h>

static char logged[80];

static void take_log(const char *format, va_list arguments)
{
    vsnprintf(logged, sizeof(logged), format, arguments);
}

TEST(log_goes_to_who_is_registered)
{
    const struct sinks *before = sinks_get();
    struct sinks mine = *before;

    mine.log = take_log;
    sinks_set(&mine);
    log_line("%u pages", 3);
    sinks_set(before);
    CHECK_TEXT(logged, "3 pages");
}

TEST(failure_goes_to_who_is_registered)
{
    CHECK_FAILS(RULE_OVERLAP, "pfn 0x10", fail(RULE_OVERLAP, "pfn 0x%x", 16));
}

static void tell_last_words(int signal)
{
    (void)signal;
    _exit(strcmp(sinks_last_words, "overlap: pfn 0x10") == 0 ? 7 : 8);
}

static int end_of_unregistered(void (*act)(void))
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        signal(SIGILL, tell_last_words);
        sinks_set(NULL);
        act();
        _exit(9);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void fail_now(void)
{
    fail(RULE_OVERLAP, "pfn 0x%x", 16);
}

static void log_now(void)
{
    log_line("%u pages", 3);
}

TEST(failure_that_nobody_takes_leaves_its_text_and_traps)
{
    CHECK_EQUAL(end_of_unregistered(fail_now), 7);
}

TEST(log_line_that_nobody_takes_is_dropped)
{
    CHECK_EQUAL(end_of_unregistered(log_now), 9);
}
