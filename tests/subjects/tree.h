/*
 * For wrong allocators that search a tree. There is a node for each block of each order. It holds 1
 * + the largest order that is free in that block, or 0 if nothing is free. One byte for each page
 * says whether the page is in the pool.
 *
 *   order 2   [3              ]     all free
 *   order 1   [2     ] [2     ]
 *   order 0   [1] [1]  [1] [1]
 *
 * The node of a block that is handed out is 0. The nodes below it stay as they were.
 */
#pragma once

#include <mm/environment.h>

struct tree_pool {
    struct spinlock_irq lock;
    pfn_t start, end; /* the range given to init, widened to whole blocks of the largest order */
    pfn_t middle;     /* the middle of the range given to init */
    uint8_t *is_in;   /* one byte for each page */
    uint8_t
        *level[MAX_ORDER + 1]; /* one byte for each node; the largest order comes last in memory */
};

static inline pfn_t tree_start(pfn_t start)
{
    return start & ~(order_pages(MAX_ORDER) - 1);
}

static inline pfn_t tree_end(pfn_t end)
{
    return tree_start(end + order_pages(MAX_ORDER) - 1);
}

static inline uint8_t *tree_node(const struct tree_pool *pool, pfn_t pfn, unsigned order)
{
    return &pool->level[order][(pfn - pool->start) >> order];
}

/* Write a node and update its parents. */
static inline void tree_set(struct tree_pool *pool, pfn_t pfn, unsigned order, uint8_t value)
{
    *tree_node(pool, pfn, order) = value;
    for (; order < MAX_ORDER; order++) {
        uint8_t one = *tree_node(pool, pfn, order);
        uint8_t other = *tree_node(pool, buddy_of(pfn, order), order);
        bool whole = one == order + 1 && other == order + 1;
        *tree_node(pool, pfn, order + 1) = whole ? (uint8_t)(order + 2) : one > other ? one : other;
    }
}

/* Bytes of metadata: one for each page, and one for each node of all orders. */
static inline size_t tree_metadata_size(pfn_t start, pfn_t end)
{
    size_t pages = tree_end(end) - tree_start(start), size = pages;

    for (unsigned order = 0; order <= MAX_ORDER; order++)
        size += pages >> order;
    return size;
}

static inline void tree_init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    struct tree_pool *pool = memory;
    uint8_t *next = metadata;

    *pool = (struct tree_pool){.lock = SPINLOCK_IRQ("tree"),
                               .start = tree_start(start),
                               .end = tree_end(end),
                               .middle = start + (end - start) / 2,
                               .is_in = next};
    next += pool->end - pool->start;
    for (unsigned order = 0; order <= MAX_ORDER; order++) {
        pool->level[order] = next;
        next += (pool->end - pool->start) >> order;
    }
}

static inline enum page_error tree_insert(void *memory, pfn_t start, uint64_t count)
{
    struct tree_pool *pool = memory;
    enum page_error error = PAGE_OK;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);

    for (pfn_t pfn = start; pfn < start + count; pfn++)
        if (pool->is_in[pfn - pool->start])
            error = PAGE_ALREADY_IN;
    for (pfn_t pfn = start; error == PAGE_OK && pfn < start + count; pfn++) {
        pool->is_in[pfn - pool->start] = 1;
        tree_set(pool, pfn, 0, 1);
    }
    spinlock_irq_unlock(&pool->lock, flags);
    return error;
}

/* The lowest free block of the order in the tree whose root is at pfn. There must be one. */
static inline pfn_t tree_descend(const struct tree_pool *pool, pfn_t pfn, unsigned order)
{
    for (unsigned level = MAX_ORDER; level-- > order;)
        if (*tree_node(pool, pfn, level) <= order)
            pfn += order_pages(level);
    return pfn;
}

static inline pfn_t tree_allocate(void *memory, unsigned order)
{
    struct tree_pool *pool = memory;

    if (order > MAX_ORDER)
        return INVALID_PFN;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    pfn_t pfn = pool->start;
    while (pfn < pool->end && *tree_node(pool, pfn, MAX_ORDER) <= order)
        pfn += order_pages(MAX_ORDER);
    bool found = pfn < pool->end;
    if (found) {
        pfn = tree_descend(pool, pfn, order);
        tree_set(pool, pfn, order, 0);
    }
    spinlock_irq_unlock(&pool->lock, flags);
    return found ? pfn : INVALID_PFN;
}

static inline enum page_error tree_free(void *memory, pfn_t pfn, unsigned order)
{
    struct tree_pool *pool = memory;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);

    tree_set(pool, pfn, order, (uint8_t)(order + 1));
    spinlock_irq_unlock(&pool->lock, flags);
    return PAGE_OK;
}

/*
 * Register the allocator: the functions above, except for the members that follow. If a member is
 * initialised twice, the last value counts.
 */
#pragma GCC diagnostic ignored "-Woverride-init"
#define TREE(title, ...)                                                                         \
    static const struct page_allocator tree = {                                                  \
        .name = (title),                                                                         \
        .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES | PROMISE_TRUE_OOM | \
                    PROMISE_INSTANCEABLE | PROMISE_METADATA_OUTSIDE,                             \
        .pool_size = sizeof(struct tree_pool),                                                   \
        .metadata_size = tree_metadata_size,                                                     \
        .init = tree_init,                                                                       \
        .insert_pages = tree_insert,                                                             \
        .allocate_pages = tree_allocate,                                                         \
        .free_pages = tree_free,                                                                 \
        __VA_ARGS__};                                                                            \
    PAGE_ALLOCATOR(tree)
