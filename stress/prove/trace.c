/* The trace of a broken rule: repeats and prints the steps from the first state on. */
#include "search.h"
#include <stdio.h>

unsigned depth_of(uint32_t number)
{
    unsigned depth = 0;

    for (; number; number = search.store.parents[number])
        depth++;
    return depth;
}

static void print_step(unsigned number, struct step step, bool last)
{
    pfn_t pfn = unit_pfn(search.plan, step.unit), bad = search.bad_pfn, what = search.bad_what;

    printf("  %u. core %u ", number, step.core);
    switch (step.kind) {
    case START:
        printf("inserts all pages into an empty pool");
        break;
    case BAD_FREE:
        printf("frees pfn 0x%lx order %lu, which is not held as that", bad, what);
        break;
    case BAD_RANGE:
        printf("inserts, then removes, %lu pages from pfn 0x%lx, which are not in range", what,
               bad);
        break;
    case ALLOCATE:
        printf("allocates order %u: ", step.what);
        if (last)
            printf("see above");
        else if (search.given == INVALID_PFN)
            printf("refused");
        else
            printf("pfn 0x%lx", search.given);
        break;
    case FREE:
        printf("frees pfn 0x%lx order %u", pfn, step.what);
        break;
    case REMOVE:
        printf("removes %u pages from pfn 0x%lx", step.what, pfn);
        break;
    case INSERT:
        printf("inserts %u pages from pfn 0x%lx", step.what, pfn);
        break;
    }
    printf(step.turn ? ", lists turned (%u)\n" : "\n", step.turn);
}

/* Repeat and print the steps from the first state to this one. Returns how many. */
static unsigned print_path(uint32_t number)
{
    if (number == 0)
        return 0;
    struct step step;
    memcpy(&step, &search.store.steps[number], sizeof(step));
    unsigned before = print_path(search.store.parents[number]);
    search.current = search.store.parents[number];
    enter(step);
    do_step(step);
    print_step(before + 1, step, false);
    return before + 1;
}

void print_refutation(void)
{
    struct step last = search.step;
    uint32_t from = search.current;
    enum rule rule = broken.rule;
    volatile unsigned length =
        depth_of(from) + (last.kind != START); /* volatile: it outlives a longjmp (C11 7.13.2.1) */

    printf("refuted %s: %s: %s\n", search.plan->name, rule_name(rule), broken.text);
    printf("  the shortest way there, of %u steps:\n", length);
    fflush(stdout);
    if (sigsetjmp(broken.frame, 0) == 0) {
        machine_reset();
        empty_pool();
        print_path(from);
    }
    print_step(length, last, !search.arrived);
}
