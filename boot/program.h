/*
 * The program that the image runs: the stress test (boot/stress.c) or the explorer
 * (boot/explore.c). One of them is linked.
 */
#pragma once

#include <boot/memory.h>
#include <stress/options.h>

/* The options of this program. Their values are in a struct that begins with struct options. */
extern const struct option_table *const program_option_table;
extern struct options *const program_options;

/* Refuse wrong options with rule "usage". Called before anything is set up. */
void program_check(void);

/* How many cores the program runs on; 0: all. */
uint64_t program_wanted_cores(void);

/* `count` cores will run. Refuse options that need more, with rule "usage". */
void program_check_cores(uint32_t count);

/* Take memory and prepare the run. On core 0; all other cores are up and wait. */
void program_prepare(const struct page_allocator *allocator, const struct memory *memory);

/* Run on this core; core 0 ends the machine with the verdict. Interrupts on. */
_Noreturn void program_run(uint32_t core);
