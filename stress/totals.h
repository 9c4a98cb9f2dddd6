/*
 * What a phase came to: the sums over all cores of what they did, whether they reach the phase's
 * floor of interleaving, and the lines that tell of it. On core 0, sums in its timer's handler too;
 * each core writes its own counts meanwhile, so they are exact only while no core is at work.
 */
#pragma once

#include <stress/run.h>

/* Sums over all cores of what a phase did. */
struct totals {
    struct core_counts counts;
    uint64_t steps, fewest_steps;
    uint64_t fewest_calls; /* of one core, and of which */
    uint32_t idlest_core;
    uint64_t acquisitions, fewest_acquisitions, most_acquisitions;
    uint32_t fewest_core, most_core; /* whose those are */
    uint64_t contended, handoffs;
    uint64_t order; /* hash of the hand-overs, of all cores */
    uint64_t wait_cycles, hold_cycles, longest_wait, longest_hold;
};

/* Sums of the phase that runs, so far. */
struct totals totals_of(const struct run *run);

/*
 * Whether as much was seen as the phase's floor asks for, `percent` of it. One core has nobody to
 * interleave with. totals_are_hopeless(): so little that waiting longer is of no use.
 */
bool totals_suffice(const struct run *run, const struct totals *sum, uint64_t percent);
bool totals_are_hopeless(const struct run *run, const struct totals *sum);

/* Add what the phase that ends came to, to what was seen in all of them. */
void totals_keep(struct run *run, const struct totals *sum);

/*
 * Write the lines that end a phase, the number `index` of the plan, which took so many
 * milliseconds: of the locks, of the sequence, the result. Returns whether it counts as passed.
 */
bool totals_report(const struct run *run, const struct totals *sum, unsigned index,
                   uint64_t milliseconds);
