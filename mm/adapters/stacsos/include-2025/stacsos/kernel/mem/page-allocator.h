/* Stand-in for StACSOS's kernel/mem/page-allocator.h of 2025. */
#pragma once

#include <stacsos/kernel/mem/page-alloc-ref.h>

namespace stacsos::kernel::mem
{
class memory_manager;

enum class page_allocation_flags { none = 0, zero = 1 };
DEFINE_ENUM_FLAG_OPERATIONS(page_allocation_flags)

class page_allocator
{
  public:
    page_allocator(memory_manager &mm) : mm_(mm)
    {
    }

    virtual void insert_free_pages(page &range_start, u64 page_count) = 0;

    /* Returns nullptr if there is no block. A block of order k is 2^k pages. */
    virtual page *allocate_pages(int order,
                                 page_allocation_flags flags = page_allocation_flags::none) = 0;
    virtual void free_pages(page &base, int order) = 0;

    page_alloc_ref allocate_pages_ref(int order,
                                      page_allocation_flags flags = page_allocation_flags::none)
    {
        return page_alloc_ref(allocate_pages(order, flags), order);
    }

    /* Prints the free lists. */
    virtual void dump() const = 0;

  private:
    [[maybe_unused]] memory_manager &mm_;
};
} // namespace stacsos::kernel::mem
