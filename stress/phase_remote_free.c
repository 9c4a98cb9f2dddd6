/*
 * remote-free: a core allocates a block and puts it into a letter box of a random core. Each core
 * empties its own boxes and frees what it finds. A box is one word, exchanged atomically. A core
 * that puts a block into a full box takes out the old block and frees it.
 */
#include <stress/phases.h>

enum { BOXES = 16 };

static uint64_t boxes[CORE_LIMIT][BOXES]; /* pfn + 1, or 0 for none. Atomic */
static unsigned order_limit;

/* Choose the orders so that full boxes, and two blocks at each core, are at most half of memory. */
static void prepare(struct run *run)
{
    uint64_t blocks = (uint64_t)run->core_count * (BOXES + 2);

    order_limit = 0;
    while (order_limit < run->arena.largest_order &&
           blocks << (order_limit + 1) <= run->arena.inserted_pages / 2)
        order_limit++;
    arena_set_bounds(&run->arena, blocks, blocks << order_limit);
}

static void free_letter(struct run *run, struct core *core, uint64_t letter)
{
    if (letter)
        arena_free(&run->arena, core, letter - 1);
}

static void send_letter(struct run *run, struct core *core)
{
    unsigned order = run_draw_order(run, core, order_limit);
    uint64_t to = prng_below(&core->random, run->core_count);
    uint64_t box = prng_below(&core->random, BOXES);
    pfn_t pfn = arena_allocate(&run->arena, core, order);

    core_step(core, to << 16 | box << 8 | order);
    if (pfn != INVALID_PFN)
        free_letter(run, core, __atomic_exchange_n(&boxes[to][box], pfn + 1, __ATOMIC_ACQ_REL));
}

static void empty_box(struct run *run, struct core *core)
{
    uint64_t box = prng_below(&core->random, BOXES);

    core_step(core, ~box);
    free_letter(run, core, __atomic_exchange_n(&boxes[core->number][box], 0, __ATOMIC_ACQ_REL));
}

static void round_remote_free(struct run *run, struct core *core)
{
    while (run_goes_on(run, core)) {
        if (prng_below(&core->random, 2))
            send_letter(run, core);
        else
            empty_box(run, core);
    }
}

static void release(struct run *run, struct core *core)
{
    for (unsigned box = 0; box < BOXES; box++)
        free_letter(run, core, __atomic_exchange_n(&boxes[core->number][box], 0, __ATOMIC_ACQ_REL));
}

const struct phase phase_remote_free = {
    .row = PHASE_ROW(remote_free),
    .repeats = true,
    .weight = 4,
    .floor = {.overlapped = 50, .cross_frees = 1000},
    .prepare = prepare,
    .round = round_remote_free,
    .release = release,
};
