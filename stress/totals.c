#include <arch/clock.h>
#include <lib/count.h>
#include <lib/printf.h>
#include <smp/percpu.h>
#include <stddef.h>
#include <stress/report.h>
#include <stress/totals.h>

enum {
    CALLS_LEAST = 10,        /* calls that each core must make in a phase of all cores */
    HOPELESS = 20,           /* hopeless: under a twentieth of the floor when the time is up */
    STARVATION_LEAST = 1000, /* least acquisitions of the busiest core for a report */
    STARVATION_RATIO = 20,
};

/* ---- sums ---- */

static void add_counts(struct core_counts *sum, const struct core_counts *kept)
{
    struct core_counts counts;

    count_copy(&counts, kept, sizeof(counts));
    sum->allocations += counts.allocations;
    sum->frees += counts.frees;
    sum->cross_frees += counts.cross_frees;
    sum->overlapped += counts.overlapped;
    sum->passed += counts.passed;
    sum->out_of_memory += counts.out_of_memory;
    sum->placed_refusals += counts.placed_refusals;
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

static uint64_t calls_of(const struct core_counts *kept)
{
    struct core_counts counts;

    count_copy(&counts, kept, sizeof(counts));
    return counts.allocations + counts.frees + counts.out_of_memory + counts.bad_frees;
}

static void add_calls(struct totals *sum, const struct core *core)
{
    uint64_t calls = calls_of(&core->counts);

    if (calls >= sum->fewest_calls)
        return;
    sum->fewest_calls = calls;
    sum->idlest_core = core->number;
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
    add_calls(sum, &run->cores[i]);
    add_locks(sum, &percpu_table[i]->locks, i);
}

static uint32_t cores_at_work(const struct run *run)
{
    return run->phase->alone ? 1 : run->core_count;
}

struct totals totals_of(const struct run *run)
{
    struct totals sum = {
        .fewest_steps = UINT64_MAX, .fewest_calls = UINT64_MAX, .fewest_acquisitions = UINT64_MAX};

    for (uint32_t i = 0; i < cores_at_work(run); i++)
        sum_up_core(&sum, run, i);
    return sum;
}

/* ---- the floor of interleaving ---- */

struct lack {
    const char *what; /* NULL: nothing is lacking */
    uint64_t seen, wanted;
    const char *way_out;
};

/*
 * The calls that each core must have made, to show that it took part. With a small ops= it makes
 * fewer.
 */
static uint64_t least_calls(const struct run *run)
{
    uint64_t ops = run->options->ops;

    if (run->phase->alone || run->phase->once)
        return 0;
    return ops && ops / 2 < CALLS_LEAST ? ops / 2 : CALLS_LEAST;
}

/* The first count under its floor. On one core, the counts of interleaving are skipped. */
static struct lack under_floor(const struct run *run, const struct totals *sum, uint64_t percent)
{
    static const char meet[] = "the cores hardly met in the allocator: more time or ops=, another "
                               "seed, THREAD=multi, or no more CPUS than the host has";
    static const char more_time[] = "more time or ops= would do";
    static char calls[24];
    const struct floor *floor = &run->phase->floor;
    const struct lack rows[] = {
        {calls, sum->fewest_calls, least_calls(run), "a core hardly ran: more time, fewer CPUS"},
        {"overlapped", sum->counts.overlapped, floor->overlapped, meet},
        {"cross_frees", sum->counts.cross_frees, floor->cross_frees, more_time},
        {"out_of_memory", sum->counts.out_of_memory, floor->out_of_memory,
         "memory hardly ran out: more time, or less MEMORY"},
        {"interrupts", sum->counts.interrupts, floor->interrupts, more_time},
        {"removals", sum->counts.removals, floor->removals, more_time},
        {"bad_frees", sum->counts.bad_frees, floor->bad_frees, more_time},
    };
    enum { ROWS_OF_SEVERAL_CORES = 3 };

    format_text(calls, sizeof(calls), "core_%u_calls", sum->idlest_core);
    for (unsigned i = run->core_count == 1 ? ROWS_OF_SEVERAL_CORES : 0;
         i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lack lack = rows[i];
        lack.wanted = lack.wanted * percent / 100;
        if (lack.seen < lack.wanted)
            return lack;
    }
    return (struct lack){0};
}

bool totals_suffice(const struct run *run, const struct totals *sum, uint64_t percent)
{
    return !under_floor(run, sum, percent).what;
}

bool totals_are_hopeless(const struct run *run, const struct totals *sum)
{
    struct lack lack = under_floor(run, sum, run->options->floor);

    return lack.what && lack.seen < lack.wanted / HOPELESS;
}

void totals_keep(struct run *run, const struct totals *sum)
{
    uint64_t *to = (uint64_t *)&run->seen.counts;
    const uint64_t *from = (const uint64_t *)&sum->counts;

    for (size_t i = 0; i < sizeof(sum->counts) / sizeof(uint64_t); i++)
        to[i] += from[i];
    run->seen.acquisitions += sum->acquisitions;
    if (run->phase->alone || run->core_count == 1)
        return;
    run->seen.shared_phases++;
    run->seen.shared_at_floor += totals_suffice(run, sum, 100);
}

/* ---- the lines at a phase's end ---- */

static void report_locks(const struct totals *sum)
{
    uint64_t acquisitions = sum->acquisitions ? sum->acquisitions : 1;
    uint64_t contended = sum->contended ? sum->contended : 1;

    report_line(
        "# locks acquisitions=%lu contended=%lu handoffs=%lu mean_wait_ns=%lu "
        "longest_wait_ns=%lu mean_hold_ns=%lu longest_hold_ns=%lu most=%lu fewest=%lu",
        sum->acquisitions, sum->contended, sum->handoffs,
        (clock_cycles_to_ns(sum->wait_cycles) / contended), clock_cycles_to_ns(sum->longest_wait),
        (clock_cycles_to_ns(sum->hold_cycles) / acquisitions),
        clock_cycles_to_ns(sum->longest_hold), sum->most_acquisitions, sum->fewest_acquisitions);
}

/*
 * A hash of the order in which the cores acquired the locks: the same in each run of a
 * deterministic machine.
 */
static void report_order(const struct run *run, const struct totals *sum)
{
    report_line("# handoff-order phase=%s cores=%u handoffs=%lu hash=%016lx", run->phase->row->name,
                cores_at_work(run), sum->handoffs, sum->order);
}

/*
 * A lock without a queue promises no fairness. A host that runs one virtual CPU less than the
 * others looks the same from here. So starvation is reported with its figures, but is no failure.
 */
static void report_starvation(const struct totals *sum)
{
    if (sum->most_acquisitions < STARVATION_LEAST ||
        sum->fewest_acquisitions * STARVATION_RATIO >= sum->most_acquisitions)
        return;
    report_line("# starvation: core %u took locks %lu times, core %u %lu times", sum->fewest_core,
                sum->fewest_acquisitions, sum->most_core, sum->most_acquisitions);
}

/* One hash over what each core chose: the same for the same seed, however the cores interleaved. */
static void report_sequence(const struct run *run, const struct totals *sum)
{
    uint64_t hash = 0;
    uint64_t steps = sum->fewest_steps < SEQUENCE_STEPS ? sum->fewest_steps : SEQUENCE_STEPS;

    for (uint32_t i = 0; i < cores_at_work(run); i++)
        hash = prng_mix(hash ^ run->cores[i].sequence);
    report_line("# sequence phase=%s cores=%u steps=%lu hash=%016lx", run->phase->row->name,
                cores_at_work(run), steps, hash);
}

bool totals_report(const struct run *run, const struct totals *sum, unsigned index,
                   uint64_t milliseconds)
{
    struct lack lack = under_floor(run, sum, run->options->floor);

    if (!run->phase->alone) {
        report_locks(sum);
        report_order(run, sum);
        report_starvation(sum);
    }
    if (run->phase->repeats)
        report_sequence(run, sum);
    if (lack.what) {
        report_line("ok %u %s # SKIP inconclusive: %s=%lu floor=%lu (%s)", index,
                    run->phase->row->name, lack.what, lack.seen, lack.wanted, lack.way_out);
        return false;
    }
    report_line("ok %u %s # ops=%lu ms=%lu rate=%lu out_of_memory=%lu cross_frees=%lu "
                "overlapped=%lu passed=%lu handoffs=%lu contended=%lu",
                index, run->phase->row->name, sum->steps, milliseconds,
                (sum->steps * 1000 / (milliseconds ? milliseconds : 1)), sum->counts.out_of_memory,
                sum->counts.cross_frees, sum->counts.overlapped, sum->counts.passed, sum->handoffs,
                sum->contended);
    return true;
}
