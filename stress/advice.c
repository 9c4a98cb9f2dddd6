#include <lib/printf.h>
#include <lib/string.h>
#include <mm/page_allocator.h>
#include <stddef.h>
#include <stress/advice.h>

struct advice {
    const char *rule;
    unsigned promise;
    const char *hint;
};

static const struct advice table[] = {
    {"overlap", 0, "how the block it was handed last was found and taken off its list"},
    {"outside", 0, "how a range is cut into blocks on insertion, above all its end"},
    {"misplaced", 0,
     "the condition: is it asked of the whole block, and of the block that is taken?"},
    {"misaligned", 0, "which half a split keeps, and the alignment of ranges on insertion"},
    {"content", 0,
     "who writes into pages that are handed out: links of a free list, a merge's bookkeeping"},
    {"free-list", 0, "the insertion into and the removal from the list named above"},
    {"uncoalesced", PROMISE_COALESCES,
     "the test whether the buddy is free, at the same order, and the loop upward"},
    {"residue", PROMISE_COALESCES,
     "merging: the free blocks differ from those at the start, though nothing is held"},
    {"lost", 0,
     "what is left over of a split, of a range, or of an operation that failed half way"},
    {"false-oom", PROMISE_TRUE_OOM,
     "the upward search, and whether a block is ever off all lists while the lock is free"},
    {"free-refused", 0, "the checks on free: this block was handed out, with this order"},
    {"insert-refused", 0, "the checks on insertion: these pages were not in"},
    {"remove-held", 0, "the check on removal that every page is free"},
    {"race", PROMISE_SMP_SAFE,
     "both functions named: which lock do they share, and is what they read meant to be atomic? A "
     "race that is meant to be is declared by BENIGN_RACE(function, reason)"},
    {"bad-free", PROMISE_REFUSES_BAD_FREE,
     "the checks on free: state, order and alignment of the block"},
    {"irq-state", PROMISE_IRQ_SAFE,
     "every return after the lock is taken: is the saved interrupt state restored?"},
    {"lock-held", PROMISE_SMP_SAFE,
     "every return after the lock is taken, the error paths above all"},
    {"lock-owner", PROMISE_SMP_SAFE,
     "who already holds the lock: a function that calls another which locks, or an interrupt let "
     "in"},
    {"deadlock", PROMISE_SMP_SAFE, "the order in which the locks named above are taken"},
    {"stall", 0,
     "the backtrace of the core that makes no progress: a loop without end, a lock of your own"},
    {"panic", 0, "the allocator's own check that failed, named above"},
    {"error-code", 0, "the error that the interface wants for this case"},
    {"selftest", 0, "the step named above: it is a case small enough for paper"},
    {"wild-access", 0, "the backtrace of the core that failed: a link that leads nowhere"},
    {"stack", 0, "the backtrace of the core that failed: recursion without end"},
    {"trap", 0, "the backtrace of the core that failed"},
};

static const struct advice *find(const char *rule)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (strcmp(table[i].rule, rule) == 0)
            return &table[i];
    return NULL;
}

unsigned advice_promise(const char *rule)
{
    const struct advice *advice = find(rule);

    return advice ? advice->promise : 0;
}

/* What a lock that is not taken, or released too early, breaks. */
static bool may_be_torn(const char *rule)
{
    static const char *const rules[] = {"overlap",     "outside", "content",   "free-list",
                                        "uncoalesced", "lost",    "false-oom", "free-refused",
                                        "wild-access", "trap",    "panic"};

    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        if (strcmp(rules[i], rule) == 0)
            return true;
    return false;
}

const char *advice_hint_shared(const char *rule)
{
    static char text[200];

    if (!may_be_torn(rule))
        return advice_hint(rule);
    format_text(text, sizeof(text),
                "what is done without the lock, several cores being at work; then %s",
                advice_hint(rule));
    return text;
}

const char *advice_hint(const char *rule)
{
    const struct advice *advice = find(rule);

    return advice ? advice->hint : "the message itself";
}
