/*
 * Starting another processor: INIT, start-up IPI, real mode, long mode, C (Intel SDM volume 3, 9.4;
 * MultiProcessor specification 1.4, appendix B).
 */
#pragma once

#include <arch/percpu.h>
#include <arch/segments.h>
#include <stdbool.h>
#include <stdint.h>

/* What the trampoline reads. One core starts at a time. */
struct startup {
    uint32_t cr3;
    uint32_t efer;
    uint64_t stack;
    uint64_t local; /* struct core_local */
    uint64_t stacks;
    uint64_t entry;
};

/*
 * Copy the trampoline to the page at `page` (below 1 MiB, ours, writable and executable there) and
 * fill the rest of it with INT3. The tables of paging_root() must map that page and lie below 4
 * GiB.
 */
void startup_prepare(uint64_t page);

/* Hand over what core `local` needs; it will run entry(local, stacks) on its own main stack. */
void startup_set_core(uint64_t page, struct core_local *local, struct core_stacks *stacks,
                      void (*entry)(struct core_local *local, struct core_stacks *stacks));
