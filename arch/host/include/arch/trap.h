/*
 * Exceptions, NMI and interrupts are signals (arch/host/signals.c). In the frame, rflags is the
 * value of irq_flags().
 */
#pragma once

#include <arch/trap_frame.h>
#include <stdint.h>

enum {
    TRAP_NMI = 2,
    TRAP_DOUBLE_FAULT = 8,
    TRAP_PROTECTION = 13,
    TRAP_PAGE_FAULT = 14,
};

const char *trap_name(uint64_t vector);

/* The address that caused a page fault. */
uint64_t trap_fault_address(void);
