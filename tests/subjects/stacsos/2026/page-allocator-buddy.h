/* A correct solution for the interface of 2026. Links are in free pages; it has a lock. */
#pragma once

#include <stacsos/kernel/lock.h>
#include <stacsos/kernel/mem/page-allocator.h>

namespace stacsos::kernel::mem
{
#define INVALID_PFN (~(pfn_t)0)

class page_allocator_buddy : public page_allocator
{
  public:
    page_allocator_buddy(memory_manager &mm) : page_allocator(mm)
    {
        for (pfn_t &first : free_list_)
            first = INVALID_PFN;
    }

    void insert_free_pages(pfn_t range_start, u64 page_count) override;
    page_allocation_result
    allocate_pages(order_t order,
                   page_allocation_flags flags = page_allocation_flags::none) override;
    page_allocator_error free_pages(pfn_t range_start, order_t order) override;
    void dump() const override;
    page_allocator_stats get_stats() const override;

  private:
    static const order_t LAST_ORDER = 16;

    pfn_t free_list_[LAST_ORDER + 1];
    u64 total_pages_ = 0, free_pages_ = 0;
    mutable spinlock_irq lock_;

    void push(order_t order, pfn_t block);
    bool take(order_t order, pfn_t block);
    void release(order_t order, pfn_t block);
};
} // namespace stacsos::kernel::mem
