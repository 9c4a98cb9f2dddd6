/*
 * All state in globals, as in most hobby kernels: one pool, one byte for each page, first fit; init
 * resets the globals. Does not promise instanceable, and promises nothing about bad frees.
 */
#include "map.h"

static struct map all_memory;

static void init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    (void)memory;
    map_init(&all_memory, metadata, start, end);
}

static enum page_error insert(void *memory, pfn_t start, uint64_t count)
{
    (void)memory;
    return map_insert(&all_memory, start, count);
}

static pfn_t allocate(void *memory, unsigned order)
{
    (void)memory;
    if (order > MAX_ORDER)
        return INVALID_PFN;
    irq_flags_t flags = spin_lock(&all_memory.lock);
    pfn_t pfn = map_first_fit(&all_memory, order_pages(order));
    if (pfn != INVALID_PFN)
        map_hold(&all_memory, pfn, order);
    spin_unlock(&all_memory.lock, flags);
    return pfn;
}

static enum page_error release(void *memory, pfn_t pfn, unsigned order)
{
    irq_flags_t flags = spin_lock(&all_memory.lock);

    (void)memory;
    memset(map_at(&all_memory, pfn), MAP_FREE, order_pages(order));
    spin_unlock(&all_memory.lock, flags);
    return PAGE_OK;
}

static const struct page_allocator globals_reset = {
    .name = "globals-reset",
    .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES | PROMISE_TRUE_OOM |
                PROMISE_METADATA_OUTSIDE | PROMISE_FREES_PARTS,
    .metadata_size = map_size,
    .init = init,
    .insert_pages = insert,
    .allocate_pages = allocate,
    .free_pages = release,
};
PAGE_ALLOCATOR(globals_reset);
