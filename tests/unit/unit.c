#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tests/unit/unit.h>
#include <unistd.h>

static struct unit_test *first, **last = &first;
static jmp_buf frame;
static pthread_t frame_thread;
static bool finished;

void unit_register(struct unit_test *test)
{
    *last = test;
    last = &test->next;
}

void unit_fail(const char *file, int line, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    printf("# %s:%d: ", file, line);
    vprintf(format, list);
    printf("\n");
    fflush(stdout);
    va_end(list);
    if (!pthread_equal(pthread_self(), frame_thread))
        abort();
    longjmp(frame, 1);
}

void unit_check_equal(const char *file, int line, const char *what, uint64_t left, uint64_t right)
{
    if (left != right)
        unit_fail(file, line, "%s: %#lx != %#lx", what, left, right);
}

void unit_check_text(const char *file, int line, const char *what, const char *left,
                     const char *right)
{
    if (strcmp(left, right) != 0)
        unit_fail(file, line, "%s: \"%s\" is not \"%s\"", what, left, right);
}

void unit_check_part(const char *file, int line, const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        unit_fail(file, line, "\"%s\" is not in \"%s\"", part, text);
}

/* A test that calls exit(0) has not passed, and neither have the tests behind it. */
static void check_finished(void)
{
    if (!finished) {
        fflush(stdout);
        fprintf(stderr, "a test called exit()\n");
        _exit(3);
    }
}

static bool is_wanted(const struct unit_test *test, int count, char **names)
{
    for (int i = 1; i < count; i++) {
        if (strcmp(names[i], test->name) == 0)
            return true;
    }
    return count < 2;
}

static bool run(const struct unit_test *test)
{
    volatile bool passed = false; /* volatile, to keep its value across longjmp() (C11 7.13.2.1) */
    host_expected = NULL;
    if (setjmp(frame) == 0) {
        test->run();
        passed = true;
    }
    printf("%s %s\n", passed ? "ok" : "not ok", test->name);
    fflush(stdout);
    return passed;
}

static unsigned count_wanted(int count, char **names)
{
    unsigned wanted = 0;
    for (const struct unit_test *test = first; test != NULL; test = test->next)
        wanted += is_wanted(test, count, names);
    return wanted;
}

int main(int count, char **names)
{
    unsigned wanted = count_wanted(count, names);
    unsigned passed = 0;
    frame_thread = pthread_self();
    atexit(check_finished);
    setvbuf(stdout, NULL, _IOLBF, 0); /* so that no output is lost in a crash */
    printf("1..%u\n", wanted);
    for (const struct unit_test *test = first; test != NULL; test = test->next) {
        if (is_wanted(test, count, names))
            passed += run(test);
    }
    printf("# passed %u of %u\n", passed, wanted);
    finished = true;
    return passed == wanted && wanted > 0 ? 0 : 1;
}
