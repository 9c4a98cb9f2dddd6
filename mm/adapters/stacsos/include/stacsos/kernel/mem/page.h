/*
 * Stand-in for StACSOS's kernel/mem/page.h: the page descriptors, one array indexed by page frame
 * number. It has everything that any year's version has. In 2024 allocators were friends of the
 * class. They kept a free page's link, and a number of their own, in its descriptor. Since 2025 the
 * link is in the first word of the page itself. 2026 adds the name pfn_t.
 */
#pragma once

/* The descriptor of page 0. The adapter sets it (mm/adapters/stacsos/adapter.c). */
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

    /* The physical address. The page can be read and written there. */
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

    /* Returns whether this was the last reference. */
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

    /*
     * For the allocator, in 2024: the link of its free list, and a number that it may keep for a
     * block.
     */
    page *next_free_;
    [[maybe_unused]] u64 free_block_size_;
};
} // namespace stacsos::kernel::mem
