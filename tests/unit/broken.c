/*
 * Tests that fail, each in its own way. tests/test_hosted.py checks that none of them looks like a
 * pass.
 */
#include <lib/fail.h>
#include <stdlib.h>
#include <tests/unit/unit.h>

TEST(check)
{
    CHECK(1 + 1 == 3);
}

TEST(equal)
{
    CHECK_EQUAL(2, 3);
}

TEST(crash)
{
    *(volatile int *)(uintptr_t)8 = 1;
}

TEST(overrun)
{
    volatile char *copy = host_guarded_copy(0, "12345678", 8);
    CHECK(copy[8] == 0);
}

TEST(exit)
{
    exit(0);
}

TEST(fail)
{
    fail(RULE_LOST, "number %d", 1);
}

TEST(no_failure)
{
    CHECK_FAILS(RULE_LOST, "", (void)0);
}

TEST(other_rule)
{
    CHECK_FAILS(RULE_LOST, "number 1", fail(RULE_OVERLAP, "number %d", 1));
}

TEST(other_text)
{
    CHECK_FAILS(RULE_LOST, "number 2", fail(RULE_LOST, "number %d", 1));
}
