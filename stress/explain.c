#include <arch/backtrace.h>
#include <arch/clock.h>
#include <arch/irq.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <lib/symbols.h>
#include <smp/percpu.h>
#include <stddef.h>
#include <stress/explain.h>
#include <stress/report.h>
#include <stress/watchdog.h>

enum {
    MOST_FRAMES = 16,
    NAME_SIZE = 80,
    TEXT_SIZE = 160,
};

static const struct core *all_cores;
static uint32_t core_count;
static uint32_t history_count; /* one for each core, then one for each core's interrupt handlers */
static bool alone = true;      /* only core 0 works; also before the first phase */
static pfn_t block_pfn = INVALID_PFN;
static uint64_t block_pages;
static enum rule blamed[CORE_LIMIT]; /* for each core: the rule that the title blames it for */

void explain_set_cores(const struct core *cores, uint32_t count)
{
    all_cores = cores;
    core_count = count;
    history_count = 2 * count;
}

void explain_set_alone(bool new_alone)
{
    alone = new_alone;
}

void explain_block(pfn_t pfn, unsigned order)
{
    block_pfn = pfn;
    block_pages = (uint64_t)1 << order;
}

void explain_blame(uint32_t core, enum rule rule)
{
    blamed[core] = rule;
}

/* ---- operations ---- */

static const char *range_call(uint8_t operation)
{
    switch (operation) {
    case OPERATION_INIT:
        return "init";
    case OPERATION_INSERT:
        return "insert_pages";
    case OPERATION_REMOVE:
        return "remove_pages";
    default:
        return NULL;
    }
}

const char *explain_range_call(uint32_t number)
{
    return number < core_count ? range_call(all_cores[number].now.operation) : NULL;
}

/* Write an operation as key=value (docs/LOG.md): at most `size` characters, the NUL included. */
static void describe_operation(const struct history_entry *entry, char *text, size_t size)
{
    switch (entry->operation) {
    case OPERATION_ALLOCATE:
        format_text(text, size, "call=allocate order=%u pfn=0x%lx number=%u", entry->order,
                    entry->pfn, entry->serial);
        return;
    case OPERATION_FREE:
        format_text(text, size, "call=free order=%u pfn=0x%lx number=%u owner=%u", entry->order,
                    entry->pfn, entry->serial, entry->holder);
        return;
    case OPERATION_OUT_OF_MEMORY:
        format_text(text, size, "call=allocate order=%u result=out-of-memory", entry->order);
        return;
    case OPERATION_BAD_FREE:
        format_text(text, size, "call=bad-free order=%u pfn=0x%lx", entry->order, entry->pfn);
        return;
    case OPERATION_ALLOCATING:
        format_text(text, size, "call=allocate order=%u", entry->order);
        return;
    case OPERATION_INIT:
    case OPERATION_INSERT:
    case OPERATION_REMOVE:
        format_text(text, size, "call=%s from=0x%lx to=0x%lx", range_call(entry->operation),
                    entry->pfn, entry->pfn + entry->serial);
        return;
    case OPERATION_WALK:
        format_text(text, size, "call=first-walk");
        return;
    default:
        format_text(text, size, "call=none");
    }
}

static bool touches_block(const struct history_entry *entry)
{
    return block_pfn != INVALID_PFN && entry->operation != OPERATION_OUT_OF_MEMORY &&
           entry->pfn < block_pfn + block_pages &&
           block_pfn < entry->pfn + ((uint64_t)1 << entry->order);
}

static void report_operation(const struct core *core, const struct history_entry *entry,
                             uint64_t failed_at)
{
    char text[TEXT_SIZE];
    bool after = entry->cycles > failed_at; /* the other cores go on until the NMI reaches them */
    uint64_t nanoseconds =
        clock_cycles_to_ns(after ? entry->cycles - failed_at : failed_at - entry->cycles);

    describe_operation(entry, text, sizeof(text));
    report_line("# history us=%c%lu.%03lu core=%u%s %s%s", after ? '+' : '-', nanoseconds / 1000,
                nanoseconds % 1000, core->number, core->in_interrupt ? " in=interrupt" : "", text,
                touches_block(entry) ? " touches=this-block <--" : "");
}

/*
 * Index of the history with the oldest operation that is not yet reported; history_count if there
 * is none. `told` has the number of reported operations for each history.
 */
static uint32_t oldest(const uint8_t *told)
{
    uint32_t found = history_count;
    uint64_t cycles = UINT64_MAX;

    for (uint32_t i = 0; i < history_count; i++) {
        const struct core *core = &all_cores[i];
        uint64_t kept = core->history_next < HISTORY_SIZE ? core->history_next : HISTORY_SIZE;
        if (told[i] == kept)
            continue;
        uint64_t next = core->history_next - kept + told[i];
        if (core->history[next % HISTORY_SIZE].cycles <= cycles) {
            cycles = core->history[next % HISTORY_SIZE].cycles;
            found = i;
        }
    }
    return found;
}

static void report_history(uint64_t failed_at)
{
    uint8_t told[2 * CORE_LIMIT] = {0};

    for (uint32_t i = oldest(told); i < history_count; i = oldest(told)) {
        const struct core *core = &all_cores[i];
        uint64_t kept = core->history_next < HISTORY_SIZE ? core->history_next : HISTORY_SIZE;
        uint64_t next = core->history_next - kept + told[i]++;
        report_operation(core, &core->history[next % HISTORY_SIZE], failed_at);
    }
}

/* ---- locks ---- */

static uint64_t microseconds_since(uint64_t cycles, uint64_t failed_at)
{
    return failed_at > cycles ? clock_cycles_to_ns(failed_at - cycles) / 1000 : 0;
}

static void report_waiters(const struct spinlock_irq *lock, const char *lock_name,
                           uint64_t failed_at)
{
    char name[NAME_SIZE];

    for (uint32_t i = 0; i < percpu_count; i++) {
        const struct percpu *core = percpu_table[i];
        if (core->waiting_for == lock)
            report_line("# lock=%s waiter=%u us=%lu at=%s", lock_name, i,
                        microseconds_since(core->waiting_since, failed_at),
                        symbol_format_return(name, sizeof(name), (uintptr_t)core->waiting_at));
    }
}

static void report_lock(const struct spinlock_irq *lock, uint32_t owner, uint64_t failed_at)
{
    char name[NAME_SIZE], lock_name[NAME_SIZE];

    format_value(lock_name, sizeof(lock_name), lock->name);
    report_line("# lock=%s owner=%u us=%lu at=%s", lock_name, owner,
                microseconds_since(lock->taken_at, failed_at),
                symbol_format_return(name, sizeof(name), (uintptr_t)lock->owner_at));
    report_waiters(lock, lock_name, failed_at);
}

static void report_locks(uint64_t failed_at)
{
    /* An entry of held[] is NULL if its lock was released while more than HELD_LOCKS were held. */
    for (uint32_t i = 0; i < percpu_count; i++)
        for (uint32_t k = 0; k < percpu_table[i]->locks_held && k < HELD_LOCKS; k++)
            if (percpu_table[i]->held[k])
                report_lock(percpu_table[i]->held[k], i, failed_at);
}

/* ---- cores ---- */

static void describe_state(const struct percpu *core, char *text, size_t size)
{
    const struct trap_frame *frame = core->frozen_at;
    const char *interrupts = !frame                             ? ""
                             : irq_flags_enabled(frame->rflags) ? " interrupts=on"
                                                                : " interrupts=off";
    const char *state = core == this_core()                  ? "reports"
                        : !core->frozen                      ? "unstopped"
                        : !watch_is_busy(core->local.number) ? "rests"
                        : core->waiting_for                  ? "waits"
                                                             : "works";
    enum rule rule = blamed[core->local.number];

    format_text(text, size, "state=%s%s locks=%u%s%s", state, interrupts, core->locks_held,
                rule ? " blamed=" : "", rule ? rule_name(rule) : "");
}

static void report_backtrace(const struct percpu *core)
{
    uint64_t addresses[MOST_FRAMES];
    char name[NAME_SIZE];
    size_t count = backtrace(core->frozen_at, core->stacks, addresses, MOST_FRAMES);

    for (size_t i = 0; i < count; i++) {
        const char *place = i == 0 && core->frozen_at
                                ? symbol_format(name, sizeof(name), addresses[i])
                                : symbol_format_return(name, sizeof(name), addresses[i]);
        report_line("#   core %u #%u %s", core->local.number, (unsigned)i, place);
    }
}

/* The call that a core, or its interrupt handler, is in; "" if none. */
static const char *describe_current(const struct core *core, char *text, size_t size)
{
    if (!core->now.operation)
        return "";
    text[0] = ' ';
    describe_operation(&core->now, text + 1, size - 1);
    return text;
}

/* The call of an interrupt handler gets its own line: the core may be in a call of its own. */
static void report_core(const struct percpu *core)
{
    char state[TEXT_SIZE], call[TEXT_SIZE];
    uint32_t number = core->local.number;
    bool stresses = number < core_count;

    describe_state(core, state, sizeof(state));
    report_line("# core=%u %s%s", number, state,
                stresses ? describe_current(&all_cores[number], call, sizeof(call)) : "");
    if (stresses && all_cores[core_count + number].now.operation)
        report_line("# core=%u in=interrupt%s", number,
                    describe_current(&all_cores[core_count + number], call, sizeof(call)));
    if (core == this_core() || core->frozen_at)
        report_backtrace(core);
}

static bool in_call(uint32_t number)
{
    return number < core_count &&
           (all_cores[number].now.operation || all_cores[core_count + number].now.operation);
}

/* Whether there is nothing to report about this core: it only waits at a barrier. */
static bool rests(const struct percpu *core)
{
    return core->online && core != this_core() && core->frozen &&
           !watch_is_busy(core->local.number) && !core->waiting_for && !core->locks_held &&
           !in_call(core->local.number);
}

static void report_resting_cores(void)
{
    char text[TEXT_SIZE] = "";
    uint32_t resting = 0;

    for (uint32_t i = 0, end; i < percpu_count; i = end + 1) {
        for (end = i; end < percpu_count && rests(percpu_table[end]); end++)
            ;
        size_t used = strlen(text);
        if (end - i > 1)
            format_text(text + used, sizeof(text) - used, "%s%u-%u", resting ? "," : "", i,
                        end - 1);
        else if (end - i == 1)
            format_text(text + used, sizeof(text) - used, "%s%u", resting ? "," : "", i);
        resting += end - i;
    }
    if (resting)
        report_line("# cores=%s state=rests", text);
}

void explain(uint64_t failed_at, bool every_core)
{
    bool brief = alone && !every_core;

    for (uint32_t i = 0; i < percpu_count; i++)
        if (percpu_table[i]->online && !(brief && rests(percpu_table[i])))
            report_core(percpu_table[i]);
    if (brief)
        report_resting_cores();
    report_locks(failed_at);
    report_history(failed_at);
}
