/*
 * Stand-in for StACSOS's kernel/lock.h. spinlock_irq is Stampede's own lock (smp/spinlock.h), so
 * that the harness sees misuse, waiting and hand-overs. That header cannot be included here,
 * because its names clash with these.
 */
#pragma once

#include <stacsos/helpers.h>

extern "C" {
void stacsos_spinlock_irq_acquire(void *lock, unsigned long long *flags);
void stacsos_spinlock_irq_release(void *lock, unsigned long long flags);
}

/*
 * Locks that are plain words, for code outside of classes. The harness does not count them; it
 * counts Stampede's own lock only.
 */
using spinlock_var_t = unsigned int;

static inline void spinlock_acquire(spinlock_var_t *word)
{
    while (__atomic_exchange_n(word, 1, __ATOMIC_ACQUIRE))
        while (__atomic_load_n(word, __ATOMIC_RELAXED))
            __relax();
}

static inline void spinlock_release(spinlock_var_t *word)
{
    __atomic_store_n(word, 0, __ATOMIC_RELEASE);
}

static inline void spinlock_irq_acquire(spinlock_var_t *word, u64 *flags)
{
    __asm__ volatile("pushfq; popq %0; cli" : "=r"(*flags) : : "memory");
    spinlock_acquire(word);
}

static inline void spinlock_irq_release(spinlock_var_t *word, u64 flags)
{
    spinlock_release(word);
    __asm__ volatile("pushq %0; popfq" : : "r"(flags) : "memory", "cc");
}

namespace stacsos::kernel
{
/* Leaves interrupts as they are. So it must not protect data that interrupt handlers use, too. */
class spinlock
{
  public:
    constexpr spinlock() = default;

    void lock()
    {
        spinlock_acquire(&word_);
    }

    void unlock()
    {
        spinlock_release(&word_);
    }

  private:
    DELETE_DEFAULT_COPY_AND_MOVE(spinlock);

    spinlock_var_t word_ = 0;
};

/* Keeps interrupts of this core off while it is held. */
class spinlock_irq
{
  public:
    constexpr spinlock_irq() = default;

    void lock(u64 *flags)
    {
        stacsos_spinlock_irq_acquire(words_, flags);
    }

    void unlock(u64 flags)
    {
        stacsos_spinlock_irq_release(words_, flags);
    }

  private:
    DELETE_DEFAULT_COPY_AND_MOVE(spinlock_irq);

    u64 words_[8] = {}; /* room for a struct spinlock_irq; runtime.c asserts that it fits */
};

/* Holds a spinlock_irq for as long as the object lives, or until unlock(). */
class unique_irq_lock
{
  public:
    explicit unique_irq_lock(spinlock_irq &mutex) : mutex_(&mutex)
    {
        lock();
    }

    unique_irq_lock(unique_irq_lock &&other) noexcept
    {
        swap(other);
    }

    unique_irq_lock &operator=(unique_irq_lock &&other) noexcept
    {
        unique_irq_lock(move(other)).swap(*this);
        return *this;
    }

    unique_irq_lock(const unique_irq_lock &) = delete;
    unique_irq_lock &operator=(const unique_irq_lock &) = delete;

    ~unique_irq_lock()
    {
        unlock();
    }

    void lock()
    {
        if (mutex_) {
            mutex_->lock(&flags_);
            owner_ = true;
        }
    }

    void unlock()
    {
        if (mutex_ && owner_) {
            owner_ = false;
            mutex_->unlock(flags_);
        }
    }

    void swap(unique_irq_lock &other) noexcept
    {
        stacsos::swap(mutex_, other.mutex_);
        stacsos::swap(owner_, other.owner_);
        stacsos::swap(flags_, other.flags_);
    }

    /* Returns the lock and forgets it, without unlocking it. */
    spinlock_irq *release() noexcept
    {
        spinlock_irq *mutex = mutex_;
        mutex_ = nullptr;
        owner_ = false;
        return mutex;
    }

    bool is_owner() const noexcept
    {
        return owner_;
    }

    explicit operator bool() const noexcept
    {
        return owner_;
    }

    spinlock_irq *mutex() const noexcept
    {
        return mutex_;
    }

  private:
    spinlock_irq *mutex_ = nullptr;
    bool owner_ = false;
    u64 flags_ = 0;
};
} // namespace stacsos::kernel
