/*
 * Stand-in for StACSOS's lib/inc/stacsos/memops.h. Apart from the two that zero, the functions are
 * the C library's.
 */
#pragma once

extern "C" {
void *memset(void *destination, int value, unsigned long count);
void *memcpy(void *__restrict destination, const void *__restrict source, unsigned long count);
int memcmp(const void *left, const void *right, unsigned long count);
unsigned long strlen(const char *text);
int strcmp(const char *left, const char *right);
}

namespace stacsos
{
class memops
{
  public:
    static void bzero(void *memory, size_t bytes)
    {
        ::memset(memory, 0, bytes);
    }

    /* Zeroes `pages` whole pages. */
    static void pzero(void *memory, size_t pages)
    {
        ::memset(memory, 0, pages << PAGE_BITS);
    }

    static void *memset(void *memory, int value, size_t bytes)
    {
        return ::memset(memory, value, bytes);
    }

    static void *memcpy(void *destination, const void *source, size_t bytes)
    {
        return ::memcpy(destination, source, bytes);
    }

    static int memcmp(const void *left, const void *right, size_t bytes)
    {
        return ::memcmp(left, right, bytes);
    }

    static int strlen(const char *text)
    {
        return (int)::strlen(text);
    }

    static int strcmp(const char *left, const char *right)
    {
        return ::strcmp(left, right);
    }
};
} // namespace stacsos
