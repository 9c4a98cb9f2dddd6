/* Functions that the student's code calls through the stand-in headers. */
#include <stacsos/kernel/debug.h>

extern "C" {
#include "runtime.h"
}

void panic(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    stacsos_give_up(format, arguments);
}

void stacsos_assertion_failed(const char *expression, const char *file, int line)
{
    const char *name = file;

    for (const char *at = file; *at; at++)
        if (*at == '/')
            name = at + 1;
    panic("assert(%s) at %s:%d", expression, name, line);
}

void stacsos::kernel::dprintf(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    stacsos_debug(format, arguments);
    va_end(arguments);
}
