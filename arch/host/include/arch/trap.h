/* Exceptions, NMI and interrupts are signals (arch/host/signals.c). */
#pragma once

#include <stdint.h>

enum {
    TRAP_NMI = 2,
    TRAP_DOUBLE_FAULT = 8,
    TRAP_PROTECTION = 13,
    TRAP_PAGE_FAULT = 14,
};

/* The registers at the signal. rflags is the value of irq_flags(). */
struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};

const char *trap_name(uint64_t vector);

/* The address that caused a page fault. */
uint64_t trap_fault_address(void);
