/* The interface of 2024 as an allocator of the contract. */
#include <lib/bitmap.h>
#include <mm/adapters/stacsos/adapter.h>

static struct page_allocator stacsos_2024;

/*
 * The assignment's remove_pages() skips what is not in the free lists and says nothing, so the
 * adapter looks first; which holds only while nobody is between, that is under the adapter's lock.
 */
static enum page_error remove_pages(void *memory, pfn_t start, uint64_t count)
{
    struct stacsos_pool *pool = memory;
    enum page_error error = PAGE_BUSY;

    if (!stacsos_is_range(pool, start, count))
        return PAGE_BAD_RANGE;
    irq_flags_t flags = stacsos_call_begin();
    stacsos_use(pool);
    if (bitmap_find_clear(pool->free_map, start, start + count) == BITMAP_NONE) {
        bitmap_clear_range(pool->in_map, start, count);
        bitmap_clear_range(pool->free_map, start, count);
        pool->inserted -= count;
        stacsos_remove(pool->object, start, count);
        error = PAGE_OK;
    }
    stacsos_call_end(flags);
    return error;
}

static void init(void *pool, void *metadata, pfn_t start, pfn_t end)
{
    if (!stacsos_adapter_locks)
        stacsos_2024.remove_pages = NULL;
    stacsos_init(pool, metadata, start, end);
}

static struct page_allocator stacsos_2024 = {
    .name = "stacsos-2024",
    .promises = STACSOS_PROMISES | PROMISE_METADATA_OUTSIDE, /* the link is in the descriptor */
    .most_blocks = STACSOS_MOST_BLOCKS,
    .pool_size = sizeof(struct stacsos_pool),
    .metadata_size = stacsos_metadata_size,
    .init = init,
    .insert_pages = stacsos_insert_pages,
    .remove_pages = remove_pages,
    .allocate_pages = stacsos_allocate_pages,
    .free_pages = stacsos_free_pages,
};

PAGE_ALLOCATOR(stacsos_2024);
