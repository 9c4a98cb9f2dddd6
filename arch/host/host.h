/*
 * The machine as an ordinary Linux program: threads replace cores, a mapping replaces memory. With
 * this and the headers in arch/host/include/arch the kernel's sources run unmodified.
 */
#pragma once

#include <lib/fail.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Make the calling thread core `number`, with its data at `percpu`: a struct core_local, or a
 * larger structure that begins with one.
 */
void host_core_enter(uint32_t number, void *percpu);

/* How often cpu_wake_others() was called. Atomic. */
extern unsigned host_wakes;

/* How often the calling thread has called cpu_relax(). */
extern _Thread_local uint64_t host_relaxed;

/* Map zeroed memory for page frames [start, start + count); unmap the previous arena. */
void host_arena_map(uint64_t start, uint64_t count);

/*
 * The same, with addresses as in the kernel: frame n is at n << PAGE_SHIFT. So other memory of the
 * program has page frames, too, with the alignment of its addresses.
 */
void host_arena_map_in_place(uint64_t start, uint64_t count);

/*
 * A copy of `size` bytes that ends where readable memory ends: a read beyond it crashes. There are
 * two slots, 0 and 1, of 64 KiB. Each holds one copy at a time.
 */
void *host_guarded_copy(unsigned slot, const void *bytes, size_t size);

/*
 * How a unit test expects fail(): while host_expected points to this, fail() in the same thread
 * stores the rule and text here and jumps to `frame`. Otherwise it prints its text and aborts.
 * CHECK_FAILS() in tests/unit/unit.h does all of this.
 */
struct host_expectation {
    jmp_buf frame;
    enum rule rule;
    char text[256];
};

extern _Thread_local struct host_expectation *host_expected;
