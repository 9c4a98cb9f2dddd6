/*
 * A variable that each core has for itself. __thread does not work here: cores have no thread
 * pointer.
 *
 *   static PER_CPU(struct stash, stashes);       at file scope, zeroed at the start
 *   per_cpu(stashes).count++;                    this core's
 *   per_cpu_of(stashes, core).count              another core's
 *
 * An interrupt handler on the same core uses the same variable. Turn interrupts off while you
 * change it.
 */
#pragma once

#include <arch/percpu.h>
#include <lib/sizes.h>

/* One cache line for each core, so that cores do not share one. */
#define PER_CPU(type, name)                      \
    struct {                                     \
        type value __attribute__((aligned(64))); \
    } name[CORE_LIMIT]
#define per_cpu(name)          per_cpu_of(name, cpu_number())
#define per_cpu_of(name, core) ((name)[core].value)
