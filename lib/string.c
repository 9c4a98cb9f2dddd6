/*
 * The compiler replaces a loop that clears, copies or measures memory by a call of the library
 * function. Inside that function the call would be an endless recursion. So every loop here
 * contains keep_loop(), which matches no such pattern. memset() and memcpy() are in
 * arch/x86_64/memory.c.
 */
#include <lib/string.h>
#include <stdint.h>

#define keep_loop() __asm__ volatile("" : : : "memory")

void *memmove(void *destination, const void *source, size_t count)
{
    unsigned char *to = destination;
    const unsigned char *from = source;
    if ((uintptr_t)to - (uintptr_t)from >= count) /* below the source, or wholly above it */
        return memcpy(destination, source, count);
    while (count-- > 0) {
        to[count] = from[count];
        keep_loop();
    }
    return destination;
}

int memcmp(const void *left, const void *right, size_t count)
{
    const unsigned char *a = left;
    const unsigned char *b = right;
    for (size_t i = 0; i < count; i++) {
        if (a[i] != b[i])
            return a[i] - b[i];
        keep_loop();
    }
    return 0;
}

size_t strlen(const char *text)
{
    size_t length = 0;
    while (text[length] != '\0') {
        length++;
        keep_loop();
    }
    return length;
}

int strcmp(const char *left, const char *right)
{
    return strncmp(left, right, SIZE_MAX);
}

int strncmp(const char *left, const char *right, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        unsigned char a = (unsigned char)left[i];
        unsigned char b = (unsigned char)right[i];
        if (a != b || a == '\0')
            return a - b;
        keep_loop();
    }
    return 0;
}

char *strchr(const char *text, int character)
{
    for (;; text++) {
        if (*text == (char)character)
            return (char *)(uintptr_t)text;
        if (*text == '\0')
            return NULL;
        keep_loop();
    }
}
