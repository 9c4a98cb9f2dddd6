/*
 * Stand-in for StACSOS's kernel/mem/page.h: the page descriptors, one array indexed by page frame
 * number. It has what any year's has: in 2024 the allocators were friends and linked a free page in
 * its descriptor and had a number of their own in it; since 2025 they link it in its own first
 * word; 2026 names the type pfn_t.
 */
#pragma once

/* Descriptor 0. The adapter sets it (mm/adapters/stacsos/adapter.c). */
extern "C" void *stacsos_page_array;

namespace stacsos::kernel::mem
{
using pfn_t = u64;

class memory_manager;
class page_allocator;
class page_allocator_buddy;
class page_allocator_linear;

enum class page_type : u32 { none, reserved, system, allocable };
enum class page_state : u32 { free, allocated };

class page
{
    friend class memory_manager;
    friend class page_allocator_buddy;
    friend class page_allocator_linear;

  public:
    static page &get_from_pfn(u64 pfn)
    {
        return array()[pfn];
    }

    static page &get_from_base_address(u64 address)
    {
        return get_from_pfn(address >> PAGE_BITS);
    }

    u64 pfn() const
    {
        return u64(this - array());
    }

    /* The physical address, and where the page can be read and written: here the same. */
    u64 base_address() const
    {
        return pfn() << PAGE_BITS;
    }

    void *base_address_ptr() const
    {
        return (void *)base_address();
    }

    u64 refcount() const
    {
        return refcount_;
    }

    void acquire()
    {
        refcount_++;
    }

    /* Whether this was the last. */
    bool release()
    {
        return --refcount_ == 0;
    }

  private:
    static page *array()
    {
        return static_cast<page *>(stacsos_page_array);
    }

    [[maybe_unused]] page_type type_;
    [[maybe_unused]] page_state state_;
    u64 refcount_;

    /* The allocator's own, in 2024: the free list's link, and what it likes to keep of a block. */
    page *next_free_;
    [[maybe_unused]] u64 free_block_size_;
};
} // namespace stacsos::kernel::mem
