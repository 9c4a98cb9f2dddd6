/*
 * 2026, a .cpp alone, with the class that the assignment hands out. It has no lock. It counts by
 * walking its lists. Expected: silence.
 */
#include <stacsos/kernel/debug.h>
#include <stacsos/kernel/mem/page-allocator-buddy.h>
#include <stacsos/kernel/mem/page.h>
#include <stacsos/memops.h>

using namespace stacsos;
using namespace stacsos::kernel;
using namespace stacsos::kernel::mem;

struct page_metadata {
    pfn_t next_free;

    bool has_next_free() const
    {
        return next_free != INVALID_PFN;
    }
};

static u64 inserted_pages;

static page_metadata *metadata(pfn_t pfn)
{
    return reinterpret_cast<page_metadata *>(page::get_from_pfn(pfn).base_address_ptr());
}

void page_allocator_buddy::dump() const
{
    for (order_t order = 0; order <= LAST_ORDER; order++) {
        dprintf("[%02u]", order);
        for (pfn_t block = free_list_[order]; block != INVALID_PFN;
             block = metadata(block)->next_free)
            dprintf(" %llu", block);
        dprintf("\n");
    }
    dprintf("free=%llu used=%llu\n", get_stats().free_pages, get_stats().used_pages);
}

void page_allocator_buddy::insert_free_block(order_t order, pfn_t block_start)
{
    assert(order >= 0 && order <= LAST_ORDER && block_aligned(order, block_start));
    metadata(block_start)->next_free = free_list_[order];
    free_list_[order] = block_start;
}

void page_allocator_buddy::remove_free_block(order_t order, pfn_t block_start)
{
    pfn_t before = free_list_[order];

    if (before == block_start) {
        free_list_[order] = metadata(before)->next_free;
        return;
    }
    while (metadata(before)->next_free != block_start) {
        assert(metadata(before)->has_next_free());
        before = metadata(before)->next_free;
    }
    metadata(before)->next_free = metadata(block_start)->next_free;
}

void page_allocator_buddy::split_block(order_t order, pfn_t block_start)
{
    remove_free_block(order, block_start);
    insert_free_block(order - 1, block_start + pages_per_block(order - 1));
    insert_free_block(order - 1, block_start);
}

void page_allocator_buddy::merge_buddies(order_t order, pfn_t either_buddy)
{
    const pfn_t other = either_buddy ^ pages_per_block(order);
    pfn_t at = order < LAST_ORDER ? free_list_[order] : INVALID_PFN;

    while (at != INVALID_PFN && at != other)
        at = metadata(at)->next_free;
    if (at == INVALID_PFN)
        return;
    remove_free_block(order, either_buddy);
    remove_free_block(order, other);
    insert_free_block(order + 1, min(either_buddy, other));
    merge_buddies(order + 1, min(either_buddy, other));
}

void page_allocator_buddy::insert_free_pages(pfn_t range_start, u64 page_count)
{
    const pfn_t range_end = range_start + page_count;

    inserted_pages += page_count;
    while (range_start < range_end) {
        order_t order = 0;
        while (order < LAST_ORDER && block_aligned(order + 1, range_start) &&
               range_start + pages_per_block(order + 1) <= range_end)
            order++;
        insert_free_block(order, range_start);
        merge_buddies(order, range_start);
        range_start += pages_per_block(order);
    }
}

page_allocation_result page_allocator_buddy::allocate_pages(order_t order,
                                                            page_allocation_flags flags)
{
    if (order > LAST_ORDER)
        return page_allocation_result::error(page_allocator_error::order_out_of_range);
    for (order_t from = order; from <= LAST_ORDER; from++) {
        if (free_list_[from] == INVALID_PFN)
            continue;
        for (; from > order; from--)
            split_block(from, free_list_[from]);
        page_allocation_result result = page_allocation_result::ok(free_list_[order]);
        remove_free_block(order, free_list_[order]);
        if ((flags & page_allocation_flags::zero) == page_allocation_flags::zero)
            memops::pzero(result.to_page().base_address_ptr(), pages_per_block(order));
        return result;
    }
    return page_allocation_result::error(page_allocator_error::out_of_memory);
}

page_allocator_error page_allocator_buddy::free_pages(pfn_t range_start, order_t order)
{
    if (order > LAST_ORDER)
        return page_allocator_error::order_out_of_range;
    if (!block_aligned(order, range_start))
        return page_allocator_error::page_not_aligned_with_order;
    insert_free_block(order, range_start);
    merge_buddies(order, range_start);
    return page_allocator_error::none;
}

page_allocator_stats page_allocator_buddy::get_stats() const
{
    u64 free = 0;

    for (order_t order = 0; order <= LAST_ORDER; order++)
        for (pfn_t block = free_list_[order]; block != INVALID_PFN;
             block = metadata(block)->next_free)
            free += pages_per_block(order);
    return {inserted_pages - free, free};
}
