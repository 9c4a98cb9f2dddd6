#include <arch/clock.h>
#include <lib/string.h>
#include <stress/explore/minimise.h>

enum {
    SEARCHES = 200, /* schedules to try if the old one no longer fails */
    SWEEPS = 20000, /* ... and to find one with fewer preemptions */
    FEW = 3,        /* preemptions: a sweep tries fewer than this */
};

static struct {
    struct failing *best;
    struct program candidate;
    struct schedule_switch list[SCHEDULE_SWITCHES];
    struct schedule *schedule;
    uint64_t trials, deadline;
} work;

static bool keep_best(const struct trial_result *result)
{
    if (work.schedule->taken_count >= SCHEDULE_SWITCHES)
        return false;
    work.best->program = work.candidate;
    work.best->switch_count = work.schedule->taken_count;
    memcpy(work.best->switches, work.schedule->taken,
           work.schedule->taken_count * sizeof(work.best->switches[0]));
    work.best->failure = result->failure;
    return true;
}

/* Run the candidate under the schedule that has begun. Returns whether the failure is the same. */
static bool fails_alike(struct trial_result *result)
{
    work.trials++;
    trial_run(&work.candidate, work.schedule, result);
    return trial_same_failure(&result->failure, &work.best->failure);
}

/* ... if so, keep it as the best. */
static bool try_schedule(void)
{
    struct trial_result result;

    return fails_alike(&result) && keep_best(&result);
}

/* ... if so and if it has fewer switches, keep it as the best. */
static bool try_fewer(void)
{
    struct trial_result result;

    return fails_alike(&result) && work.schedule->taken_count < work.best->switch_count &&
           keep_best(&result);
}

static bool is_late(void)
{
    return clock_ns() > work.deadline;
}

static bool try_list(const struct schedule_switch *list, unsigned count)
{
    schedule_begin_given(work.schedule, list, count);
    return try_schedule();
}

/* Let another thread begin. The first decision is thread 0's, even if it has no operations. */
static bool try_other_beginnings(void)
{
    unsigned count = work.best->switch_count;

    if (count == SCHEDULE_SWITCHES)
        return false;
    memcpy(work.list + 1, work.best->switches, count * sizeof(work.list[0]));
    for (uint8_t thread = 0; thread < EXPLORE_THREADS; thread++) {
        work.list[0] = (struct schedule_switch){1, 0, thread, 0};
        if (work.candidate.count[thread] && try_list(work.list, count + 1))
            return true;
    }
    return false;
}

/* Try the candidate under the present switches, then under other schedules. */
static bool try_candidate(void)
{
    memcpy(work.list, work.best->switches, work.best->switch_count * sizeof(work.list[0]));
    if (try_list(work.list, work.best->switch_count) || try_other_beginnings())
        return true;
    for (unsigned i = 0; i < SEARCHES && !is_late(); i++) {
        schedule_begin(work.schedule, STRATEGY_PORTFOLIO, prng_mix(i), 100);
        if (try_schedule())
            return true;
    }
    return false;
}

/* ---- programs ---- */

static bool drop_thread(unsigned thread)
{
    work.candidate = work.best->program;
    memset(work.candidate.operations[thread], 0, sizeof(work.candidate.operations[thread]));
    work.candidate.count[thread] = 0;
    return try_candidate();
}

static bool drop_operation(unsigned thread, unsigned index)
{
    work.candidate = work.best->program;
    work.candidate.operations[thread][index] = (struct program_operation){0};
    return try_candidate();
}

static bool lower_order(unsigned thread, unsigned index)
{
    work.candidate = work.best->program;
    struct program_operation *operation = &work.candidate.operations[thread][index];
    if (operation->kind != PROGRAM_ALLOCATE || !operation->a)
        return false;
    operation->a--;
    return try_candidate();
}

static bool shrink_program(void)
{
    bool better = false;

    for (unsigned thread = EXPLORE_THREADS; thread-- > 0 && !is_late();)
        if (work.best->program.count[thread])
            better |= drop_thread(thread);
    for (unsigned thread = EXPLORE_THREADS; thread-- > 0;)
        for (unsigned i = work.best->program.count[thread]; i-- > 0 && !is_late();)
            if (work.best->program.operations[thread][i].kind != PROGRAM_NOTHING)
                better |= drop_operation(thread, i) || lower_order(thread, i);
    for (uint32_t pages = 1; pages < work.best->program.pages && !is_late(); pages *= 2) {
        work.candidate = work.best->program;
        work.candidate.pages = pages;
        better |= try_candidate();
    }
    return better;
}

/* Remove operations that do nothing, and renumber those behind them, also in switches. */
static void close_gaps(struct program *program)
{
    uint8_t moved[EXPLORE_THREADS][EXPLORE_OPERATIONS + 1] = {0};

    for (unsigned thread = 0; thread < EXPLORE_THREADS; thread++) {
        uint8_t kept = 0;
        for (unsigned i = 0; i < program->count[thread]; i++) {
            moved[thread][i] = kept;
            if (program->operations[thread][i].kind != PROGRAM_NOTHING)
                program->operations[thread][kept++] = program->operations[thread][i];
        }
        moved[thread][program->count[thread]] = kept;
        program->count[thread] = kept;
    }
    for (unsigned i = 0; i < work.best->switch_count; i++) {
        struct schedule_switch *entry = &work.best->switches[i];
        entry->operation = moved[entry->from][entry->operation];
    }
    for (unsigned thread = 0; thread < EXPLORE_THREADS; thread++)
        for (unsigned i = 0; i < program->count[thread]; i++) {
            struct program_operation *operation = &program->operations[thread][i];
            if (operation->kind == PROGRAM_FREE || operation->kind == PROGRAM_BAD_FREE)
                operation->b = moved[operation->a][operation->b];
            if (operation->kind == PROGRAM_PUT_BACK)
                operation->a = moved[0][operation->a];
        }
}

/* Remove frees of blocks that are never allocated: after close_gaps() they would name other
 * operations. */
static void drop_dead_frees(struct program *program)
{
    for (unsigned thread = 0; thread < EXPLORE_THREADS; thread++)
        for (unsigned i = 0; i < program->count[thread]; i++) {
            struct program_operation *operation = &program->operations[thread][i];
            bool frees = operation->kind == PROGRAM_FREE || operation->kind == PROGRAM_BAD_FREE;
            bool puts = operation->kind == PROGRAM_PUT_BACK;
            if ((frees &&
                 program->operations[operation->a][operation->b].kind != PROGRAM_ALLOCATE) ||
                (puts && program->operations[0][operation->a].kind != PROGRAM_REMOVE))
                *operation = (struct program_operation){0};
        }
}

/* Number the cores that do something 0, 1, ...; map[t] is the new number of thread t. */
static void map_threads(const struct program *program, uint8_t map[EXPLORE_THREADS])
{
    uint8_t cores = 0;

    for (uint8_t core = 0; core < EXPLORE_CORES; core++) {
        bool used = program->count[core] || program->count[EXPLORE_CORES + core];
        map[core] = used ? cores++ : core;
        map[EXPLORE_CORES + core] = (uint8_t)(EXPLORE_CORES + map[core]);
    }
}

static void renumber_cores(struct program *program)
{
    struct program before = *program;
    uint8_t map[EXPLORE_THREADS];

    map_threads(program, map);
    memset(program, 0, sizeof(*program));
    program->pages = before.pages;
    for (unsigned thread = 0; thread < EXPLORE_THREADS; thread++) {
        if (!before.count[thread])
            continue;
        unsigned to = map[thread];
        program->count[to] = before.count[thread];
        for (unsigned i = 0; i < before.count[thread]; i++) {
            struct program_operation operation = before.operations[thread][i];
            if (operation.kind == PROGRAM_FREE || operation.kind == PROGRAM_BAD_FREE)
                operation.a = map[operation.a];
            program->operations[to][i] = operation;
        }
    }
    for (unsigned i = 0; i < work.best->switch_count; i++) {
        struct schedule_switch *entry = &work.best->switches[i];
        entry->from = map[entry->from];
        entry->to = map[entry->to];
    }
}

/* Rewrite the best program. If it then does not fail, keep the old one. */
static void try_rewritten(void (*rewrite)(struct program *program))
{
    static struct failing before;

    before = *work.best;
    work.candidate = work.best->program;
    rewrite(&work.candidate);
    if (!try_candidate())
        *work.best = before;
}

static void close_up(struct program *program)
{
    drop_dead_frees(program);
    close_gaps(program);
}

/* ---- switches ---- */

static bool drop_switches(unsigned first, unsigned count)
{
    unsigned left = work.best->switch_count - count;

    memcpy(work.list, work.best->switches, first * sizeof(work.list[0]));
    memcpy(work.list + first, work.best->switches + first + count,
           (left - first) * sizeof(work.list[0]));
    return try_list(work.list, left);
}

/* Drop switches in ever smaller pieces. Zeller and Hildebrandt, "Simplifying and isolating
 * failure-inducing input", 2002. */
static bool shrink_switches(void)
{
    bool better = false;

    work.candidate = work.best->program;
    for (unsigned piece = work.best->switch_count; piece > 0; piece /= 2)
        for (unsigned first = 0; first < work.best->switch_count && !is_late();) {
            unsigned rest = work.best->switch_count - first, before = work.best->switch_count;
            bool dropped = drop_switches(first, piece < rest ? piece : rest);
            if (dropped && work.best->switch_count < before)
                better = true;
            else
                first += piece;
        }
    return better;
}

/* Each switch that is left is needed, but another schedule may need fewer: search for one. Returns
 * whether it was found. A sweep limits only preemptions, not other switches. */
static bool sweep_for_fewer(void)
{
    static struct sweep_level levels[SCHEDULE_DEPTH];

    work.candidate = work.best->program;
    for (unsigned most = 0; most < FEW && most < work.best->switch_count; most++) {
        unsigned tries = 0;
        bool more = true, found = false;

        schedule_sweep_begin(work.schedule, levels, most);
        while (more && !found && !is_late() && tries++ < SWEEPS) {
            schedule_begin(work.schedule, STRATEGY_SWEEP, 0, 0);
            found = try_fewer();
            more = schedule_sweep_next(work.schedule);
        }
        if (found)
            return true;
    }
    return false;
}

/* Shrink until no single part can be removed. */
static void shrink(void)
{
    bool better = true;

    while (better && !is_late()) {
        better = shrink_switches();
        better |= shrink_program();
    }
    try_rewritten(close_up);
    try_rewritten(renumber_cores);
    shrink_switches();
}

bool minimise_confirm(struct failing *failing, struct schedule *schedule)
{
    work.best = failing;
    work.schedule = schedule;
    work.candidate = failing->program;
    memcpy(work.list, failing->switches, failing->switch_count * sizeof(work.list[0]));
    return try_list(work.list, failing->switch_count);
}

uint64_t minimise(struct failing *failing, struct schedule *schedule, uint64_t deadline)
{
    work.deadline = deadline;
    work.trials = 0;
    if (!minimise_confirm(failing, schedule))
        return work.trials;
    do
        shrink();
    while (sweep_for_fewer() && !is_late());
    return work.trials;
}
