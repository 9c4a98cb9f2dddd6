#include <arch/clock.h>
#include <lib/count.h>
#include <smp/percpu.h>
#include <stddef.h>
#include <stress/report.h>
#include <stress/totals.h>

typedef unsigned long long ull;

enum {
    STARVATION_LEAST = 1000, /* acquisitions of the busiest core, before fairness is a question */
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

struct totals totals_of(const struct run *run)
{
    struct totals sum = {.fewest_steps = UINT64_MAX, .fewest_acquisitions = UINT64_MAX};

    for (uint32_t i = 0; i < cores_at_work(run); i++)
        sum_up_core(&sum, run, i);
    return sum;
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

bool totals_suffice(const struct run *run, const struct totals *sum)
{
    uint64_t seen, wanted;

    return !under_floor(run, sum, &seen, &wanted);
}

/* ---- the lines at a phase's end ---- */

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

bool totals_report(const struct run *run, const struct totals *sum, unsigned index,
                   uint64_t milliseconds)
{
    uint64_t seen, wanted;

    if (!run->phase->alone) {
        report_locks(sum);
        report_order(run, sum);
        report_starvation(sum);
    }
    if (run->phase->repeats)
        report_sequence(run, sum);
    const char *lacking = under_floor(run, sum, &seen, &wanted);
    if (lacking) {
        report_line("ok %u %s # SKIP inconclusive: %s=%llu, the floor is %llu", index,
                    run->phase->name, lacking, (ull)seen, (ull)wanted);
        return false;
    }
    report_line("ok %u %s # ops=%llu ms=%llu rate=%llu out_of_memory=%llu cross_frees=%llu "
                "handoffs=%llu contended=%llu",
                index, run->phase->name, (ull)sum->steps, (ull)milliseconds,
                (ull)(sum->steps * 1000 / (milliseconds ? milliseconds : 1)),
                (ull)sum->counts.out_of_memory, (ull)sum->counts.cross_frees, (ull)sum->handoffs,
                (ull)sum->contended);
    return true;
}
