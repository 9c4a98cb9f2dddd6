/*
 * What the machine is started for: the stress (boot/stress.c) or the explorer (boot/explore.c). One
 * of them is linked.
 */
#pragma once

#include <boot/memory.h>
#include <stress/options.h>

/* The options of this program. Their values are in a struct that begins with struct options. */
extern const struct option_table *const program_option_table;
extern struct options *const program_options;

/* Refuse options that make no sense: rule "usage". Before anything is set up. */
void program_check(void);

/* How many cores it runs on; 0: on all there are. */
uint64_t program_wanted_cores(void);

/* So many cores will run. Refuse options that this is too few for: rule "usage". */
void program_check_cores(uint32_t count);

/* Take memory and make ready; all cores are up, and wait. */
void program_prepare(const struct page_allocator *allocator, const struct memory *memory);

/* Run on this core; core 0 ends the machine with the verdict. Interrupts on. */
_Noreturn void program_run(uint32_t core);
