/*
 * In C++: a class template over the largest order, a lock guard, and an object in the pool's
 * memory. A buddy without lists: one byte for each page, and the lowest free block that fits best.
 * Makes every promise except frees-parts and true-placement.
 */
extern "C" {
#include <mm/environment.h>
}

inline void *operator new(size_t, void *place) noexcept
{
    return place;
}

namespace
{

class Spin
{
  public:
    void lock()
    {
        while (__atomic_test_and_set(&taken_, __ATOMIC_ACQUIRE))
            cpu_relax();
    }

    void unlock()
    {
        __atomic_clear(&taken_, __ATOMIC_RELEASE);
    }

  private:
    bool taken_ = false;
};

class Guard
{
  public:
    explicit Guard(Spin &spin) : spin_(spin), flags_(irq_save())
    {
        spin_.lock();
    }

    ~Guard()
    {
        spin_.unlock();
        irq_restore(flags_);
    }

    Guard(const Guard &) = delete;
    Guard &operator=(const Guard &) = delete;

  private:
    Spin &spin_;
    irq_flags_t flags_;
};

template <unsigned Largest>
class Pool
{
  public:
    Pool(uint8_t *states, pfn_t start, pfn_t end) : states_(states), start_(start), end_(end)
    {
    }

    page_error insert(pfn_t start, uint64_t count)
    {
        Guard guard(spin_);
        if (count == 0 || start < start_ || start >= end_ || count > end_ - start)
            return PAGE_BAD_RANGE;
        for (pfn_t pfn = start; pfn < start + count; pfn++)
            if (at(pfn) != Absent)
                return PAGE_ALREADY_IN;
        for (pfn_t pfn = start; pfn < start + count; pfn++)
            put(pfn, 0);
        return PAGE_OK;
    }

    pfn_t allocate(unsigned order)
    {
        Guard guard(spin_);
        if (order > Largest)
            return INVALID_PFN;
        pfn_t best = INVALID_PFN;
        for (pfn_t pfn = start_; pfn < end_; pfn += is_block(pfn) ? order_pages(order_of(pfn)) : 1)
            if ((at(pfn) & Free) && order_of(pfn) >= order &&
                (best == INVALID_PFN || order_of(pfn) < order_of(best)))
                best = pfn;
        if (best != INVALID_PFN)
            split(best, order);
        return best;
    }

    page_error release(pfn_t pfn, unsigned order)
    {
        Guard guard(spin_);
        if (pfn < start_ || pfn >= end_)
            return PAGE_BAD_RANGE;
        if (!(at(pfn) & Held))
            return PAGE_NOT_ALLOCATED;
        if (order_of(pfn) != order)
            return PAGE_WRONG_ORDER;
        put(pfn, order);
        return PAGE_OK;
    }

    template <typename Visit>
    void for_each_free(Visit visit)
    {
        for (pfn_t pfn = start_; pfn < end_; pfn++)
            if ((at(pfn) & Free) && !visit(pfn, order_of(pfn)))
                return;
    }

  private:
    enum : uint8_t { Absent, Inside, Free = 0x40, Held = 0x80 };

    uint8_t &at(pfn_t pfn)
    {
        return states_[pfn - start_];
    }

    bool is_block(pfn_t pfn)
    {
        return at(pfn) & (Free | Held);
    }

    unsigned order_of(pfn_t pfn)
    {
        return at(pfn) & 0x3fu;
    }

    bool is_free(pfn_t pfn, unsigned order)
    {
        return pfn >= start_ && pfn < end_ && at(pfn) == (Free | order);
    }

    void put(pfn_t pfn, unsigned order)
    {
        for (; order < Largest && is_free(buddy_of(pfn, order), order); order++) {
            at(pfn) = Inside;
            at(buddy_of(pfn, order)) = Inside;
            pfn &= ~order_pages(order);
        }
        at(pfn) = static_cast<uint8_t>(Free | order);
    }

    void split(pfn_t pfn, unsigned order)
    {
        for (unsigned half = order_of(pfn); half-- > order;)
            at(pfn + order_pages(half)) = static_cast<uint8_t>(Free | half);
        at(pfn) = static_cast<uint8_t>(Held | order);
    }

    Spin spin_;
    uint8_t *states_;
    pfn_t start_, end_;
};

using Memory = Pool<MAX_ORDER>;

size_t metadata_size(pfn_t start, pfn_t end)
{
    return end - start;
}

void init(void *pool, void *metadata, pfn_t start, pfn_t end)
{
    new (pool) Memory(static_cast<uint8_t *>(metadata), start, end);
}

page_error insert_pages(void *pool, pfn_t start, uint64_t count)
{
    return static_cast<Memory *>(pool)->insert(start, count);
}

pfn_t allocate_pages(void *pool, unsigned order)
{
    return static_cast<Memory *>(pool)->allocate(order);
}

page_error free_pages(void *pool, pfn_t pfn, unsigned order)
{
    return static_cast<Memory *>(pool)->release(pfn, order);
}

void for_each_free(void *pool, page_visit_free *visit, void *context)
{
    static_cast<Memory *>(pool)->for_each_free(
        [=](pfn_t pfn, unsigned order) { return visit(context, pfn, order); });
}

constexpr page_allocator make()
{
    page_allocator made = {};

    made.name = "cxx";
    made.promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES |
                    PROMISE_REFUSES_BAD_FREE | PROMISE_TRUE_OOM | PROMISE_SMALLEST_FIT |
                    PROMISE_INSTANCEABLE | PROMISE_METADATA_OUTSIDE;
    made.pool_size = sizeof(Memory);
    made.metadata_size = metadata_size;
    made.init = init;
    made.insert_pages = insert_pages;
    made.allocate_pages = allocate_pages;
    made.free_pages = free_pages;
    made.for_each_free = for_each_free;
    return made;
}

constexpr page_allocator cxx = make();

} // namespace

PAGE_ALLOCATOR(cxx);
