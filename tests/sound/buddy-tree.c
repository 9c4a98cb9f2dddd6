/*
 * A complete binary tree for each largest block: a node says how large a block is free below it, so
 * there are no lists. It goes left where it can, so it does not promise smallest-fit. It promises
 * nothing about bad frees.
 */
#include "sound.h"

enum {
    NODES = 2 << MAX_ORDER
}; /* in one tree; node 1 is the root, n has the children 2n and 2n + 1 */

/*
 * A node of level k stands for a block of order k. It holds 1 + the largest order that is free in
 * the block: k + 1 if the whole block is free, 0 if nothing is. If a block is free or handed out as
 * a whole, the nodes below it are as if they were free.
 */
struct pool {
    struct spin lock;
    pfn_t start, end;
    pfn_t base; /* start rounded down to a largest block */
    uint64_t trees;
    uint8_t *nodes;
    uint64_t *present;
};

static uint64_t tree_count(pfn_t start, pfn_t end)
{
    uint64_t pages = order_pages(MAX_ORDER);

    return (round_up(end, pages) - round_down(start, pages)) / pages;
}

static size_t trees_size(pfn_t start, pfn_t end)
{
    return bit_bytes(end - start) + tree_count(start, end) * NODES;
}

static void tree_init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    struct pool *pool = memory;

    pool->start = start;
    pool->end = end;
    pool->base = round_down(start, order_pages(MAX_ORDER));
    pool->trees = tree_count(start, end);
    pool->present = metadata;
    pool->nodes = (uint8_t *)metadata + bit_bytes(end - start);
}

static uint8_t *tree_of(struct pool *pool, pfn_t pfn)
{
    return pool->nodes + (pfn - pool->base) / order_pages(MAX_ORDER) * NODES;
}

static uint32_t node_of(const struct pool *pool, pfn_t pfn, unsigned order)
{
    uint64_t page = (pfn - pool->base) % order_pages(MAX_ORDER);

    return (uint32_t)(((uint64_t)1 << (MAX_ORDER - order)) + (page >> order));
}

/* Update the nodes above one that has changed. */
static void climb(uint8_t *tree, uint32_t node, unsigned order)
{
    while (node > 1) {
        node /= 2;
        order++;
        uint8_t left = tree[2 * node], right = tree[2 * node + 1];
        bool whole = left == order && right == order;
        tree[node] = (uint8_t)(whole ? order + 1 : left > right ? left : right);
    }
}

static void put_new(struct pool *pool, pfn_t pfn, unsigned order)
{
    uint8_t *tree = tree_of(pool, pfn);
    uint32_t node = node_of(pool, pfn, order);

    for (unsigned below = 0; below <= order; below++)
        memset(tree + ((uint64_t)node << (order - below)), (int)below + 1,
               order_pages(order - below));
    climb(tree, node, order);
}

static enum page_error insert_unlocked(struct pool *pool, pfn_t start, uint64_t count)
{
    enum page_error error = note_inserted(pool->present, pool->start, pool->end, start, count);

    if (error != PAGE_OK)
        return error;
    for (pfn_t pfn = start, end = start + count; pfn < end;) {
        unsigned order = order_that_fits(pfn, end, MAX_ORDER);
        put_new(pool, pfn, order);
        pfn += order_pages(order);
    }
    return PAGE_OK;
}

static enum page_error tree_insert(void *memory, pfn_t start, uint64_t count)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);
    enum page_error error = insert_unlocked(pool, start, count);

    spin_unlock(&pool->lock, flags);
    return error;
}

static pfn_t take_from(struct pool *pool, uint64_t number, unsigned order)
{
    uint8_t *tree = pool->nodes + number * NODES;
    uint32_t node = 1;

    if (tree[node] <= order)
        return INVALID_PFN;
    for (unsigned level = MAX_ORDER; level > order; level--) {
        node *= 2;
        if (tree[node] <= order)
            node++;
    }
    tree[node] = 0;
    climb(tree, node, order);
    uint64_t index = node - ((uint64_t)1 << (MAX_ORDER - order));
    return pool->base + number * order_pages(MAX_ORDER) + index * order_pages(order);
}

static pfn_t tree_allocate(void *memory, unsigned order)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);
    pfn_t pfn = INVALID_PFN;

    for (uint64_t number = 0; number < pool->trees && pfn == INVALID_PFN; number++)
        pfn = take_from(pool, number, order);
    spin_unlock(&pool->lock, flags);
    return pfn;
}

static enum page_error tree_free(void *memory, pfn_t pfn, unsigned order)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);
    uint32_t node = node_of(pool, pfn, order);

    tree_of(pool, pfn)[node] = (uint8_t)(order + 1);
    climb(tree_of(pool, pfn), node, order);
    spin_unlock(&pool->lock, flags);
    return PAGE_OK;
}

static const struct page_allocator buddy_tree = {
    .name = "buddy-tree",
    .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES | PROMISE_TRUE_OOM |
                PROMISE_INSTANCEABLE | PROMISE_METADATA_OUTSIDE,
    .pool_size = sizeof(struct pool),
    .metadata_size = trees_size,
    .init = tree_init,
    .insert_pages = tree_insert,
    .allocate_pages = tree_allocate,
    .free_pages = tree_free,
};
PAGE_ALLOCATOR(buddy_tree);
