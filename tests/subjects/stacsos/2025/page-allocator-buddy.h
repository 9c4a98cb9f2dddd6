/* A correct solution for the interface of 2025. Links are in free pages; it has a lock. */
#pragma once

#include <stacsos/kernel/lock.h>
#include <stacsos/kernel/mem/page-allocator.h>

namespace stacsos::kernel::mem
{
class page_allocator_buddy : public page_allocator
{
  public:
    page_allocator_buddy(memory_manager &mm) : page_allocator(mm)
    {
        for (page *&first : free_list_)
            first = nullptr;
    }

    void insert_free_pages(page &range_start, u64 page_count) override;
    page *allocate_pages(int order,
                         page_allocation_flags flags = page_allocation_flags::none) override;
    void free_pages(page &base, int order) override;
    void dump() const override;

  private:
    static const int LastOrder = 16;

    page *free_list_[LastOrder + 1];
    mutable spinlock_irq lock_;

    void push(int order, page &block);
    bool take(int order, page &block);
    void release(int order, page &block);
};
} // namespace stacsos::kernel::mem
