/*
 * stress/explore/schedule.c: which thread is chosen, and that a sweep meets every schedule exactly
 * once.
 */
#include <stress/explore/schedule.h>
#include <string.h>
#include <tests/unit/unit.h>

static struct schedule schedule;
static struct sweep_level levels[SCHEDULE_DEPTH];
static char message[200], text[SCHEDULE_TEXT_SIZE];

/*
 * Run threads with these numbers of points, none of which waits. `trace` tells which thread ran, as
 * text.
 */
static unsigned run(const unsigned *lengths, unsigned threads, char *trace)
{
    unsigned left[EXPLORE_THREADS] = {0}, current = 0, count = 0;

    memcpy(left, lengths, threads * sizeof left[0]);
    for (;;) {
        uint32_t enabled = 0;
        for (unsigned i = 0; i < threads; i++)
            enabled |= (uint32_t)(left[i] > 0) << i;
        if (!enabled)
            break;
        current = schedule_choose(&schedule, enabled, current);
        CHECK(enabled >> current & 1);
        left[current]--;
        trace[count++] = (char)('0' + current);
    }
    trace[count] = '\0';
    return count;
}

TEST(usual_goes_on)
{
    char trace[64];

    schedule_begin_given(&schedule, NULL, 0);
    run((unsigned[]){2, 3, 1}, 3, trace);
    CHECK_TEXT(trace, "001112");
    CHECK_EQUAL(schedule.taken_count, 0);
}

TEST(switches_are_followed_and_kept)
{
    struct schedule_switch list[8];
    unsigned count;
    char trace[64];

    CHECK(schedule_parse(list, &count, "0.0@2:1,1.0@2:2", message, sizeof message));
    CHECK_EQUAL(count, 2);
    schedule_begin_given(&schedule, list, count);
    run((unsigned[]){2, 3, 2}, 3, trace);
    CHECK_TEXT(trace, "0112201");
    CHECK_TEXT(schedule_print(schedule.taken, schedule.taken_count, text, sizeof text),
               "0.0@2:1,1.0@2:2");
}

TEST(switches_count_by_operation)
{
    struct schedule_switch list[8];
    unsigned count;

    CHECK(schedule_parse(list, &count, "0.1@1:i0", message, sizeof message));
    schedule_begin_given(&schedule, list, count);
    schedule_note_operation(&schedule, 0, 0);
    CHECK_EQUAL(schedule_choose(&schedule, 0x11, 0), 0);
    schedule_note_operation(&schedule, 0, 1);
    CHECK_EQUAL(schedule_choose(&schedule, 0x11, 0), EXPLORE_CORES);
}

TEST(bad_switches_are_refused)
{
    static const char *const texts[] = {"0",     "0@1:1",    "0.9@1:1", "4.0@1:1",
                                        "0.0@1", "0.0@1:1;", "x"};
    struct schedule_switch list[8];
    unsigned count;

    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        CHECK(!schedule_parse(list, &count, texts[i], message, sizeof message));
        CHECK_PART(message, "such as 0.2@12:1");
    }
    CHECK(schedule_parse(list, &count, "", message, sizeof message));
    CHECK_EQUAL(count, 0);
}

/* Interleavings of 3 and 3 points: 20 in all. 2 without preemption, and 2 * 2 more with one. */
TEST(a_sweep_is_complete)
{
    static const struct {
        unsigned preemptions, schedules;
    } cases[] = {{0, 2}, {1, 6}, {8, 20}};
    char seen[32][16], trace[16];

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned count = 0;
        schedule_sweep_begin(&schedule, levels, cases[i].preemptions);
        do {
            schedule_begin(&schedule, STRATEGY_SWEEP, 0, 0);
            run((unsigned[]){3, 3}, 2, trace);
            for (unsigned k = 0; k < count; k++)
                CHECK(strcmp(seen[k], trace) != 0);
            strcpy(seen[count++], trace);
        } while (schedule_sweep_next(&schedule) && count < 32);
        CHECK_EQUAL(count, cases[i].schedules);
        CHECK(!schedule.truncated);
    }
}

/*
 * Two threads have single points. Random walks meet one of their orders about as often as expected.
 */
TEST(random_walks_repeat_and_differ)
{
    char first[64], again[64];
    unsigned differ = 0;

    for (enum strategy strategy = STRATEGY_WALK; strategy <= STRATEGY_PCT4; strategy++)
        for (uint64_t seed = 1; seed < 50; seed++) {
            schedule_begin(&schedule, strategy, seed, 20);
            run((unsigned[]){10, 10}, 2, first);
            schedule_begin(&schedule, strategy, seed, 20);
            run((unsigned[]){10, 10}, 2, again);
            CHECK_TEXT(first, again);
            schedule_begin(&schedule, strategy, seed + 1000, 20);
            run((unsigned[]){10, 10}, 2, again);
            differ += strcmp(first, again) != 0;
        }
    CHECK(differ > 150);
}

/*
 * The bound of PCT for one order of two events, in threads of 1 and 20 points: at least 1 in n k.
 */
TEST(pct_keeps_its_bound)
{
    char trace[64];
    unsigned met = 0, tries = 20000;

    for (unsigned seed = 0; seed < tries; seed++) {
        schedule_begin(&schedule, STRATEGY_PCT2, seed, 40);
        run((unsigned[]){20, 20}, 2, trace);
        met += strncmp(trace, "0000000111111", 13) ==
               0; /* thread 0 stops at its eighth point, and nowhere else */
    }
    CHECK(met >= tries / (2 * 40) / 2);
}

TEST(portfolio_is_all_of_them)
{
    unsigned seen = 0;

    for (uint64_t seed = 0; seed < 200; seed++) {
        schedule_begin(&schedule, STRATEGY_PORTFOLIO, seed, 20);
        seen |= 1u << schedule.strategy;
    }
    CHECK_EQUAL(seen, 1u << STRATEGY_WALK | 1u << STRATEGY_SPARSE | 1u << STRATEGY_PCT2 |
                          1u << STRATEGY_PCT3 | 1u << STRATEGY_PCT4);
    CHECK_EQUAL(strategy_find("pct3"), STRATEGY_PCT3);
    CHECK_EQUAL(strategy_depth(STRATEGY_PCT3), 3);
    CHECK(strategy_find("nonsense") < 0);
}
