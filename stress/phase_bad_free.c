/*
 * bad-free: each core holds a block and tries to free it in every wrong way, while the other cores
 * do the same with theirs. The allocator must refuse each such free and change nothing.
 *
 * At the end of a round come bursts of double frees. Two cores free the same blocks at the same
 * time, or a core and its interrupt handler do. Exactly one free of a block must be accepted. No
 * core allocates during a burst. (selftest has double frees one after the other.)
 */
#include <arch/clock.h>
#include <arch/cpu.h>
#include <arch/work.h>
#include <lib/bitmap.h>
#include <smp/percpu.h>
#include <stddef.h>
#include <stress/free_at_once.h>
#include <stress/phases.h>

enum {
    LARGEST_ORDER = 6,
    BURSTS = 48,         /* a round, if time allows ... */
    BURSTS_BY_COUNT = 8, /* ... and with ops= */
    BURST_BLOCKS = 8,    /* of a core */
    BURST_ORDERS = 4, /* 0 .. 3; BURST_BLOCKS of the largest are as large as one of LARGEST_ORDER */
    PATIENCE_MS = 32, /* divided among the cores, for a wait */
    FIRST_DELAY = 512, /* turns between an interrupt sent and a free, to begin with */
    LONGEST_DELAY = 1 << 14,
    MOST_IN_VAIN = 3,   /* waits that make the next one shorter */
    PART_OF_PHASE = 16, /* of its time, for the bursts of a round */
};

/* What a core brings to a burst. */
struct share {
    struct prng random; /* the round's own stream must not depend on how many bursts there were */
    struct free_at_once blocks[BURST_BLOCKS];
    unsigned count;
    unsigned delay;              /* between an interrupt sent and a free */
    unsigned in_vain;            /* waits that were, one after the other */
    unsigned at;                 /* how many blocks this core has come to. Atomic */
    struct free_at_once *handed; /* for this core's next handler, or NULL. Atomic */
};

static struct share shares[CORE_LIMIT];
static bool enough; /* no more bursts in this round: core 0's word, while the others free */
static struct run *running;

static pfn_t never_inserted; /* a page within the pool's range that is not in it, or INVALID_PFN */

static void free_what_is_handed(void)
{
    uint32_t core = cpu_number();
    struct free_at_once *shared = __atomic_exchange_n(&shares[core].handed, NULL, __ATOMIC_ACQUIRE);

    if (shared)
        free_at_once(&running->arena, &running->interrupt_cores[core], shared);
}

static void prepare(struct run *run)
{
    const struct arena *arena = &run->arena;
    uint64_t blocks = run->core_count;
    uint64_t index = bitmap_find_clear(arena->inserted, 0, arena->end - arena->start);

    never_inserted = index == BITMAP_NONE ? INVALID_PFN : arena->start + index;
    arena_set_bounds(&run->arena, blocks * BURST_BLOCKS, blocks << LARGEST_ORDER);
    running = run;
    for (uint32_t core = 0; core < run->core_count; core++) {
        shares[core].delay = FIRST_DELAY;
        prng_seed(&shares[core].random, run->options->common.seed, (uint64_t)core << 32 | 1);
    }
    if (work_is_possible())
        work_set_handler(free_what_is_handed);
}

/* Whether the allocator takes blocks of different sizes for the two orders. */
static bool differs(const struct arena *arena, unsigned order, unsigned other)
{
    return arena_taken_order(arena, order) != arena_taken_order(arena, other);
}

static void try_orders(struct arena *arena, struct core *core, pfn_t pfn, unsigned order)
{
    if (arena->allocator->free_ignores_order)
        return;
    if (order < arena->largest_order && pfn % order_pages(order + 1) == 0 &&
        differs(arena, order, order + 1))
        arena_bad_free(arena, core, pfn, order + 1, "one order too large");
    if (order > 0 && differs(arena, order, order - 1))
        arena_bad_free(arena, core, pfn, order - 1, "one order too small");
    arena_bad_free(arena, core, pfn, arena->largest_order + 1, "an order that does not exist");
}

static void try_places(struct arena *arena, struct core *core, pfn_t pfn, unsigned order)
{
    if (order == 0)
        return;
    arena_bad_free(arena, core, pfn + 1, order, "misaligned");
    arena_bad_free(arena, core, pfn + order_pages(order) / 2, order - 1,
                   "the upper half of a block");
    arena_bad_free(arena, core, pfn + order_pages(order) - 1, 0, "the last page of a block");
}

static void try_foreign(struct arena *arena, struct core *core)
{
    arena_bad_free(arena, core, arena->end, 0, "beyond the pool's end");
    arena_bad_free(arena, core, INVALID_PFN, 0, "no page at all");
    if (arena->start > 0)
        arena_bad_free(arena, core, arena->start - 1, 0, "before the pool's start");
    if (never_inserted != INVALID_PFN)
        arena_bad_free(arena, core, never_inserted, 0, "a page never inserted");
}

/* ---- bursts of double frees ---- */

static void take_blocks(struct run *run, struct core *core, struct share *mine)
{
    unsigned orders = run->arena.largest_order + 1;

    mine->count = 0;
    __atomic_store_n(&mine->at, 0, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < BURST_BLOCKS; i++) {
        unsigned order =
            (unsigned)prng_below(&mine->random, orders < BURST_ORDERS ? orders : BURST_ORDERS);
        pfn_t pfn = arena_allocate(&run->arena, core, order);
        if (pfn != INVALID_PFN)
            mine->blocks[mine->count++] = free_at_once_begin(&run->arena, core, pfn);
    }
}

/* The core that frees what this one frees: another in each burst; itself if it is left over. */
static uint32_t partner_of(const struct run *run, uint32_t core, unsigned burst)
{
    uint32_t cores = run->core_count, turn = burst % cores;
    uint32_t partner = ((core + turn) % cores) ^ 1;

    return partner < cores ? (partner + cores - turn) % cores : core;
}

/*
 * Let others run, in a wait for one of them. A host with few processors may not run it for long, so
 * a core that has waited in vain waits half as long the next time.
 */
static bool patience_ends(const struct run *run, struct share *mine, uint64_t began)
{
    uint64_t most = PATIENCE_MS * clock_hz() / 1000 / run->core_count >> mine->in_vain;

    cpu_relax();
    if (cpu_cycles() - began <= most)
        return false;
    mine->in_vain += mine->in_vain < MOST_IN_VAIN;
    return true;
}

/* Wait until the partner has come as far, so that both go on at the same time. */
static void come_together(const struct run *run, struct share *mine, const struct share *theirs)
{
    unsigned at = __atomic_add_fetch(&mine->at, 1, __ATOMIC_RELAXED);
    uint64_t began = cpu_cycles();

    while (__atomic_load_n(&theirs->at, __ATOMIC_RELAXED) < at)
        if (patience_ends(run, mine, began))
            return;
    mine->in_vain = 0;
}

/* Wait until this core's handler has taken the block. Returns whether it has. */
static bool await_handler(const struct run *run, struct share *mine)
{
    uint64_t began = cpu_cycles();

    while (__atomic_load_n(&mine->handed, __ATOMIC_RELAXED))
        if (patience_ends(run, mine, began))
            return false;
    return true;
}

/*
 * The delay that lets the interrupt come while the free runs is found by trying: shorter if the
 * handler freed the block last time, for then it came too early, longer if it did not.
 */
static void adapt_delay(struct share *mine, bool handler_was_late)
{
    unsigned step = 1 + (unsigned)prng_below(&mine->random, 1 + mine->delay / 4);

    if (!handler_was_late)
        mine->delay = mine->delay > step ? mine->delay - step : 0;
    else if (mine->delay + step < LONGEST_DELAY)
        mine->delay += step;
}

/* No PAUSE: it would take longer than a free. */
static void delay(const struct share *mine)
{
    for (unsigned turn = 0; turn < mine->delay; turn++)
        (void)__atomic_load_n(&mine->handed, __ATOMIC_RELAXED);
}

/* Both cores free the blocks of both, in the same order. A core without a partner frees its own
 * twice. */
static void free_with_partner(struct run *run, struct core *core, uint32_t partner)
{
    struct share *mine = &shares[core->number], *theirs = &shares[partner];
    struct share *owners[] = {partner < core->number ? theirs : mine,
                              partner < core->number ? mine : theirs};

    for (unsigned owner = 0; owner < 2; owner++)
        for (unsigned i = 0; i < owners[owner]->count; i++) {
            come_together(run, mine, theirs);
            free_at_once(&run->arena, core, &owners[owner]->blocks[i]);
        }
}

/*
 * Each core frees its own blocks, and so does its handler, for which the partner sends the
 * interrupt: one that a core sends to itself always comes before the free. Often it comes too early
 * or too late, and the handler finds a block that is free, or none.
 */
static void free_with_handler(struct run *run, struct core *core, uint32_t partner)
{
    struct share *mine = &shares[core->number];

    for (unsigned i = 0; i < mine->count; i++) {
        __atomic_store_n(&mine->handed, &mine->blocks[i], __ATOMIC_RELEASE);
        come_together(run, mine, &shares[partner]);
        work_send(percpu_table[partner]->local.apic_id);
        delay(mine);
        bool accepted = free_at_once(&run->arena, core, &mine->blocks[i]);
        if (await_handler(run, mine))
            adapt_delay(mine, accepted);
        __atomic_store_n(&mine->handed, NULL, __ATOMIC_RELAXED);
    }
}

static void burst_of_frees(struct run *run, struct core *core, unsigned burst)
{
    bool can_interrupt = run->arena.allocator->promises & PROMISE_IRQ_SAFE && work_is_possible();
    uint32_t partner = partner_of(run, core->number, burst / 2);
    struct share *mine = &shares[core->number];

    take_blocks(run, core, mine);
    run_meet(run);
    if (burst % 2 && can_interrupt)
        free_with_handler(run, core, partner);
    else
        free_with_partner(run, core, partner);
}

static void round_bursts(struct run *run, struct core *core)
{
    struct share *mine = &shares[core->number];
    uint64_t began = cpu_cycles();
    uint64_t most = (run->phase_end - run->phase_start) / PART_OF_PHASE;
    unsigned bursts = run->options->ops ? BURSTS_BY_COUNT : BURSTS;
    bool ends = false;

    for (unsigned burst = 0; burst < bursts && !ends; burst++) {
        burst_of_frees(run, core, burst + (unsigned)run->rounds);
        if (core->number == 0)
            enough = !run->options->ops && cpu_cycles() - began > most;
        run_meet(run);
        ends = enough;
        for (unsigned i = 0; i < mine->count; i++)
            free_at_once_end(&mine->blocks[i]);
    }
}

static void round_bad_free(struct run *run, struct core *core)
{
    struct arena *arena = &run->arena;

    while (run_goes_on(run, core)) {
        unsigned order = run_draw_order(
            run, core, arena->largest_order < LARGEST_ORDER ? arena->largest_order : LARGEST_ORDER);
        pfn_t pfn = arena_allocate(arena, core, order);
        core_step(core, order);
        if (pfn == INVALID_PFN)
            continue;
        try_orders(arena, core, pfn, order);
        try_places(arena, core, pfn, order);
        try_foreign(arena, core);
        arena_free(arena, core, pfn);
    }
    round_bursts(run, core);
}

const struct phase phase_bad_free = {
    .row = PHASE_ROW(bad_free),
    .repeats = true,
    .weight = 1,
    .floor = {.overlapped = 20, .bad_frees = 100},
    .prepare = prepare,
    .round = round_bad_free,
};
