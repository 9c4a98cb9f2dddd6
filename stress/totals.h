/*
 * The result of a phase: the sums over all cores, whether they reach the phase's floor of
 * interleaving, and the lines that report it. Called on core 0, also in its timer's handler. The
 * other cores write their counts meanwhile, so sums are exact only while no core is at work.
 */
#pragma once

#include <stress/run.h>

/* Sums over all cores of what a phase did. */
struct totals {
    struct core_counts counts;
    uint64_t steps, fewest_steps;
    uint64_t fewest_calls; /* of the core that made the fewest: idlest_core */
    uint32_t idlest_core;
    uint64_t acquisitions, fewest_acquisitions, most_acquisitions;
    uint32_t fewest_core, most_core; /* the cores with the fewest and the most */
    uint64_t contended, handoffs;
    uint64_t order; /* hash of all cores' hand-overs */
    uint64_t wait_cycles, hold_cycles, longest_wait, longest_hold;
};

/* Sums of the phase that runs, up to now. */
struct totals totals_of(const struct run *run);

/*
 * Whether the sums reach `percent` of the phase's floor. On one core, the counts of interleaving
 * are skipped. totals_are_hopeless(): whether they are so far below that more time is of no
 * use.
 */
bool totals_suffice(const struct run *run, const struct totals *sum, uint64_t percent);
bool totals_are_hopeless(const struct run *run, const struct totals *sum);

/* Add the sums of the phase that ends to run->seen. */
void totals_keep(struct run *run, const struct totals *sum);

/*
 * Write the lines that end phase number `index` of the plan: locks, sequence, result. Returns
 * whether the phase counts as passed.
 */
bool totals_report(const struct run *run, const struct totals *sum, unsigned index,
                   uint64_t milliseconds);
