/*
 * Formatted output into a buffer, for programs without a C library.
 *
 * Conversions: %d %i %u %x %X %c %s %p %% with flags "-0#", width, precision (also '*') and the
 * lengths hh, h, l, ll, z, j, t. Anything else is copied as it stands. Reentrant; no
 * allocation, no locks: any context.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

/*
 * Write at most size - 1 characters and a terminating NUL (none if size is 0).
 * Returns the length the whole text would have had, as in C11 7.21.6.5.
 */
int format_text(char *buffer, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int format_text_va(char *buffer, size_t size, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

/*
 * Write a value for key=value as docs/LOG.md wants it: as it stands, or in double quotes where it
 * is empty, has a blank or has a double quote; in quotes \" stands for a quote and \\ for a
 * backslash. What does not fit is cut, and the quotes stay whole: size is at least 3. Returns
 * `buffer`.
 */
char *format_value(char *buffer, size_t size, const char *value);
