/*
 * Formatted output into a buffer, for programs without a C library.
 *
 * Conversions: %d %i %u %x %X %c %s %p %% with flags "-0#", width, precision (also '*') and the
 * lengths hh, h, l, ll, z, j, t. Anything else is copied unchanged. Reentrant; no
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
 * Write a value for key=value by the rules of docs/LOG.md. A value that is empty, has a blank or
 * has a double quote goes in double quotes, where \" is a quote and \\ a backslash; others are
 * copied unchanged. A value that does not fit is cut off, but both quotes are written: size is at
 * least 3. Returns `buffer`.
 */
char *format_value(char *buffer, size_t size, const char *value);
