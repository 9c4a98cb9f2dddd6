/*
 * The search below an address limit descends into a part of the tree that has nothing free:
 * "overlap".
 *
 * It does not go right if all blocks there end above the limit. Then it goes left without a look
 * whether anything is free there. Managarm PR 1017 is about such a descent. Plain requests first
 * try below the middle, so that the upper half lasts longer.
 */
#include "tree.h"

/* The caller has checked that the tree has a free block of this order, above or below the limit. */
static pfn_t descend_below(const struct tree_pool *pool, pfn_t pfn, unsigned order, pfn_t limit)
{
    for (unsigned level = MAX_ORDER; level-- > order;) {
        pfn_t right = pfn + order_pages(level);
        if (*tree_node(pool, pfn, level) <= order && right + order_pages(order) <= limit)
            pfn = right;
    }
    return pfn;
}

static pfn_t allocate_below(void *memory, unsigned order, pfn_t limit)
{
    struct tree_pool *pool = memory;
    pfn_t found = INVALID_PFN;

    if (order > MAX_ORDER)
        return found;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    for (pfn_t pfn = pool->start; pfn < pool->end && found == INVALID_PFN;
         pfn += order_pages(MAX_ORDER))
        if (pfn + order_pages(order) <= limit && *tree_node(pool, pfn, MAX_ORDER) > order)
            found = descend_below(pool, pfn, order, limit);
    if (found != INVALID_PFN)
        tree_set(pool, found, order, 0);
    spinlock_irq_unlock(&pool->lock, flags);
    return found;
}

static pfn_t allocate(void *memory, unsigned order)
{
    const struct tree_pool *pool = memory;
    pfn_t pfn = allocate_below(memory, order, pool->middle);

    return pfn != INVALID_PFN ? pfn : tree_allocate(memory, order);
}

TREE("address-limit", .allocate_pages = allocate, .allocate_below = allocate_below);
