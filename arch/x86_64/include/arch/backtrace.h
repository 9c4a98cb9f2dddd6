/* Backtraces by frame pointers (System V ABI for AMD64, 3.2.2; -fno-omit-frame-pointer). */
#pragma once

#include <arch/segments.h>
#include <arch/trap.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Write at most `most` addresses, innermost first, of the core with these stacks: the address that
 * `frame` interrupted, then return addresses. Without a frame all are return addresses, beginning
 * in the caller. Frame pointers are not trusted: each must lie in the stacks and above the last
 * one. Returns how many addresses were written.
 */
size_t backtrace(const struct trap_frame *frame, const struct core_stacks *stacks,
                 uint64_t *addresses, size_t most);
