/*
 * single and mixed: each core has a few slots; a turn picks one and allocates into it or frees what
 * it holds.
 *
 * What a core chooses depends on its own random stream alone: a slot whose allocation failed counts
 * as taken until its turn to be freed. So a seed repeats each core's sequence, whatever the others
 * did.
 */
#include <lib/fail.h>
#include <stress/phases.h>

struct slot {
    bool taken; /* by plan; pfn may be INVALID_PFN all the same */
    unsigned order;
    pfn_t pfn;
};

struct mix {
    struct slot slots[CORE_SLOTS];
    uint64_t planned_pages;
};

static struct mix mixes[MAX_CORES];
static uint64_t quota; /* pages a core may plan to hold */

static void prepare_single(struct run *run)
{
    quota = run->arena.inserted_pages;
    mixes[0] = (struct mix){0};
}

/* Half the memory is spread over the cores; the rest is what false-oom relies on. */
static void prepare_mixed(struct run *run)
{
    quota = run->arena.inserted_pages / 2 / run->core_count;
    if (quota == 0)
        quota = 1;
    for (uint32_t i = 0; i < run->core_count; i++)
        mixes[i] = (struct mix){0};
    arena_set_bounds(&run->arena, (uint64_t)run->core_count * CORE_SLOTS, run->core_count * quota);
}

static unsigned largest_planned(const struct mix *mix)
{
    unsigned order = MAX_ORDER;

    while (order > 0 && mix->planned_pages + order_pages(order) > quota)
        order--;
    return order;
}

static void take(struct run *run, struct core *core, struct mix *mix, struct slot *slot)
{
    slot->taken = true;
    slot->order = run_draw_order(run, core, largest_planned(mix));
    mix->planned_pages += order_pages(slot->order);
    slot->pfn = arena_allocate(&run->arena, core, slot->order);
}

static void give(struct run *run, struct core *core, struct mix *mix, struct slot *slot)
{
    slot->taken = false;
    mix->planned_pages -= order_pages(slot->order);
    if (slot->pfn != INVALID_PFN)
        arena_free(&run->arena, core, slot->pfn);
}

static void turn(struct run *run, struct core *core, struct mix *mix)
{
    uint64_t index = prng_below(&core->random, CORE_SLOTS);
    struct slot *slot = &mix->slots[index];

    if (slot->taken)
        give(run, core, mix, slot);
    else if (mix->planned_pages < quota)
        take(run, core, mix, slot);
    core_step(core, index << 8 | slot->order << 1 | slot->taken);
}

static void round_mixed(struct run *run, struct core *core)
{
    struct mix *mix = &mixes[core->number];

    while (run_goes_on(run, core))
        turn(run, core, mix);
}

/* Alone, a walk costs little and finds a broken list close to where it broke. */
static void round_single(struct run *run, struct core *core)
{
    enum { STEPS_A_WALK = 1024 };
    struct mix *mix = &mixes[core->number];

    while (run_goes_on(run, core)) {
        turn(run, core, mix);
        if (core->steps % STEPS_A_WALK == 0)
            arena_check(&run->arena);
    }
}

static void release(struct run *run, struct core *core)
{
    struct mix *mix = &mixes[core->number];

    for (unsigned i = 0; i < CORE_SLOTS; i++)
        if (mix->slots[i].taken)
            give(run, core, mix, &mix->slots[i]);
}

const struct phase phase_single = {
    .name = "single",
    .alone = true,
    .repeats = true,
    .weight = 1,
    .prepare = prepare_single,
    .round = round_single,
    .release = release,
};

const struct phase phase_mixed = {
    .name = "mixed",
    .repeats = true,
    .weight = 5,
    .floor = {.handoffs = 200, .contended = 20},
    .prepare = prepare_mixed,
    .round = round_mixed,
    .release = release,
};
