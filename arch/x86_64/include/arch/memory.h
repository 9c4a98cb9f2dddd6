/*
 * Filling and copying by the string instructions: they go at the speed of memory wherever "enhanced
 * REP MOVSB" is (Intel optimization manual, 3.7.6), and the compiler cannot turn them back into a
 * call of memset. Need the direction flag clear, as the ABI has it (System V x86-64 psABI, 3.2.1).
 * Any context.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Store `byte` at each of `count` bytes. */
static inline void memory_fill(void *destination, uint8_t byte, size_t count)
{
    size_t words = count / 8;
    size_t tail = count % 8;
    __asm__ volatile("rep stosq\n\t"
                     "movq %[tail], %%rcx\n\t"
                     "rep stosb"
                     : "+&D"(destination), "+&c"(words)
                     : "a"(byte * (uint64_t)0x0101010101010101), [tail] "r"(tail)
                     : "memory");
}

/* Copy `count` bytes upwards: right also where destination overlaps source from below. */
static inline void memory_copy(void *destination, const void *source, size_t count)
{
    size_t words = count / 8;
    size_t tail = count % 8;
    __asm__ volatile("rep movsq\n\t"
                     "movq %[tail], %%rcx\n\t"
                     "rep movsb"
                     : "+&D"(destination), "+&S"(source), "+&c"(words)
                     : [tail] "r"(tail)
                     : "memory");
}
