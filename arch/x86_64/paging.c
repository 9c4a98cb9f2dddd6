/*
 * The page tables.
 *
 * A table has 512 entries, each for 4 KiB at level 1, 2 MiB at level 2, 1 GiB at level 3 and 512
 * GiB at level 4. An entry is 0, a leaf, or the address of a table one level down. Physical
 * addresses equal virtual ones, so tables can be read at their physical addresses.
 */
#include <arch/msr.h>
#include <arch/page.h>
#include <arch/paging.h>
#include <lib/fail.h>

#define ENTRY_PRESENT    ((uint64_t)1 << 0)
#define ENTRY_WRITE      ((uint64_t)1 << 1)
#define ENTRY_UNCACHED   ((uint64_t)3 << 3) /* PWT and PCD: UC in the PAT after reset */
#define ENTRY_LARGE      ((uint64_t)1 << 7)
#define ENTRY_NO_EXECUTE ((uint64_t)1 << 63)
#define ENTRY_ADDRESS    ((uint64_t)0x000ffffffffff000)

enum {
    TOP_LEVEL = 4,
    ENTRIES = 512,
};

const bool paging_page_0_is_readable __attribute__((weak)) = false;

static void *(*take_page)(size_t size, size_t align);
static uint64_t *root;
static unsigned largest_leaf_level;
static uint64_t no_execute; /* ENTRY_NO_EXECUTE if the processor has it, else 0 */

static uint64_t entry_size(unsigned level)
{
    return PAGE_SIZE << (9 * (level - 1));
}

static unsigned entry_index(uint64_t address, unsigned level)
{
    return address / entry_size(level) % ENTRIES;
}

static bool is_leaf(uint64_t entry, unsigned level)
{
    return level == 1 || !(entry & ENTRY_PRESENT) || (entry & ENTRY_LARGE);
}

static uint64_t *table_at(uint64_t entry)
{
    return (uint64_t *)(uintptr_t)(entry & ENTRY_ADDRESS);
}

static uint64_t leaf_bits(unsigned flags)
{
    uint64_t bits = 0;

    if (flags & (PAGING_READ | PAGING_WRITE | PAGING_EXECUTE))
        bits |= ENTRY_PRESENT;
    if (flags & PAGING_WRITE)
        bits |= ENTRY_WRITE;
    if (flags & PAGING_UNCACHED)
        bits |= ENTRY_UNCACHED;
    if (bits && !(flags & PAGING_EXECUTE))
        bits |= no_execute;
    return bits;
}

static uint64_t make_leaf(uint64_t address, uint64_t bits, unsigned level)
{
    if (!bits)
        return 0;
    return address | bits | (level > 1 ? ENTRY_LARGE : 0);
}

/* Replace a leaf by a table of 512 smaller leaves that map the same. */
static uint64_t *split(uint64_t *entry, unsigned level)
{
    uint64_t *table = take_page(PAGE_SIZE, PAGE_SIZE);
    uint64_t bits = *entry & ~ENTRY_ADDRESS & ~ENTRY_LARGE;
    uint64_t address = *entry & ENTRY_ADDRESS;

    for (unsigned i = 0; i < ENTRIES; i++)
        table[i] = make_leaf(address + i * entry_size(level - 1), bits, level - 1);
    *entry = (uintptr_t)table | ENTRY_PRESENT | ENTRY_WRITE;
    return table;
}

static void set_in_table(uint64_t *table, unsigned level, uint64_t start, uint64_t end,
                         uint64_t bits)
{
    uint64_t size = entry_size(level);

    while (start < end) {
        uint64_t *entry = &table[entry_index(start, level)];
        uint64_t entry_end = (start / size + 1) * size;
        bool whole = start % size == 0 && entry_end <= end;

        if (whole && level <= largest_leaf_level && is_leaf(*entry, level)) {
            *entry = make_leaf(start, bits, level);
        } else {
            uint64_t *below = is_leaf(*entry, level) ? split(entry, level) : table_at(*entry);
            set_in_table(below, level - 1, start, entry_end < end ? entry_end : end, bits);
        }
        start = entry_end;
    }
}

void paging_init(void *(*take)(size_t size, size_t align))
{
    uint32_t features = cpuid(0x80000000, 0).eax >= 0x80000001 ? cpuid(0x80000001, 0).edx : 0;

    take_page = take;
    root = take(PAGE_SIZE, PAGE_SIZE);
    largest_leaf_level = features >> 26 & 1 ? 3 : 2;
    no_execute = features >> 20 & 1 ? ENTRY_NO_EXECUTE : 0;
}

void paging_set(uint64_t start, uint64_t end, unsigned flags)
{
    start &= ~(PAGE_SIZE - 1);
    end = (end + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    set_in_table(root, TOP_LEVEL, start, end, leaf_bits(flags));
}

unsigned paging_get(uint64_t address)
{
    uint64_t *table = root;

    for (unsigned level = TOP_LEVEL;; level--) {
        uint64_t entry = table[entry_index(address, level)];
        if (is_leaf(entry, level)) {
            if (!(entry & ENTRY_PRESENT))
                return PAGING_NONE;
            return PAGING_READ | (entry & ENTRY_WRITE ? PAGING_WRITE : 0) |
                   (entry & ENTRY_NO_EXECUTE ? 0 : PAGING_EXECUTE) |
                   (entry & ENTRY_UNCACHED ? PAGING_UNCACHED : 0);
        }
        table = table_at(entry);
    }
}

void paging_use(void)
{
    if (no_execute)
        msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_NXE);
    __asm__ volatile("movq %0, %%cr3" : : "r"((uint64_t)(uintptr_t)root) : "memory");
}

uint64_t paging_root(void)
{
    return (uintptr_t)root;
}

bool paging_has_no_execute(void)
{
    return no_execute;
}

uint64_t paging_largest_page(void)
{
    return entry_size(largest_leaf_level);
}
