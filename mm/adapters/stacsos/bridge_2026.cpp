/* The interface of 2026: page frame numbers, errors, statistics. */
#include <stacsos/kernel/mem/page-allocator-buddy.h>

#include <stacsos/kernel/mem/memory-manager.h>
#include <stacsos/kernel/mem/page.h>

extern "C" {
#include "bridge.h"
}

using namespace stacsos::kernel::mem;

static_assert(sizeof(page_allocator_buddy) <= STACSOS_OBJECT_SIZE,
              "class page_allocator_buddy is larger than 64 KiB; StACSOS itself has room for 4");
static_assert(int(page_allocator_error::none) == STACSOS_NONE);
static_assert(int(page_allocator_error::out_of_memory) == STACSOS_OUT_OF_MEMORY);
static_assert(int(page_allocator_error::order_out_of_range) == STACSOS_ORDER_OUT_OF_RANGE);
static_assert(int(page_allocator_error::page_not_aligned_with_order) == STACSOS_PAGE_NOT_ALIGNED);
static_assert(int(page_allocator_error::not_implemented) == STACSOS_NOT_IMPLEMENTED);

static memory_manager manager;

static page_allocator_buddy *allocator(void *object)
{
    return static_cast<page_allocator_buddy *>(object);
}

unsigned long stacsos_descriptor_size(void)
{
    return sizeof(page);
}

void stacsos_construct(void *object)
{
    new (object) page_allocator_buddy(manager);
}

void stacsos_insert(void *object, unsigned long pfn, unsigned long count)
{
    allocator(object)->insert_free_pages(pfn, count);
}

unsigned long stacsos_allocate(void *object, unsigned order, enum stacsos_error *error)
{
    page_allocation_result result =
        allocator(object)->allocate_pages(order, page_allocation_flags::none);

    *error = result.is_ok() ? STACSOS_NONE : static_cast<stacsos_error>(result.get_error());
    return result.is_ok() ? result.get_range_start() : STACSOS_NO_PAGE;
}

enum stacsos_error stacsos_free(void *object, unsigned long pfn, unsigned order)
{
    return static_cast<stacsos_error>(allocator(object)->free_pages(pfn, order));
}

struct stacsos_stats stacsos_get_stats(const void *object)
{
    page_allocator_stats stats = static_cast<const page_allocator_buddy *>(object)->get_stats();

    return {stats.used_pages, stats.free_pages};
}
