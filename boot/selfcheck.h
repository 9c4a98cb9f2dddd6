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
 * Core 0, all others up, nothing taken since but what is asked for here: what the allocator is
 * going to get is usable by the loader's word, and neither the image, the loader's information nor
 * a core's stacks. The trampoline is unmapped.
 */
void selfcheck_memory(const struct bootinfo *bootinfo, const struct memory *memory);
