/*
 * Counts that one core keeps and others may read at any time: each value whole, in no order among
 * themselves. Relaxed atomics, so plain loads and stores where 64 bits are a machine word.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Only by the core that keeps the count, and not while a handler of its own may count here too. */
static inline void count_add(uint64_t *count, uint64_t more)
{
    __atomic_store_n(count, *count + more, __ATOMIC_RELAXED);
}

/* Likewise: a largest value. */
static inline void count_raise(uint64_t *largest, uint64_t value)
{
    if (value > *largest)
        __atomic_store_n(largest, value, __ATOMIC_RELAXED);
}

/* Copy a structure of nothing but counts, by any core. */
static inline void count_copy(void *to, const void *from, size_t size)
{
    for (size_t i = 0; i < size / sizeof(uint64_t); i++)
        ((uint64_t *)to)[i] = __atomic_load_n((const uint64_t *)from + i, __ATOMIC_RELAXED);
}
