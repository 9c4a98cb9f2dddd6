/*
 * A lock-free buddy of single pages and pairs. Its free has two steps, and the second one may come
 * too late.
 *
 * A free first marks the pair as about to become empty, then releases its page. If that was the
 * last held page, it checks that the mark is still there, and turns the pair into a free block. But
 * a mark only says that some free has set it. It may come from a later free, of a page whose buddy
 * is held. Then the pair is handed out although one of its pages is held. NBBS 4lvl-nb at 14ae06f
 * has one mark for a whole bunch, too.
 *
 * Depth 3: the second step of the first free must come after another core has taken two pages and
 * freed one.
 */
#include <mm/environment.h>

enum { PAIRS = 33 };                        /* enough for 64 pages, wherever the first one is */
enum { OCCUPIED = 1, MARK = 2, WHOLE = 4 }; /* states of a pair; 0: a free block of order 1 */

struct late_pool {
    pfn_t start, end;         /* the range given to init, widened to whole pairs */
    uint64_t pair[PAIRS];     /* atomic */
    uint64_t held[PAIRS];     /* atomic; one bit for each page: held or absent */
    uint64_t inserted[PAIRS]; /* likewise */
};

static uint64_t bit_of(pfn_t pfn)
{
    return UINT64_C(1) << (pfn & 1);
}

static uint64_t load(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static bool change(uint64_t *word, uint64_t *from, uint64_t to)
{
    return __atomic_compare_exchange_n(word, from, to, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

static void init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    struct late_pool *pool = memory;

    (void)metadata;
    *pool = (struct late_pool){.start = start & ~UINT64_C(1), .end = (end + 1) & ~UINT64_C(1)};
    ASSERT(pool->end - pool->start <= 2 * PAIRS);
    for (unsigned i = 0; i < PAIRS; i++) {
        pool->pair[i] = OCCUPIED;
        pool->held[i] = 3;
    }
}

static enum page_error insert(void *memory, pfn_t start, uint64_t count)
{
    struct late_pool *pool = memory;

    for (pfn_t pfn = start; pfn < start + count; pfn++)
        if (load(&pool->inserted[(pfn - pool->start) / 2]) & bit_of(pfn))
            return PAGE_ALREADY_IN;
    for (pfn_t pfn = start; pfn < start + count; pfn++) {
        uint64_t i = (pfn - pool->start) / 2;
        __atomic_fetch_or(&pool->inserted[i], bit_of(pfn), __ATOMIC_RELAXED);
        if (__atomic_and_fetch(&pool->held[i], ~bit_of(pfn), __ATOMIC_ACQ_REL) == 0)
            __atomic_store_n(&pool->pair[i], 0, __ATOMIC_RELEASE);
    }
    return PAGE_OK;
}

/* ---- a page ---- */

/* Mark the pair as not free, and clear a mark. False if the pair is handed out as a block. */
static bool occupy(uint64_t *pair)
{
    uint64_t state = load(pair);

    do
        if (state & WHOLE)
            return false;
    while (!change(pair, &state, OCCUPIED));
    return true;
}

static bool take_page(struct late_pool *pool, pfn_t pfn)
{
    uint64_t i = (pfn - pool->start) / 2, held = load(&pool->held[i]);

    if (held & bit_of(pfn) || load(&pool->pair[i]) & WHOLE ||
        !change(&pool->held[i], &held, held | bit_of(pfn)))
        return false;
    if (occupy(&pool->pair[i]))
        return true;
    __atomic_fetch_and(&pool->held[i], ~bit_of(pfn), __ATOMIC_ACQ_REL);
    return false;
}

static void free_page(struct late_pool *pool, pfn_t pfn)
{
    uint64_t i = (pfn - pool->start) / 2;
    uint64_t state = __atomic_or_fetch(&pool->pair[i], MARK, __ATOMIC_ACQ_REL);

    if (__atomic_and_fetch(&pool->held[i], ~bit_of(pfn), __ATOMIC_ACQ_REL))
        return;
    do
        if (!(state & MARK))
            return;
    while (!change(&pool->pair[i], &state, 0));
}

/* ---- the contract ---- */

static pfn_t allocate(void *memory, unsigned order)
{
    struct late_pool *pool = memory;

    for (pfn_t pfn = pool->start; order <= 1 && pfn < pool->end; pfn += order_pages(order)) {
        uint64_t empty = 0;
        if (order ? change(&pool->pair[(pfn - pool->start) / 2], &empty, WHOLE)
                  : take_page(pool, pfn))
            return pfn;
    }
    return INVALID_PFN;
}

static enum page_error free_block(void *memory, pfn_t pfn, unsigned order)
{
    struct late_pool *pool = memory;

    if (order)
        __atomic_store_n(&pool->pair[(pfn - pool->start) / 2], 0, __ATOMIC_RELEASE);
    else
        free_page(pool, pfn);
    return PAGE_OK;
}

static void for_each_free(void *memory, page_visit_free *visit, void *context)
{
    const struct late_pool *pool = memory;

    for (pfn_t pfn = pool->start; pfn < pool->end; pfn++) {
        uint64_t i = (pfn - pool->start) / 2;
        bool whole = pool->pair[i] == 0;
        bool is_free =
            whole ? pfn % 2 == 0 : !(pool->pair[i] & WHOLE) && !(pool->held[i] & bit_of(pfn));
        if (is_free && !visit(context, pfn, whole))
            return;
    }
}

static const struct page_allocator late_unmark = {
    .name = "late-unmark",
    .promises =
        PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_INSTANCEABLE | PROMISE_METADATA_OUTSIDE,
    .pool_size = sizeof(struct late_pool),
    .orders = ORDERS_UP_TO(1),
    .init = init,
    .insert_pages = insert,
    .allocate_pages = allocate,
    .free_pages = free_block,
    .for_each_free = for_each_free,
};
PAGE_ALLOCATOR(late_unmark);
