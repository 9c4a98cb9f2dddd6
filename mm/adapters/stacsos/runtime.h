/*
 * The C side of runtime.cpp and of the stand-in headers: locks, the end of the run, debugging
 * output.
 */
#pragma once

/*
 * Not 0 while a call that must be refused runs, on one core. Ending the run is then a way to refuse
 * it.
 */
extern int stacsos_in_misuse;

/* Ends the run by rule "panic". */
__attribute__((noreturn, format(printf, 1, 0))) void stacsos_give_up(const char *format,
                                                                     __builtin_va_list arguments);

/*
 * The first lines go to the log. A ring in memory keeps the newest text for a debugger. Any context
 * but NMI, any core.
 */
void stacsos_debug(const char *format, __builtin_va_list arguments);

/* spinlock_irq_lock() and _unlock() (smp/spinlock.h), on a lock in the student's class. */
void stacsos_spinlock_irq_acquire(void *lock, unsigned long long *flags);
void stacsos_spinlock_irq_release(void *lock, unsigned long long flags);
