/*
 * selftest: what the allocator must do in fixed cases (stress/vectors.c), on a small pool of its
 * own, on one core.
 *
 * All vectors run, and each one that fails is listed: the failure is caught, the pool is reset, and
 * the next vector runs. Only traps, stalls and failed assertions end the phase at once. In the end
 * the first vector that failed runs again and is not caught, so that the machine stops where the
 * failure happens.
 */
#include <arch/clock.h>
#include <arch/escape.h>
#include <arch/irq.h>
#include <arch/percpu.h>
#include <arch/vcore.h>
#include <lib/fail.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <smp/percpu.h>
#include <stress/failure.h>
#include <stress/phases.h>
#include <stress/report.h>
#include <stress/vector_run.h>

enum {
    LEAST_PAGES = 2048, /* enough for every vector without T */
    MEMORY_SHARE = 4,   /* the pool's books take at most one part in so many of memory */
    LINE_ROOM = 216,    /* characters of a log line, for a vector's name and words */
};

struct caught {
    bool happened;
    unsigned index; /* of the vector */
    enum rule rule;
    char title[FAILURE_TITLE_SIZE];
};

/* The pool of the vector that runs: a copy of one of those below, emptied for it. */
static struct arena arena;

/*
 * Both begin at the same page. Resetting the large pool takes long, so only the vectors that need
 * it use it.
 */
static struct {
    struct arena small, large;
    bool has_large;
} pools;

/* ---- running a vector, caught or not ---- */

static struct {
    struct vector_run run;
    unsigned index;
    struct escape escape;
    struct caught first, last; /* the first failure, and the latest */
} test;

static void prepare_vector(struct core *core, unsigned index)
{
    unsigned largest = page_allocator_largest(arena.allocator);

    test.index = index;
    test.run = (struct vector_run){.arena = &arena, .core = core};
    arena = pools.small;
    vectors_get(&test.run.vector, index, largest, arena.end - arena.start);
    if (!pools.has_large || !vector_is_large(&test.run.vector))
        return;
    arena = pools.large;
    vectors_get(&test.run.vector, index, largest, arena.end - arena.start);
}

/* The part of a title that follows the rule. */
static const char *message_of(const struct caught *caught)
{
    return caught->title + strlen(rule_name(caught->rule)) + strlen(": ");
}

static void keep(struct caught *caught, enum rule rule, const char *title)
{
    caught->happened = true;
    caught->index = test.index;
    caught->rule = rule;
    format_text(caught->title, sizeof(caught->title), "%s", title);
}

/* End the run now, by the first failure and not by the latest. */
_Noreturn static void end_by_first(const char *title)
{
    failure_catch(NULL);
    failure_begin(test.first.rule, "%s", message_of(&test.first));
    report_line(
        "# selftest: the failure was caught before; now the machine stands in \"%s\", at %s",
        test.run.vector.name, title);
    failure_end();
}

/* Whether other vectors can still be tried after a failure of this rule. */
static bool goes_on_after(enum rule rule)
{
    return failure_verdict(rule) == VERDICT_FAIL;
}

/*
 * The catcher. It runs on any core: another core's watchdog may report this one. A hang cannot be
 * left, so it ends the run. A trap can be left, but while no failure is listed it is reported where
 * it happens.
 */
static void on_failure(enum rule rule, const char *title)
{
    bool hangs = failure_verdict(rule) == VERDICT_HANG;
    bool here = cpu_number() == test.run.core->number && !hangs;

    if (!test.first.happened && !(here && goes_on_after(rule)))
        return;
    if (!here)
        end_by_first(title);
    keep(&test.last, rule, title);
    vcore_abandon();
    escape_leave(&test.escape);
}

/* Repair what a failed vector left behind: held locks, interrupts off, an unfinished walk. */
static void put_right(void)
{
    uint64_t pages = arena.end - arena.start;

    spinlock_irq_abandon();
    this_core()->frozen_at = NULL;
    __atomic_store_n(&test.run.core->now.operation, OPERATION_NONE, __ATOMIC_RELAXED);
    memset(arena.walk.free_order, 0, pages);
    if (arena.census)
        memset(arena.census, 0, pages);
    irq_enable();
}

static void run_prepared(void *context)
{
    (void)context;
    vector_run(&test.run);
}

/* Returns whether the vector failed; then test.last is the failure. */
static bool run_caught(void)
{
    failure_catch(on_failure);
    bool failed = escape_run(&test.escape, run_prepared, NULL);
    failure_catch(NULL);
    return failed;
}

/* ---- in words ---- */

static struct {
    bool is_about_blocks;
    char text[LINE_ROOM];
} blocks;

static void describe_blocks(void *context)
{
    (void)context;
    blocks.is_about_blocks =
        vector_describe_blocks(&test.run, test.last.rule, blocks.text, LINE_ROOM);
}

/*
 * The free blocks in words if the failure is about them, else its title. Looking at an allocator
 * that has just failed may fail again; then the title is used, too.
 */
static const char *describe_last(void)
{
    struct caught failure = test.last;

    failure_catch(on_failure);
    bool failed_again = escape_run(&test.escape, describe_blocks, NULL);
    failure_catch(NULL);
    test.last = failure;
    return !failed_again && blocks.is_about_blocks ? blocks.text : test.last.title;
}

static void list_failure(void)
{
    char text[LINE_ROOM], name[VECTOR_NAME_SIZE + 2], words[LINE_ROOM];

    if (!test.first.happened)
        report_line("# selftest: pages are counted from pfn 0x%lx on", arena.start);
    if (!test.first.happened)
        test.first = test.last;
    if (test.last.rule == RULE_SELFTEST)
        format_text(text, LINE_ROOM, "%s", message_of(&test.last));
    else
        vector_describe(&test.run, describe_last(), text, LINE_ROOM);
    report_line("# selftest failed=%s text=%s",
                format_value(name, sizeof(name), test.run.vector.name),
                format_value(words, sizeof(words), vector_words(&test.run, text)));
}

/* ---- vectors left out: the cases of one vector, such as one per order, share a line ---- */

static struct {
    char name[VECTOR_NAME_SIZE], why[VECTOR_WHY_SIZE];
    unsigned base; /* characters of the name before its order; 0: nothing to report */
    unsigned first, last;
} left_out;

static void tell_left_out(void)
{
    char why[VECTOR_WHY_SIZE + 2];

    format_value(why, sizeof(why), left_out.why);
    if (left_out.base && left_out.last > left_out.first)
        report_line("# selftest left-out=\"%.*s\" orders=%u-%u why=%s", (int)left_out.base,
                    left_out.name, left_out.first, left_out.last, why);
    else if (left_out.base)
        report_line("# selftest left-out=\"%s\" why=%s", left_out.name, why);
    left_out.base = 0;
}

static void list_left_out(const char *why)
{
    const struct vector *vector = &test.run.vector;
    unsigned base = vector->base_length;

    if (left_out.base == base && strncmp(left_out.name, vector->name, base) == 0 &&
        strcmp(left_out.why, why) == 0) {
        left_out.last = vector->numbers.order;
        return;
    }
    tell_left_out();
    left_out.base = base;
    left_out.first = left_out.last = vector->numbers.order;
    format_text(left_out.name, sizeof(left_out.name), "%s", vector->name);
    format_text(left_out.why, sizeof(left_out.why), "%s", why);
}

/* ---- all vectors ---- */

/* Returns whether other vectors can be tried. */
static bool try_vector(void)
{
    if (run_caught()) {
        list_failure();
        put_right();
        return goes_on_after(test.last.rule);
    }
    if (test.run.cut)
        report_line("# selftest left-out=\"%s\" part=rest why=\"%s\"", test.run.vector.name,
                    test.run.cut);
    return true;
}

/*
 * Whether the time for vectors with a large pool is up. If the allocator searches long lists, they
 * would take all of the run's time.
 */
static bool is_late(const struct stress_options *options, uint64_t start)
{
    enum { LEAST_SECONDS = 2, PART_OF_TIME = 5 };
    uint64_t seconds = options->common.seconds / PART_OF_TIME;

    if (options->ops)
        return false;
    return clock_ns() - start > (seconds > LEAST_SECONDS ? seconds : LEAST_SECONDS) * 1000000000;
}

/* Returns how many vectors ran. */
static unsigned run_all(const struct stress_options *options, struct core *core, unsigned count)
{
    uint64_t start = clock_ns();
    unsigned ran = 0;

    for (unsigned index = 0; index < count; index++) {
        char why[VECTOR_WHY_SIZE];
        prepare_vector(core, index);
        if (!vector_applies(&test.run.vector, arena.allocator, pools.has_large, why)) {
            list_left_out(why);
            continue;
        }
        if (is_late(options, start) && vector_is_large(&test.run.vector)) {
            list_left_out("the time of selftest is up, and it takes a large pool");
            continue;
        }
        tell_left_out();
        ran++;
        if (!try_vector()) {
            report_line("# selftest: the vectors after \"%s\" are not run", test.run.vector.name);
            break;
        }
    }
    tell_left_out();
    return ran;
}

/*
 * If the vector now breaks another rule than before, end by the first failure: the allocator may
 * have left something behind that changes the outcome.
 */
static void on_last_failure(enum rule rule, const char *title)
{
    if (rule != test.first.rule)
        end_by_first(title);
}

/* Run the first failed vector again, not caught, and with an empty history. */
_Noreturn static void fail_again(struct core *core)
{
    core->history_next = 0;
    prepare_vector(core, test.first.index);
    failure_catch(on_last_failure);
    vector_run(&test.run);
    failure_catch(NULL);
    report_line("# selftest: \"%s\" fails only the first time", test.run.vector.name);
    fail(test.first.rule, "%s", message_of(&test.first));
}

/* If the run ends within a call (hang or crash), show the vector's calls up to it. */
static const char *advise(enum rule rule)
{
    static char text[LINE_ROOM];
    enum verdict verdict = failure_verdict(rule);

    if (verdict != VERDICT_HANG && verdict != VERDICT_CRASH)
        return vector_advice(&test.run, rule);
    vector_describe(&test.run, "the backtrace of this call", text, sizeof(text));
    return text;
}

/* An allocator with one state for all pools has lost the run's pool: give it its pages again. */
static void restore_run_pool(struct run *run)
{
    if (!(run->arena.allocator->promises & PROMISE_INSTANCEABLE))
        arena_rebuild(&run->arena, UINT64_MAX);
}

static void round_selftest(struct run *run, struct core *core)
{
    unsigned count = vectors_count(page_allocator_largest(arena.allocator));
    const char *why;

    failure_set_adviser(advise);
    if (!vector_compares(&arena, &why))
        report_line("# selftest: free blocks are not compared: %s", why);
    unsigned ran = run_all(run->options, core, count);
    report_line("# selftest vectors=%u of=%u", ran, count);
    if (test.first.happened)
        fail_again(core);
    failure_set_adviser(NULL);
    restore_run_pool(run);
}

/* ---- the pool ---- */

static uint64_t round_up(uint64_t value, uint64_t alignment)
{
    return alignment ? (value + alignment - 1) / alignment * alignment : value;
}

/* Whether there is enough memory for a large pool's pages and books beside the run. */
static bool can_afford(const struct page_allocator *allocator, uint64_t pages,
                       uint64_t usable_pages)
{
    bool outside = allocator->promises & PROMISE_METADATA_OUTSIDE;
    uint64_t books = arena_overhead(allocator, 2 * pages, 3 * pages) >> PAGE_SHIFT;

    return books <= usable_pages / MEMORY_SHARE && (outside || usable_pages >= 3 * pages);
}

/*
 * Choose the pool's first page. If the allocator keeps its metadata outside, the pages need not
 * exist: neither the allocator nor an arena with sample 0 touches them. Otherwise they are real
 * memory. The first page is a multiple of the pool's size or of range_alignment, whichever is
 * larger.
 */
static pfn_t choose_start(const struct page_allocator *allocator, uint64_t pages,
                          void *(*take)(size_t size, size_t align))
{
    uint64_t alignment = allocator->range_alignment > pages ? allocator->range_alignment : pages;

    if (allocator->promises & PROMISE_METADATA_OUTSIDE)
        return 2 * alignment;
    return address_to_pfn(take(pages * PAGE_SIZE, alignment * PAGE_SIZE));
}

static void make_pool(struct arena *pool, const struct page_allocator *allocator, pfn_t start,
                      uint64_t pages, void *(*take)(size_t size, size_t align))
{
    arena_init(pool, allocator, start, start + pages, 0, take);
    pool->alone = true;
}

void phase_selftest_init(const struct page_allocator *allocator, uint64_t usable_pages,
                         void *(*take)(size_t size, size_t align))
{
    uint64_t least = round_up(LEAST_PAGES, allocator->range_alignment);
    uint64_t large =
        round_up(2 * order_pages(page_allocator_largest(allocator)), allocator->range_alignment);
    bool is_more = large > least && can_afford(allocator, large, usable_pages);
    pfn_t start = choose_start(allocator, is_more ? large : least, take);

    make_pool(&pools.small, allocator, start, least, take);
    pools.has_large = is_more || large <= least;
    pools.large = pools.small;
    if (is_more)
        make_pool(&pools.large, allocator, start, large, take);
    arena = pools.small;
}

const struct phase phase_selftest = {
    .row = PHASE_ROW(selftest),
    .alone = true,
    .once = true,
    .round = round_selftest,
};
