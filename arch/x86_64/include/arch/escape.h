/*
 * A call that can be left from any depth below it. It replaces setjmp and longjmp by a plain call
 * that compilers need not know about. The caller must restore the interrupt flag, locks and
 * everything else that was changed below.
 */
#pragma once

#include <stdbool.h>

struct escape {
    void *stack_pointer; /* valid while the call runs */
};

/* Call function(context). Returns false if it returned, true if it was left by escape_leave(). */
bool escape_run(struct escape *escape, void (*function)(void *context), void *context);

/* Leave the running call. Same core; also from an exception handler, never from an NMI handler. */
_Noreturn void escape_leave(const struct escape *escape);
