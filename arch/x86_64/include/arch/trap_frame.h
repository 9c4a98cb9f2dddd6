/* The registers at a trap, in both ports: the processor is the same. */
#pragma once

#include <stdint.h>

/* As trap_entry.S pushes them; hosted, as the signal's context has them. */
struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};
