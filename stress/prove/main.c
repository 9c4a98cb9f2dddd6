/*
 * check PLAN: search one plan; without PLAN, list all. The last line has the figures. Exit code 0:
 * proved; 1: refuted; 2: wrong use, or not the expected number of states.
 */
#include "prove.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct plan *find_plan(const char *name)
{
    for (unsigned i = 0; i < plan_count; i++)
        if (strcmp(plans[i].name, name) == 0)
            return &plans[i];
    fprintf(stderr, "prove: no plan '%s'; without a name they are listed\n", name);
    exit(2);
}

static double seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

int main(int count, char **words)
{
    if (count != 2) {
        for (unsigned i = 0; i < plan_count; i++)
            printf("%s%s\n", plans[i].name, plans[i].slow ? " slow" : "");
        return 0;
    }
    const struct plan *plan = find_plan(words[1]);
    struct result result = explore(plan, plan->states);
    bool right = !result.too_many && result.states == plan->states;
    const char *verdict = result.refuted ? "refuted" : right ? "proved" : "miscounted";

    printf("%s %s: states=%lu of=%lu transitions=%lu refusals=%lu depth=%u seconds=%.2f "
           "mib=%.1f\n",
           verdict, plan->name, result.states, plan->states, result.transitions, result.refusals,
           result.depth, seconds(), (double)result.bytes / (1 << 20));
    return result.refuted ? 1 : right ? 0 : 2;
}
