/*
 * The machine's data for each core; the GS base points to them. It is the first member of the
 * larger structure that smp/percpu.h defines.
 */
#pragma once

#include <arch/segments.h>
#include <stdint.h>

struct core_local {
    struct core_local *self; /* at %gs:0, so that C can reach the rest */
    uint32_t number;         /* 0 is the BSP, then in the order in which cores start */
    uint32_t apic_id;
    struct segments segments; /* this core's GDT and TSS */
};

/* This core's structure. Valid from cpu_setup() on; any context, also NMI handlers. */
static inline struct core_local *core_local(void)
{
    struct core_local *local;
    __asm__("movq %%gs:0, %0" : "=r"(local));
    return local;
}

/* This core's number: 0 .. cores - 1. */
static inline uint32_t cpu_number(void)
{
    return core_local()->number;
}
