#include "check.h"

#include <arch/host/host.h>

static unsigned taken(const struct try *try, unsigned order)
{
    return try->allocator->taken_order ? try->allocator->taken_order(order) : order;
}

static void insert(struct try *try, pfn_t start, uint64_t count)
{
    const struct page_allocator *allocator = try->allocator;

    if (allocator->insert_pages) {
        CHECK(allocator->insert_pages(try->pool, start, count) == PAGE_OK);
        CHECK(allocator->insert_pages(try->pool, start, 1) == PAGE_ALREADY_IN);
    }
    uint64_t kept = allocator->pages_kept ? allocator->pages_kept(try->pool, start, count) : 0;
    CHECK(kept <= count);
    memset(try->state + (start - FIRST) + kept, PAGE_FREE, count - kept);
    try->free_pages += count - kept;
}

void try_start(struct try *try, const struct page_allocator *allocator)
{
    uint64_t odd = allocator->range_alignment ? 0 : 13;

    host_arena_map(FIRST, PAGES);
    *try = (struct try){.allocator = allocator, .start = FIRST + odd, .end = FIRST + PAGES - odd};
    try->pool = aligned_alloc(64, (allocator->pool_size + 64) / 64 * 64);
    memset(try->pool, 0, allocator->pool_size);
    size_t size = allocator->metadata_size ? allocator->metadata_size(try->start, try->end) : 0;
    void *metadata = aligned_alloc(PAGE_SIZE, (size + PAGE_SIZE) / PAGE_SIZE * PAGE_SIZE);
    memset(metadata, 0, size);
    allocator->init(try->pool, metadata, try->start, try->end);
    if (!allocator->insert_pages) {
        insert(try, try->start, try->end - try->start);
        return;
    }
    insert(try, FIRST + HOLE + 1, try->end - (FIRST + HOLE + 1));
    insert(try, try->start, FIRST + HOLE - try->start);
}

pfn_t try_allocate(const struct try *try, unsigned order)
{
    const struct page_allocator *allocator = try->allocator;

    if (allocator->allocate_pages)
        return allocator->allocate_pages(try->pool, order);
    void *address = allocator->allocate_address(try->pool, order);
    return address ? address_to_pfn(address) : INVALID_PFN;
}

enum page_error try_free(const struct try *try, pfn_t pfn, unsigned order)
{
    const struct page_allocator *allocator = try->allocator;

    if (allocator->free_pages)
        return allocator->free_pages(try->pool, pfn, order);
    return allocator->free_address(try->pool, pfn_to_address(pfn), order);
}

void try_change(struct try *try, pfn_t pfn, unsigned order, enum state from, enum state to)
{
    uint64_t count = order_pages(taken(try, order));

    CHECK(pfn % count == 0);
    CHECK(pfn >= try->start && pfn + count <= try->end);
    for (uint64_t i = 0; i < count; i++) {
        CHECK(try->state[pfn - FIRST + i] == from);
        try->state[pfn - FIRST + i] = (uint8_t)to;
    }
    try->free_pages += (to == PAGE_FREE ? count : 0) - (from == PAGE_FREE ? count : 0);
}

static bool all_free(const struct try *try, pfn_t pfn, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        if (try->state[pfn - FIRST + i] != PAGE_FREE)
            return false;
    return true;
}

bool try_has_room(const struct try *try, unsigned order, pfn_t first, pfn_t end)
{
    uint64_t count = order_pages(order);

    for (pfn_t pfn = (first + count - 1) / count * count; pfn + count <= end; pfn += count)
        if (all_free(try, pfn, count))
            return true;
    return false;
}

struct shown {
    struct try *try;
    uint8_t order_plus_1[PAGES];
    uint8_t covered[PAGES];
    uint64_t pages;
};

static bool note(void *context, pfn_t pfn, unsigned order)
{
    struct shown *shown = context;

    CHECK(order <= page_allocator_largest(shown->try->allocator));
    CHECK(pfn >= shown->try->start && pfn + order_pages(order) <= shown->try->end);
    CHECK(pfn % order_pages(order) == 0);
    CHECK(all_free(shown->try, pfn, order_pages(order)));
    for (uint64_t i = 0; i < order_pages(order); i++)
        CHECK(shown->covered[pfn - FIRST + i]++ == 0);
    shown->order_plus_1[pfn - FIRST] = (uint8_t)(order + 1);
    shown->pages += order_pages(order);
    return true;
}

static void check_merged(const struct shown *shown)
{
    for (uint64_t i = 0; i < PAGES; i++) {
        unsigned order = shown->order_plus_1[i] - 1u;
        if (!shown->order_plus_1[i] || order == page_allocator_largest(shown->try->allocator))
            continue;
        pfn_t buddy = buddy_of(FIRST + i, order) - FIRST;
        CHECK(buddy >= PAGES || shown->order_plus_1[buddy] != order + 1);
    }
}

void try_inspect(struct try *try)
{
    const struct page_allocator *allocator = try->allocator;
    char message[100] = "";

    if (allocator->free_page_count)
        CHECK(allocator->free_page_count(try->pool) == try->free_pages);
    if (allocator->validate && !allocator->validate(try->pool, message, sizeof message)) {
        printf("# %s\n", message);
        CHECK(!"validate");
    }
    if (!allocator->for_each_free)
        return;
    struct shown shown = {.try = try};
    allocator->for_each_free(try->pool, note, &shown);
    CHECK(shown.pages == try->free_pages);
    if (try_promises(try, PROMISE_COALESCES))
        check_merged(&shown);
}
