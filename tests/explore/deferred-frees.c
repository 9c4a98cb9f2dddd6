/*
 * A core frees its deferred blocks only when it allocates. A core that only frees never returns
 * them. So other cores are refused although most memory is free. nuttx #11115 in the tracker of
 * that project is such a bug.
 */
#include "planted.h"

enum { CORES = 256 };

struct deferred_pool {
    struct planted_pool planted; /* first */
    uint32_t first[CORES]; /* the first deferred block of each core: page array index + 1; 0: none.
                              Only that core uses it */
};

/* A held block is in no list, so its page's link can be used. */
static void defer(struct deferred_pool *pool, pfn_t pfn)
{
    struct page_array *array = &pool->planted.buddy.array;
    uint32_t *first = &pool->first[cpu_number()];

    page_of(array, pfn)->next = *first;
    *first = (uint32_t)(pfn - array->start) + 1;
}

static void give_back(struct deferred_pool *pool, unsigned core)
{
    const struct page_array *array = &pool->planted.buddy.array;

    while (pool->first[core]) {
        pfn_t pfn = array->start + pool->first[core] - 1;
        pool->first[core] = page_of(array, pfn)->next;
        planted_free(pool, pfn, page_order(page_of(array, pfn)));
    }
}

static enum page_error free_block(void *memory, pfn_t pfn, unsigned order)
{
    irq_flags_t flags = irq_save();

    (void)order;
    defer(memory, pfn);
    irq_restore(flags);
    return PAGE_OK;
}

static pfn_t allocate(void *memory, unsigned order)
{
    irq_flags_t flags = irq_save();

    give_back(memory, cpu_number());
    irq_restore(flags);
    return planted_allocate(memory, order);
}

static void drain(void *memory)
{
    for (unsigned core = 0; core < CORES; core++)
        give_back(memory, core);
}

PLANTED("deferred-frees", PLANTED_PROMISES, .pool_size = sizeof(struct deferred_pool),
        .allocate_pages = allocate, .free_pages = free_block, .drain = drain);
