#include <smp/percpu.h>
#include <stress/report.h>
#include <stress/totals.h>
#include <string.h>
#include <tests/unit/unit.h>

enum { CORES = 4 };

static struct percpu percpu[CORES];
struct percpu *percpu_table[CORE_LIMIT] = {&percpu[0], &percpu[1], &percpu[2], &percpu[3]};
uint32_t percpu_count = CORES;

static struct core cores[2 * CORES];
static const struct stress_options options = {.floor = 100};
static const struct phase shared = {.row = &(const struct phase_row){"shared", 0, 0},
                                    .floor = {.overlapped = 200}};
static const struct phase alone = {.row = &(const struct phase_row){"alone", 0, 0}, .alone = true};
static struct run run;

void report_line(const char *format, ...)
{
    (void)format;
}

/* Every core has made this many calls, and this many of them overlapped. */
static void start(const struct phase *phase, uint64_t calls, uint64_t overlapped)
{
    memset(cores, 0, sizeof cores);
    run = (struct run){.options = &options,
                       .phase = phase,
                       .cores = cores,
                       .interrupt_cores = cores + CORES,
                       .core_count = CORES};
    for (uint32_t i = 0; i < CORES; i++) {
        cores[i].number = i;
        cores[i].counts.allocations = calls;
        cores[i].counts.overlapped = overlapped / CORES;
    }
}

static bool suffices(uint64_t percent)
{
    struct totals sum = totals_of(&run);

    return totals_suffice(&run, &sum, percent);
}

TEST(calls_that_overlapped_are_the_floor)
{
    start(&shared, 1000, 200);
    CHECK(suffices(100));
    start(&shared, 1000, 196);
    CHECK(!suffices(100));
    CHECK(suffices(50));
}

/* It does not matter how much the others did. */
TEST(each_core_must_have_made_calls)
{
    start(&shared, 1000, 4000);
    cores[2].counts.allocations = 0;
    CHECK(!suffices(100));
    struct totals sum = totals_of(&run);
    CHECK_EQUAL(sum.fewest_calls, 0);
    CHECK_EQUAL(sum.idlest_core, 2);
    cores[2].counts.out_of_memory = 10;
    CHECK(suffices(100));
}

TEST(a_phase_of_one_core_wants_nothing_of_others)
{
    start(&alone, 0, 0);
    cores[0].counts.allocations = 5;
    CHECK(suffices(100));
    start(&shared, 0, 0);
    run.core_count = 1;
    CHECK(suffices(100));
}

TEST(what_is_hopeless)
{
    start(&shared, 1000, 8);
    struct totals sum = totals_of(&run);
    CHECK(totals_are_hopeless(&run, &sum));
    start(&shared, 1000, 100);
    sum = totals_of(&run);
    CHECK(!totals_are_hopeless(&run, &sum));
}

TEST(what_all_phases_saw_is_kept)
{
    start(&shared, 1000, 400);
    struct totals sum = totals_of(&run);
    totals_keep(&run, &sum);
    totals_keep(&run, &sum);
    CHECK_EQUAL(run.seen.counts.overlapped, 800);
    CHECK_EQUAL(run.seen.shared_phases, 2);
    CHECK_EQUAL(run.seen.shared_at_floor, 2);
    run.phase = &alone;
    totals_keep(&run, &sum);
    CHECK_EQUAL(run.seen.shared_phases, 2);
}
