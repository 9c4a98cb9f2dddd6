/* The interface of 2025 as an allocator of the contract. */
#include <mm/adapters/stacsos/adapter.h>

static const struct page_allocator stacsos_2025 = {
    .name = "stacsos-2025",
    .promises = STACSOS_PROMISES,
    .most_blocks = STACSOS_MOST_BLOCKS,
    .pool_size = sizeof(struct stacsos_pool),
    .metadata_size = stacsos_metadata_size,
    .init = stacsos_init,
    .insert_pages = stacsos_insert_pages,
    .allocate_pages = stacsos_allocate_pages,
    .free_pages = stacsos_free_pages,
};

PAGE_ALLOCATOR(stacsos_2025);
