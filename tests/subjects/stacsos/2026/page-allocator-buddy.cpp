/* The reference solution for 2026. Expected: silence. */
#include <stacsos/kernel/debug.h>
#include <stacsos/kernel/mem/page-allocator-buddy.h>
#include <stacsos/kernel/mem/page.h>
#include <stacsos/memops.h>

using namespace stacsos;
using namespace stacsos::kernel;
using namespace stacsos::kernel::mem;

/* The first word of a free page. In a held page it belongs to the holder and is never read. */
struct page_metadata {
    pfn_t next_free;
};

static void *address_of(pfn_t pfn)
{
    return page::get_from_pfn(pfn).base_address_ptr();
}

static pfn_t &next_of(pfn_t free_page)
{
    return static_cast<page_metadata *>(address_of(free_page))->next_free;
}

static constexpr u64 pages(order_t order)
{
    return 1ull << order;
}

void page_allocator_buddy::dump() const
{
    unique_irq_lock lock(lock_);

    dprintf("*** buddy page allocator - free list ***\n");
    for (order_t order = 0; order <= LAST_ORDER; order++) {
        dprintf("[%02u] ", order);
        for (pfn_t block = free_list_[order]; block != INVALID_PFN; block = next_of(block))
            dprintf("%llu--%llu ", block, block + pages(order) - 1);
        dprintf("\n");
    }
}

void page_allocator_buddy::push(order_t order, pfn_t block)
{
    next_of(block) = free_list_[order];
    free_list_[order] = block;
}

/* Take this block off its list; false if it is not in it, so not free at this order. */
bool page_allocator_buddy::take(order_t order, pfn_t block)
{
    pfn_t *slot = &free_list_[order];

    while (*slot != INVALID_PFN && *slot != block)
        slot = &next_of(*slot);
    if (*slot == INVALID_PFN)
        return false;
    *slot = next_of(block);
    return true;
}

void page_allocator_buddy::release(order_t order, pfn_t block)
{
    free_pages_ += pages(order);
    while (order < LAST_ORDER && take(order, block ^ pages(order))) {
        block &= ~pages(order);
        order++;
    }
    push(order, block);
}

void page_allocator_buddy::insert_free_pages(pfn_t range_start, u64 page_count)
{
    unique_irq_lock lock(lock_);

    total_pages_ += page_count;
    while (page_count > 0) {
        order_t order = 0;
        while (order < LAST_ORDER && range_start % pages(order + 1) == 0 &&
               page_count >= pages(order + 1))
            order++;
        release(order, range_start);
        range_start += pages(order);
        page_count -= pages(order);
    }
}

page_allocation_result page_allocator_buddy::allocate_pages(order_t order,
                                                            page_allocation_flags flags)
{
    unique_irq_lock lock(lock_);
    order_t from = order;

    if (order > LAST_ORDER)
        return page_allocation_result::error(page_allocator_error::order_out_of_range);
    while (from <= LAST_ORDER && free_list_[from] == INVALID_PFN)
        from++;
    if (from > LAST_ORDER)
        return page_allocation_result::error(page_allocator_error::out_of_memory);
    pfn_t block = free_list_[from];
    free_list_[from] = next_of(block);
    while (from-- > order)
        push(from, block + pages(from));
    free_pages_ -= pages(order);
    if ((flags & page_allocation_flags::zero) == page_allocation_flags::zero)
        memops::pzero(address_of(block), pages(order));
    return page_allocation_result::ok(block);
}

page_allocator_error page_allocator_buddy::free_pages(pfn_t range_start, order_t order)
{
    unique_irq_lock lock(lock_);

    if (order > LAST_ORDER)
        return page_allocator_error::order_out_of_range;
    if (range_start % pages(order) != 0)
        return page_allocator_error::page_not_aligned_with_order;
    release(order, range_start);
    return page_allocator_error::none;
}

page_allocator_stats page_allocator_buddy::get_stats() const
{
    unique_irq_lock lock(lock_);

    return page_allocator_stats{total_pages_ - free_pages_, free_pages_};
}
