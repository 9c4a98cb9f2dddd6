/* Doubly linked lists in the free pages. The lock is taken by hand. Expected: silence. */
#include <stacsos/kernel/debug.h>
#include <stacsos/kernel/mem/page-allocator-buddy.h>
#include <stacsos/kernel/mem/page.h>
#include <stacsos/memops.h>

using namespace stacsos;
using namespace stacsos::kernel;
using namespace stacsos::kernel::mem;

namespace stacsos::kernel::mem
{
struct page_metadata {
    page_metadata *next, *previous;
    u64 pfn;
};
} // namespace stacsos::kernel::mem

void page_allocator_buddy::dump() const
{
    for (int order = 0; is_order(order); order++)
        for (page_metadata *block = free_list_[order]; block; block = block->next)
            dprintf("%d: %llu\n", order, block->pfn);
}

void page_allocator_buddy::add(int order, u64 pfn)
{
    page_metadata *block = static_cast<page_metadata *>(page::get_from_pfn(pfn).base_address_ptr());

    *block = {free_list_[order], nullptr, pfn};
    if (block->next)
        block->next->previous = block;
    free_list_[order] = block;
}

void page_allocator_buddy::drop(int order, page_metadata *block)
{
    (block->previous ? block->previous->next : free_list_[order]) = block->next;
    if (block->next)
        block->next->previous = block->previous;
}

page_metadata *page_allocator_buddy::find(int order, u64 pfn)
{
    page_metadata *block = free_list_[order];

    while (block && block->pfn != pfn)
        block = block->next;
    return block;
}

void page_allocator_buddy::put(int order, u64 pfn)
{
    for (; order < LastOrder; order++) {
        page_metadata *buddy = find(order, pfn ^ (1ull << order));
        if (!buddy)
            break;
        drop(order, buddy);
        pfn &= ~(1ull << order);
    }
    add(order, pfn);
}

void page_allocator_buddy::insert_free_pages(page &range_start, u64 page_count)
{
    u64 flags, pfn = range_start.pfn(), end = pfn + page_count;

    spinlock_irq_acquire(&lock_, &flags);
    while (pfn < end) {
        int order = min(LastOrder, pfn ? __builtin_ctzll(pfn) : LastOrder);
        order = min(order, int(log2(end - pfn)));
        put(order, pfn);
        pfn += pow2(u64(order));
    }
    spinlock_irq_release(&lock_, flags);
}

page *page_allocator_buddy::allocate_pages(int order, page_allocation_flags flags)
{
    u64 state;
    int from = order;

    operations_++;
    spinlock_irq_acquire(&lock_, &state);
    while (is_order(from) && !free_list_[from])
        from++;
    if (!is_order(from)) {
        spinlock_irq_release(&lock_, state);
        return nullptr;
    }
    page_metadata *block = free_list_[from];
    drop(from, block);
    while (from-- > order)
        add(from, block->pfn + (1ull << from));
    page &first = page::get_from_pfn(block->pfn);
    spinlock_irq_release(&lock_, state);
    if ((flags & page_allocation_flags::zero) == page_allocation_flags::zero)
        memops::pzero(first.base_address_ptr(), 1ull << order);
    return &first;
}

void page_allocator_buddy::free_pages(page &base, int order)
{
    u64 flags;

    operations_++;
    spinlock_irq_acquire(&lock_, &flags);
    put(order, base.pfn());
    spinlock_irq_release(&lock_, flags);
}
