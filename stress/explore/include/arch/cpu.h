/*
 * Replaces <arch/cpu.h> in instrumented code only, by the order of include folders (ci/build.mk).
 * So the explorer sees waiting, and time is the number of points.
 */
#pragma once

#include_next <arch/cpu.h>

void explore_relax(void);
uint64_t explore_cycles(void);

#define cpu_relax  explore_relax
#define cpu_cycles explore_cycles
