#include <lib/fail.h>
#include <lib/printf.h>
#include <mm/adapters/stacsos/runtime.h>
#include <smp/spinlock.h>

enum {
    LINE_SIZE = 160,
    DEBUG_TEXT_SIZE = 4096, /* a power of two */
};

_Static_assert(sizeof(struct spinlock_irq) == 5 * 8, "spinlock_irq of stacsos/kernel/lock.h");

/* The last of what dprintf() was given, a ring: the newest byte is before stacsos_debug_next. */
char stacsos_debug_text[DEBUG_TEXT_SIZE];
uint32_t stacsos_debug_next; /* atomic */

void stacsos_give_up(const char *format, __builtin_va_list arguments)
{
    char line[LINE_SIZE];

    format_text_va(line, sizeof(line), format, arguments);
    fail("panic", "%s", line);
}

/* Cores that write at once each have a piece of their own, unless the ring has gone round. */
void stacsos_remember_text(const char *format, __builtin_va_list arguments)
{
    char line[LINE_SIZE];
    int length = format_text_va(line, sizeof(line), format, arguments);
    uint32_t kept = length < LINE_SIZE ? (uint32_t)length : LINE_SIZE - 1;
    uint32_t start = __atomic_fetch_add(&stacsos_debug_next, kept, __ATOMIC_RELAXED);

    for (uint32_t i = 0; i < kept; i++)
        stacsos_debug_text[(start + i) % DEBUG_TEXT_SIZE] = line[i];
}

void stacsos_spinlock_irq_acquire(void *memory, unsigned long long *flags)
{
    struct spinlock_irq *lock = memory;

    if (!lock->name)
        lock->name = "spinlock_irq"; /* every core that comes writes the same */
    *flags = spinlock_irq_lock(lock);
}

void stacsos_spinlock_irq_release(void *lock, unsigned long long flags)
{
    spinlock_irq_unlock(lock, flags);
}
