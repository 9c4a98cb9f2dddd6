/*
 * A call that can be left from any depth below it: what setjmp and longjmp are for, as a plain call
 * that compilers need not know about. Interrupt flag, locks and whatever else was changed below are
 * the caller's to put right.
 */
#pragma once

#include <stdbool.h>

struct escape {
    void *stack_pointer; /* while the call runs */
};

/* Call function(context). Returns false if it returned, true if it was left by escape_leave(). */
bool escape_run(struct escape *escape, void (*function)(void *context), void *context);

/* Leave the call that runs. Same core; from an exception's handler, too, but not from an NMI's. */
_Noreturn void escape_leave(const struct escape *escape);
