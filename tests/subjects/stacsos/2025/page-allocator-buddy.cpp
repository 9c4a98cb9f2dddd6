/* The reference solution for 2025. Expected: silence. */
#include <stacsos/kernel/debug.h>
#include <stacsos/kernel/mem/page-allocator-buddy.h>
#include <stacsos/kernel/mem/page.h>
#include <stacsos/memops.h>

using namespace stacsos;
using namespace stacsos::kernel;
using namespace stacsos::kernel::mem;

/* The first word of a free page. In a held page it belongs to the holder and is never read. */
struct page_metadata {
    page *next_free;
};

static page *&next_of(page &free_page)
{
    return static_cast<page_metadata *>(free_page.base_address_ptr())->next_free;
}

static page &buddy_of(int order, page &block)
{
    return page::get_from_pfn(block.pfn() ^ (1ull << order));
}

void page_allocator_buddy::dump() const
{
    unique_irq_lock lock(lock_);

    dprintf("*** buddy page allocator - free list ***\n");
    for (int order = 0; order <= LastOrder; order++) {
        dprintf("[%02u] ", order);
        for (page *block = free_list_[order]; block; block = next_of(*block))
            dprintf("%lx--%lx ", block->base_address(),
                    block->base_address() + (PAGE_SIZE << order) - 1);
        dprintf("\n");
    }
}

void page_allocator_buddy::push(int order, page &block)
{
    next_of(block) = free_list_[order];
    free_list_[order] = &block;
}

/* Take this block off its list; false if it is not in it, so not free at this order. */
bool page_allocator_buddy::take(int order, page &block)
{
    page **slot = &free_list_[order];

    while (*slot && *slot != &block)
        slot = &next_of(**slot);
    if (!*slot)
        return false;
    *slot = next_of(block);
    return true;
}

void page_allocator_buddy::release(int order, page &block)
{
    page *start = &block;

    while (order < LastOrder && take(order, buddy_of(order, *start))) {
        start = &page::get_from_pfn(start->pfn() & ~(1ull << order));
        order++;
    }
    push(order, *start);
}

void page_allocator_buddy::insert_free_pages(page &range_start, u64 page_count)
{
    unique_irq_lock lock(lock_);
    u64 pfn = range_start.pfn();

    while (page_count > 0) {
        int order = 0;
        while (order < LastOrder && pfn % (2ull << order) == 0 && page_count >= 2ull << order)
            order++;
        release(order, page::get_from_pfn(pfn));
        pfn += 1ull << order;
        page_count -= 1ull << order;
    }
}

page *page_allocator_buddy::allocate_pages(int order, page_allocation_flags flags)
{
    unique_irq_lock lock(lock_);
    int from = order;

    if (order < 0)
        return nullptr;
    while (from <= LastOrder && !free_list_[from])
        from++;
    if (from > LastOrder)
        return nullptr;
    page &block = *free_list_[from];
    free_list_[from] = next_of(block);
    while (from-- > order)
        push(from, buddy_of(from, block));
    if ((flags & page_allocation_flags::zero) == page_allocation_flags::zero)
        memops::pzero(block.base_address_ptr(), 1ull << order);
    return &block;
}

void page_allocator_buddy::free_pages(page &base, int order)
{
    unique_irq_lock lock(lock_);

    assert(order >= 0 && order <= LastOrder && base.pfn() % (1ull << order) == 0);
    release(order, base);
}
