/*
 * The machine as an ordinary Linux program has it: threads for cores, a mapping for memory. With
 * this and the headers in arch/host/include/arch the kernel's sources run unmodified.
 */
#pragma once

#include <lib/fail.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Make the calling thread core `number`, whose data are at `percpu`: at least a struct core_local,
 * or whatever larger structure begins with one.
 */
void host_core_enter(uint32_t number, void *percpu);

/* How often cpu_wake_others() was called. Atomic. */
extern unsigned host_wakes;

/* How often the calling thread has been in cpu_relax(). */
extern _Thread_local uint64_t host_relaxed;

/* Map zeroed memory for page frames [start, start + count), in place of any arena before. */
void host_arena_map(uint64_t start, uint64_t count);

/*
 * The same where addresses and page frames are one, as in the kernel: frame n is at n <<
 * PAGE_SHIFT. So memory from elsewhere has frames too, aligned as its addresses are.
 */
void host_arena_map_in_place(uint64_t start, uint64_t count);

/*
 * A copy of `size` bytes that ends where the readable memory ends: a read beyond it is a crash.
 * There are two slots, 0 and 1, of 64 KiB, each holding one copy at a time.
 */
void *host_guarded_copy(unsigned slot, const void *bytes, size_t size);

/*
 * How fail() ends in a test that expects it: between host_expect_begin() and host_expect_end() it
 * jumps, in the thread that began; else it prints its text and aborts. CHECK_FAILS in unit.h wraps
 * this up.
 */
struct host_expectation {
    jmp_buf frame;
    enum rule rule;
    char text[256];
};

extern _Thread_local struct host_expectation *host_expected;
