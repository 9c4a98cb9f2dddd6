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
    uint64_t wait_ms;    /* how long a core may take to come */
    uint32_t skip;       /* APIC ID never to wake, to try the failure; UINT32_MAX: none */
};

/* Make the running core number 0. Its structure and stacks are the caller's. */
void smp_init_bsp(struct percpu *core, struct core_stacks *stacks);

/*
 * Start the cores one after the other (INIT to all at once, then a start-up IPI to each). A core
 * that does not come within wait_ms is named by fail(RULE_SMP_BRINGUP). On the BSP.
 */
void smp_start(const struct bringup *bringup);
