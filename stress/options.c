/*
 * Each program's table of options, made from the rows of options.def. Here the names of allocators,
 * phases and provoked failures are only text of permitted characters. The modules that have them
 * check whether they exist.
 */
#include <arch/cpu.h>
#include <lib/prng.h>
#include <stress/options.h>

/* The struct that has a row's member. Each program's own struct begins with struct options. */
#define STRUCT_BOTH    struct options
#define STRUCT_STRESS  struct stress_options
#define STRUCT_EXPLORE struct explore_options
_Static_assert(offsetof(struct stress_options, common) == 0, "a BOTH row has the same offset");
_Static_assert(offsetof(struct explore_options, common) == 0, "in either program's struct");

#define ROW(whose, name, member, kind, ...)                                                        \
    {name, offsetof(STRUCT_##whose, member), sizeof(((STRUCT_##whose *)0)->member), OPTION_##kind, \
     __VA_ARGS__},
#define TAKE(...) __VA_ARGS__
#define LEAVE(...)

static const struct option stress_rows[] = {
#define STRESS_BOTH        TAKE
#define STRESS_STRESS      TAKE
#define STRESS_EXPLORE     LEAVE
#define OPTION(whose, ...) STRESS_##whose(ROW(whose, __VA_ARGS__))
#include <stress/options.def>
};

static const struct option explore_rows[] = {
#define EXPLORE_BOTH       TAKE
#define EXPLORE_STRESS     LEAVE
#define EXPLORE_EXPLORE    TAKE
#define OPTION(whose, ...) EXPLORE_##whose(ROW(whose, __VA_ARGS__))
#include <stress/options.def>
};

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
_Static_assert(COUNT(stress_rows) <= OPTION_ROWS_MAX, "the parser has a bit for each row");
_Static_assert(COUNT(explore_rows) <= OPTION_ROWS_MAX, "the parser has a bit for each row");

const struct option_table stress_option_table = {
    .program = "the stress (make run, ci/stampede run)",
    .rows = stress_rows,
    .count = COUNT(stress_rows),
    .other = &explore_option_table,
};

const struct option_table explore_option_table = {
    .program = "the explorer (make explore, ci/stampede explore)",
    .rows = explore_rows,
    .count = COUNT(explore_rows),
    .other = &stress_option_table,
};

void options_choose_seed(struct options *options)
{
    if (!options->seed)
        options->seed = prng_mix(cpu_cycles());
}
