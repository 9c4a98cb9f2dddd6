/*
 * Lists that link the free pages themselves, and one bit for each pair of buddies, which says
 * whether exactly one of the two is free. Largest order 10. It writes into free pages, so it does
 * not promise metadata-outside. It trusts its caller when it frees.
 */
#include "sound.h"

enum { LARGEST = 10 };

struct node {
    struct node *next, *prev;
};

struct pool {
    struct spin lock;
    pfn_t start, end;
    pfn_t base; /* start rounded down to a largest block */
    uint64_t free_pages;
    uint64_t *present;        /* one bit for each page: it was inserted */
    uint64_t *pairs[LARGEST]; /* for each order: one bit for each pair of buddies */
    struct node *heads[LARGEST + 1];
};

static uint64_t pair_count(pfn_t start, pfn_t end, unsigned order)
{
    return ((end - round_down(start, order_pages(LARGEST))) >> (order + 1)) + 1;
}

static size_t links_metadata_size(pfn_t start, pfn_t end)
{
    size_t size = bit_bytes(end - start);

    for (unsigned order = 0; order < LARGEST; order++)
        size += bit_bytes(pair_count(start, end, order));
    return size;
}

static void links_init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    struct pool *pool = memory;
    char *next = (char *)metadata + bit_bytes(end - start);

    pool->start = start;
    pool->end = end;
    pool->base = round_down(start, order_pages(LARGEST));
    pool->present = metadata;
    for (unsigned order = 0; order < LARGEST; order++) {
        pool->pairs[order] = (uint64_t *)(void *)next;
        next += bit_bytes(pair_count(start, end, order));
    }
}

/*
 * Record that a block changes from free to not free, or back. Returns whether exactly one of the
 * pair is free now.
 */
static bool toggle(struct pool *pool, pfn_t pfn, unsigned order)
{
    uint64_t pair = (pfn - pool->base) >> (order + 1);

    pool->pairs[order][pair / WORD_BITS] ^= (uint64_t)1 << pair % WORD_BITS;
    return bit_is_set(pool->pairs[order], pair);
}

static void push(struct pool *pool, pfn_t pfn, unsigned order)
{
    struct node *node = pfn_to_address(pfn), *next = pool->heads[order];

    *node = (struct node){.next = next};
    if (next)
        next->prev = node;
    pool->heads[order] = node;
}

static void unlink(struct pool *pool, struct node *node, unsigned order)
{
    if (node->prev)
        node->prev->next = node->next;
    else
        pool->heads[order] = node->next;
    if (node->next)
        node->next->prev = node->prev;
}

static void put(struct pool *pool, pfn_t pfn, unsigned order)
{
    pool->free_pages += order_pages(order);
    while (order < LARGEST && !toggle(pool, pfn, order)) {
        unlink(pool, pfn_to_address(buddy_of(pfn, order)), order);
        pfn &= ~order_pages(order);
        order++;
    }
    push(pool, pfn, order);
}

static enum page_error insert_unlocked(struct pool *pool, pfn_t start, uint64_t count)
{
    enum page_error error = note_inserted(pool->present, pool->start, pool->end, start, count);

    if (error != PAGE_OK)
        return error;
    for (pfn_t pfn = start, end = start + count; pfn < end;) {
        unsigned order = order_that_fits(pfn, end, LARGEST);
        put(pool, pfn, order);
        pfn += order_pages(order);
    }
    return PAGE_OK;
}

static enum page_error links_insert(void *memory, pfn_t start, uint64_t count)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);
    enum page_error error = insert_unlocked(pool, start, count);

    spin_unlock(&pool->lock, flags);
    return error;
}

static pfn_t take(struct pool *pool, unsigned order)
{
    unsigned found = order;

    while (found <= LARGEST && !pool->heads[found])
        found++;
    if (found > LARGEST)
        return INVALID_PFN;
    struct node *node = pool->heads[found];
    pfn_t pfn = address_to_pfn(node);
    unlink(pool, node, found);
    if (found < LARGEST)
        toggle(pool, pfn, found);
    while (found-- > order) {
        push(pool, pfn + order_pages(found), found);
        toggle(pool, pfn, found);
    }
    pool->free_pages -= order_pages(order);
    return pfn;
}

static pfn_t links_allocate(void *memory, unsigned order)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);
    pfn_t pfn = take(pool, order);

    spin_unlock(&pool->lock, flags);
    return pfn;
}

static enum page_error links_free(void *memory, pfn_t pfn, unsigned order)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);

    put(pool, pfn, order);
    spin_unlock(&pool->lock, flags);
    return PAGE_OK;
}

static uint64_t links_free_page_count(void *memory)
{
    struct pool *pool = memory;
    irq_flags_t flags = spin_lock(&pool->lock);
    uint64_t count = pool->free_pages;

    spin_unlock(&pool->lock, flags);
    return count;
}

/* Ends also if a list is broken: no list is longer than the number of pages. */
static void links_for_each_free(void *memory, page_visit_free *visit, void *context)
{
    const struct pool *pool = memory;
    uint64_t left = pool->end - pool->start;

    for (unsigned order = 0; order <= LARGEST; order++)
        for (const struct node *node = pool->heads[order]; node && left > 0; node = node->next)
            if (left-- == 0 || !visit(context, address_to_pfn(node), order))
                return;
}

static const struct page_allocator links_in_pages = {
    .name = "links-in-pages",
    .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES | PROMISE_TRUE_OOM |
                PROMISE_SMALLEST_FIT | PROMISE_INSTANCEABLE,
    .orders = ORDERS_UP_TO(LARGEST),
    .pool_size = sizeof(struct pool),
    .metadata_size = links_metadata_size,
    .init = links_init,
    .insert_pages = links_insert,
    .allocate_pages = links_allocate,
    .free_pages = links_free,
    .free_page_count = links_free_page_count,
    .for_each_free = links_for_each_free,
};
PAGE_ALLOCATOR(links_in_pages);
