/*
 * What the machine is started for: the stress (boot/stress.c) or the explorer (boot/explore.c). One
 * of them is linked.
 */
#pragma once

#include <boot/memory.h>
#include <stress/options.h>

/* Refuse options that make no sense: rule "usage". Before anything is set up. */
void program_check(const struct options *options);

/* Take memory and make ready; all cores are up, and wait. */
void program_prepare(struct options *options, const struct page_allocator *allocator,
                     const struct memory *memory);

/* Run on this core; core 0 ends the machine with the verdict. Interrupts on. */
_Noreturn void program_run(uint32_t core);
