/* The test frame and the hosted machine themselves. */
#include <arch/irq.h>
#include <arch/page.h>
#include <arch/percpu.h>
#include <lib/fail.h>
#include <string.h>
#include <tests/unit/unit.h>

TEST(expected_failure)
{
    for (volatile int turn = 0; turn < 3; turn++)
        CHECK_FAILS(RULE_LOST, "turn", fail(RULE_LOST, "turn %d", turn));
}

TEST(assert_is_a_failure)
{
    int three = 3;
    CHECK_FAILS(RULE_ASSERT, "three == 4 at tests/unit/frame.c:", ASSERT(three == 4));
}

TEST(interrupt_flag)
{
    irq_flags_t outer = irq_save();
    CHECK(irq_flags_enabled(outer) && !irq_enabled());
    irq_flags_t inner = irq_save();
    irq_restore(inner);
    CHECK(!irq_enabled());
    irq_restore(outer);
    CHECK(irq_enabled());
}

TEST(core_number)
{
    struct core_local local;
    host_core_enter(7, &local);
    CHECK(core_local() == &local && local.self == &local);
    CHECK_EQUAL(cpu_number(), 7);
}

TEST(arena)
{
    host_arena_map(0x100003, 5);
    for (pfn_t pfn = 0x100003; pfn < 0x100008; pfn++) {
        char *page = pfn_to_address(pfn);
        memset(page, (int)(pfn & 0xff), PAGE_SIZE);
        CHECK_EQUAL(address_to_pfn(page), pfn);
        CHECK_EQUAL(address_to_pfn(page + PAGE_SIZE - 1), pfn);
    }
    CHECK_EQUAL(*(unsigned char *)pfn_to_address(0x100004), 4);
}
