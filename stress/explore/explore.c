#include <arch/clock.h>
#include <lib/benign.h>
#include <lib/fail.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <stress/explore/explore.h>
#include <stress/explore/minimise.h>
#include <stress/explore/trial_report.h>
#include <stress/failure.h>
#include <stress/run_end.h>

enum {
    SCHEDULES_A_PROGRAM = 64,
    TITLES = 16, /* most distinct titles that keep-going=1 counts */
    TRACE_SIZE = 4096,
    MINIMISE_SECONDS = 20,
};

struct tally {
    uint64_t schedules, failures;
};

static struct {
    const struct explore_options *options;
    const struct page_allocator *allocator;
    struct program_limits limits;
    struct prng random;
    struct program program;
    struct schedule schedule;
    struct trial_result result;
    uint64_t program_seed, schedule_seed;
    unsigned length; /* points of the program without preemptions */
    uint64_t start;  /* clock_ns() */
    pfn_t start_pfn; /* page 0 of programs */
    uint64_t programs, schedules, points, interleaved, hash;
    uint64_t reported_at;
    struct tally tallies[STRATEGIES];
    struct trial_failure found[TITLES];
    uint64_t title_counts[TITLES];
    unsigned title_count;
    struct failing failing;
    struct trace_entry trace[TRACE_SIZE];
    struct sweep_level levels[SCHEDULE_DEPTH];
} explorer;

/* ---- one trial ---- */

static bool run_trial(void)
{
    trial_run(&explorer.program, &explorer.schedule, &explorer.result);
    struct tally *tally = &explorer.tallies[explorer.schedule.strategy];
    tally->schedules++;
    tally->failures += explorer.result.failure.rule != RULE_NONE;
    explorer.schedules++;
    explorer.points += explorer.result.points;
    explorer.interleaved += explorer.schedule.taken_count > 0;
    explorer.hash = prng_mix(explorer.hash ^ explorer.result.hash);
    return explorer.result.failure.rule != RULE_NONE;
}

static enum strategy wanted_strategy(void)
{
    return (enum strategy)strategy_find(explorer.options->strategy);
}

/* Interleaved with others, a call takes longer than alone, and all threads may be in calls. */
static void learn_patience(void)
{
    enum { OTHERS = 2 * EXPLORE_THREADS };
    unsigned longest = simulator_longest();

    simulator_be_patient(longest < SIMULATOR_POINTS_USUAL ? SIMULATOR_POINTS + OTHERS * longest
                                                          : SIMULATOR_POINTS);
}

/* Run the program without preemptions, to learn its length. Returns whether it fails even so. */
static bool run_usual(void)
{
    schedule_begin_given(&explorer.schedule, NULL, 0);
    simulator_be_patient(SIMULATOR_POINTS_USUAL);
    bool failed = run_trial();
    learn_patience();
    explorer.length = explorer.schedule.points;
    return failed;
}

/* ---- a failure ---- */

static void take_failing(void)
{
    struct failing *failing = &explorer.failing;

    failing->program = explorer.program;
    failing->switch_count = explorer.schedule.taken_count;
    memcpy(failing->switches, explorer.schedule.taken,
           failing->switch_count * sizeof(failing->switches[0]));
    failing->failure = explorer.result.failure;
}

/* Minimise the failure, then run it once more and record a trace. */
static void shrink_and_trace(void)
{
    uint64_t before = clock_ns();

    take_failing();
    if (explorer.options->minimise) {
        uint64_t trials = minimise(&explorer.failing, &explorer.schedule,
                                   before + (uint64_t)MINIMISE_SECONDS * 1000000000);
        report_line("# minimise trials=%lu ms=%lu", trials, (clock_ns() - before) / 1000000);
    }
    trial_report_minimised(&explorer.failing, explorer.start_pfn);
    simulator_trace(explorer.trace, TRACE_SIZE);
    if (!minimise_confirm(&explorer.failing, &explorer.schedule))
        report_line("# minimised: it does not fail again: something outlives a trial");
    trial_report_trace(explorer.trace);
    trial_report_outcomes(&explorer.failing.program);
    if (explorer.failing.failure.rule == RULE_RACE)
        trial_report_race();
}

static void report_found(void)
{
    report_line("# found program=0x%lx schedule=0x%lx strategy=%s schedules=%lu points=%u "
                "hash=0x%lx",
                explorer.program_seed, explorer.schedule_seed,
                strategy_name(explorer.schedule.strategy), explorer.schedules,
                explorer.result.points, explorer.result.hash);
    trial_report_program("found", &explorer.program);
    report_line("# found title=%s", explorer.result.failure.title);
}

_Noreturn static void tell_failure(void)
{
    report_found();
    shrink_and_trace();
    failure_report(explorer.failing.failure.rule, explorer.failing.failure.title);
}

/* Count the failure under its title; the search continues. */
static void count_title(void)
{
    unsigned i = 0;

    while (i < explorer.title_count &&
           !trial_same_failure(&explorer.found[i], &explorer.result.failure))
        i++;
    if (i == TITLES)
        return;
    if (i == explorer.title_count) {
        explorer.found[i] = explorer.result.failure;
        explorer.title_count++;
        report_found();
    }
    explorer.title_counts[i]++;
}

static bool is_looked_for(void)
{
    const char *rule = explorer.options->rule;

    return !*rule || strcmp(rule, rule_name(explorer.result.failure.rule)) == 0;
}

static void note_failure(void)
{
    if (!explorer.options->keep_going && is_looked_for())
        tell_failure();
    count_title();
}

/* ---- campaigns ---- */

static uint64_t elapsed_ms(void)
{
    return (clock_ns() - explorer.start) / 1000000;
}

static uint64_t rate(void)
{
    return explorer.schedules * 1000 / (elapsed_ms() ? elapsed_ms() : 1);
}

static bool goes_on(void)
{
    uint64_t ms = elapsed_ms();

    if (ms >= explorer.reported_at + 1000) {
        explorer.reported_at = ms;
        report_line("# progress phase=explore seconds=%lu.%lu ops=%lu rate=%lu programs=%lu",
                    ms / 1000, ms / 100 % 10, explorer.schedules, rate(), explorer.programs);
    }
    if (explorer.options->schedules)
        return explorer.schedules < explorer.options->schedules;
    return ms < explorer.options->common.seconds * 1000;
}

static void make_program(uint64_t seed)
{
    char message[120];

    explorer.program_seed = seed;
    explorer.programs++;
    if (explorer.options->program[0])
        program_parse(&explorer.program, explorer.options->program, message, sizeof(message));
    else
        program_generate(&explorer.program, seed, &explorer.limits);
}

static void explore_one_program(void)
{
    explorer.schedule_seed = 0;
    if (run_usual())
        note_failure();
    for (unsigned i = 1; i < SCHEDULES_A_PROGRAM && goes_on(); i++) {
        explorer.schedule_seed = prng_next(&explorer.random);
        schedule_begin(&explorer.schedule, wanted_strategy(), explorer.schedule_seed,
                       explorer.length);
        if (run_trial())
            note_failure();
    }
}

static void explore_seeds(void)
{
    while (goes_on()) {
        make_program(prng_next(&explorer.random));
        explore_one_program();
    }
}

/* Try every schedule of the program with at most preemptions= preemptions. Returns whether all were
 * tried. */
static bool sweep_program(void)
{
    uint64_t before = explorer.schedules;
    bool more = true;

    /* This trial is not counted: the sweep has the same schedule. */
    schedule_begin_given(&explorer.schedule, NULL, 0);
    simulator_be_patient(SIMULATOR_POINTS_USUAL);
    trial_run(&explorer.program, &explorer.schedule, &explorer.result);
    learn_patience();
    schedule_sweep_begin(&explorer.schedule, explorer.levels,
                         (unsigned)explorer.options->preemptions);
    while (more && goes_on()) {
        schedule_begin(&explorer.schedule, STRATEGY_SWEEP, 0, 0);
        if (run_trial())
            note_failure();
        more = schedule_sweep_next(&explorer.schedule);
    }
    bool complete = !more && !explorer.schedule.truncated;
    char text[PROGRAM_TEXT_SIZE];
    report_line("# sweep program=%s preemptions=%lu schedules=%lu complete=%s",
                program_print(&explorer.program, text, sizeof(text)), explorer.options->preemptions,
                explorer.schedules - before, complete ? "yes" : "no");
    return complete;
}

static void sweep_programs(void)
{
    bool given = explorer.options->program[0];

    while (goes_on()) {
        make_program(prng_next(&explorer.random));
        if (!sweep_program() || given)
            return;
    }
}

/* Run one trial, given by two seeds or as text. */
static void replay(void)
{
    static struct schedule_switch list[SCHEDULE_SWITCHES];
    unsigned count;
    char message[120];

    make_program(explorer.options->program_seed);
    run_usual();
    if (explorer.options->schedule_seed) {
        explorer.schedule_seed = explorer.options->schedule_seed;
        schedule_begin(&explorer.schedule, wanted_strategy(), explorer.schedule_seed,
                       explorer.length);
    } else {
        schedule_parse(list, &count, explorer.options->switches, message, sizeof(message));
        schedule_begin_given(&explorer.schedule, list, count);
    }
    simulator_trace(explorer.trace, TRACE_SIZE);
    bool failed = run_trial();
    simulator_trace(NULL, 0);
    if (failed)
        note_failure();
    trial_report_program("replayed", &explorer.program);
    trial_report_trace(explorer.trace);
    trial_report_outcomes(&explorer.program);
}

/* ---- the whole run ---- */

static void report_tallies(void)
{
    char reason[160];

    for (unsigned i = 0; i < STRATEGIES; i++)
        if (explorer.tallies[i].schedules)
            report_line("# explored strategy=%s schedules=%lu failures=%lu",
                        strategy_name((enum strategy)i), explorer.tallies[i].schedules,
                        explorer.tallies[i].failures);
    for (unsigned i = 0; i < explorer.title_count; i++)
        report_line("# explored failures=%lu title=%s", explorer.title_counts[i],
                    explorer.found[i].title);
    for (const struct benign_race *race = __start_benign_races; race < __stop_benign_races; race++)
        report_line("# benign function=%s reason=%s", race->function,
                    format_value(reason, sizeof(reason), race->reason));
}

/* Report the bound 1 / (n k^(d-1)) of pct for the last program: depth d, n threads, k points. */
static void report_bound(void)
{
    unsigned threads = 0;

    for (unsigned i = 0; i < EXPLORE_THREADS; i++)
        threads += explorer.program.count[i] > 0;
    uint64_t length = explorer.length, power = threads;
    for (unsigned depth = 2; length && depth <= 4; depth++) {
        power *= length;
        report_line("# bound depth=%u threads=%u length=%lu one_in=%lu", depth, threads, length,
                    power);
    }
}

_Noreturn static void conclude(void)
{
    enum strategy strategy = wanted_strategy();
    bool lone = strategy == STRATEGY_GIVEN || strategy == STRATEGY_SWEEP ||
                explorer.schedules < 10 || explorer.limits.cores == 1;
    enum verdict verdict = VERDICT_PASS;
    char figures[200];

    report_tallies();
    report_bound();
    format_text(figures, sizeof(figures),
                "programs=%lu schedules=%lu points=%lu interleaved=%lu ms=%lu rate=%lu "
                "hash=0x%lx",
                explorer.programs, explorer.schedules, explorer.points, explorer.interleaved,
                elapsed_ms(), rate(), explorer.hash);
    if (explorer.title_count)
        failure_report(RULE_EXPLORED, "explored: failures of several titles were counted");
    if (!lone && explorer.interleaved < explorer.schedules / 4) {
        report_line("ok 1 explore # SKIP inconclusive: %s (few schedules interleave)", figures);
        verdict = VERDICT_INCONCLUSIVE;
    } else {
        report_line("ok 1 explore # %s", figures);
    }
    run_end(verdict);
}

static void set_limits(const struct explore_options *options, unsigned promises)
{
    explorer.limits = (struct program_limits){
        .cores = promises & PROMISE_SMP_SAFE ? (unsigned)options->cores : 1,
        .operations = (unsigned)options->operations,
        .pages = (unsigned)options->pages,
        .page_multiple = page_allocator_takes_one_region(explorer.allocator)
                             ? (unsigned)explorer.allocator->range_alignment
                             : 0,
        .largest_order = page_allocator_largest(explorer.allocator),
        .interrupts = (promises & PROMISE_IRQ_SAFE) && options->interrupts,
        .removes = explorer.allocator->remove_pages && !explorer.allocator->removes_alone,
        .bad_frees =
            (promises & PROMISE_REFUSES_BAD_FREE) && !explorer.allocator->free_ignores_order,
        .counts = explorer.allocator->free_page_count,
    };
}

bool explore_check(const struct explore_options *options, char *message, size_t size)
{
    static struct program program;
    static struct schedule_switch list[SCHEDULE_SWITCHES];
    unsigned count;

    if (options->program[0] && !program_parse(&program, options->program, message, size))
        return false;
    if (!schedule_parse(list, &count, options->switches, message, size))
        return false;
    if (options->switches[0] && !options->program[0]) {
        format_text(message, size, "switches= needs program=");
        return false;
    }
    if (options->schedule_seed && strategy_find(options->strategy) == STRATEGY_SWEEP) {
        format_text(message, size,
                    "strategy=sweep tries all schedules: it takes no schedule-seed=");
        return false;
    }
    if (options->schedule_seed && !options->program_seed && !options->program[0]) {
        format_text(message, size, "schedule-seed= needs program-seed= or program=");
        return false;
    }
    return true;
}

/* ci/user-objects puts a mark here if the allocator has atomics that the explorer cannot see. */
extern const char __start_unseen_atomics[] __attribute__((weak));
extern const char __stop_unseen_atomics[] __attribute__((weak));

static bool has_unseen_atomics(void)
{
    return __stop_unseen_atomics - __start_unseen_atomics > 0;
}

void explore(const struct explore_options *options, const struct trial_setup *setup)
{
    struct trial_setup with_options = *setup;

    explorer.options = options;
    explorer.allocator = setup->allocator;
    explorer.start_pfn = setup->start;
    if (page_allocator_takes_one_region(setup->allocator) &&
        setup->allocator->range_alignment > EXPLORE_PAGES)
        fail(RULE_USAGE,
             "allocator %s takes one region of a multiple of %lu pages; the explorer has %u",
             setup->allocator->name, setup->allocator->range_alignment, EXPLORE_PAGES);
    set_limits(options, setup->allocator->promises);
    prng_seed(&explorer.random, options->common.seed, 0);
    with_options.machine.points =
        strcmp(options->points, "coarse") == 0 ? POINTS_COARSE : POINTS_ALL;
    with_options.machine.races =
        options->races && !has_unseen_atomics() && (setup->allocator->promises & PROMISE_SMP_SAFE);
    trial_init(&with_options);
    failure_set_phase(1, "explore");
    if (has_unseen_atomics())
        report_line("# explore: no race is reported: the allocator has atomics in inline assembly, "
                    "which the explorer does not see");
    report_line("# begin phase=explore");
    explorer.start = clock_ns();
    if (options->program_seed || options->schedule_seed || options->switches[0] ||
        (options->program[0] && wanted_strategy() == STRATEGY_GIVEN))
        replay();
    else if (wanted_strategy() == STRATEGY_SWEEP)
        sweep_programs();
    else
        explore_seeds();
    conclude();
}
