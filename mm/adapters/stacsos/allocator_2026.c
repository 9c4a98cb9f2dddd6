/* Registers the interface of 2026 as an allocator of the contract. */
#include <lib/printf.h>
#include <mm/adapters/stacsos/adapter.h>

static struct stacsos_stats get_stats(struct stacsos_pool *pool)
{
    irq_flags_t flags = stacsos_call_begin(pool);
    struct stacsos_stats stats = stacsos_get_stats(pool->object);
    stacsos_call_end(pool, flags);
    return stats;
}

static uint64_t free_page_count(void *pool)
{
    return get_stats(pool).free_pages;
}

static bool validate(void *memory, char *message, size_t size)
{
    struct stacsos_pool *pool = memory;
    struct stacsos_stats stats = get_stats(pool);

    if (stats.used_pages + stats.free_pages == pool->inserted)
        return true;
    format_text(message, size, "get_stats() says %lu pages used and %lu free, %lu inserted",
                stats.used_pages, stats.free_pages, pool->inserted);
    return false;
}

static void init(void *pool, void *metadata, pfn_t start, pfn_t end)
{
    stacsos_init(pool, metadata, start, end, STACSOS_WAYS);
}

static const struct page_allocator stacsos_2026 = {
    .name = "stacsos-2026" STACSOS_SUFFIX,
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
    .forge = stacsos_forge_number,
    .free_page_count = free_page_count,
    .validate = validate,
};

PAGE_ALLOCATOR(stacsos_2026);
