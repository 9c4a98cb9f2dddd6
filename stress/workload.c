#include <stress/workload.h>

struct slot {
    bool taken; /* by plan; pfn is INVALID_PFN if the allocation failed */
    unsigned order;
    pfn_t pfn;
};

struct mix {
    struct slot slots[CORE_SLOTS];
    uint64_t planned_pages;
};

static struct mix mixes[CORE_LIMIT];
static uint64_t pages_a_core;

void workload_prepare(const struct run *run, uint64_t quota)
{
    pages_a_core = quota ? quota : 1;
    for (uint32_t i = 0; i < run->core_count; i++)
        mixes[i] = (struct mix){0};
}

static unsigned largest_planned(const struct arena *arena, const struct mix *mix)
{
    unsigned order = arena->largest_order;

    while (order > 0 && mix->planned_pages + arena_block_pages(arena, order) > pages_a_core)
        order--;
    return order;
}

static void take(struct run *run, struct core *core, struct mix *mix, struct slot *slot)
{
    slot->taken = true;
    slot->order = run_draw_order(run, core, largest_planned(&run->arena, mix));
    mix->planned_pages += arena_block_pages(&run->arena, slot->order);
    slot->pfn = arena_allocate(&run->arena, core, slot->order);
}

static void give(struct run *run, struct core *core, struct mix *mix, struct slot *slot)
{
    slot->taken = false;
    mix->planned_pages -= arena_block_pages(&run->arena, slot->order);
    if (slot->pfn != INVALID_PFN)
        arena_free(&run->arena, core, slot->pfn);
}

void workload_turn(struct run *run, struct core *core)
{
    struct mix *mix = &mixes[core->number];
    uint64_t index = prng_below(&core->random, CORE_SLOTS);
    struct slot *slot = &mix->slots[index];

    if (slot->taken)
        give(run, core, mix, slot);
    else if (mix->planned_pages < pages_a_core)
        take(run, core, mix, slot);
    core_step(core, index << 8 | slot->order << 1 | slot->taken);
}

void workload_release(struct run *run, struct core *core)
{
    struct mix *mix = &mixes[core->number];

    for (unsigned i = 0; i < CORE_SLOTS; i++)
        if (mix->slots[i].taken)
            give(run, core, mix, &mix->slots[i]);
}
