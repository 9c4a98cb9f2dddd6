/*
 * Allocators that test the selftest. They are small buddies that search linearly. Each has a shape,
 * missing promises or a fault of its own. allocator=NAME chooses one. tests/test_selftest.py says
 * what must come of each.
 */
#include <lib/fail.h>
#include <lib/string.h>
#include <mm/page_allocator.h>
#include <smp/spinlock.h>

enum trait {
    UNMERGED_INSERT = 1 << 0,   /* inserted blocks are not merged */
    UNMERGED_FREE = 1 << 1,     /* freed blocks are not merged */
    REMOVE_RUNS_ON = 1 << 2,    /* the page behind a removed range is removed, too */
    REMOVE_KEEPS_LOCK = 1 << 3, /* remove_pages returns with the lock held and interrupts off */
    REMOVE_TRAPS = 1 << 4,      /* remove_pages executes an invalid opcode */
    REMOVE_STALLS = 1 << 5,
    LARGEST_FIRST = 1 << 6,  /* takes from the largest block, and there from the upper end */
    STASH = 1 << 7,          /* the page freed last is kept apart, and serves order 0 only */
    KEEPS_FIRST = 1 << 8,    /* it keeps the first page of each range */
    ROUNDS = 1 << 9,         /* it takes blocks of even orders only */
    REFUSES_PARTS = 1 << 10, /* it refuses a request that needs a split */
    LOST_HALF = 1 << 11,     /* a split of a block of order 3 loses one half */
    ACCEPTS_DOUBLE_FREE = 1 << 12,
    ASSERTS = 1 << 13, /* remove_pages fails an assertion */
};

enum { NOTHING, FREE, HELD, KEPT };

struct model {
    unsigned largest, traits;
    pfn_t start, end;
    uint8_t *state; /* the state of each page */
    uint8_t *head;  /* order + 1 of the block that begins there, free or held */
    pfn_t stash;    /* 0: none */
    struct spinlock_irq lock;
};

static bool has(const struct model *model, enum trait trait)
{
    return model->traits & trait;
}

/* ---- blocks ---- */

static bool is_free_block(const struct model *model, pfn_t pfn, unsigned order)
{
    return pfn >= model->start && pfn < model->end &&
           model->head[pfn - model->start] == order + 1 &&
           model->state[pfn - model->start] == FREE && pfn != model->stash;
}

static bool is_in(const struct model *model, pfn_t pfn)
{
    uint8_t state = model->state[pfn - model->start];

    return state == FREE || state == HELD;
}

static void mark(struct model *model, pfn_t pfn, uint64_t count, uint8_t state)
{
    memset(model->state + (pfn - model->start), state, count);
}

static void put(struct model *model, pfn_t pfn, unsigned order, bool merges)
{
    while (merges && order < model->largest && is_free_block(model, buddy_of(pfn, order), order)) {
        model->head[buddy_of(pfn, order) - model->start] = 0;
        pfn &= ~order_pages(order++);
    }
    mark(model, pfn, order_pages(order), FREE);
    model->head[pfn - model->start] = (uint8_t)(order + 1);
}

static void put_range(struct model *model, pfn_t pfn, pfn_t end, bool merges)
{
    while (pfn < end) {
        unsigned order = 0;
        while (order < model->largest && pfn % order_pages(order + 1) == 0 &&
               end - pfn >= order_pages(order + 1))
            order++;
        put(model, pfn, order, merges);
        pfn += order_pages(order);
    }
}

/* ---- the contract ---- */

static size_t metadata_size(pfn_t start, pfn_t end)
{
    return 2 * (end - start);
}

static void make(struct model *model, void *metadata, pfn_t start, pfn_t end, unsigned largest,
                 unsigned traits)
{
    memset(metadata, 0, metadata_size(start, end));
    *model = (struct model){largest,  traits,
                            start,    end,
                            metadata, (uint8_t *)metadata + (end - start),
                            0,        SPINLOCK_IRQ("model")};
}

static enum page_error insert(void *memory, pfn_t start, uint64_t count)
{
    struct model *model = memory;

    if (!count || start < model->start || start >= model->end || count > model->end - start ||
        (has(model, KEEPS_FIRST) && count < 2))
        return PAGE_BAD_RANGE;
    for (uint64_t i = 0; i < count; i++)
        if (is_in(model, start + i))
            return PAGE_ALREADY_IN;
    pfn_t end = start + count;
    if (has(model, KEEPS_FIRST))
        mark(model, start++, 1, KEPT);
    put_range(model, start, end, !has(model, UNMERGED_INSERT));
    return PAGE_OK;
}

static uint64_t kept(void *pool, pfn_t start, uint64_t count)
{
    (void)pool, (void)start, (void)count;
    return 1;
}

static pfn_t find(const struct model *model, unsigned order)
{
    bool largest = has(model, LARGEST_FIRST);

    for (unsigned i = order; i <= model->largest; i++) {
        unsigned found = largest ? model->largest - (i - order) : i;
        for (pfn_t pfn = model->start; pfn < model->end; pfn++)
            if (is_free_block(model, pfn, found))
                return pfn;
    }
    return INVALID_PFN;
}

static unsigned rounded(unsigned order)
{
    return (order + 1) / 2 * 2;
}

static pfn_t take_stash(struct model *model)
{
    pfn_t pfn = model->stash;

    model->stash = 0;
    model->head[pfn - model->start] = 0;
    return pfn;
}

static pfn_t split(struct model *model, pfn_t pfn, unsigned order, unsigned wanted)
{
    while (order > wanted) {
        pfn_t upper = buddy_of(pfn, --order), other = has(model, LARGEST_FIRST) ? pfn : upper;
        pfn = other == pfn ? upper : pfn;
        if (!(has(model, LOST_HALF) && order == 2))
            put(model, other, order, false);
    }
    return pfn;
}

static pfn_t allocate(void *memory, unsigned order)
{
    struct model *model = memory;

    if (order > model->largest)
        return INVALID_PFN;
    unsigned taken = has(model, ROUNDS) ? rounded(order) : order;
    pfn_t pfn = model->stash && order == 0 ? take_stash(model) : find(model, taken);
    if (pfn == INVALID_PFN ||
        (has(model, REFUSES_PARTS) && model->head[pfn - model->start] != taken + 1))
        return INVALID_PFN;
    unsigned found = model->head[pfn - model->start] ? model->head[pfn - model->start] - 1u : 0;
    model->head[pfn - model->start] = 0;
    pfn = split(model, pfn, found, taken);
    mark(model, pfn, order_pages(taken), HELD);
    model->head[pfn - model->start] = (uint8_t)(taken + 1);
    return pfn;
}

static void drain(void *memory)
{
    struct model *model = memory;

    if (model->stash)
        put(model, take_stash(model), 0, true);
}

static enum page_error free_block(struct model *model, pfn_t pfn, unsigned order)
{
    bool inside = pfn >= model->start && pfn < model->end;

    if (has(model, ACCEPTS_DOUBLE_FREE) && inside && is_free_block(model, pfn, order))
        return PAGE_OK;
    if (!inside || model->state[pfn - model->start] != HELD || !model->head[pfn - model->start])
        return PAGE_NOT_ALLOCATED;
    if (model->head[pfn - model->start] != order + 1)
        return PAGE_WRONG_ORDER;
    model->head[pfn - model->start] = 0;
    if (has(model, STASH) && order == 0 && !model->stash) {
        put(model, pfn, 0, false);
        model->stash = pfn;
        return PAGE_OK;
    }
    put(model, pfn, order, !has(model, UNMERGED_FREE));
    return PAGE_OK;
}

static enum page_error free_pages(void *memory, pfn_t pfn, unsigned order)
{
    struct model *model = memory;

    return free_block(model, pfn, has(model, ROUNDS) ? rounded(order) : order);
}

/* Frees the block that begins there, whatever order is given. */
static enum page_error free_any_order(void *memory, pfn_t pfn, unsigned order)
{
    struct model *model = memory;

    if (pfn >= model->start && pfn < model->end && model->state[pfn - model->start] == HELD &&
        model->head[pfn - model->start])
        order = model->head[pfn - model->start] - 1u;
    return free_block(model, pfn, order);
}

/* The free block that covers the page is dissolved. Its other pages are put back. */
static void remove_page(struct model *model, pfn_t pfn)
{
    pfn_t head = pfn;
    unsigned order = 0;

    while (order < model->largest && !is_free_block(model, head, order))
        head &= ~(order_pages(++order) - 1);
    model->head[head - model->start] = 0;
    mark(model, pfn, 1, NOTHING);
    put_range(model, head, pfn, true);
    put_range(model, pfn + 1, head + order_pages(order), true);
}

static void misbehave(struct model *model)
{
    if (has(model, REMOVE_TRAPS))
        __builtin_trap();
    while (has(model, REMOVE_STALLS))
        ;
    if (has(model, ASSERTS))
        ASSERT(model->lock.word);
    if (has(model, REMOVE_KEEPS_LOCK))
        spinlock_irq_lock(&model->lock);
}

static enum page_error remove_pages(void *memory, pfn_t start, uint64_t count)
{
    struct model *model = memory;

    if (!count || start < model->start || start >= model->end || count > model->end - start)
        return PAGE_BAD_RANGE;
    drain(model);
    for (uint64_t i = 0; i < count; i++)
        if (model->state[start + i - model->start] != FREE)
            return PAGE_BUSY;
    misbehave(model);
    if (has(model, REMOVE_RUNS_ON) && start + count < model->end &&
        model->state[start + count - model->start] == FREE)
        count++;
    for (uint64_t i = 0; i < count; i++)
        remove_page(model, start + i);
    return PAGE_OK;
}

static void for_each_free(void *memory, page_visit_free *visit, void *context)
{
    const struct model *model = memory;

    for (pfn_t pfn = model->start; pfn < model->end; pfn++)
        if (model->head[pfn - model->start] && model->state[pfn - model->start] == FREE &&
            !visit(context, pfn, model->head[pfn - model->start] - 1u))
            return;
}

/*
 * As for_each_free, but hides everything for a while. Its count survives when the pool is made
 * again.
 */
static void for_each_but_once(void *memory, page_visit_free *visit, void *context)
{
    static unsigned walks; /* a walk calls this three times */

    if (++walks < 40 || walks > 60)
        for_each_free(memory, visit, context);
}

/* ---- the models ---- */

enum {
    USUAL = PROMISE_SMP_SAFE | PROMISE_COALESCES | PROMISE_REFUSES_BAD_FREE | PROMISE_TRUE_OOM |
            PROMISE_INSTANCEABLE | PROMISE_METADATA_OUTSIDE | PROMISE_SMALLEST_FIT,
    FREELY = USUAL & ~PROMISE_SMALLEST_FIT,
};

#pragma GCC diagnostic ignored "-Woverride-init"
#define MODEL(id, title, largest, traits, model_promises, ...)                  \
    static void init_##id(void *pool, void *metadata, pfn_t start, pfn_t end)   \
    {                                                                           \
        make(pool, metadata, start, end, largest, traits);                      \
    }                                                                           \
    static const struct page_allocator id = {.name = (title),                   \
                                             .promises = (model_promises),      \
                                             .pool_size = sizeof(struct model), \
                                             .orders = ORDERS_UP_TO(largest),   \
                                             .metadata_size = metadata_size,    \
                                             .init = init_##id,                 \
                                             .insert_pages = insert,            \
                                             .allocate_pages = allocate,        \
                                             .free_pages = free_pages,          \
                                             .remove_pages = remove_pages,      \
                                             .for_each_free = for_each_free,    \
                                             __VA_ARGS__};                      \
    PAGE_ALLOCATOR(id)

/* Sound: each largest order. */
MODEL(order0, "order-0", 0, 0, USUAL);
MODEL(order1, "order-1", 1, 0, USUAL);
MODEL(order2, "order-2", 2, 0, USUAL);
MODEL(order3, "order-3", 3, 0, USUAL);
MODEL(order4, "order-4", 4, 0, USUAL);
MODEL(order5, "order-5", 5, 0, USUAL);
MODEL(order6, "order-6", 6, 0, USUAL);
MODEL(order9, "order-9", 9, 0, USUAL);
MODEL(order10, "order-10", 10, 0, USUAL);
MODEL(order11, "order-11", 11, 0, USUAL);

/* Sound, with another shape or fewer promises. */
MODEL(largest_first, "largest-first", 10, LARGEST_FIRST, FREELY);
MODEL(largest_first_pages, "largest-first-pages", 0, LARGEST_FIRST, FREELY);
MODEL(stash, "stash", 10, STASH, FREELY & ~(PROMISE_TRUE_OOM), .drain = drain);
MODEL(stash_hidden, "stash-hidden", 10, STASH, FREELY & ~(PROMISE_TRUE_OOM | PROMISE_COALESCES),
      .for_each_free = NULL);
MODEL(unmerged, "unmerged", 10, UNMERGED_FREE | UNMERGED_INSERT, USUAL & ~PROMISE_COALESCES);
MODEL(unmerged_insert, "unmerged-insert", 10, UNMERGED_INSERT, USUAL & ~PROMISE_COALESCES);
MODEL(no_walk, "no-walk", 10, 0, USUAL & ~PROMISE_TRUE_OOM, .for_each_free = NULL);
MODEL(census, "census", 10, 0, USUAL, .for_each_free = NULL);
MODEL(no_promise, "no-promise", 10, 0, PROMISE_INSTANCEABLE, .for_each_free = NULL,
      .remove_pages = NULL);
MODEL(refuses_parts, "refuses-parts", 10, REFUSES_PARTS, FREELY & ~PROMISE_TRUE_OOM);
MODEL(any_order, "any-order", 10, 0, USUAL, .free_pages = free_any_order,
      .free_ignores_order = true);
MODEL(keeps, "keeps", 10, KEEPS_FIRST, USUAL, .pages_kept = kept);
MODEL(rounds, "rounds", 10, ROUNDS, USUAL, .taken_order = rounded);
MODEL(aligned, "aligned", 10, 0, USUAL, .range_alignment = 4096);

#define ONE_REGION(id, title, largest, alignment)                               \
    static void init_##id(void *pool, void *metadata, pfn_t start, pfn_t end)   \
    {                                                                           \
        make(pool, metadata, start, end, largest, 0);                           \
        insert(pool, start, end - start);                                       \
    }                                                                           \
    static const struct page_allocator id = {.name = (title),                   \
                                             .promises = USUAL,                 \
                                             .pool_size = sizeof(struct model), \
                                             .orders = ORDERS_UP_TO(largest),   \
                                             .range_alignment = (alignment),    \
                                             .metadata_size = metadata_size,    \
                                             .init = init_##id,                 \
                                             .allocate_pages = allocate,        \
                                             .free_pages = free_pages,          \
                                             .for_each_free = for_each_free};   \
    PAGE_ALLOCATOR(id)

ONE_REGION(one_region, "one-region", 10, 0);
ONE_REGION(one_region_pages, "one-region-pages", 0, 0);
ONE_REGION(one_region_aligned, "one-region-aligned", 5, 32);

/* Wrong. */
MODEL(wrong_insert, "wrong-insert", 10, UNMERGED_INSERT, USUAL);
MODEL(wrong_insert_census, "wrong-insert-census", 10, UNMERGED_INSERT, USUAL,
      .for_each_free = NULL);
MODEL(wrong_free, "wrong-free", 10, UNMERGED_FREE, USUAL);
MODEL(wrong_split, "wrong-split", 10, LOST_HALF, USUAL);
MODEL(wrong_fit, "wrong-fit", 10, LARGEST_FIRST, USUAL);
MODEL(wrong_remove, "wrong-remove", 10, REMOVE_RUNS_ON, USUAL);
MODEL(wrong_refusal, "wrong-refusal", 10, REFUSES_PARTS, USUAL);
MODEL(wrong_double_free, "wrong-double-free", 10, ACCEPTS_DOUBLE_FREE, USUAL);
MODEL(wrong_lock, "wrong-lock", 10, REMOVE_KEEPS_LOCK, USUAL);
MODEL(wrong_once, "wrong-once", 10, 0, USUAL, .for_each_free = for_each_but_once);
MODEL(traps, "traps", 10, REMOVE_TRAPS, USUAL);
MODEL(traps_later, "traps-later", 10, UNMERGED_FREE | REMOVE_TRAPS, USUAL);
MODEL(stalls, "stalls", 10, REMOVE_STALLS, USUAL);
MODEL(stalls_later, "stalls-later", 10, UNMERGED_FREE | REMOVE_STALLS, USUAL);
MODEL(asserts_later, "asserts-later", 10, UNMERGED_FREE | ASSERTS, USUAL);
