/*
 * 2024, without a header and without a lock. The first descriptor of a free block has its size and
 * its state; the lists are sorted. Expected: silence.
 */
#include <stacsos/kernel/debug.h>
#include <stacsos/kernel/mem/memory-manager.h>
#include <stacsos/kernel/mem/page-allocator-buddy.h>
#include <stacsos/kernel/mem/page.h>
#include <stacsos/memops.h>

using namespace stacsos;
using namespace stacsos::kernel;
using namespace stacsos::kernel::mem;

void page_allocator_buddy::dump() const
{
    for (int order = 0; order <= LastOrder; order++) {
        dprintf("[%02u]", order);
        for (page *block = free_list_[order]; block; block = block->next_free_)
            dprintf(" %llx", block->base_address());
        dprintf("\n");
    }
}

void page_allocator_buddy::insert_free_block(int order, page &block_start)
{
    assert(order >= 0 && order <= LastOrder);
    assert(block_aligned(order, block_start.pfn()));

    page **slot = &free_list_[order];
    while (*slot && *slot < &block_start)
        slot = &(*slot)->next_free_;
    assert(*slot != &block_start);
    block_start.next_free_ = *slot;
    block_start.free_block_size_ = pages_per_block(order);
    block_start.type_ = page_type::allocable;
    block_start.state_ = page_state::free;
    *slot = &block_start;
}

void page_allocator_buddy::remove_free_block(int order, page &block_start)
{
    page **slot = &free_list_[order];

    while (*slot && *slot != &block_start)
        slot = &(*slot)->next_free_;
    if (!*slot)
        panic("block %llx is not on list %d", block_start.base_address(), order);
    *slot = block_start.next_free_;
    block_start.next_free_ = nullptr;
    block_start.free_block_size_ = 0;
    block_start.state_ = page_state::allocated;
}

void page_allocator_buddy::split_block(int order, page &block_start)
{
    remove_free_block(order, block_start);
    insert_free_block(order - 1, block_start);
    insert_free_block(order - 1,
                      page::get_from_pfn(block_start.pfn() + pages_per_block(order - 1)));
}

/* Merges upward as long as the buddy is a free block of the same size. */
void page_allocator_buddy::merge_buddies(int order, page &buddy)
{
    page &other = page::get_from_pfn(buddy.pfn() ^ pages_per_block(order));

    if (order == LastOrder || other.type_ != page_type::allocable ||
        other.state_ != page_state::free || other.free_block_size_ != pages_per_block(order))
        return;
    page &first = buddy.pfn() < other.pfn() ? buddy : other;
    remove_free_block(order, buddy);
    remove_free_block(order, other);
    insert_free_block(order + 1, first);
    merge_buddies(order + 1, first);
}

void page_allocator_buddy::insert_pages(page &range_start, u64 page_count)
{
    page *at = &range_start;

    total_free_ += page_count;
    while (page_count) {
        int order = LastOrder;
        while (!block_aligned(order, at->pfn()) || pages_per_block(order) > page_count)
            order--;
        insert_free_block(order, *at);
        merge_buddies(order, *at);
        at += pages_per_block(order);
        page_count -= pages_per_block(order);
    }
}

/* Page by page: split the block around the page until the page is a block of its own. */
void page_allocator_buddy::remove_pages(page &range_start, u64 page_count)
{
    for (u64 pfn = range_start.pfn(); pfn < range_start.pfn() + page_count; pfn++) {
        for (int order = LastOrder; order > 0; order--) {
            page &head = page::get_from_pfn(pfn & ~(pages_per_block(order) - 1));
            if (head.type_ == page_type::allocable &&
                head.free_block_size_ == pages_per_block(order))
                split_block(order, head);
        }
        if (page::get_from_pfn(pfn).free_block_size_ != 1)
            continue;
        remove_free_block(0, page::get_from_pfn(pfn));
        page::get_from_pfn(pfn).type_ = page_type::none;
        total_free_--;
    }
}

page *page_allocator_buddy::allocate_pages(int order, page_allocation_flags flags)
{
    int from = order;

    while (from <= LastOrder && !free_list_[from])
        from++;
    if (from > LastOrder) {
        dprintf("no block of order %d\n", order);
        return nullptr;
    }
    for (; from > order; from--)
        split_block(from, *free_list_[from]);
    page *block = free_list_[order];
    remove_free_block(order, *block);
    total_free_ -= pages_per_block(order);
    if ((flags & page_allocation_flags::zero) == page_allocation_flags::zero)
        memops::pzero(block->base_address_ptr(), pages_per_block(order));
    return block;
}

void page_allocator_buddy::free_pages(page &base, int order)
{
    total_free_ += pages_per_block(order);
    insert_free_block(order, base);
    merge_buddies(order, base);
}
