#include <arch/clock.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <lib/count.h>
#include <lib/fail.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <smp/percpu.h>
#include <stddef.h>
#include <stress/explain.h>
#include <stress/failure.h>
#include <stress/phases.h>
#include <stress/provoke.h>
#include <stress/report.h>
#include <stress/run.h>
#include <stress/tick.h>
#include <stress/watch.h>

typedef unsigned long long ull;

enum {
    STARVATION_LEAST = 1000, /* acquisitions of the busiest core, before fairness is a question */
    STARVATION_RATIO = 20,
    EXTRA_SECONDS = 10,  /* how much longer a phase may take to reach its floor */
    OVERDUE_SECONDS = 4, /* how late progress may be until core 0's timer tells of it */
    ROUNDS_A_PHASE = 4,  /* of the phases whose rounds are bound by time or operations */
};

const struct phase *const all_phases[] = {
    &phase_selftest,
    &phase_single,
    &phase_single_irq,
    &phase_mixed,
    &phase_remote_free,
    &phase_irq,
    &phase_exhaust,
    &phase_fragment,
    &phase_hotplug,
    &phase_bad_free,
    NULL,
};

/* ---- which phases ---- */

/* Whether the list of names contains name. */
static bool listed(const char *list, const char *name)
{
    size_t length = strlen(name);

    if (strcmp(list, "all") == 0)
        return true;
    for (const char *word = list; word; word = strchr(word, ',')) {
        word += *word == ',';
        if (strncmp(word, name, length) == 0 && (word[length] == ',' || word[length] == '\0'))
            return true;
    }
    return false;
}

static bool phase_exists(const char *name, size_t length)
{
    for (unsigned i = 0; all_phases[i]; i++)
        if (strlen(all_phases[i]->name) == length &&
            strncmp(all_phases[i]->name, name, length) == 0)
            return true;
    return false;
}

static void list_phases(char *text, size_t size)
{
    size_t used = (size_t)format_text(text, size, "all");

    for (unsigned i = 0; all_phases[i] && used < size; i++)
        used += (size_t)format_text(text + used, size - used, " %s", all_phases[i]->name);
}

bool run_check_phases(const char *list, char *message, size_t size)
{
    char known[160];

    if (strcmp(list, "all") == 0)
        return true;
    for (const char *word = list; word;) {
        const char *comma = strchr(word, ',');
        size_t length = comma ? (size_t)(comma - word) : strlen(word);
        if (!phase_exists(word, length)) {
            list_phases(known, sizeof(known));
            format_text(message, size, "option phases: no phase \"%.*s\"; there are: %s",
                        (int)length, word, known);
            return false;
        }
        word = comma ? comma + 1 : NULL;
    }
    return true;
}

/* Why a phase cannot run with this allocator here, or NULL. */
static const char *hindrance(const struct run *run, const struct phase *phase)
{
    const struct page_allocator *allocator = run->arena.allocator;
    unsigned missing = phase->promises & ~allocator->promises;

    if (missing)
        return page_promise_name(missing & -missing);
    if (phase->removes && !allocator->remove_pages)
        return "remove_pages";
    if (phase->possible && !phase->possible())
        return "interrupts";
    return NULL;
}

static bool will_run(const struct run *run, const struct phase *phase)
{
    return listed(run->options->phases, phase->name) && !hindrance(run, phase);
}

unsigned run_plan(const struct run *run)
{
    unsigned count = 0;

    for (unsigned i = 0; all_phases[i]; i++) {
        const char *lacking = hindrance(run, all_phases[i]);
        if (lacking && listed(run->options->phases, all_phases[i]->name))
            report_line("# phase %s left out: it needs %s", all_phases[i]->name, lacking);
        count += will_run(run, all_phases[i]);
    }
    return count;
}

static unsigned total_weight(const struct run *run)
{
    unsigned weight = 0;

    for (unsigned i = 0; all_phases[i]; i++)
        if (will_run(run, all_phases[i]))
            weight += all_phases[i]->weight;
    return weight ? weight : 1;
}

/* ---- sums ---- */

static void add_counts(struct core_counts *sum, const struct core_counts *kept)
{
    struct core_counts counts;

    count_copy(&counts, kept, sizeof(counts));
    sum->allocations += counts.allocations;
    sum->frees += counts.frees;
    sum->cross_frees += counts.cross_frees;
    sum->out_of_memory += counts.out_of_memory;
    sum->bad_frees += counts.bad_frees;
    sum->interrupts += counts.interrupts;
    sum->removals += counts.removals;
    sum->checked_in_full += counts.checked_in_full;
}

static void add_steps(struct totals *sum, const struct core *core)
{
    uint64_t steps;

    count_copy(&steps, &core->steps, sizeof(steps));
    sum->steps += steps;
    if (steps < sum->fewest_steps)
        sum->fewest_steps = steps;
}

static void add_locks(struct totals *sum, const struct lock_counts *kept, uint32_t core)
{
    struct lock_counts locks;

    count_copy(&locks, kept, sizeof(locks));
    sum->acquisitions += locks.acquisitions;
    if (locks.acquisitions < sum->fewest_acquisitions) {
        sum->fewest_acquisitions = locks.acquisitions;
        sum->fewest_core = core;
    }
    if (locks.acquisitions > sum->most_acquisitions) {
        sum->most_acquisitions = locks.acquisitions;
        sum->most_core = core;
    }
    sum->contended += locks.contended;
    sum->handoffs += locks.handoffs;
    sum->order = prng_mix(sum->order ^ locks.order);
    sum->wait_cycles += locks.wait_cycles;
    sum->hold_cycles += locks.hold_cycles;
    if (locks.longest_wait > sum->longest_wait)
        sum->longest_wait = locks.longest_wait;
    if (locks.longest_hold > sum->longest_hold)
        sum->longest_hold = locks.longest_hold;
}

static void sum_up_core(struct totals *sum, const struct run *run, uint32_t i)
{
    add_counts(&sum->counts, &run->cores[i].counts);
    add_counts(&sum->counts, &run->interrupt_cores[i].counts);
    add_steps(sum, &run->cores[i]);
    add_locks(sum, &percpu_table[i]->locks, i);
}

static uint32_t cores_at_work(const struct run *run)
{
    return run->phase->alone ? 1 : run->core_count;
}

static struct totals sum_up(const struct run *run)
{
    struct totals sum = {.fewest_steps = UINT64_MAX, .fewest_acquisitions = UINT64_MAX};

    for (uint32_t i = 0; i < cores_at_work(run); i++)
        sum_up_core(&sum, run, i);
    return sum;
}

/* ---- meeting ---- */

/*
 * No lock may be held where none is needed: said at once, not when the others find it taken. And
 * interrupts are on: around a call they are compared, but once off everywhere they would agree.
 */
static void check_between_calls(void)
{
    const struct percpu *cpu = this_cpu();

    if (cpu->locks_held)
        fail("lock-held", "core %u goes on with %u locks held: %s", cpu->local.number,
             cpu->locks_held, percpu_held_name(cpu));
    if (!irq_enabled())
        fail("irq-state", "core %u goes on with interrupts off", cpu->local.number);
}

/* Waiting for others is no standstill of one's own. */
static void meet(struct run *run)
{
    check_between_calls();
    bool busy = watch_busy(false);
    barrier_wait(&run->barrier);
    watch_busy(busy);
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
    struct totals sum = sum_up(run);
    uint64_t milliseconds = elapsed_ms(run);
    uint64_t interval = now - (run->progress_at - clock_hz());
    const struct page_allocator *allocator = run->arena.allocator;

    report_line("# progress phase=%s seconds=%llu.%llu ops=%llu rate=%llu free_pages=%llu "
                "contended=%llu handoffs=%llu",
                run->phase->name, (ull)(milliseconds / 1000), (ull)(milliseconds / 100 % 10),
                (ull)sum.steps,
                (ull)((sum.steps - run->progress_steps) * clock_hz() / (interval ? interval : 1)),
                (ull)(allocator->free_page_count ? allocator->free_page_count(run->arena.pool) : 0),
                (ull)sum.contended, (ull)sum.handoffs);
    run->progress_steps = sum.steps;
    run->progress_at = now + clock_hz();
}

/*
 * What takes core 0 long, or the others while it waits for them, has no progress told between, and
 * to the host a silent guest is one that hangs. In core 0's timer interrupt, so the allocator is
 * not asked. Silent if no core got anything done: then the host is right.
 */
static void tell_if_overdue(void *context)
{
    struct run *run = context;
    uint64_t now = cpu_cycles();

    if (!run->tells || now < run->progress_at + OVERDUE_SECONDS * clock_hz())
        return;
    uint64_t made = watch_progress_of(run->core_count);
    if (made == run->progress_made)
        return;
    struct totals sum = sum_up(run);
    report_line("# progress phase=%s seconds=%llu ops=%llu, a long step", run->phase->name,
                (ull)(elapsed_ms(run) / 1000), (ull)sum.steps);
    run->progress_made = made;
    run->progress_steps = sum.steps;
    run->progress_at = now + clock_hz();
}

bool run_goes_on(struct run *run, struct core *core)
{
    uint64_t now = cpu_cycles();

    provoke_step(run, core);
    check_between_calls();
    watch_progress();
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

/* ---- the floor of interleaving ---- */

/* What was seen too little of, or NULL. One core has nobody to interleave with. */
static const char *under_floor(const struct run *run, const struct totals *sum, uint64_t *seen,
                               uint64_t *wanted)
{
    const struct floor *floor = &run->phase->floor;
    const struct {
        const char *name;
        uint64_t seen, wanted;
        bool on_one_core;
    } rows[] = {
        {"handoffs", sum->handoffs, floor->handoffs, false},
        {"contended", sum->contended, floor->contended, false},
        {"cross_frees", sum->counts.cross_frees, floor->cross_frees, false},
        {"out_of_memory", sum->counts.out_of_memory, floor->out_of_memory, true},
        {"interrupts", sum->counts.interrupts, floor->interrupts, true},
        {"removals", sum->counts.removals, floor->removals, true},
        {"bad_frees", sum->counts.bad_frees, floor->bad_frees, true},
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (run->core_count == 1 && !rows[i].on_one_core)
            continue;
        *seen = rows[i].seen;
        *wanted = rows[i].wanted * run->options->floor / 100;
        if (*seen < *wanted)
            return rows[i].name;
    }
    return NULL;
}

/* ---- one phase, core 0's part between the barriers ---- */

static void begin_round(struct run *run)
{
    const struct options *options = run->options;
    uint64_t share = (run->phase_end - run->phase_start) / ROUNDS_A_PHASE;

    run->rounds++;
    run->round_end = run->phase_start + run->rounds * share;
    run->round_steps = (options->ops * run->rounds + ROUNDS_A_PHASE - 1) / ROUNDS_A_PHASE;
    if (run->round_steps > options->ops)
        run->round_steps = options->ops;
}

/* What names a core and its blocks goes on from phase to phase. */
static void reset_core(struct core *core, uint64_t seed, uint64_t stream)
{
    *core = (struct core){
        .number = core->number,
        .serial = core->serial,
        .in_interrupt = core->in_interrupt,
    };
    prng_seed(&core->random, seed, stream);
}

static void begin_phase(struct run *run, const struct phase *phase, unsigned index)
{
    uint64_t cycles = run->options->seconds * clock_hz() / total_weight(run) * phase->weight;

    report_line("# begin phase=%s", phase->name);
    failure_set_phase(index, phase->name);
    run->phase = phase;
    for (uint32_t i = 0; i < run->core_count; i++) {
        uint64_t stream = (uint64_t)index << 32 | (i + 1);
        reset_core(&run->cores[i], run->options->seed, stream);
        reset_core(&run->interrupt_cores[i], run->options->seed, stream | (uint64_t)1 << 63);
        memset(&percpu_table[i]->locks, 0, sizeof(percpu_table[i]->locks));
    }
    prng_seed(&run->random, run->options->seed, (uint64_t)index << 32);
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

/* Bound by operations or by time; a phase under its floor when its time is up gets more of it. */
static bool more_rounds(const struct run *run)
{
    struct totals sum = sum_up(run);
    uint64_t now = cpu_cycles(), seen, wanted;

    if (run->phase->once)
        return false;
    if (run->options->ops)
        return run->cores[0].steps < run->options->ops;
    if (now < run->phase_end)
        return true;
    return now < run->phase_end + EXTRA_SECONDS * clock_hz() &&
           under_floor(run, &sum, &seen, &wanted);
}

static void end_round(struct run *run)
{
    arena_check(&run->arena);
    run->more = more_rounds(run);
    if (run->more)
        begin_round(run);
}

static void report_locks(const struct totals *sum)
{
    uint64_t acquisitions = sum->acquisitions ? sum->acquisitions : 1;
    uint64_t contended = sum->contended ? sum->contended : 1;

    report_line("# locks acquisitions=%llu contended=%llu handoffs=%llu mean_wait_ns=%llu "
                "longest_wait_ns=%llu mean_hold_ns=%llu longest_hold_ns=%llu most=%llu fewest=%llu",
                (ull)sum->acquisitions, (ull)sum->contended, (ull)sum->handoffs,
                (ull)(clock_cycles_to_ns(sum->wait_cycles) / contended),
                (ull)clock_cycles_to_ns(sum->longest_wait),
                (ull)(clock_cycles_to_ns(sum->hold_cycles) / acquisitions),
                (ull)clock_cycles_to_ns(sum->longest_hold), (ull)sum->most_acquisitions,
                (ull)sum->fewest_acquisitions);
}

/* In which order the cores had the locks: the same in each run of a deterministic machine. */
static void report_order(const struct run *run, const struct totals *sum)
{
    report_line("# handoff-order phase=%s cores=%u handoffs=%llu hash=%016llx", run->phase->name,
                cores_at_work(run), (ull)sum->handoffs, (ull)sum->order);
}

/*
 * A lock without a queue promises no fairness, and a host that runs one virtual CPU less than the
 * others looks the same from here: told with its figures, not a failure.
 */
static void report_starvation(const struct totals *sum)
{
    if (sum->most_acquisitions < STARVATION_LEAST ||
        sum->fewest_acquisitions * STARVATION_RATIO >= sum->most_acquisitions)
        return;
    report_line("# starvation: core %u took locks %llu times, core %u %llu times", sum->fewest_core,
                (ull)sum->fewest_acquisitions, sum->most_core, (ull)sum->most_acquisitions);
}

/* One hash over what each core chose: the same for the same seed, however the cores interleaved. */
static void report_sequence(const struct run *run, const struct totals *sum)
{
    uint64_t hash = 0;
    uint64_t steps = sum->fewest_steps < SEQUENCE_STEPS ? sum->fewest_steps : SEQUENCE_STEPS;

    for (uint32_t i = 0; i < cores_at_work(run); i++)
        hash = prng_mix(hash ^ run->cores[i].sequence);
    report_line("# sequence phase=%s cores=%u steps=%llu hash=%016llx", run->phase->name,
                cores_at_work(run), (ull)steps, (ull)hash);
}

/* Returns whether the phase counts as passed. */
static bool end_phase(struct run *run, unsigned index)
{
    struct totals sum = sum_up(run);
    uint64_t milliseconds = elapsed_ms(run), seen, wanted;

    run->tells = false;
    if (arena_held_pages(&run->arena))
        fail("assert", "%llu pages held at the end of a phase", (ull)arena_held_pages(&run->arena));
    arena_check(&run->arena);
    arena_check_residue(&run->arena);
    failure_set_phase(0, NULL);
    if (!run->phase->alone) {
        report_locks(&sum);
        report_order(run, &sum);
        report_starvation(&sum);
    }
    if (run->phase->repeats)
        report_sequence(run, &sum);
    const char *lacking = under_floor(run, &sum, &seen, &wanted);
    if (lacking) {
        report_line("ok %u %s # SKIP inconclusive: %s=%llu, the floor is %llu", index,
                    run->phase->name, lacking, (ull)seen, (ull)wanted);
        return false;
    }
    report_line("ok %u %s # ops=%llu ms=%llu rate=%llu out_of_memory=%llu cross_frees=%llu "
                "handoffs=%llu contended=%llu",
                index, run->phase->name, (ull)sum.steps, (ull)milliseconds,
                (ull)(sum.steps * 1000 / (milliseconds ? milliseconds : 1)),
                (ull)sum.counts.out_of_memory, (ull)sum.counts.cross_frees, (ull)sum.handoffs,
                (ull)sum.contended);
    return true;
}

/* ---- one phase, every core's part ---- */

static void run_rounds(struct run *run, struct core *core)
{
    const struct phase *phase = run->phase;

    do {
        watch_busy(true);
        phase->round(run, core);
        watch_busy(false);
        run_meet(run);
        if (core->number == 0)
            end_round(run);
        run_meet(run);
    } while (run->more);
    watch_busy(true);
    if (phase->release)
        phase->release(run, core);
    watch_busy(false);
}

/* Returns, on core 0, whether the phase passed. */
static bool run_phase(struct run *run, const struct phase *phase, unsigned index, struct core *core)
{
    bool passed = true;
    bool leads =
        core->number == 0; /* asked before: begin_phase() writes to all cores' structures */

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
}

/* A promise was tried if a phase that ran relies on it, or every call does. */
static unsigned promises_tried(const struct run *run)
{
    unsigned tried = PROMISE_COALESCES | PROMISE_TRUE_OOM;

    for (unsigned i = 0; all_phases[i]; i++)
        if (will_run(run, all_phases[i]))
            tried |= all_phases[i]->promises;
    if (will_run(run, &phase_selftest)) /* on a second pool, of pages that need not exist */
        tried |= PROMISE_INSTANCEABLE | PROMISE_METADATA_OUTSIDE | PROMISE_SMALLEST_FIT |
                 PROMISE_FREES_PARTS;
    return tried;
}

static void report_promises(const struct run *run, bool passed)
{
    unsigned made = run->arena.allocator->promises, tried = promises_tried(run);

    for (unsigned promise = 1; page_promise_name(promise); promise <<= 1) {
        const char *outcome = !(made & promise)    ? "not made"
                              : !(tried & promise) ? "made, but not tried"
                              : passed             ? "kept"
                                                   : "not broken, but too little was seen";
        report_line("# promise %s: %s", page_promise_name(promise), outcome);
    }
}

/* After a failure: the phases that will not run any more. */
static void report_rest(const void *context, unsigned failed)
{
    const struct run *run = context;
    unsigned index = 0;

    for (unsigned i = 0; all_phases[i]; i++)
        if (will_run(run, all_phases[i]) && ++index > failed)
            report_line("ok %u %s # SKIP not run after the failure of phase %u", index,
                        all_phases[i]->name, failed);
}

void run_prepare(struct run *run)
{
    run->barrier = (struct barrier){.members = run->core_count};
    spinlock_yield(run->options->yield, run->options->seed);
    tick_preempt(run->options->preempt, run->options->seed);
    watch_set_limit(run->options->watchdog);
    watch_set_teller(tell_if_overdue, run);
    explain_set_cores(run->cores, run->core_count);
    failure_set_rest(report_rest, run);
    arena_check(&run->arena);
    arena_remember(&run->arena);
}

void run_core(struct run *run, uint32_t number)
{
    struct core *core = &run->cores[number];
    unsigned index = 0, passed = 0;

    watch_start_core();
    for (unsigned i = 0; all_phases[i]; i++)
        if (will_run(run, all_phases[i]))
            passed += run_phase(run, all_phases[i], ++index, core);
    if (number != 0)
        cpu_idle();
    report_promises(run, passed == index);
    report_line("# totals pass=%u fail=0 skip=0 inconclusive=%u", passed, index - passed);
    run_end(passed == index ? VERDICT_PASS : VERDICT_INCONCLUSIVE);
}
