#include <lib/bitmap.h>
#include <lib/fail.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <stddef.h>
#include <stress/census.h>
#include <stress/refusals.h>
#include <stress/vector_run.h>

enum {
    TITLE_ROOM = 180, /* characters of a title behind "selftest: " */
    BLOCKS_ROOM = 60, /* of these, for a set of free blocks */
    LEAST_CALLS = 24, /* of these, for the calls, however long the rest is */
};

static const struct page_allocator *allocator_of(const struct vector_run *run)
{
    return run->arena->allocator;
}

static unsigned largest_of(const struct vector_run *run)
{
    return run->vector.numbers.largest;
}

/*
 * Whether the steps alone decide which pages are free: the allocator rounds no order up and keeps
 * no pages.
 */
static bool is_exact(const struct page_allocator *allocator)
{
    return !allocator->pages_kept && !allocator->taken_order;
}

bool vector_compares(const struct arena *arena, const char **why)
{
    const struct page_allocator *allocator = arena->allocator;

    *why = NULL;
    if (!(allocator->promises & PROMISE_COALESCES))
        *why = "coalesces is not promised";
    else if (allocator->pages_kept)
        *why = "the allocator keeps pages of what it is given";
    else if (allocator->taken_order)
        *why = "the allocator takes larger blocks than it is asked for";
    else if (!allocator->for_each_free && !census_possible(arena))
        *why = "there is no for_each_free, and true-oom is not promised";
    return !*why;
}

/* ---- failing, and giving up ---- */

void vector_describe(const struct vector_run *run, const char *what, char *text, unsigned size)
{
    char calls[TITLE_ROOM];
    size_t taken = strlen(run->vector.name) + strlen(what) + sizeof("\"\": : ");
    size_t room = taken + LEAST_CALLS < size ? size - taken : LEAST_CALLS;

    steps_describe(calls, room < sizeof(calls) ? (unsigned)room : sizeof(calls), run->vector.steps,
                   run->step, &run->vector.numbers);
    format_text(text, size, "\"%s\": %s: %s", run->vector.name, calls, what);
}

const char *vector_words(const struct vector_run *run, const char *description)
{
    return description + strlen(run->vector.name) + strlen("\"\": ");
}

__attribute__((format(printf, 2, 3))) static void fail_step(const struct vector_run *run,
                                                            const char *format, ...)
{
    char what[2 * BLOCKS_ROOM + 40], text[TITLE_ROOM];
    va_list arguments;

    va_start(arguments, format);
    format_text_va(what, sizeof(what), format, arguments);
    va_end(arguments);
    vector_describe(run, what, text, sizeof(text));
    fail(RULE_SELFTEST, "%s", text);
}

static void cut(struct vector_run *run, const char *why)
{
    run->cut = why;
}

/* ---- the free blocks ---- */

struct collection {
    pfn_t start;
    struct free_blocks free;
    struct free_orders orders;
};

static bool collect(void *context, pfn_t pfn, unsigned order)
{
    struct collection *collection = context;

    free_blocks_add(&collection->free, pfn - collection->start, order);
    if (order <= ORDER_LIMIT)
        collection->orders.count[order]++;
    return true;
}

static void fail_blocks(const struct vector_run *run, const struct free_blocks *expected,
                        const struct free_blocks *found)
{
    char expected_text[BLOCKS_ROOM], found_text[BLOCKS_ROOM];
    struct words expected_words = {.text = expected_text, .size = BLOCKS_ROOM};
    struct words found_words = {.text = found_text, .size = BLOCKS_ROOM};

    free_blocks_describe(&expected_words, expected);
    free_blocks_describe(&found_words, found);
    fail_step(run, "expected free blocks %s, found %s", expected_text, found_text);
}

static void expect_blocks(const struct vector_run *run, const struct collection *found)
{
    struct free_blocks expected = {0};

    free_blocks_read(&expected, run->step, &run->vector.numbers);
    if (!free_blocks_equal(&expected, &found->free))
        fail_blocks(run, &expected, &found->free);
}

static void fail_orders(const struct vector_run *run, const struct free_orders *expected,
                        const struct free_orders *found)
{
    char expected_text[BLOCKS_ROOM], found_text[BLOCKS_ROOM];
    struct words expected_words = {.text = expected_text, .size = BLOCKS_ROOM};
    struct words found_words = {.text = found_text, .size = BLOCKS_ROOM};

    free_orders_describe(&expected_words, expected);
    free_orders_describe(&found_words, found);
    fail_step(run, "expected free blocks of orders %s, found %s", expected_text, found_text);
}

static bool chooses_freely(const struct vector_run *run)
{
    return !(run->vector.needs & PROMISE_SMALLEST_FIT);
}

/*
 * The walk has already checked that the free blocks are as large as they can be. So different
 * orders show that the allocator chose other blocks.
 */
static void expect_orders(struct vector_run *run, const struct collection *found)
{
    struct free_orders expected = {0};

    free_orders_read(&expected, run->step, &run->vector.numbers);
    if (memcmp(&expected, &found->orders, sizeof(expected)) == 0)
        return;
    if (chooses_freely(run))
        return cut(run, "the allocator chose other blocks, as it may");
    fail_orders(run, &expected, &found->orders);
}

static void step_expect(struct vector_run *run)
{
    struct collection found = {.start = run->arena->start};
    const char *why;

    if (!vector_compares(run->arena, &why))
        return;
    arena_for_each_free(run->arena, collect, &found);
    if (*run->step == '=')
        expect_blocks(run, &found);
    else
        expect_orders(run, &found);
}

/* ---- calls ---- */

static struct step_pages pages_of(const struct vector_run *run)
{
    struct step_pages pages = step_pages(run->step, &run->vector.numbers);

    pages.first += run->arena->start;
    return pages;
}

/* Whether any of the pages may be handed out, by the books: of those in, not one that is kept. */
static bool any_inserted(const struct arena *arena, struct step_pages pages)
{
    uint64_t first = pages.first - arena->start;

    return arena_contains(arena, pages.first, pages.count) &&
           bitmap_find_set(arena->inserted, first, first + pages.count) != BITMAP_NONE;
}

static void step_insert(struct vector_run *run, enum page_error expected)
{
    struct step_pages pages = pages_of(run);
    bool keeps = allocator_of(run)->pages_kept;
    bool only_kept = keeps && expected == PAGE_ALREADY_IN && !any_inserted(run->arena, pages);
    enum page_error error = arena_insert(run->arena, pages.first, pages.count);

    if (error == expected || (keeps && error != PAGE_OK && expected != PAGE_OK))
        return;
    if (keeps && expected == PAGE_OK)
        return cut(run, "the allocator refused pages, some of which it would keep");
    if (only_kept)
        return cut(run, "the allocator took pages that it keeps");
    fail_step(run, "insert_pages said %s, %s expected", page_error_name(error),
              page_error_name(expected));
}

static void step_remove(struct vector_run *run)
{
    struct step_pages pages = pages_of(run);
    enum page_error error = arena_remove(run->arena, pages.first, pages.count);

    if (error != PAGE_OK)
        fail_step(run, "remove_pages refused: %s", page_error_name(error));
}

/* Which error it is counts only where errors are promised. */
static void step_remove_in_vain(struct vector_run *run)
{
    struct step_pages pages = pages_of(run);
    unsigned right = refusals_of_remove(run->arena, pages.first, pages.count);
    enum page_error error = arena_remove(run->arena, pages.first, pages.count);
    char names[REFUSALS_SIZE];

    if (error == PAGE_OK)
        fail_step(run, "remove_pages did it");
    else if (allocator_of(run)->promises & PROMISE_REFUSES_BAD_FREE && !refusals_have(right, error))
        fail_step(run, "remove_pages said %s, %s expected", page_error_name(error),
                  refusals_describe(right, names));
}

static bool has_room(const struct vector_run *run, unsigned order)
{
    return order <= largest_of(run) && arena_has_room(run->arena, order);
}

/* Whether the allocator must not refuse while there is room. */
static bool owes_blocks(const struct page_allocator *allocator)
{
    const unsigned needed = PROMISE_COALESCES | PROMISE_TRUE_OOM;

    return (allocator->promises & needed) == needed && is_exact(allocator);
}

static void step_allocate(struct vector_run *run)
{
    unsigned order = step_order(run->step, &run->vector.numbers);
    pfn_t pfn = arena_allocate(run->arena, run->core, order);

    if (pfn != INVALID_PFN)
        run->blocks[run->block_count++] = pfn;
    else if (owes_blocks(allocator_of(run)) && has_room(run, order))
        fail_step(run, "it gave nothing");
    else
        cut(run, "the allocator gave nothing, as it may");
}

/* If there is room by the books, the allocator may give a block: it chose other blocks before. */
static void step_allocate_in_vain(struct vector_run *run)
{
    unsigned order = step_order(run->step, &run->vector.numbers);
    bool room = has_room(run, order);
    pfn_t pfn = arena_allocate(run->arena, run->core, order);

    if (pfn == INVALID_PFN)
        return;
    if (!room || !chooses_freely(run))
        fail_step(run, "it gave a block");
    run->blocks[run->block_count++] = pfn;
    cut(run, "the allocator chose other blocks, as it may");
}

static pfn_t *block_of(struct vector_run *run)
{
    return &run->blocks[run->step[1] - 'A'];
}

static void step_free(struct vector_run *run)
{
    arena_free(run->arena, run->core, *block_of(run));
    *block_of(run) = INVALID_PFN;
}

static void step_split(struct vector_run *run)
{
    run->blocks[run->block_count++] = arena_split_held(run->arena, *block_of(run));
}

/*
 * Whether the free is right, because the order is. It also is if the allocator does not look at the
 * order, or rounds it to the right one.
 */
static bool is_right_order(const struct vector_run *run, pfn_t pfn, unsigned order)
{
    const struct arena *arena = run->arena;
    int held_order = arena_held_order(arena, pfn);

    if (held_order < 0)
        return false;
    return allocator_of(run)->free_ignores_order ||
           arena_taken_order(arena, order) == arena_taken_order(arena, (unsigned)held_order);
}

static void step_bad_free(struct vector_run *run)
{
    struct step_pages block = pages_of(run);

    if (is_right_order(run, block.first, (unsigned)block.count))
        return;
    arena_bad_free(run->arena, run->core, block.first, (unsigned)block.count, run->vector.name);
}

static void run_step(struct vector_run *run)
{
    switch (*run->step) {
    case '+':
        return step_insert(run, PAGE_OK);
    case '!':
        return step_insert(run, PAGE_ALREADY_IN);
    case 'o':
        return step_insert(run, PAGE_BAD_RANGE);
    case 'a':
        return step_allocate(run);
    case 'x':
        return step_allocate_in_vain(run);
    case 'f':
        return step_free(run);
    case 's':
        return step_split(run);
    case 'b':
        return step_bad_free(run);
    case '-':
        return step_remove(run);
    case '~':
    case 'r':
        return step_remove_in_vain(run);
    case '=':
    case '#':
        return step_expect(run);
    default:
        fail(RULE_ASSERT, "selftest: no such step: %s", run->step);
    }
}

void vector_run(struct vector_run *run)
{
    const char *steps = run->vector.steps;

    arena_reset(run->arena);
    run->step = *steps == '>' ? step_next(steps) : steps;
    for (; *run->step && !run->cut; run->step = step_next(run->step)) {
        if (!strchr("=#>s", *run->step))
            run->call = run->step;
        run_step(run);
        core_step(run->core, 0);
        if (*step_end(run->step) != '&' || run->cut)
            arena_check(run->arena);
    }
    run->call = "f";
    for (unsigned i = 0; i < run->block_count; i++)
        if (run->blocks[i] != INVALID_PFN)
            arena_free(run->arena, run->core, run->blocks[i]);
    arena_check(run->arena);
}

/* ---- in words ---- */

/*
 * Add the blocks that should be free by the books: what is inserted and not held, in blocks as
 * large as possible.
 */
static void add_due(const struct vector_run *run, struct free_blocks *due)
{
    const struct arena *arena = run->arena;
    uint64_t pages = arena->end - arena->start, stop;

    for (uint64_t i = 0; i < pages; i = stop) {
        bool free = bitmap_test(arena->inserted, i) && !bitmap_test(arena->held, i);
        for (stop = i + 1; free && stop < pages; stop++)
            if (!bitmap_test(arena->inserted, stop) || bitmap_test(arena->held, stop))
                break;
        if (free)
            free_blocks_add_pages(due, i, stop - i, largest_of(run));
    }
}

/* Add the free blocks as the failed walk saw them; those of a census are still noted. */
static void add_found(const struct vector_run *run, struct collection *found)
{
    struct arena *arena = run->arena;

    if (arena->census)
        census_for_each(arena, collect, found);
    else
        arena->allocator->for_each_free(arena->pool, collect, found);
}

static bool is_about_blocks(const struct vector_run *run, enum rule rule)
{
    const char *why;

    return (rule == RULE_UNCOALESCED || rule == RULE_LOST) && vector_compares(run->arena, &why);
}

bool vector_describe_blocks(const struct vector_run *run, enum rule rule, char *text, unsigned size)
{
    struct free_blocks due = {0};
    struct collection found = {.start = run->arena->start};
    char due_text[BLOCKS_ROOM], found_text[BLOCKS_ROOM];

    if (!is_about_blocks(run, rule))
        return false;
    add_due(run, &due);
    add_found(run, &found);
    free_blocks_describe(&(struct words){.text = due_text, .size = BLOCKS_ROOM}, &due);
    free_blocks_describe(&(struct words){.text = found_text, .size = BLOCKS_ROOM}, &found.free);
    format_text(text, size, "expected free blocks %s, found %s (%s)", due_text, found_text,
                rule_name(rule));
    return true;
}

enum about { UNCOALESCED, FREE_LIST, LOST, WRONG, ABOUTS };

static int about_of(enum rule rule)
{
    switch (rule) {
    case RULE_UNCOALESCED:
        return UNCOALESCED;
    case RULE_FREE_LIST:
        return FREE_LIST;
    case RULE_LOST:
        return LOST;
    case RULE_SELFTEST:
        return WRONG;
    default:
        return -1;
    }
}

static const char *const advice_insert[ABOUTS] = {
    "insertion, the last call: each block that a range is cut into has to merge with its free "
    "buddy, upward, as in free",
    "insertion, the last call: the blocks that a range is cut into, their links, and the free "
    "neighbours they merge with",
    "insertion, the last call: what is left of a range before and behind its largest block",
    "insertion, the last call: how a range is cut into blocks, and which ranges it must refuse",
};

static const char *const advice_free[ABOUTS] = {
    "free, the last call: the test whether the buddy is free, at the same order, and the loop "
    "upward",
    "free, the last call: the buddy has to leave its list before it merges, and the lower of both "
    "begins the merged block",
    "free, the last call: which list the block, or what it merged into, is put on",
    "free, the last call: the merge, and how far upward it goes",
};

static const char *const advice_allocate[ABOUTS] = {
    "allocation, the last call: the halves that a split puts back, and what it does when it "
    "refuses",
    "allocation, the last call: the block taken has to leave its list, and each half of a split "
    "has to be on the list of its own order",
    "allocation, the last call: the halves that a split leaves",
    "allocation, the last call: the search upward from the order asked, and when it has to refuse",
};

static const char *const advice_remove[ABOUTS] = {
    "removal, the last call: what is left of a block before and behind the range, put back as "
    "large blocks as it makes",
    "removal, the last call: where it ends, and the blocks that reach out of the range",
    "removal, the last call: what is left of a block before and behind the range",
    "removal, the last call: which pages it takes, and that it refuses pages that are held or not "
    "in",
};

static const char *const advice_refused[ABOUTS] = {
    "the last call, which has to be refused: it must change nothing",
    "the last call, which has to be refused: it must change nothing",
    "the last call, which has to be refused: it must change nothing",
    "the checks of the last call: it has to be refused",
};

static const char *const *advices_of(char call)
{
    switch (call) {
    case '+':
        return advice_insert;
    case 'a':
    case 'x':
        return advice_allocate;
    case 'f':
        return advice_free;
    case '-':
        return advice_remove;
    default:
        return advice_refused;
    }
}

const char *vector_advice(const struct vector_run *run, enum rule rule)
{
    int about = about_of(rule);

    return run->call && about >= 0 ? advices_of(*run->call)[about] : NULL;
}
