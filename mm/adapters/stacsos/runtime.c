#include <arch/cpu.h>
#include <arch/irq.h>
#include <lib/fail.h>
#include <lib/log.h>
#include <lib/printf.h>
#include <mm/adapters/stacsos/runtime.h>
#include <smp/spinlock.h>

enum {
    LINE_SIZE = 160,
    DEBUG_TEXT_SIZE = 4096, /* a power of two */
    LOGGED_LINES = 40,
};

_Static_assert(sizeof(struct spinlock_irq) <= 8 * 8, "spinlock_irq of stacsos/kernel/lock.h");

/*
 * The newest output of dprintf(), as a ring. The newest byte is at stacsos_debug_next - 1, modulo
 * the size.
 */
char stacsos_debug_text[DEBUG_TEXT_SIZE];
uint32_t stacsos_debug_next; /* atomic */

int stacsos_in_misuse;

/*
 * The line that is being collected. `log_taken` is its lock; it is no spinlock_irq, because that
 * would be counted.
 */
static char log_text[LINE_SIZE];
static uint32_t log_length;
static uint32_t log_lines; /* lines logged so far; atomic */
static bool log_taken;     /* atomic */

void stacsos_give_up(const char *format, __builtin_va_list arguments)
{
    char line[LINE_SIZE];

    format_text_va(line, sizeof(line), format, arguments);
    if (stacsos_in_misuse)
        log_line("misuse=stopped (the code gives up in a call that is to be refused)");
    fail(RULE_PANIC, "%s%s", line, stacsos_in_misuse ? " (in a call that is to be refused)" : "");
}

/*
 * Cores that write at the same time get separate parts of the ring, unless it has wrapped around.
 */
static void remember(const char *text, uint32_t length)
{
    uint32_t start = __atomic_fetch_add(&stacsos_debug_next, length, __ATOMIC_RELAXED);

    for (uint32_t i = 0; i < length; i++)
        stacsos_debug_text[(start + i) % DEBUG_TEXT_SIZE] = text[i];
}

static bool still_logs(void)
{
    return __atomic_load_n(&log_lines, __ATOMIC_RELAXED) < LOGGED_LINES;
}

static void log_character(char character)
{
    if (character != '\n' && log_length < LINE_SIZE - 1) {
        log_text[log_length++] = character;
        return;
    }
    log_text[log_length] = '\0';
    log_length = 0;
    log_line("dprintf: %s", log_text);
    if (__atomic_add_fetch(&log_lines, 1, __ATOMIC_RELAXED) == LOGGED_LINES)
        log_line("dprintf: what follows is not printed; for gdb it is in stacsos_debug_text");
}

static void log_characters(const char *text, uint32_t length)
{
    irq_flags_t flags = irq_save();

    while (__atomic_exchange_n(&log_taken, true, __ATOMIC_ACQUIRE))
        cpu_relax();
    for (uint32_t i = 0; i < length && still_logs(); i++)
        log_character(text[i]);
    __atomic_store_n(&log_taken, false, __ATOMIC_RELEASE);
    irq_restore(flags);
}

void stacsos_debug(const char *format, __builtin_va_list arguments)
{
    char text[LINE_SIZE];
    int wanted = format_text_va(text, sizeof(text), format, arguments);
    uint32_t length = wanted < LINE_SIZE ? (uint32_t)wanted : LINE_SIZE - 1;

    remember(text, length);
    if (still_logs())
        log_characters(text, length);
}

void stacsos_spinlock_irq_acquire(void *memory, unsigned long long *flags)
{
    struct spinlock_irq *lock = memory;

    if (!lock->name)
        lock->name = "spinlock_irq"; /* every core writes the same value */
    *flags = spinlock_irq_lock(lock);
}

void stacsos_spinlock_irq_release(void *lock, unsigned long long flags)
{
    spinlock_irq_unlock(lock, flags);
}
