/*
 * A frame for unit tests. A program is unit.c and any number of TEST(name) { ... }.
 *
 * It prints the plan, "ok name" or "not ok name" for each test, and "# passed N of N" as its last
 * line. It exits with 0 only if every test ran and passed. A crash is a failure, and so is an
 * exit() inside a test. Arguments are the names of tests to run; without arguments all tests run.
 */
#pragma once

#include <arch/host/host.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

struct unit_test {
    const char *name;
    void (*run)(void);
    struct unit_test *next;
};

void unit_register(struct unit_test *test);

#define TEST(test_name)                                                                        \
    static void test_##test_name(void);                                                        \
    static struct unit_test entry_##test_name = {.name = #test_name, .run = test_##test_name}; \
    __attribute__((constructor)) static void register_##test_name(void)                        \
    {                                                                                          \
        unit_register(&entry_##test_name);                                                     \
    }                                                                                          \
    static void test_##test_name(void)

/*
 * Print what is wrong and end the test. In the frame's own thread it jumps back to the frame, in
 * any other thread it aborts.
 */
_Noreturn void unit_fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define CHECK(condition) ((condition) ? (void)0 : unit_fail(__FILE__, __LINE__, "%s", #condition))

/* Compares integers, and prints them if they differ. */
#define CHECK_EQUAL(left, right) \
    unit_check_equal(__FILE__, __LINE__, #left " == " #right, (uint64_t)(left), (uint64_t)(right))
void unit_check_equal(const char *file, int line, const char *what, uint64_t left, uint64_t right);

/* Compares texts, and prints them if they differ. */
#define CHECK_TEXT(left, right) unit_check_text(__FILE__, __LINE__, #left, left, right)
void unit_check_text(const char *file, int line, const char *what, const char *left,
                     const char *right);

/* The text must contain the part. */
#define CHECK_PART(text, part) unit_check_part(__FILE__, __LINE__, text, part)
void unit_check_part(const char *file, int line, const char *text, const char *part);

/* `statement` must call fail() with this rule and a message that contains this text. */
#define CHECK_FAILS(expected_rule, expected_text, statement)                     \
    do {                                                                         \
        static _Thread_local struct host_expectation expectation;                \
        host_expected = &expectation;                                            \
        if (setjmp(expectation.frame) == 0) {                                    \
            statement;                                                           \
            host_expected = NULL;                                                \
            unit_fail(__FILE__, __LINE__, "no failure by %s", #statement);       \
        }                                                                        \
        unit_check_text(__FILE__, __LINE__, "rule", rule_name(expectation.rule), \
                        rule_name(expected_rule));                               \
        unit_check_part(__FILE__, __LINE__, expectation.text, expected_text);    \
    } while (0)
