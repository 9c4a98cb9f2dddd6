/*
 * Fibers: flows of control with their own stacks, switched by a call. A switch saves the registers
 * that a call must preserve (System V ABI, 3.2.1). The caller handles interrupt flag and core.
 */
#pragma once

#include <stddef.h>

struct fiber {
    void *stack_pointer; /* valid while the fiber does not run */
};

/* Make a fiber on `stack` of `size` bytes. The first switch to it calls entry(), which must never
 * return. */
void fiber_init(struct fiber *fiber, void *stack, size_t size, void (*entry)(void));

/* Save the running fiber in `from` and run `to`. Returns when something switches to `from`. */
void fiber_switch(struct fiber *from, const struct fiber *to);
