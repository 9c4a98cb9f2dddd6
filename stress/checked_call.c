#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/page.h>
#include <lib/fail.h>
#include <smp/percpu.h>
#include <stress/checked_call.h>
#include <stress/watchdog.h>

/* What must be the same on a core before and after a call. */
struct standing {
    bool interrupts;
    uint32_t locks_held;
};

static struct standing standing_now(void)
{
    return (struct standing){irq_enabled(), this_core()->locks_held};
}

static void check_standing(struct standing before, const char *function)
{
    const struct percpu *core = this_core();

    if (core->locks_held != before.locks_held)
        fail(RULE_LOCK_HELD, "core %u returned from %s with %u locks held, %u before: %s",
             core->local.number, function, core->locks_held, before.locks_held,
             percpu_held_name(core));
    if (irq_enabled() != before.interrupts)
        fail(RULE_IRQ_STATE, "core %u returned from %s with interrupts %s, %s before",
             core->local.number, function, irq_enabled() ? "on" : "off",
             before.interrupts ? "on" : "off");
}

struct call {
    struct core *core;
    const char *function;
    struct standing before;
    bool busy; /* in a call about a range: whether the core was at work before */
};

static struct core *all_cores; /* core_count of them; NULL: overlapping calls are not counted */
static uint32_t core_count;

void checked_call_set_cores(struct core *cores, uint32_t count)
{
    all_cores = cores;
    core_count = count;
}

static struct history_entry make_entry(enum operation operation, pfn_t pfn, struct block block)
{
    return (struct history_entry){
        .cycles = cpu_cycles(),
        .pfn = pfn,
        .operation = (uint8_t)operation,
        .order = block.order,
        .holder = block.core,
        .serial = block.serial,
    };
}

/*
 * Count it if another core is in a call at this moment. Each call looks at one other core, in turn,
 * and writes only to its own core's structure. This shows interleaving without any knowledge of
 * locks. Each call of the other core counts once: the host may have stopped that core in it, and
 * then it would be met again and again.
 */
static void look_around(struct core *core)
{
    if (core_count < 2 || core->in_interrupt)
        return;
    core->looked_at = core->looked_at + 1 < core_count ? core->looked_at + 1 : 0;
    uint32_t call = __atomic_load_n(&all_cores[core->looked_at].calling, __ATOMIC_RELAXED);
    if (core->looked_at == core->number || !call || call == core->met[core->looked_at])
        return;
    core->met[core->looked_at] = call;
    count_add(&core->counts.overlapped, 1);
}

static struct call call_begin(struct core *core, const char *function, enum operation operation,
                              pfn_t pfn, struct block block)
{
    look_around(core);
    core->now = make_entry(operation, pfn, block);
    core->call_count += core->call_count == UINT32_MAX ? 2 : 1; /* 0 means: in no call */
    __atomic_store_n(&core->calling, core->call_count, __ATOMIC_RELAXED);
    if (!core->in_interrupt)
        watchdog_progress();
    return (struct call){core, function, standing_now(), true};
}

static void call_end(struct call call)
{
    check_standing(call.before, call.function);
    __atomic_store_n(&call.core->calling, 0, __ATOMIC_RELAXED);
    call.core->now.operation = OPERATION_NONE;
    if (!call.core->in_interrupt)
        watchdog_progress();
}

void checked_call_remember(struct core *core, enum operation operation, pfn_t pfn,
                           struct block block)
{
    core->history[core->history_next++ % HISTORY_SIZE] = make_entry(operation, pfn, block);
}

/* ---- blocks ---- */

/* NULL means no block, even if a page lies at address 0. */
static pfn_t allocate_address(const struct arena *arena, unsigned order)
{
    void *address = arena->allocator->allocate_address(arena->pool, order);

    if ((uintptr_t)address % PAGE_SIZE)
        fail(RULE_MISALIGNED, "address %p order %u: no page begins there", address, order);
    return address ? address_to_pfn(address) : INVALID_PFN;
}

pfn_t checked_allocate(struct arena *arena, struct core *core, struct block block)
{
    struct call call = call_begin(core, "allocate_pages", OPERATION_ALLOCATING, INVALID_PFN, block);
    pfn_t pfn = arena->allocator->allocate_address
                    ? allocate_address(arena, block.order)
                    : arena->allocator->allocate_pages(arena->pool, block.order);

    call_end(call);
    return pfn;
}

static pfn_t allocate_placed(const struct arena *arena, unsigned order, struct place place)
{
    const struct page_allocator *allocator = arena->allocator;

    switch (place.kind) {
    case PLACE_BELOW:
        return allocator->allocate_below(arena->pool, order, place.where);
    case PLACE_AT:
        return allocator->allocate_at(arena->pool, place.where, order);
    default:
        return allocator->allocate_on_node(arena->pool, order, (unsigned)place.where);
    }
}

pfn_t checked_allocate_placed(struct arena *arena, struct core *core, struct block block,
                              struct place place)
{
    static const char *const functions[] = {"allocate_pages", "allocate_below", "allocate_at",
                                            "allocate_on_node"};
    struct call call =
        call_begin(core, functions[place.kind], OPERATION_ALLOCATING, INVALID_PFN, block);
    pfn_t pfn = allocate_placed(arena, block.order, place);

    call_end(call);
    return pfn;
}

enum page_error checked_free(struct arena *arena, struct core *core, enum operation operation,
                             pfn_t pfn, struct block block)
{
    struct call call = call_begin(core, "free_pages", operation, pfn, block);
    enum page_error error =
        arena->allocator->free_address
            ? arena->allocator->free_address(arena->pool, pfn_to_address(pfn), block.order)
            : arena->allocator->free_pages(arena->pool, pfn, block.order);

    call_end(call);
    return error;
}

/* ---- ranges ---- */

/* The structure of the core that runs, so that a failure report can show its call. */
static struct core *core_of_ranges(void)
{
    static struct core before_all; /* before checked_call_set_cores(), and in the explorer */

    return cpu_number() < core_count ? &all_cores[cpu_number()] : &before_all;
}

static struct call range_begin(const char *function, enum operation operation, pfn_t start,
                               uint64_t count)
{
    struct core *core = core_of_ranges();
    struct block pages = {.serial = (uint32_t)count};

    core->now = make_entry(operation, start, pages);
    return (struct call){core, function, standing_now(), watchdog_busy(true)};
}

static void range_end(struct call call)
{
    check_standing(call.before, call.function);
    call.core->now.operation = OPERATION_NONE;
    watchdog_busy(call.busy);
}

void checked_init(const struct arena *arena, pfn_t start, pfn_t end)
{
    struct call call = range_begin("init", OPERATION_INIT, start, end - start);

    arena->allocator->init(arena->pool, arena->metadata, start, end);
    range_end(call);
}

enum page_error checked_insert(const struct arena *arena, pfn_t start, uint64_t count)
{
    struct call call = range_begin("insert_pages", OPERATION_INSERT, start, count);
    enum page_error error = arena->allocator->insert_pages(arena->pool, start, count);

    range_end(call);
    return error;
}

enum page_error checked_remove(const struct arena *arena, pfn_t start, uint64_t count)
{
    struct call call = range_begin("remove_pages", OPERATION_REMOVE, start, count);
    enum page_error error = arena->allocator->remove_pages(arena->pool, start, count);

    range_end(call);
    return error;
}
