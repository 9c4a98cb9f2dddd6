/*
 * Starts another core: INIT, start-up IPI, real mode, long mode, C (Intel SDM volume 3, 9.4;
 * MultiProcessor specification 1.4, appendix B).
 */
#pragma once

#include <arch/percpu.h>
#include <arch/segments.h>
#include <stdbool.h>
#include <stdint.h>

/* The trampoline reads this. One core starts at a time. */
struct startup {
    uint32_t cr3;
    uint32_t efer;
    uint64_t stack;
    uint64_t local; /* struct core_local */
    uint64_t stacks;
    uint64_t entry;
};

/*
 * Copy the trampoline to address `page` and fill the rest of that page with INT3. The page must be
 * free, below 1 MiB, writable and executable. The tables of paging_root() must map it and lie below
 * 4 GiB.
 */
void startup_prepare(uint64_t page);

/* Store the data of the core to start: it will run entry(local, stacks) on its own main stack. */
void startup_set_core(uint64_t page, struct core_local *local, struct core_stacks *stacks,
                      void (*entry)(struct core_local *local, struct core_stacks *stacks));
