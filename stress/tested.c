#include <lib/printf.h>
#include <stddef.h>
#include <stress/census.h>
#include <stress/phases.h>
#include <stress/plan.h>
#include <stress/report.h>
#include <stress/tested.h>

enum { WHY_SIZE = 160 };

static bool promises(const struct run *run, unsigned wanted)
{
    return (run->arena.allocator->promises & wanted) == wanted;
}

/* Whether the walk sees which blocks are free. */
static bool is_visible(const struct run *run)
{
    return run->arena.allocator->for_each_free || census_possible(&run->arena);
}

static bool selftest_ran(const struct run *run)
{
    return plan_includes(run, &phase_selftest);
}

/* ---- promises: why a promise that is made was not tested, or NULL ---- */

static const char *smp_untested(const struct run *run)
{
    if (run->core_count == 1)
        return "one core";
    if (!run->seen.shared_phases)
        return "no phase of several cores ran";
    if (!run->seen.shared_at_floor)
        return "the cores hardly met in the allocator";
    return NULL;
}

static const char *irq_untested(const struct run *run)
{
    return run->seen.counts.interrupts ? NULL : "no interrupt handler allocated or freed";
}

static const char *blocks_untested(const struct run *run)
{
    return is_visible(run) ? NULL
                           : "free blocks cannot be seen: no for_each_free, and no true-oom for a "
                             "census";
}

static const char *bad_free_untested(const struct run *run)
{
    return run->seen.counts.bad_frees ? NULL : "no bad free was tried";
}

static const char *oom_untested(const struct run *run)
{
    if (!promises(run, PROMISE_COALESCES))
        return "without coalesces nobody knows which block must be free";
    return run->seen.counts.out_of_memory ? NULL : "no request was refused";
}

static const char *selftest_untested(const struct run *run)
{
    return selftest_ran(run) ? NULL : "selftest did not run";
}

static const char *fit_untested(const struct run *run)
{
    if (!selftest_ran(run))
        return "selftest did not run";
    return is_visible(run) && promises(run, PROMISE_COALESCES)
               ? NULL
               : "which block is split cannot be seen";
}

static const char *placement_untested(const struct run *run)
{
    if (!promises(run, PROMISE_COALESCES))
        return "without coalesces nobody knows which block must be free";
    if (!plan_includes(run, &phase_single_placed))
        return "single-placed did not run";
    return run->seen.counts.placed_refusals ? NULL : "no request with a condition was refused";
}

static const struct {
    enum page_promise promise;
    const char *(*untested)(const struct run *run);
} promise_table[] = {
    {PROMISE_SMP_SAFE, smp_untested},
    {PROMISE_IRQ_SAFE, irq_untested},
    {PROMISE_COALESCES, blocks_untested},
    {PROMISE_REFUSES_BAD_FREE, bad_free_untested},
    {PROMISE_TRUE_OOM, oom_untested},
    {PROMISE_INSTANCEABLE, selftest_untested},
    {PROMISE_METADATA_OUTSIDE, selftest_untested},
    {PROMISE_SMALLEST_FIT, fit_untested},
    {PROMISE_FREES_PARTS, selftest_untested},
    {PROMISE_TRUE_PLACEMENT, placement_untested},
};

/* A promise that the adapter keeps in place of the code is not tested, whatever ran. */
static const char *adapter_keeps(const struct run *run, enum page_promise promise)
{
    const struct page_allocator *allocator = run->arena.allocator;

    return allocator->promises_of_adapter & promise ? allocator->adapter_reason : NULL;
}

static const char *why_untested(const struct run *run, size_t row)
{
    const char *why = adapter_keeps(run, promise_table[row].promise);

    return why ? why : promise_table[row].untested(run);
}

static void report_promise(const struct run *run, enum page_promise promise, const char *why)
{
    const char *name = page_promise_name(promise);
    char text[WHY_SIZE];

    if (!promises(run, promise))
        report_line("# promise=%s outcome=not-made", name);
    else if (why)
        report_line("# promise=%s outcome=not-tested why=%s", name,
                    format_value(text, sizeof(text), why));
    else
        report_line("# promise=%s outcome=kept", name);
}

/* ---- rules: the same; a rule applies to all allocators, or to those that promise it ---- */

static const char *no_residue(const struct run *run)
{
    return promises(run, PROMISE_COALESCES) ? blocks_untested(run)
                                            : "it does not promise to coalesce";
}

static const char *no_false_oom(const struct run *run)
{
    return promises(run, PROMISE_COALESCES | PROMISE_TRUE_OOM)
               ? oom_untested(run)
               : "it does not promise both coalesces and true-oom";
}

static const char *no_bad_free(const struct run *run)
{
    return promises(run, PROMISE_REFUSES_BAD_FREE) ? bad_free_untested(run)
                                                   : "it does not promise to refuse bad frees";
}

static const char *no_removal(const struct run *run)
{
    if (!run->arena.allocator->remove_pages)
        return "no remove_pages";
    return run->seen.counts.removals || selftest_ran(run) ? NULL : "no pages were removed";
}

static const char *no_lock(const struct run *run)
{
    const char *why = adapter_keeps(run, PROMISE_SMP_SAFE);

    if (why)
        return why;
    return run->seen.acquisitions ? NULL : "it does not use the harness's spinlock_irq";
}

static const struct {
    enum rule rule;
    const char *(*untested)(const struct run *run);
} rule_table[] = {
    {RULE_LOST, blocks_untested},   {RULE_UNCOALESCED, no_residue},
    {RULE_RESIDUE, no_residue},     {RULE_FREE_LIST, blocks_untested},
    {RULE_FALSE_OOM, no_false_oom}, {RULE_BAD_FREE, no_bad_free},
    {RULE_REMOVE_HELD, no_removal}, {RULE_SELFTEST, selftest_untested},
    {RULE_LOCK_HELD, no_lock},      {RULE_LOCK_OWNER, no_lock},
};

void tested_report(const struct run *run)
{
    for (size_t i = 0; i < sizeof(promise_table) / sizeof(promise_table[0]); i++)
        report_promise(run, promise_table[i].promise, why_untested(run, i));
    for (size_t i = 0; i < sizeof(rule_table) / sizeof(rule_table[0]); i++) {
        char text[WHY_SIZE];
        const char *why = rule_table[i].untested(run);
        if (why)
            report_line("# rule=%s outcome=not-tested why=%s", rule_name(rule_table[i].rule),
                        format_value(text, sizeof(text), why));
    }
}
