/* Registers the interface of 2024 as an allocator of the contract. */
#include <lib/bitmap.h>
#include <mm/adapters/stacsos/adapter.h>

/*
 * The assignment's remove_pages() silently skips pages that are not in the free lists. So the
 * adapter checks first. That check is valid only if nobody comes between, that is under the
 * adapter's lock.
 */
static enum page_error remove_pages(void *memory, pfn_t start, uint64_t count)
{
    struct stacsos_pool *pool = memory;
    enum page_error error = PAGE_BUSY;

    if (!stacsos_is_range(pool, start, count))
        return PAGE_BAD_RANGE;
    irq_flags_t flags = stacsos_call_begin(pool);
    if (bitmap_find_clear(pool->free_map, start, start + count) == BITMAP_NONE) {
        bitmap_clear_range(pool->in_map, start, count);
        bitmap_clear_range(pool->free_map, start, count);
        pool->inserted -= count;
        stacsos_remove(pool->object, start, count);
        error = PAGE_OK;
    }
    stacsos_call_end(pool, flags);
    return error;
}

static void init(void *pool, void *metadata, pfn_t start, pfn_t end)
{
    stacsos_init(pool, metadata, start, end, STACSOS_WAYS);
}

static const struct page_allocator stacsos_2024 = {
    .name = "stacsos-2024" STACSOS_SUFFIX,
    /* Free pages are not touched: the links are in the descriptors. */
    .promises = STACSOS_PROMISED(PROMISE_METADATA_OUTSIDE, STACSOS_WAYS),
    .promises_of_adapter = STACSOS_BY_ADAPTER(STACSOS_WAYS),
    .adapter_reason = STACSOS_BY_ADAPTER_WHY,
    .most_blocks = STACSOS_MOST_BLOCKS,
    .pool_size = sizeof(struct stacsos_pool),
    .metadata_size = stacsos_metadata_size,
    .init = init,
    .insert_pages = stacsos_insert_pages,
    .remove_pages = remove_pages,
    .removes_alone = !(STACSOS_WAYS & STACSOS_GUARDED),
    .allocate_pages = stacsos_allocate_pages,
    .free_pages = stacsos_free_pages,
    .forge = stacsos_forge_descriptor,
};

PAGE_ALLOCATOR(stacsos_2024);
