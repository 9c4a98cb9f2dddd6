/* Starting the application processors. */
#pragma once

#include <smp/percpu.h>
#include <stddef.h>
#include <stdint.h>

struct bringup {
    const uint32_t *apic_ids; /* of the cores to start, without the BSP */
    size_t count;
    uint64_t trampoline; /* a page below 1 MiB, mapped writable and executable */
    void *(*take)(size_t size, size_t align);  /* zeroed memory for stacks and per-CPU data */
    void (*guard)(struct core_stacks *stacks); /* unmap the stacks' guard pages */
    void (*entry)(void); /* what each core runs once it is ready, interrupts on; never returns */
    uint64_t wait_ms;    /* how long a core may take until it is online */
    uint32_t skip;       /* APIC ID of a core not to wake, to test the failure; UINT32_MAX: none */
};

/* Make the running core number 0, with this structure and these stacks. Interrupts off. */
void smp_init_bsp(struct percpu *core, struct core_stacks *stacks);

/*
 * Start the cores one after the other (INIT to all at once, then a start-up IPI to each). If a core
 * is not online within wait_ms, fail(RULE_SMP_BRINGUP) names it. On the BSP.
 */
void smp_start(const struct bringup *bringup);
