/* Fills the trampoline's page: the code, the slack, and the data for the core to start. */
#include <arch/msr.h>
#include <arch/paging.h>
#include <arch/startup.h>
#include <lib/fail.h>
#include <lib/string.h>
#include <stddef.h>

/* From trampoline.S. */
extern const uint8_t trampoline_start[], trampoline_end[];
extern const uint8_t trampoline_data[], trampoline_far_pointer[], trampoline_long_mode[];
extern const uint8_t trampoline_gdt_pointer[], trampoline_gdt[];

_Static_assert(offsetof(struct startup, stack) == 8 && offsetof(struct startup, entry) == 32,
               "trampoline.S knows this layout");

enum {
    INT3 = 0xcc,
    EFER_LMA = 1 << 10, /* only the processor may set it */
};

static void *in_page(uint64_t page, const uint8_t *symbol)
{
    return (void *)(uintptr_t)(page + (uint64_t)(symbol - trampoline_start));
}

static void put32(void *where, uint64_t value)
{
    uint32_t narrow = (uint32_t)value;
    memcpy(where, &narrow, sizeof(narrow));
}

void startup_prepare(uint64_t page)
{
    ASSERT(page >= PAGE_SIZE && page < 0x100000 && page % PAGE_SIZE == 0);
    ASSERT(paging_root() <= UINT32_MAX);
    memset((void *)(uintptr_t)page, INT3, PAGE_SIZE);
    memcpy((void *)(uintptr_t)page, trampoline_start, (size_t)(trampoline_end - trampoline_start));

    /* The code may lie in any page below 1 MiB: fill in the addresses that it uses. */
    put32(in_page(page, trampoline_far_pointer), (uintptr_t)in_page(page, trampoline_long_mode));
    put32((uint8_t *)in_page(page, trampoline_gdt_pointer) + 2,
          (uintptr_t)in_page(page, trampoline_gdt));

    struct startup *startup = in_page(page, trampoline_data);
    startup->cr3 = (uint32_t)paging_root();
    startup->efer = (uint32_t)(msr_read(MSR_EFER) & ~(uint64_t)EFER_LMA);
}

void startup_set_core(uint64_t page, struct core_local *local, struct core_stacks *stacks,
                      void (*entry)(struct core_local *local, struct core_stacks *stacks))
{
    struct startup *startup = in_page(page, trampoline_data);

    startup->stack = (uintptr_t)(stacks->main.bytes + STACK_MAIN_SIZE);
    startup->local = (uintptr_t)local;
    startup->stacks = (uintptr_t)stacks;
    startup->entry = (uintptr_t)entry;
}
