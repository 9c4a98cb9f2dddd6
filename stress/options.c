/*
 * Each program's table of options, made of the rows of options.def. Which allocators, phases and
 * failures there are is known to those who have them; here their names are text of permitted
 * characters.
 */
#include <arch/cpu.h>
#include <lib/prng.h>
#include <stress/options.h>

#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789-"

/* Where the members of a row are. A program's own struct begins with struct options. */
#define STRUCT_BOTH    struct options
#define STRUCT_STRESS  struct stress_options
#define STRUCT_EXPLORE struct explore_options
_Static_assert(offsetof(struct stress_options, common) == 0, "a BOTH row has the same offset");
_Static_assert(offsetof(struct explore_options, common) == 0, "in either program's struct");

#define ROW(whose, name, member, ...)                                                           \
    ROW_##whose({name, offsetof(STRUCT_##whose, member), sizeof(((STRUCT_##whose *)0)->member), \
                 __VA_ARGS__}, )
#define NUMBER(whose, name, member, least, most, preset, help) \
    ROW(whose, name, member, OPTION_NUMBER, least, most, preset, NULL, help)
#define HEX(whose, name, member, preset, help) \
    ROW(whose, name, member, OPTION_HEX, 0, UINT64_MAX, preset, NULL, help)
#define TEXT(whose, name, member, least, preset, characters, help) \
    ROW(whose, name, member, OPTION_TEXT, least, 0, preset, characters, help)
#define CHOICE(whose, name, member, preset, words, help) \
    ROW(whose, name, member, OPTION_CHOICE, 0, 0, preset, words, help)
#define WEIGHTS(whose, name, member, most, preset, help) \
    ROW(whose, name, member, OPTION_WEIGHTS, 0, most, preset, NULL, help)

#define ROW_BOTH(...) __VA_ARGS__

static const struct option stress_rows[] = {
#define ROW_STRESS(...) __VA_ARGS__
#define ROW_EXPLORE(...)
#include <stress/options.def>
#undef ROW_STRESS
#undef ROW_EXPLORE
};

static const struct option explore_rows[] = {
#define ROW_STRESS(...)
#define ROW_EXPLORE(...) __VA_ARGS__
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
