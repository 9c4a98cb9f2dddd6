/* 2025, with doubly linked lists and a lock that is a plain word. */
#pragma once

#include <stacsos/atomic.h>
#include <stacsos/kernel/lock.h>
#include <stacsos/kernel/mem/page-allocator.h>

namespace stacsos::kernel::mem
{
struct page_metadata;

class page_allocator_buddy : public page_allocator
{
  public:
    page_allocator_buddy(memory_manager &mm) : page_allocator(mm), operations_(0)
    {
        memset(free_list_, 0, sizeof(free_list_));
    }

    virtual void insert_free_pages(page &range_start, u64 page_count) override;
    virtual page *
    allocate_pages(int order, page_allocation_flags flags = page_allocation_flags::none) override;
    virtual void free_pages(page &base, int order) override;
    virtual void dump() const override;

  private:
    static const int LastOrder = 16;

    page_metadata *free_list_[LastOrder + 1];
    spinlock_var_t lock_ = 0;
    atomic_u64 operations_;

    static void memset(void *memory, int value, size_t size)
    {
        __builtin_memset(memory, value, size);
    }

    /* A comparison of signed and unsigned, as in many headers. */
    constexpr bool is_order(unsigned order) const
    {
        return order <= LastOrder;
    }

    void add(int order, u64 pfn);
    void put(int order, u64 pfn);
    page_metadata *find(int order, u64 pfn);
    void drop(int order, page_metadata *block);
};
} // namespace stacsos::kernel::mem
