/*
 * A buddy under a reader-writer lock: a core that finds no block refuses as a reader, beside other
 * readers; otherwise it takes the lock again as a writer. Makes every promise except frees-parts
 * and true-placement.
 */
#include "buddy.h"

/*
 * Interrupts are off for readers, too. Otherwise a handler that writes would wait for its own core.
 */
struct lock {
    uint32_t word; /* the number of readers, or WRITER; atomic */
};

#define WRITER ((uint32_t)1 << 31)

struct pool {
    struct lock lock;
    struct buddy buddy;
};

static void lock_write(struct lock *lock)
{
    uint32_t expected = 0;

    while (!__atomic_compare_exchange_n(&lock->word, &expected, WRITER, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED)) {
        expected = 0;
        cpu_relax();
    }
}

static void unlock_write(struct lock *lock)
{
    __atomic_store_n(&lock->word, 0, __ATOMIC_RELEASE);
}

static void lock_read(struct lock *lock)
{
    uint32_t word = __atomic_load_n(&lock->word, __ATOMIC_RELAXED);

    while (word == WRITER || !__atomic_compare_exchange_n(&lock->word, &word, word + 1, false,
                                                          __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        cpu_relax();
        word = __atomic_load_n(&lock->word, __ATOMIC_RELAXED);
    }
}

static void unlock_read(struct lock *lock)
{
    __atomic_fetch_sub(&lock->word, 1, __ATOMIC_RELEASE);
}

static void rw_init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    buddy_init(&((struct pool *)memory)->buddy, metadata, start, end, MAX_ORDER);
}

static enum page_error rw_insert(void *memory, pfn_t start, uint64_t count)
{
    struct pool *pool = memory;
    irq_flags_t flags = irq_save();

    lock_write(&pool->lock);
    enum page_error error = buddy_insert(&pool->buddy, start, count);
    unlock_write(&pool->lock);
    irq_restore(flags);
    return error;
}

static bool has_block(struct pool *pool, unsigned order)
{
    lock_read(&pool->lock);
    bool has = buddy_has(&pool->buddy, order);
    unlock_read(&pool->lock);
    return has;
}

/* Another core may take the block between the two locks. Then the writer finds none. */
static pfn_t rw_allocate(void *memory, unsigned order)
{
    struct pool *pool = memory;
    irq_flags_t flags = irq_save();
    pfn_t pfn = INVALID_PFN;

    if (has_block(pool, order)) {
        lock_write(&pool->lock);
        pfn = buddy_take(&pool->buddy, order);
        unlock_write(&pool->lock);
    }
    irq_restore(flags);
    return pfn;
}

static enum page_error rw_free(void *memory, pfn_t pfn, unsigned order)
{
    struct pool *pool = memory;
    irq_flags_t flags = irq_save();

    lock_write(&pool->lock);
    enum page_error error = buddy_give(&pool->buddy, pfn, order);
    unlock_write(&pool->lock);
    irq_restore(flags);
    return error;
}

static uint64_t rw_free_page_count(void *memory)
{
    struct pool *pool = memory;
    irq_flags_t flags = irq_save();

    lock_read(&pool->lock);
    uint64_t count = pool->buddy.free_pages;
    unlock_read(&pool->lock);
    irq_restore(flags);
    return count;
}

static void rw_for_each_free(void *memory, page_visit_free *visit, void *context)
{
    buddy_visit(&((struct pool *)memory)->buddy, visit, context);
}

static const struct page_allocator reader_writer = {
    .name = "reader-writer",
    .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES | PROMISE_REFUSES_BAD_FREE |
                PROMISE_TRUE_OOM | PROMISE_SMALLEST_FIT | PROMISE_INSTANCEABLE |
                PROMISE_METADATA_OUTSIDE,
    .pool_size = sizeof(struct pool),
    .metadata_size = buddy_metadata_size,
    .init = rw_init,
    .insert_pages = rw_insert,
    .allocate_pages = rw_allocate,
    .free_pages = rw_free,
    .free_page_count = rw_free_page_count,
    .for_each_free = rw_for_each_free,
};
PAGE_ALLOCATOR(reader_writer);
