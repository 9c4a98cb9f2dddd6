/*
 * Trying whether the machine is as it was set up: accesses that fault where they must, and an
 * interrupt whose frame is looked at. Any core once cpu_setup() and paging_use() have run on it;
 * not in a handler.
 */
#pragma once

#include <arch/trap.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Access one byte. A write stores what was read there. Returns 0 if the processor let it pass, else
 * 1 + the page fault's error code.
 */
uint64_t probe_read(uint64_t address);
uint64_t probe_write(uint64_t address);

/* The same for executing an instruction there: a PROBE_CODE must be the byte. */
enum { PROBE_CODE = 0xc3 };
uint64_t probe_execute(uint64_t address);

/* What probe_*() returns: for an access that the processor let pass, and for those it refused. */
enum {
    PROBE_LET_PASS = 0,
    PROBE_NO_ADDRESS = 1 + 0x10000, /* #GP: what is no address at all (SDM 1, 3.3.7.1) */
    PROBE_NOT_MAPPED = 1 + 0,
    PROBE_NO_WRITE = 1 + 3,    /* the page is there; a write */
    PROBE_NO_EXECUTE = 1 + 17, /* the page is there; an instruction fetch */
};

/*
 * Enter the NMI's stub by an `int` and come back. Returns what was wrong: a register of the frame
 * or after it, the stack, the interrupt flag; or NULL.
 */
const char *probe_interrupt(void);

/* Whether this core's task register and IDT lead to stacks of its own for `vector`. */
bool probe_has_stack(unsigned vector);

/* For trap_dispatch(): whether the trap was a probe's, and is over. */
bool probe_trap(struct trap_frame *frame);
