/*
 * Checks of the machine's set-up, by trying it out rather than by reading it back, where possible.
 * Each failure is fail(RULE_SELF_CHECK): a bug of this program, or a machine it does not support.
 */
#pragma once

#include <boot/bootinfo.h>
#include <boot/memory.h>

/*
 * Check the calling core: its data, stacks and descriptor tables are its own; traps keep its
 * registers; protected memory cannot be written, executed or touched. Interrupts are on for a
 * moment.
 */
void selfcheck_core(void);

/*
 * On core 0, while the others go to sleep. Each other core must end its own check, then take twice:
 * an interrupt sent to it alone, an NMI, and an interrupt sent to all. Core 0 must take ticks of
 * its timer. Leaves handlers behind that only count.
 */
void selfcheck_interrupts(void);

/*
 * On core 0, before memory_setup(), because memory_take() may reuse what the loader left: read each
 * entry of the loader's memory map again. It must be in bootinfo->memmap.
 */
void selfcheck_loader_map(const struct bootinfo *bootinfo);

/*
 * On core 0, with all others up, before the program takes memory. The allocator's memory must be
 * usable according to the loader. It must not contain low memory, the image, the loader's
 * information, the root page table, or a core's stacks or data. The trampoline must be unmapped.
 * Each usable page must be counted: taken by an enum memory_user, or left for the allocator.
 */
void selfcheck_memory(const struct bootinfo *bootinfo, const struct memory *memory);

/* The pages left when memory was given to the allocator, and why it did not get some of them. */
struct memory_given {
    uint64_t inserted, kept; /* in the arena's books: given, and what the allocator keeps of it */
    uint64_t outside;        /* outside of the range that the allocator takes */
    uint64_t slow;           /* it takes long with so many */
    uint64_t unwanted;       /* memory=none */
};

/*
 * Core 0, after the last memory_take(): what is left went to the allocator or is in `given`, by
 * name. At most `most_outside` pages were outside of its range.
 */
void selfcheck_given(const struct memory *memory, const struct memory_given *given,
                     uint64_t most_outside);
