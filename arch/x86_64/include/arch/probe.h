/*
 * Probes of the machine's set-up: accesses that must fault, and an interrupt whose frame is
 * checked. On any core after its cpu_setup() and paging_use(); not in a handler.
 */
#pragma once

#include <arch/trap.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Access one byte. A write stores the byte that it read there. Returns PROBE_LET_PASS (0) if the
 * access passed, PROBE_NO_ADDRESS after #GP, or 1 + the page fault's error code.
 */
uint64_t probe_read(uint64_t address);
uint64_t probe_write(uint64_t address);

/* The same for executing an instruction there. The byte must be PROBE_CODE. */
enum { PROBE_CODE = 0xc3 };
uint64_t probe_execute(uint64_t address);

/* Results of probe_read(), probe_write() and probe_execute(). */
enum {
    PROBE_LET_PASS = 0,
    PROBE_NO_ADDRESS = 1 + 0x10000, /* #GP: not a canonical address (SDM 1, 3.3.7.1) */
    PROBE_NOT_MAPPED = 1 + 0,
    PROBE_NO_WRITE = 1 + 3,    /* the page is mapped; a write */
    PROBE_NO_EXECUTE = 1 + 17, /* the page is mapped; an instruction fetch */
};

/*
 * Enter the NMI's stub by an `int` instruction, with interrupts off and on, and return. Returns the
 * name of what was wrong: a register in the frame or afterwards, the stack or the interrupt flag.
 * NULL if all was right.
 */
const char *probe_interrupt(void);

/* Whether this core's task register and IDT select one of its own stacks for `vector`. */
bool probe_has_stack(unsigned vector);

/* For trap_dispatch(): whether a probe caused the trap. If so it has been handled. */
bool probe_trap(struct trap_frame *frame);
