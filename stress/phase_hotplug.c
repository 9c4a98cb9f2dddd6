/*
 * hotplug: core 0 removes ranges of pages from the allocator and puts them back, while all cores
 * allocate and free.
 */
#include <lib/bitmap.h>
#include <lib/count.h>
#include <lib/fail.h>
#include <stress/phases.h>
#include <stress/workload.h>

enum {
    TURNS_A_CHANGE = 8,
    LARGEST_RANGE_ORDER = 11,
};

/* The range that is removed now; count 0: none. Only core 0 uses this. */
static struct {
    pfn_t start;
    uint64_t count;
} removed;

static void prepare(struct run *run)
{
    removed.count = 0;
    workload_prepare(run, run->arena.inserted_pages / 4 / run->core_count);
}

/* Draw a range anywhere, of 1 to 2^11 - 1 pages. Short lengths are as likely as long ones. */
static void choose_range(struct run *run, struct core *core, pfn_t *start, uint64_t *count)
{
    struct arena *arena = &run->arena;
    uint64_t magnitude = order_pages((unsigned)prng_below(&core->random, LARGEST_RANGE_ORDER));

    *count = magnitude + prng_below(&core->random, magnitude);
    *start = arena->start + prng_below(&core->random, arena->end - arena->start);
    if (*count > arena->end - *start)
        *count = arena->end - *start;
}

static void take_out(struct run *run, struct core *core)
{
    struct arena *arena = &run->arena;
    pfn_t start;
    uint64_t count;

    choose_range(run, core, &start, &count);
    uint64_t index = start - arena->start;
    if (bitmap_find_clear(arena->inserted, index, index + count) != BITMAP_NONE)
        return;
    if (arena_remove(arena, start, count) != PAGE_OK)
        return;
    removed.start = start;
    removed.count = count;
    count_add(&core->counts.removals, 1);
}

static void plug(struct run *run, pfn_t start, uint64_t count)
{
    enum page_error error = count ? arena_plug(&run->arena, start, count) : PAGE_OK;

    if (error != PAGE_OK)
        fail(RULE_INSERT_REFUSED, "pages 0x%lx to 0x%lx, removed before: %s", start, start + count,
             page_error_name(error));
}

/* Put the range back in two pieces, the upper one first. */
static void put_back(struct run *run, struct core *core)
{
    uint64_t lower = prng_below(&core->random, removed.count + 1);

    plug(run, removed.start + lower, removed.count - lower);
    plug(run, removed.start, lower);
    removed.count = 0;
}

static void change(struct run *run, struct core *core)
{
    if (removed.count)
        put_back(run, core);
    else
        take_out(run, core);
}

static void round_hotplug(struct run *run, struct core *core)
{
    while (run_goes_on(run, core)) {
        workload_turn(run, core);
        if (core->number == 0 && core->steps % TURNS_A_CHANGE == 0)
            change(run, core);
    }
}

static void release(struct run *run, struct core *core)
{
    workload_release(run, core);
    if (core->number == 0 && removed.count)
        put_back(run, core);
}

const struct phase phase_hotplug = {
    .row = PHASE_ROW(hotplug),
    .weight = 2,
    .floor = {.overlapped = 30, .removals = 20},
    .prepare = prepare,
    .round = round_hotplug,
    .release = release,
};
