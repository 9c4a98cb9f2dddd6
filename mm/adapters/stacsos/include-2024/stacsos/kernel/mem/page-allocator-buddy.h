/*
 * The class as the assignment of 2024 hands it out, for users who give only their .cpp. A
 * page-allocator-buddy.h of the user replaces this header.
 */
#pragma once

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

    void insert_pages(page &range_start, u64 page_count) override;
    void remove_pages(page &range_start, u64 page_count) override;

    page *allocate_pages(int order,
                         page_allocation_flags flags = page_allocation_flags::none) override;
    void free_pages(page &base, int order) override;
    void dump() const override;

  private:
    static const int LastOrder = 16;

    page *free_list_[LastOrder + 1];
    u64 total_free_;

    constexpr u64 pages_per_block(int order) const
    {
        return 1ull << order;
    }

    constexpr bool block_aligned(int order, u64 pfn)
    {
        return pfn % pages_per_block(order) == 0;
    }

    void insert_free_block(int order, page &block_start);
    void remove_free_block(int order, page &block_start);
    void split_block(int order, page &block_start);
    void merge_buddies(int order, page &buddy);
};
} // namespace stacsos::kernel::mem
