/*
 * Counts that one core writes and others may read at any time. A reader sees each value whole, but
 * several counts in no order. The relaxed atomics are plain loads and stores on a 64-bit machine.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Only by the core that writes the count, and not while its interrupt handler may write it, too. */
static inline void count_add(uint64_t *count, uint64_t more)
{
    __atomic_store_n(count, *count + more, __ATOMIC_RELAXED);
}

/* Raise a maximum, under the same conditions. */
static inline void count_raise(uint64_t *largest, uint64_t value)
{
    if (value > *largest)
        __atomic_store_n(largest, value, __ATOMIC_RELAXED);
}

/* Copy a structure that contains only counts, `size` bytes. Any core. */
static inline void count_copy(void *to, const void *from, size_t size)
{
    for (size_t i = 0; i < size / sizeof(uint64_t); i++)
        ((uint64_t *)to)[i] = __atomic_load_n((const uint64_t *)from + i, __ATOMIC_RELAXED);
}
