/* Who called whom, by frame pointers (System V ABI for AMD64, 3.2.2; -fno-omit-frame-pointer). */
#pragma once

#include <arch/segments.h>
#include <arch/trap.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Write addresses, innermost first, of the core whose stacks these are: where `frame` interrupted
 * it, then return addresses; without a frame all are return addresses, from the caller on. Trusts
 * no frame pointer: each must lie in the stacks and above the last. Returns how many.
 */
size_t backtrace(const struct trap_frame *frame, const struct core_stacks *stacks,
                 uint64_t *addresses, size_t most);
