#include <arch/cpu.h>
#include <arch/irq.h>
#include <lib/fail.h>
#include <smp/percpu.h>
#include <stress/call.h>
#include <stress/watch.h>

/* As a core was before a call, and must be after it. */
struct standing {
    bool interrupts;
    uint32_t locks_held;
};

static struct standing standing_now(void)
{
    return (struct standing){irq_enabled(), this_cpu()->locks_held};
}

static void check_standing(struct standing before, const char *function)
{
    const struct percpu *cpu = this_cpu();

    if (cpu->locks_held != before.locks_held)
        fail("lock-held", "core %u returned from %s with %u locks held, %u before: %s",
             cpu->local.number, function, cpu->locks_held, before.locks_held,
             percpu_held_name(cpu));
    if (irq_enabled() != before.interrupts)
        fail("irq-state", "core %u returned from %s with interrupts %s, %s before",
             cpu->local.number, function, irq_enabled() ? "on" : "off",
             before.interrupts ? "on" : "off");
}

struct call {
    struct core *core;
    const char *function;
    struct standing before;
};

static struct history_entry make_entry(enum operation operation, pfn_t pfn, struct holding holding)
{
    return (struct history_entry){
        .cycles = cpu_cycles(),
        .pfn = pfn,
        .operation = (uint8_t)operation,
        .order = (uint8_t)(holding.order_plus_1 - 1),
        .holder = holding.core,
        .serial = holding.serial,
    };
}

static struct call call_begin(struct core *core, const char *function, enum operation operation,
                              pfn_t pfn, struct holding holding)
{
    core->now = make_entry(operation, pfn, holding);
    if (!core->in_interrupt)
        watch_progress();
    return (struct call){core, function, standing_now()};
}

static void call_end(struct call call)
{
    check_standing(call.before, call.function);
    call.core->now.operation = OPERATION_NONE;
    if (!call.core->in_interrupt)
        watch_progress();
}

void call_remember(struct core *core, enum operation operation, pfn_t pfn, struct holding holding)
{
    core->history[core->history_next++ % HISTORY_SIZE] = make_entry(operation, pfn, holding);
}

pfn_t call_allocate(struct arena *arena, struct core *core, struct holding holding)
{
    struct call call =
        call_begin(core, "allocate_pages", OPERATION_ALLOCATING, INVALID_PFN, holding);
    pfn_t pfn = arena->allocator->allocate_pages(arena->pool, holding.order_plus_1 - 1u);

    call_end(call);
    return pfn;
}

enum page_error call_free(struct arena *arena, struct core *core, enum operation operation,
                          pfn_t pfn, struct holding holding)
{
    struct call call = call_begin(core, "free_pages", operation, pfn, holding);
    enum page_error error =
        arena->allocator->free_pages(arena->pool, pfn, holding.order_plus_1 - 1u);

    call_end(call);
    return error;
}

enum page_error call_insert(const struct arena *arena, pfn_t start, uint64_t count)
{
    struct standing before = standing_now();
    enum page_error error = arena->allocator->insert_pages(arena->pool, start, count);

    check_standing(before, "insert_pages");
    return error;
}

enum page_error call_remove(const struct arena *arena, pfn_t start, uint64_t count)
{
    struct standing before = standing_now();
    enum page_error error = arena->allocator->remove_pages(arena->pool, start, count);

    check_standing(before, "remove_pages");
    return error;
}
