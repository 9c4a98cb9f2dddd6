#include <lib/fail.h>
#include <lib/log.h>
#include <lib/printf.h>
#include <lib/sinks.h>

char sinks_last_words[SINKS_LAST_WORDS_SIZE];

static void keep_last_words(enum rule rule, const char *format, va_list arguments)
{
    int length = format_text(sinks_last_words, SINKS_LAST_WORDS_SIZE / 2, "%s: ", rule_name(rule));

    format_text_va(sinks_last_words + length, SINKS_LAST_WORDS_SIZE - (size_t)length, format,
                   arguments);
    __builtin_trap();
}

static void log_nothing(const char *format, va_list arguments)
{
    (void)format, (void)arguments;
}

static const struct sinks nobody = {.fail = keep_last_words, .log = log_nothing};
static const struct sinks *registered = &nobody;

void sinks_set(const struct sinks *sinks)
{
    __atomic_store_n(&registered, sinks ? sinks : &nobody, __ATOMIC_RELEASE);
}

const struct sinks *sinks_get(void)
{
    return __atomic_load_n(&registered, __ATOMIC_ACQUIRE);
}

/* A number out of range comes from an object file that was built for another version. */
void fail(enum rule rule, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    sinks_get()->fail(rule < RULE_COUNT ? rule : RULE_PANIC, format, arguments);
    va_end(arguments);
    __builtin_trap();
}

void log_line(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    sinks_get()->log(format, arguments);
    va_end(arguments);
}
