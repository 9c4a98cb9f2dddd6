/* single and mixed: the mixed workload on one core and on all. */
#include <arch/cpu.h>
#include <stress/phases.h>
#include <stress/workload.h>

/* A core that is alone may plan to hold all memory, so it is also refused. */
static void prepare_single(struct run *run)
{
    workload_prepare(run, run->arena.inserted_pages);
}

/* All cores together may hold half of memory. false-oom relies on the other half. */
static void prepare_mixed(struct run *run)
{
    uint64_t quota = run->arena.inserted_pages / 2 / run->core_count;

    workload_prepare(run, quota);
    arena_set_bounds(&run->arena, (uint64_t)run->core_count * CORE_SLOTS, run->core_count * quota);
}

static void round_mixed(struct run *run, struct core *core)
{
    while (run_goes_on(run, core))
        workload_turn(run, core);
}

/*
 * With one core, a walk costs little and finds a broken list soon after it broke. Slow walks get a
 * fifth of the time.
 */
static void round_single(struct run *run, struct core *core)
{
    enum { STEPS_A_WALK = 1024, COST_OF_WALKS = 4 };
    uint64_t next_walk = 0;

    while (run_goes_on(run, core)) {
        workload_turn(run, core);
        uint64_t start = cpu_cycles();
        if (core->steps % STEPS_A_WALK || start < next_walk)
            continue;
        arena_check(&run->arena);
        next_walk = cpu_cycles() + COST_OF_WALKS * (cpu_cycles() - start);
    }
}

const struct phase phase_single = {
    .row = PHASE_ROW(single),
    .alone = true,
    .repeats = true,
    .weight = 1,
    .prepare = prepare_single,
    .round = round_single,
    .release = workload_release,
};

const struct phase phase_mixed = {
    .row = PHASE_ROW(mixed),
    .repeats = true,
    .weight = 5,
    .floor = {.overlapped = 50},
    .prepare = prepare_mixed,
    .round = round_mixed,
    .release = workload_release,
};
