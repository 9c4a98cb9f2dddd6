/* What the stand-ins' functions do, in C: locks, giving up, debugging text. For runtime.cpp. */
#pragma once

/* A call that is to be refused runs, on one core: giving up is a way to refuse it. */
extern int stacsos_in_misuse;

/* Ends the run: rule "panic". */
__attribute__((noreturn, format(printf, 1, 0))) void stacsos_give_up(const char *format,
                                                                     __builtin_va_list arguments);

/* The first lines go to the log, all of it is kept for a debugger. Any context but NMI, any core.
 */
void stacsos_debug(const char *format, __builtin_va_list arguments);

/* As smp/spinlock.h, on a lock in the student's class. */
void stacsos_spinlock_irq_acquire(void *lock, unsigned long long *flags);
void stacsos_spinlock_irq_release(void *lock, unsigned long long flags);
