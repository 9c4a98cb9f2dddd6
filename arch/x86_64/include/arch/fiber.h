/*
 * Fibers: flows of control with stacks of their own, switched by call. A switch keeps the registers
 * that calls keep (System V ABI, 3.2.1); interrupt flag and core are the caller's affair.
 */
#pragma once

#include <stddef.h>

struct fiber {
    void *stack_pointer; /* while it does not run */
};

/* Make a fiber that begins with entry(), which must never return, when it is first switched to. */
void fiber_init(struct fiber *fiber, void *stack, size_t size, void (*entry)(void));

/* Go on as `to`; returns when something switches to `from`. */
void fiber_switch(struct fiber *from, const struct fiber *to);
