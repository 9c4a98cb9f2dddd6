/*
 * The few functions of the C library that allocators call by habit (mm/adapters/include). Semantics
 * as in C11 7.21, 7.22 and 7.24. They keep no state. Those that print or end the run need a context
 * in which log_line() and fail() may be called; the others, any context.
 */
#include <assert.h>
#include <lib/fail.h>
#include <lib/log.h>
#include <lib/printf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_SIZE = 256 }; /* bytes; the text of one call is cut to this, with its NUL */

/* Log each line of the text as a line of its own. A newline at the end adds no empty line. */
static void log_lines(const char *text)
{
    while (*text) {
        const char *end = strchr(text, '\n');
        int length = end ? (int)(end - text) : (int)strlen(text);

        log_line("%.*s", length, text);
        text += length + (end != NULL);
    }
}

int vprintf(const char *format, va_list arguments)
{
    char text[LINE_SIZE];
    int length = format_text_va(text, sizeof text, format, arguments);

    log_lines(text);
    return length;
}

int printf(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int length = vprintf(format, arguments);
    va_end(arguments);
    return length;
}

int puts(const char *text)
{
    log_line("%s", text);
    return 0;
}

int vsnprintf(char *buffer, size_t size, const char *format, va_list arguments)
{
    return format_text_va(buffer, size, format, arguments);
}

int snprintf(char *buffer, size_t size, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int length = format_text_va(buffer, size, format, arguments);
    va_end(arguments);
    return length;
}

/* Only the caller knows how large the buffer is. */
int sprintf(char *buffer, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int length = format_text_va(buffer, INT_MAX, format, arguments);
    va_end(arguments);
    return length;
}

void __assert_fail(const char *expression, const char *file, unsigned line, const char *function)
{
    fail(RULE_PANIC, "assertion failed: %s at %s:%u in %s", expression, file, line, function);
}

void abort(void)
{
    fail(RULE_PANIC, "abort() was called");
}

void exit(int status)
{
    fail(RULE_PANIC, "exit(%d) was called", status);
}

int abs(int value)
{
    return value < 0 ? -value : value;
}

long labs(long value)
{
    return value < 0 ? -value : value;
}

long long llabs(long long value)
{
    return value < 0 ? -value : value;
}

void *memchr(const void *bytes, int value, size_t count)
{
    const unsigned char *byte = bytes;

    for (size_t i = 0; i < count; i++)
        if (byte[i] == (unsigned char)value)
            return (void *)(byte + i);
    return NULL;
}

size_t strnlen(const char *text, size_t most)
{
    const char *end = memchr(text, 0, most);

    return end ? (size_t)(end - text) : most;
}

char *strrchr(const char *text, int character)
{
    const char *found = NULL;

    do {
        if (*text == (char)character)
            found = text;
    } while (*text++);
    return (char *)found;
}

char *strcpy(char *restrict destination, const char *restrict source)
{
    memcpy(destination, source, strlen(source) + 1);
    return destination;
}

char *strncpy(char *restrict destination, const char *restrict source, size_t count)
{
    size_t length = strnlen(source, count);

    memcpy(destination, source, length);
    memset(destination + length, 0, count - length);
    return destination;
}

char *strcat(char *restrict destination, const char *restrict source)
{
    strcpy(destination + strlen(destination), source);
    return destination;
}
