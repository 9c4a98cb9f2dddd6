/*
 * Whether what was set up is so: tried, not read back, where it can be tried. A machine that fails
 * is a fault of this program, or one that it was not made for: fail(RULE_SELF_CHECK).
 */
#pragma once

#include <boot/bootinfo.h>
#include <boot/memory.h>

/*
 * The calling core: its own data, stacks and descriptor tables; traps that keep its registers;
 * memory that it must not write, execute or touch. Interrupts are let in for a moment.
 */
void selfcheck_core(void);

/*
 * Core 0, the others on their way to sleep: each ends its own check, takes an interrupt sent to it
 * alone, an NMI, and an interrupt sent to all, and all that again; core 0 takes ticks of its timer.
 * Leaves handlers behind that do nothing but count.
 */
void selfcheck_interrupts(void);

/*
 * Core 0, before memory_setup(), as what the loader left may lie in memory that is taken then: each
 * entry of the loader's memory map, read once more, is in bootinfo->memmap.
 */
void selfcheck_loader_map(const struct bootinfo *bootinfo);

/*
 * Core 0, all others up, nothing taken since but what is asked for here: what the allocator is
 * going to get is usable by the loader's word, and neither the image, the loader's information nor
 * a core's stacks. The trampoline is unmapped. Each usable page is taken, by a user that
 * memory_taken_pages() knows, or left.
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
