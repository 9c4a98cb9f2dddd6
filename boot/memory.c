#include <arch/acpi.h>
#include <arch/paging.h>
#include <boot/memory.h>
#include <lib/fail.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <mm/memmap.h>

/* From linker.ld. */
extern uint8_t image_start[], text_end[], rodata_end[], image_end[];

enum {
    LOW_MEMORY_END = 0x100000,
    TRAMPOLINE_LIMIT = 0xa0000,
};

static struct memmap map;
static uint64_t take_limit = MEMORY_BOOT_MAPPED; /* end of what is mapped so far */

/* ---- before memory_setup() ---- */

const void *memory_boot_pointer(uint64_t address, size_t size)
{
    if (address == 0 || address >= MEMORY_BOOT_MAPPED || size > MEMORY_BOOT_MAPPED - address)
        return NULL;
    return (const void *)(uintptr_t)address;
}

const void *memory_acpi_table(const struct bootinfo *bootinfo, const char signature[4],
                              size_t *size, char *message, size_t message_size)
{
    if (!bootinfo->has_rsdp) {
        format_text(message, message_size, "the loader passed no ACPI root pointer (RSDP)");
        return NULL;
    }
    return acpi_find_table(bootinfo->rsdp, bootinfo->rsdp_size, signature, memory_boot_pointer,
                           size, message, message_size);
}

/* ---- taking ---- */

void *memory_take(size_t size, size_t align)
{
    uint64_t address = memmap_take(&map, size, align < PAGE_SIZE ? PAGE_SIZE : align, take_limit);

    if (!address)
        fail(RULE_MEMORY, "no %lu KiB in one piece; %lu MiB are usable, give the machine more",
             size >> 10, memmap_bytes(&map, MEMORY_USABLE) >> 20);
    return memset((void *)(uintptr_t)address, 0, size);
}

/* ---- page tables ---- */

void memory_guard_stacks(struct core_stacks *stacks)
{
    for (unsigned i = 0; i < IST_COUNT - 1; i++)
        paging_set((uintptr_t)stacks->ist[i].guard, (uintptr_t)stacks->ist[i].bytes, PAGING_NONE);
    paging_set((uintptr_t)stacks->main.guard, (uintptr_t)stacks->main.bytes, PAGING_NONE);
}

static void map_ranges(void)
{
    for (size_t i = 0; i < map.count; i++)
        if (map.ranges[i].kind != MEMORY_RESERVED)
            paging_set(map.ranges[i].start, map.ranges[i].end, PAGING_READ | PAGING_WRITE);
}

static void map_image(void)
{
    paging_set((uintptr_t)image_start, (uintptr_t)text_end, PAGING_READ | PAGING_EXECUTE);
    paging_set((uintptr_t)text_end, (uintptr_t)rodata_end, PAGING_READ);
    paging_set((uintptr_t)rodata_end, (uintptr_t)image_end, PAGING_READ | PAGING_WRITE);
}

/*
 * The new tables must lie in memory that the boot tables map. Building them takes memory, which
 * changes kinds in `map`, but not which ranges are mapped.
 */
static void build_page_tables(const struct memory *memory)
{
    paging_init(memory_take);
    map_ranges();
    map_image();
    paging_set(0, PAGE_SIZE, paging_page_0_is_readable ? PAGING_READ : PAGING_NONE);
    if (memory->trampoline)
        paging_set(memory->trampoline, memory->trampoline + PAGE_SIZE,
                   PAGING_READ | PAGING_WRITE | PAGING_EXECUTE);
    paging_use();
    take_limit = MEMMAP_LIMIT;
}

void memory_setup(const struct bootinfo *bootinfo, struct memory *memory)
{
    map = bootinfo->memmap;
    if (map.overflow)
        fail(RULE_MEMORY, "the loader's memory map has more than %u ranges", MEMMAP_MAX_RANGES);
    memmap_finish(&map);
    memory->usable = memmap_bytes(&map, MEMORY_USABLE);
    memory->trampoline = memmap_take(&map, PAGE_SIZE, PAGE_SIZE, TRAMPOLINE_LIMIT);
    memmap_reserve(&map, 0, LOW_MEMORY_END);
    memmap_reserve(&map, (uintptr_t)image_start, (uintptr_t)image_end);
    memmap_reserve(&map, bootinfo->start, bootinfo->end);
    build_page_tables(memory);

    memory->end = memmap_end(&map, MEMORY_USABLE) >> PAGE_SHIFT;
    memory->start = memory->end;
    for (size_t i = map.count; i-- > 0;)
        if (map.ranges[i].kind == MEMORY_USABLE)
            memory->start = map.ranges[i].start >> PAGE_SHIFT;
}

void memory_forget_trampoline(const struct memory *memory)
{
    paging_set(memory->trampoline, memory->trampoline + PAGE_SIZE, PAGING_NONE);
    paging_use();
}

void memory_for_each_usable(void (*visit)(pfn_t start, uint64_t count))
{
    for (size_t i = 0; i < map.count; i++)
        if (map.ranges[i].kind == MEMORY_USABLE)
            visit(map.ranges[i].start >> PAGE_SHIFT,
                  (map.ranges[i].end - map.ranges[i].start) >> PAGE_SHIFT);
}
