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
 * On core 0, with all others up, before the program takes memory. The allocator's memory must be
 * usable according to the loader. It must not contain low memory, the image, the loader's
 * information, the root page table, or a core's stacks or data. The trampoline must be unmapped.
 */
void selfcheck_memory(const struct bootinfo *bootinfo, const struct memory *memory);
