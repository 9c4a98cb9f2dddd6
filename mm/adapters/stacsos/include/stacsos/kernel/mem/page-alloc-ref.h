/* Stand-in for StACSOS's kernel/mem/page-alloc-ref.h: a page with a reference count. */
#pragma once

#include <stacsos/helpers.h>
#include <stacsos/kernel/mem/page.h>

namespace stacsos::kernel::mem
{
class page_alloc_ref
{
  public:
    page_alloc_ref() = default;

    page_alloc_ref(page *page, int order) : page_(page), order_(order)
    {
        if (page_)
            page_->acquire();
    }

    page_alloc_ref(const page_alloc_ref &other) : page_alloc_ref(other.page_, other.order_)
    {
    }

    page_alloc_ref &operator=(page_alloc_ref other)
    {
        stacsos::swap(page_, other.page_);
        stacsos::swap(order_, other.order_);
        return *this;
    }

    ~page_alloc_ref()
    {
        if (page_)
            page_->release();
    }

    page &operator*() const
    {
        return *page_;
    }

    page *operator->() const
    {
        return page_;
    }

    page *get() const
    {
        return page_;
    }

    u64 refcount() const
    {
        return page_ ? page_->refcount() : 0;
    }

  private:
    page *page_ = nullptr;
    int order_ = -1;
};
} // namespace stacsos::kernel::mem
