/* Registers the interface of 2025 as an allocator of the contract. */
#include <mm/adapters/stacsos/adapter.h>

static void init(void *pool, void *metadata, pfn_t start, pfn_t end)
{
    stacsos_init(pool, metadata, start, end, STACSOS_WAYS);
}

static const struct page_allocator stacsos_2025 = {
    .name = "stacsos-2025" STACSOS_SUFFIX,
    .promises = STACSOS_PROMISED(0, STACSOS_WAYS),
    .promises_of_adapter = STACSOS_BY_ADAPTER(STACSOS_WAYS),
    .adapter_reason = STACSOS_BY_ADAPTER_WHY,
    .most_blocks = STACSOS_MOST_BLOCKS,
    .pool_size = sizeof(struct stacsos_pool),
    .metadata_size = stacsos_metadata_size,
    .init = init,
    .insert_pages = stacsos_insert_pages,
    .allocate_pages = stacsos_allocate_pages,
    .free_pages = stacsos_free_pages,
    .forge = stacsos_forge_descriptor,
};

PAGE_ALLOCATOR(stacsos_2025);
