/*
 * Stand-in for StACSOS's kernel/mem/page-allocator.h of 2026: page frame numbers instead of
 * references, and errors.
 */
#pragma once

#include <stacsos/kernel/mem/page-alloc-ref.h>

namespace stacsos::kernel::mem
{
class memory_manager;

using order_t = u32;

enum class page_allocation_flags { none = 0, zero = 1 };
DEFINE_ENUM_FLAG_OPERATIONS(page_allocation_flags)

enum class page_allocator_error {
    none,
    out_of_memory,
    order_out_of_range,
    page_not_aligned_with_order,
    not_implemented
};

/* The first pfn of a block, or the error. Asking for the one that is not there panics. */
struct page_allocation_result {
  public:
    static page_allocation_result ok(pfn_t range_start)
    {
        return page_allocation_result(true, range_start, page_allocator_error::none);
    }

    static page_allocation_result error(page_allocator_error error)
    {
        return page_allocation_result(false, 0, error);
    }

    bool is_ok() const
    {
        return ok_;
    }

    bool is_error() const
    {
        return !is_ok();
    }

    pfn_t get_range_start() const
    {
        if (is_error())
            panic("get_range_start() of an allocation that failed");
        return range_start_;
    }

    page_allocator_error get_error() const
    {
        if (is_ok())
            panic("get_error() of an allocation that succeeded");
        return error_;
    }

    page &to_page()
    {
        return page::get_from_pfn(get_range_start());
    }

  private:
    page_allocation_result(bool ok, pfn_t range_start, page_allocator_error error)
        : ok_(ok), range_start_(range_start), error_(error)
    {
    }

    bool ok_;
    pfn_t range_start_;
    page_allocator_error error_;
};

struct page_allocator_stats {
    u64 used_pages, free_pages;
};

class page_allocator
{
  public:
    page_allocator(memory_manager &mm) : mm_(mm)
    {
    }

    virtual void insert_free_pages(pfn_t range_start, u64 page_count) = 0;

    /* A block of order k is 2^k pages. */
    virtual page_allocation_result
    allocate_pages(order_t order, page_allocation_flags flags = page_allocation_flags::none) = 0;
    virtual page_allocator_error free_pages(pfn_t range_start, order_t order) = 0;

    virtual page_allocator_stats get_stats() const = 0;

    /* Prints the free lists. */
    virtual void dump() const = 0;

  private:
    [[maybe_unused]] memory_manager &mm_;
};
} // namespace stacsos::kernel::mem
