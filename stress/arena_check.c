#include <lib/fail.h>
#include <stress/arena.h>
#include <stress/census.h>

static void fail_finding(const struct walk_finding *finding)
{
    fail(finding->rule, "%s", finding->message);
}

/* The allocator as the walk sees it: directly, or through a census. */
struct view {
    struct page_allocator allocator;
    void *pool;
    bool possible, census;
    uint64_t counted; /* what free_page_count() returned before the caches were drained */
};

static struct view open_view(struct arena *arena)
{
    struct view view = {*arena->allocator, arena->pool, true, false, 0};

    if (view.allocator.free_page_count)
        view.counted = view.allocator.free_page_count(arena->pool);
    if (arena->allocator->drain)
        arena->allocator->drain(arena->pool);
    if (arena->allocator->for_each_free)
        return view;
    view.possible = view.census = census_possible(arena);
    if (view.census)
        census_take(arena);
    view.allocator.for_each_free = census_for_each;
    view.allocator.validate = NULL;
    view.allocator.free_page_count = NULL;
    view.pool = arena;
    return view;
}

/* Validate after a census, which has allocated and freed every free block. */
static void check_after_census(const struct arena *arena)
{
    char message[WALK_MESSAGE_SIZE];

    if (arena->allocator->validate &&
        !arena->allocator->validate(arena->pool, message, sizeof(message)))
        fail(RULE_FREE_LIST, "%s, after all free blocks were allocated and freed", message);
}

static void close_view(struct arena *arena, const struct view *view)
{
    if (!view->census)
        return;
    census_give_back(arena);
    check_after_census(arena);
}

/* Validate before a census, or draining the caches, changes the allocator's state. */
static void check_validate(const struct arena *arena)
{
    char message[WALK_MESSAGE_SIZE];

    if (arena->allocator->validate &&
        (arena->allocator->drain || !arena->allocator->for_each_free) &&
        !arena->allocator->validate(arena->pool, message, sizeof(message)))
        fail(RULE_FREE_LIST, "%s", message);
}

static void check_view(struct arena *arena, const struct view *view)
{
    struct walk_finding finding = {0};

    if (!walk_check(&arena->walk, &view->allocator, view->pool, &finding))
        fail_finding(&finding);
    if (arena->allocator->free_page_count && view->counted != finding.free_pages)
        fail(RULE_FREE_LIST, "%lu pages were free, free_page_count() said %lu", finding.free_pages,
             view->counted);
}

static void compare_view(struct arena *arena, const struct view *view)
{
    struct walk_finding finding = {0};

    if ((view->allocator.promises & PROMISE_COALESCES) &&
        !walk_compare(&arena->walk, &view->allocator, view->pool, &finding))
        fail_finding(&finding);
}

static void check_at_rest(struct arena *arena, bool compares)
{
    check_validate(arena);

    struct view view = open_view(arena);

    arena_check_guards(arena);
    if (view.possible)
        check_view(arena, &view);
    if (view.possible && compares)
        compare_view(arena, &view);
    close_view(arena, &view);
}

void arena_check(struct arena *arena)
{
    check_at_rest(arena, false);
}

void arena_check_residue(struct arena *arena)
{
    check_at_rest(arena, true);
}

void arena_for_each_free(struct arena *arena, page_visit_free *visit, void *context)
{
    struct view view = open_view(arena);

    if (view.possible)
        view.allocator.for_each_free(view.pool, visit, context);
    close_view(arena, &view);
}

void arena_remember(struct arena *arena)
{
    struct view view = open_view(arena);

    if (view.possible)
        walk_remember(&arena->walk, &view.allocator, view.pool);
    close_view(arena, &view);
}
