/*
 * single-irq and irq: the mixed workload, while interrupt handlers on the same cores allocate and
 * free, too. The interrupts come from each core's timer and from other cores. With a lock that
 * leaves interrupts on, a handler asks for a lock that its own core holds.
 */
#include <arch/work.h>
#include <lib/count.h>
#include <smp/percpu.h>
#include <stress/phases.h>
#include <stress/tick.h>
#include <stress/watchdog.h>
#include <stress/workload.h>

enum {
    IRQ_SLOTS = 8,
    IRQ_ORDERS = 4, /* orders 0 to 3, so that a handler is short */
    IRQ_HZ = 1000,
    TURNS_A_WORK = 16,  /* turns between interrupts to other cores */
    MOST_IN_A_CALL = 4, /* handlers that act while the core itself makes no progress */
};

/*
 * What a core's handlers hold. Its handlers use this; the core itself does so only while they are
 * not active.
 */
struct irq_state {
    bool active;
    uint64_t progress;       /* of this core outside of handlers, at the last handler */
    unsigned idle;           /* handlers since that progress changed */
    pfn_t blocks[IRQ_SLOTS]; /* pfn + 1, or 0 */
};

static struct irq_state states[CORE_LIMIT];
static struct run *running;

/*
 * With a slow lock, handlers could take all of a core's time. So they do nothing after
 * MOST_IN_A_CALL handlers during which the core itself made no progress.
 */
static bool is_overrun(struct irq_state *state)
{
    uint64_t progress = watch_own_progress();

    state->idle = progress == state->progress ? state->idle + 1 : 0;
    state->progress = progress;
    return state->idle >= MOST_IN_A_CALL;
}

/* In an interrupt handler, interrupts off. */
static void handle(void)
{
    struct irq_state *state = &states[cpu_number()];

    if (!state->active || is_overrun(state))
        return;
    struct core *core = &running->interrupt_cores[cpu_number()];
    pfn_t *block = &state->blocks[prng_below(&core->random, IRQ_SLOTS)];
    if (*block) {
        arena_free(&running->arena, core, *block - 1);
        *block = 0;
    } else {
        unsigned largest = running->arena.largest_order;
        unsigned order = (unsigned)prng_below(&core->random,
                                              largest + 1 < IRQ_ORDERS ? largest + 1 : IRQ_ORDERS);
        pfn_t pfn = arena_allocate(&running->arena, core, order);
        *block = pfn == INVALID_PFN ? 0 : pfn + 1;
    }
    count_add(&core->counts.interrupts, 1);
}

static void on_timer(void)
{
    watchdog_tick();
    handle();
}

static void prepare(struct run *run)
{
    uint32_t cores = run->phase->alone ? 1 : run->core_count;
    uint64_t quota = run->arena.inserted_pages / 2 / cores;
    uint64_t handlers = (uint64_t)cores * IRQ_SLOTS;

    running = run;
    work_set_handler(handle);
    workload_prepare(run, quota);
    /* `alone` is false even on one core: a handler may free a block right after a refusal. */
    run->arena.alone = false;
    arena_set_bounds(&run->arena, (uint64_t)cores * CORE_SLOTS + handlers,
                     cores * quota + handlers * arena_block_pages(&run->arena, IRQ_ORDERS - 1));
}

static void set_active(uint32_t core, bool active)
{
    irq_flags_t flags = irq_save();

    states[core].active = active;
    irq_restore(flags);
}

static void round_irq(struct run *run, struct core *core)
{
    uint32_t cores = run->phase->alone ? 1 : run->core_count;

    set_active(core->number, true);
    tick_start(IRQ_HZ, on_timer);
    while (run_goes_on(run, core)) {
        workload_turn(run, core);
        if (core->steps % TURNS_A_WORK == 0)
            work_send(percpu_table[core->steps / TURNS_A_WORK % cores]->local.apic_id);
    }
    set_active(core->number, false);
    watchdog_start_core();
}

static void release(struct run *run, struct core *core)
{
    struct irq_state *state = &states[core->number];

    workload_release(run, core);
    for (unsigned i = 0; i < IRQ_SLOTS; i++) {
        if (state->blocks[i])
            arena_free(&run->arena, core, state->blocks[i] - 1);
        state->blocks[i] = 0;
    }
}

const struct phase phase_single_irq = {
    .row = PHASE_ROW(single_irq),
    .alone = true,
    .weight = 1,
    .floor = {.interrupts = 20},
    .prepare = prepare,
    .round = round_irq,
    .release = release,
};

const struct phase phase_irq = {
    .row = PHASE_ROW(irq),
    .weight = 3,
    .floor = {.overlapped = 50, .interrupts = 100},
    .prepare = prepare,
    .round = round_irq,
    .release = release,
};
