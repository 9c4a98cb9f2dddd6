/*
 * What instrumented code has in place of the real <arch/cpu.h>, which stands before it in no other
 * build: waiting is seen by the explorer, and time is the number of the step.
 */
#pragma once

#include_next <arch/cpu.h>

void explore_relax(void);
uint64_t explore_cycles(void);

#define cpu_relax  explore_relax
#define cpu_cycles explore_cycles
