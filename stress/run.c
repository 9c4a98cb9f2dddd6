#include <arch/clock.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <lib/fail.h>
#include <lib/string.h>
#include <smp/percpu.h>
#include <stddef.h>
#include <stress/advice.h>
#include <stress/checked_call.h>
#include <stress/explain.h>
#include <stress/failure.h>
#include <stress/plan.h>
#include <stress/provoke.h>
#include <stress/report.h>
#include <stress/run.h>
#include <stress/run_end.h>
#include <stress/tested.h>
#include <stress/tick.h>
#include <stress/totals.h>
#include <stress/watchdog.h>

enum {
    EXTRA_SECONDS = 10,  /* extra time for a phase under its floor */
    EXTRA_IN_ALL = 20,   /* extra time for all phases together */
    EXTRA_HOPELESS = 1,  /* extra time for a phase far under its floor */
    OVERDUE_SECONDS = 4, /* core 0's timer reports progress that is so late */
    ROUNDS_A_PHASE = 4,  /* rounds of a phase that is bound by time or operations ... */
    COSTLY_WALK = 4,     /* ... unless a walk takes more than a quarter of one */
};

/* ---- meeting ---- */

/*
 * Between calls no lock may be held. A held one is reported at once, not only when other cores wait
 * for it. Interrupts must be on: the check around a call compares before and after, so it misses
 * interrupts that stay off everywhere.
 */
static void check_between_calls(void)
{
    const struct percpu *core = this_core();

    if (core->locks_held)
        fail(RULE_LOCK_HELD, "core %u goes on with %u locks held: %s", core->local.number,
             core->locks_held, percpu_held_name(core));
    if (!irq_enabled())
        fail(RULE_IRQ_STATE, "core %u goes on with interrupts off", core->local.number);
}

/* Waiting at a barrier does not count as a stall. */
static void meet(struct run *run)
{
    check_between_calls();
    bool busy = watchdog_busy(false);
    barrier_wait(&run->barrier);
    watchdog_busy(busy);
}

void run_meet(struct run *run)
{
    if (!run->phase->alone)
        meet(run);
}

/* ---- progress ---- */

static uint64_t elapsed_ms(const struct run *run)
{
    return clock_cycles_to_ns(cpu_cycles() - run->phase_start) / 1000000;
}

static void print_progress(struct run *run, uint64_t now)
{
    struct totals sum = totals_of(run);
    uint64_t milliseconds = elapsed_ms(run);
    uint64_t interval = now - (run->progress_at - clock_hz());
    const struct page_allocator *allocator = run->arena.allocator;

    report_line("# progress phase=%s seconds=%lu.%lu ops=%lu rate=%lu free_pages=%lu "
                "overlapped=%lu contended=%lu handoffs=%lu",
                run->phase->row->name, milliseconds / 1000, milliseconds / 100 % 10, sum.steps,
                ((sum.steps - run->progress_steps) * clock_hz() / (interval ? interval : 1)),
                (allocator->free_page_count ? allocator->free_page_count(run->arena.pool) : 0),
                sum.counts.overlapped, sum.contended, sum.handoffs);
    run->progress_steps = sum.steps;
    run->progress_at = now + clock_hz();
}

/*
 * Report progress that is overdue. During a long step of core 0, or of a core that it waits for,
 * nothing else reports any, and the host takes a silent guest for one that hangs. This runs in core
 * 0's timer interrupt, so it does not call the allocator. It stays silent if no core made progress:
 * then the guest does hang.
 */
static void tell_if_overdue(void *context)
{
    struct run *run = context;
    uint64_t now = cpu_cycles();

    if (!run->tells || now < run->progress_at + OVERDUE_SECONDS * clock_hz())
        return;
    uint64_t made = watchdog_progress_of(run->core_count);
    if (made == run->progress_made)
        return;
    struct totals sum = totals_of(run);
    report_line("# progress phase=%s seconds=%lu ops=%lu (a long step)", run->phase->row->name,
                (elapsed_ms(run) / 1000), sum.steps);
    run->progress_made = made;
    run->progress_steps = sum.steps;
    run->progress_at = now + clock_hz();
}

bool run_goes_on(struct run *run, struct core *core)
{
    uint64_t now = cpu_cycles();

    provoke_step(run, core);
    check_between_calls();
    watchdog_progress();
    if (core->number == 0 && now >= run->progress_at)
        print_progress(run, now);
    if (run->options->ops)
        return core->steps < run->round_steps;
    return now < run->round_end;
}

/* ---- random orders ---- */

unsigned run_draw_order(const struct run *run, struct core *core, unsigned limit)
{
    const uint32_t *weights = run->options->orders;
    uint64_t total = 0;

    for (unsigned order = 0; order <= limit; order++)
        total += weights[order];
    if (!total)
        return limit;
    uint64_t draw = prng_below(&core->random, total);
    unsigned order = 0;
    while (draw >= weights[order])
        draw -= weights[order++];
    return order;
}

/* ---- one phase, core 0's part between the barriers ---- */

static void begin_round(struct run *run)
{
    const struct stress_options *options = run->options;
    uint64_t share = (run->phase_end - run->phase_start) / ROUNDS_A_PHASE;

    if (run->walk_cycles * COSTLY_WALK > share)
        share *= ROUNDS_A_PHASE;
    run->rounds++;
    run->round_end = run->phase_start + run->rounds * share;
    if (run->round_end < cpu_cycles() + share / 2) /* the walk took longer than a round */
        run->round_end = cpu_cycles() + share;
    run->round_steps = (options->ops * run->rounds + ROUNDS_A_PHASE - 1) / ROUNDS_A_PHASE;
    if (run->round_steps > options->ops)
        run->round_steps = options->ops;
}

/* Reset a core for a phase, but keep what names the core and its blocks. */
static void reset_core(struct core *core, uint64_t seed, uint64_t stream)
{
    *core = (struct core){
        .number = core->number,
        .serial = core->serial,
        .in_interrupt = core->in_interrupt,
    };
    prng_seed(&core->random, seed, stream);
}

/*
 * The cycles of a phase: its share of the time that is left, since earlier phases may have taken
 * more than theirs. At least half of its usual share, at most all of it.
 */
static uint64_t phase_cycles(const struct run *run, const struct phase *phase)
{
    uint64_t usual =
        run->options->common.seconds * clock_hz() / plan_weight(run, NULL) * phase->weight;
    uint64_t now = cpu_cycles();
    uint64_t left = run->end > now ? run->end - now : 0;
    uint64_t share = left / plan_weight(run, phase) * phase->weight;

    return share > usual ? usual : share > usual / 2 ? share : usual / 2;
}

static void begin_phase(struct run *run, const struct phase *phase, unsigned index)
{
    uint64_t cycles = phase_cycles(run, phase);

    report_line("# begin phase=%s", phase->row->name);
    failure_set_phase(index, phase->row->name);
    explain_set_alone(phase->alone);
    failure_set_adviser(phase->alone ? NULL : advice_hint_shared);
    run->phase = phase;
    for (uint32_t i = 0; i < run->core_count; i++) {
        uint64_t stream = (uint64_t)index << 32 | (i + 1);
        reset_core(&run->cores[i], run->options->common.seed, stream);
        reset_core(&run->interrupt_cores[i], run->options->common.seed, stream | (uint64_t)1 << 63);
        memset(&percpu_table[i]->locks, 0, sizeof(percpu_table[i]->locks));
    }
    prng_seed(&run->random, run->options->common.seed, (uint64_t)index << 32);
    arena_set_bounds(&run->arena, UINT64_MAX, UINT64_MAX);
    run->arena.alone = phase->alone;
    run->rounds = 0;
    run->progress_steps = 0;
    run->phase_start = cpu_cycles();
    run->phase_end = run->phase_start + cycles;
    run->progress_at = run->phase_start + clock_hz();
    if (phase->prepare)
        phase->prepare(run);
    begin_round(run);
    run->tells = true;
}

/* Cycles beyond its share that a phase under its floor may take. */
static uint64_t extra_allowed(const struct run *run, const struct totals *sum)
{
    uint64_t seconds = totals_are_hopeless(run, sum) ? EXTRA_HOPELESS : EXTRA_SECONDS;
    uint64_t all = EXTRA_IN_ALL * clock_hz();
    uint64_t left = run->extra_cycles < all ? all - run->extra_cycles : 0;

    return left < seconds * clock_hz() ? left : seconds * clock_hz();
}

/*
 * Whether the phase goes on: until its operations or its time are used up. A phase that is under
 * its floor when its time is up gets more.
 */
static bool more_rounds(const struct run *run)
{
    struct totals sum = totals_of(run);
    uint64_t now = cpu_cycles();

    if (run->phase->once)
        return false;
    if (run->options->ops)
        return run->cores[0].steps < run->options->ops;
    if (now < run->phase_end)
        return true;
    return !totals_suffice(run, &sum, run->options->floor) &&
           now < run->phase_end + extra_allowed(run, &sum);
}

static void end_round(struct run *run)
{
    uint64_t start = cpu_cycles();

    arena_check(&run->arena);
    run->walk_cycles = cpu_cycles() - start;
    run->more = more_rounds(run);
    if (run->more)
        begin_round(run);
}

/* Returns whether the phase counts as passed. */
static bool end_phase(struct run *run, unsigned index)
{
    struct totals sum = totals_of(run);
    uint64_t milliseconds = elapsed_ms(run);

    run->tells = false;
    if (!run->options->ops && cpu_cycles() > run->phase_end)
        run->extra_cycles += cpu_cycles() - run->phase_end;
    totals_keep(run, &sum);
    if (arena_held_pages(&run->arena))
        fail(RULE_ASSERT, "%lu pages held at the end of a phase", arena_held_pages(&run->arena));
    arena_check_residue(&run->arena);
    failure_set_phase(0, NULL);
    return totals_report(run, &sum, index, milliseconds);
}

/* ---- one phase, every core's part ---- */

static void run_rounds(struct run *run, struct core *core)
{
    const struct phase *phase = run->phase;

    do {
        watchdog_busy(true);
        phase->round(run, core);
        watchdog_busy(false);
        run_meet(run);
        if (core->number == 0)
            end_round(run);
        run_meet(run);
    } while (run->more);
    watchdog_busy(true);
    if (phase->release)
        phase->release(run, core);
    watchdog_busy(false);
}

/* Returns, on core 0, whether the phase passed. */
static bool run_phase(struct run *run, const struct phase *phase, unsigned index, struct core *core)
{
    bool passed = true;
    /* read now: begin_phase() writes to all cores' structures */
    bool leads = core->number == 0;

    meet(run);
    if (leads)
        begin_phase(run, phase, index);
    meet(run);
    if (!phase->alone || leads)
        run_rounds(run, core);
    meet(run);
    if (leads)
        passed = end_phase(run, index);
    return passed;
}

void run_take_cores(struct run *run, uint32_t cores, void *(*take)(size_t size, size_t align))
{
    run->core_count = cores;
    run->cores = take(2 * cores * sizeof(struct core), _Alignof(struct core));
    run->interrupt_cores = run->cores + cores;
    for (uint32_t i = 0; i < cores; i++) {
        run->cores[i].number = run->interrupt_cores[i].number = i;
        run->interrupt_cores[i].in_interrupt = true;
    }
    checked_call_set_cores(run->cores, cores);
    explain_set_cores(run->cores, cores);
}

/*
 * The first walk, right after memory was inserted. A failure here is due to the insertion, or to
 * the calls of a census.
 */
static void walk_first(struct run *run)
{
    run->cores[0].now.operation = OPERATION_WALK;
    arena_check(&run->arena);
    arena_remember(&run->arena);
    run->cores[0].now.operation = OPERATION_NONE;
}

void run_prepare(struct run *run)
{
    run->barrier = (struct barrier){.members = run->core_count};
    spinlock_yield(run->options->yield_one_in, run->options->common.seed);
    tick_preempt(run->options->preempt, run->options->common.seed);
    watchdog_set_limit(run->options->watchdog);
    watchdog_set_teller(tell_if_overdue, run);
    failure_set_rest(plan_report_rest, run);
    run->all_pages = run->arena.inserted_pages;
    walk_first(run);
}

void run_core(struct run *run, uint32_t number)
{
    struct core *core = &run->cores[number];
    unsigned index = 0, passed = 0;

    watchdog_start_core();
    if (number == 0)
        run->end = cpu_cycles() + run->options->common.seconds * clock_hz();
    for (unsigned i = 0; all_phases[i]; i++)
        if (plan_includes(run, all_phases[i]))
            passed += run_phase(run, all_phases[i], ++index, core);
    if (number != 0)
        cpu_idle();
    tested_report(run);
    report_line("# totals pass=%u fail=0 skip=0 inconclusive=%u", passed, index - passed);
    run_end(passed == index ? VERDICT_PASS : VERDICT_INCONCLUSIVE);
}
