/*
 * All state in globals, as in most hobby kernels: one pool, one byte for each page, first fit; init
 * resets the globals. Does not promise instanceable, and promises nothing about bad frees.
 */
#include "sound.h"

enum { ABSENT, FREE, HELD };

static struct spin lock;
static pfn_t first, last; /* [first, last) */
static uint8_t *map;

static bool all_are(pfn_t pfn, uint64_t count, uint8_t state)
{
    for (uint64_t i = 0; i < count; i++)
        if (map[pfn - first + i] != state)
            return false;
    return true;
}

static size_t map_size(pfn_t start, pfn_t end)
{
    return end - start;
}

static void init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    (void)memory;
    lock = (struct spin){0};
    first = start;
    last = end;
    map = metadata;
}

static enum page_error insert(void *memory, pfn_t start, uint64_t count)
{
    enum page_error error = PAGE_OK;
    irq_flags_t flags = spin_lock(&lock);

    (void)memory;
    if (!range_is_within(start, count, first, last))
        error = PAGE_BAD_RANGE;
    else if (!all_are(start, count, ABSENT))
        error = PAGE_ALREADY_IN;
    else
        memset(map + (start - first), FREE, count);
    spin_unlock(&lock, flags);
    return error;
}

static pfn_t find(uint64_t count)
{
    for (pfn_t pfn = round_up(first, count); pfn < last && last - pfn >= count; pfn += count)
        if (all_are(pfn, count, FREE))
            return pfn;
    return INVALID_PFN;
}

static pfn_t allocate(void *memory, unsigned order)
{
    (void)memory;
    if (order > MAX_ORDER)
        return INVALID_PFN;
    irq_flags_t flags = spin_lock(&lock);
    pfn_t pfn = find(order_pages(order));
    if (pfn != INVALID_PFN)
        memset(map + (pfn - first), HELD, order_pages(order));
    spin_unlock(&lock, flags);
    return pfn;
}

static enum page_error release(void *memory, pfn_t pfn, unsigned order)
{
    irq_flags_t flags = spin_lock(&lock);

    (void)memory;
    memset(map + (pfn - first), FREE, order_pages(order));
    spin_unlock(&lock, flags);
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
