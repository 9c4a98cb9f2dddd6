/*
 * Single pages are cached in 256 lists, each with its lock; an allocation fails only after all
 * lists were emptied under all 256 locks. So it promises true-oom. As in buddy-percpu nothing in a
 * list merges, so it does not promise coalesces.
 */
#include "buddy.h"

enum { LISTS = 256, LIST_PAGES = 8 };

/* Locking order: the lists by index, then the pool. */
struct list {
    struct spin lock;
    uint32_t count;
    pfn_t pages[LIST_PAGES];
} __attribute__((aligned(64)));

struct pool {
    struct spin lock; /* protects the buddy */
    struct buddy buddy;
    struct list lists[LISTS];
};

static void drain_init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    buddy_init(&((struct pool *)memory)->buddy, metadata, start, end, MAX_ORDER);
}

static enum page_error drain_insert(void *memory, pfn_t start, uint64_t count)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);
    enum page_error error = buddy_insert(&pool->buddy, start, count);

    spin_unlock(&pool->lock, flags);
    return error;
}

static void lock_all(struct pool *pool)
{
    for (unsigned i = 0; i < LISTS; i++)
        spin_take(&pool->lists[i].lock);
    spin_take(&pool->lock);
}

static void unlock_all(struct pool *pool)
{
    spin_drop(&pool->lock);
    for (unsigned i = 0; i < LISTS; i++)
        spin_drop(&pool->lists[i].lock);
}

static void empty(struct pool *pool)
{
    for (unsigned i = 0; i < LISTS; i++)
        while (pool->lists[i].count > 0)
            buddy_give(&pool->buddy, pool->lists[i].pages[--pool->lists[i].count], 0);
}

static void drain_drain(void *memory)
{
    irq_flags_t flags = irq_save();

    lock_all(memory);
    empty(memory);
    unlock_all(memory);
    irq_restore(flags);
}

static pfn_t take_after_drain(struct pool *pool, unsigned order)
{
    lock_all(pool);
    empty(pool);
    pfn_t pfn = buddy_take(&pool->buddy, order);
    unlock_all(pool);
    return pfn;
}

static pfn_t take_listed(struct pool *pool)
{
    struct list *list = &pool->lists[cpu_number() % LISTS];

    spin_take(&list->lock);
    pfn_t pfn = list->count > 0 ? list->pages[--list->count] : INVALID_PFN;
    spin_drop(&list->lock);
    return pfn;
}

static pfn_t drain_allocate(void *memory, unsigned order)
{
    struct pool *pool = memory;
    irq_flags_t flags = irq_save();
    pfn_t pfn = order == 0 ? take_listed(pool) : INVALID_PFN;

    if (pfn == INVALID_PFN) {
        spin_take(&pool->lock);
        pfn = buddy_take(&pool->buddy, order);
        spin_drop(&pool->lock);
    }
    if (pfn == INVALID_PFN && order <= MAX_ORDER)
        pfn = take_after_drain(pool, order);
    irq_restore(flags);
    return pfn;
}

/*
 * A page goes to the list that its number gives, no matter which core frees it. So buddies are in
 * different lists.
 */
static bool put_listed(struct pool *pool, pfn_t pfn)
{
    struct list *list = &pool->lists[pfn % LISTS];

    spin_take(&list->lock);
    bool fits = list->count < LIST_PAGES;
    if (fits)
        list->pages[list->count++] = pfn;
    spin_drop(&list->lock);
    return fits;
}

static enum page_error drain_free(void *memory, pfn_t pfn, unsigned order)
{
    struct pool *pool = memory;
    irq_flags_t flags = irq_save();
    enum page_error error = PAGE_OK;

    if (order > 0 || !put_listed(pool, pfn)) {
        spin_take(&pool->lock);
        error = buddy_give(&pool->buddy, pfn, order);
        spin_drop(&pool->lock);
    }
    irq_restore(flags);
    return error;
}

static void drain_for_each_free(void *memory, page_visit_free *visit, void *context)
{
    const struct pool *pool = memory;

    if (!buddy_visit(&pool->buddy, visit, context))
        return;
    for (unsigned i = 0; i < LISTS; i++)
        for (unsigned k = 0; k < pool->lists[i].count; k++)
            if (!visit(context, pool->lists[i].pages[k], 0))
                return;
}

static const struct page_allocator drain_256 = {
    .name = "drain-256",
    .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_TRUE_OOM | PROMISE_INSTANCEABLE |
                PROMISE_METADATA_OUTSIDE,
    .pool_size = sizeof(struct pool),
    .metadata_size = buddy_metadata_size,
    .init = drain_init,
    .insert_pages = drain_insert,
    .allocate_pages = drain_allocate,
    .free_pages = drain_free,
    .for_each_free = drain_for_each_free,
    .drain = drain_drain,
};
PAGE_ALLOCATOR(drain_256);
