/* Stand-in for StACSOS's lib/inc/stacsos/atomic.h: a number that all cores may add to. */
#pragma once

namespace stacsos
{
template <typename T>
class atomic
{
  public:
    atomic(T value) : value_(value)
    {
    }

    /* Returns the value from before. */
    T fetch_and_add(T value)
    {
        return __atomic_fetch_add(&value_, value, __ATOMIC_SEQ_CST);
    }

    T operator++(int)
    {
        return fetch_and_add(1);
    }

    atomic &operator=(T value)
    {
        __atomic_store_n(&value_, value, __ATOMIC_SEQ_CST);
        return *this;
    }

  private:
    T value_;
};

using atomic_u32 = atomic<u32>;
using atomic_u64 = atomic<u64>;
} // namespace stacsos
