/*
 * memset() and memcpy() by string instructions. With "enhanced REP MOVSB" these run at the speed of
 * memory (Intel optimization manual, 3.7.6), and the compiler cannot turn them back into a call of
 * memset(). They need a clear direction flag, which the ABI guarantees (System V x86-64 psABI,
 * 3.2.1).
 */
#include <lib/string.h>
#include <stdint.h>

void *memset(void *destination, int value, size_t count)
{
    void *to = destination;
    size_t words = count / 8;
    size_t tail = count % 8;

    __asm__ volatile("rep stosq\n\t"
                     "movq %[tail], %%rcx\n\t"
                     "rep stosb"
                     : "+&D"(to), "+&c"(words)
                     : "a"((uint8_t)value * (uint64_t)0x0101010101010101), [tail] "r"(tail)
                     : "memory");
    return destination;
}

/* Copies upwards, so it also works if destination overlaps source from below, as in memmove(). */
void *memcpy(void *restrict destination, const void *restrict source, size_t count)
{
    void *to = destination;
    const void *from = source;
    size_t words = count / 8;
    size_t tail = count % 8;

    __asm__ volatile("rep movsq\n\t"
                     "movq %[tail], %%rcx\n\t"
                     "rep movsb"
                     : "+&D"(to), "+&S"(from), "+&c"(words)
                     : [tail] "r"(tail)
                     : "memory");
    return destination;
}
