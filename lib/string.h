/*
 * The C library's string functions that a freestanding program needs. The compiler may call the
 * first four by itself (GCC manual, "Standards": freestanding). Semantics as in C11 7.24. memset()
 * and memcpy() are in arch/x86_64/memory.c.
 */
#pragma once

#include <stddef.h>

void *memset(void *destination, int value, size_t count);
void *memcpy(void *restrict destination, const void *restrict source, size_t count);
void *memmove(void *destination, const void *source, size_t count);
int memcmp(const void *left, const void *right, size_t count);
size_t strlen(const char *text);
int strcmp(const char *left, const char *right);
int strncmp(const char *left, const char *right, size_t count);
char *strchr(const char *text, int character);
