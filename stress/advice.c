#include <lib/printf.h>
#include <mm/page_allocator.h>
#include <stress/advice.h>

/* The traits of lib/rules.def. REPLAYED and PLANTED are 0 here: only Python uses them. */
enum {
    TORN = 1 << 0,
    EVERY_CORE = 1 << 1,
    REPLAYED = 0,
    PLANTED = 0,
};

static const struct advice {
    unsigned promise;
    unsigned traits;
    const char *hint;
} table[] = {
#define RULE(name, title, verdict, promise, traits, holds, where, hint) \
    [RULE_##name] = {promise, traits, hint},
#include <lib/rules.def>
};

unsigned advice_promise(enum rule rule)
{
    return table[rule].promise;
}

const char *advice_hint(enum rule rule)
{
    return table[rule].hint;
}

const char *advice_hint_shared(enum rule rule)
{
    static char text[200];

    if (!(table[rule].traits & TORN))
        return advice_hint(rule);
    format_text(text, sizeof(text),
                "what is done without the lock, several cores being at work; then %s",
                advice_hint(rule));
    return text;
}

bool advice_is_about_every_core(enum rule rule)
{
    return table[rule].traits & EVERY_CORE;
}
