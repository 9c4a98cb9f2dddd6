/*
 * A variable of which each core has its own. __thread is not for kernels of cores: there is no
 * thread pointer here.
 *
 *   static PER_CPU(struct stash, stashes);       at file scope, zeroed at the start
 *   per_cpu(stashes).count++;                    this core's
 *   per_cpu_of(stashes, core).count              another core's
 *
 * An interrupt handler uses the same core's: turn interrupts off while you change it.
 */
#pragma once

#include <arch/percpu.h>
#include <lib/sizes.h>

/* A cache line each, so that cores do not share one. */
#define PER_CPU(type, name)                      \
    struct {                                     \
        type value __attribute__((aligned(64))); \
    } name[CORE_LIMIT]
#define per_cpu(name)          per_cpu_of(name, cpu_number())
#define per_cpu_of(name, core) ((name)[core].value)
