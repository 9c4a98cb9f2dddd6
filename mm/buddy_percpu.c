/* Per-CPU caches in front of the buddy. buddy_percpu.h describes them and has their invariant. */
#include <arch/percpu.h>
#include <lib/fail.h>
#include <lib/printf.h>
#include <mm/buddy_percpu.h>

static uint32_t blocks_in(unsigned pages, unsigned order)
{
    return pages >> order;
}

/* ---- one cache: its lock held ---- */

/* The caller owns the block: nobody else changes its page. */
static void cache_push(struct buddy_percpu_pool *pool, struct buddy_cache *cache, pfn_t pfn,
                       unsigned order)
{
    const struct page_array *array = &pool->buddy.array;
    struct page *page = page_of(array, pfn);

    page->next = cache->list[order];
    page->prev = (uint32_t)(cache - pool->caches);
    cache->list[order] = (uint32_t)(pfn - array->start);
    cache->count[order]++;
}

/* The block's page stays PAGE_CACHED. */
static pfn_t cache_pop(struct buddy_percpu_pool *pool, struct buddy_cache *cache, unsigned order)
{
    const struct page_array *array = &pool->buddy.array;
    pfn_t pfn = array->start + cache->list[order];
    const struct page *page = page_of(array, pfn);

    ASSERT(page_is(page, PAGE_CACHED, order));
    cache->list[order] = page->next;
    cache->count[order]--;
    return pfn;
}

/* ---- between a cache and the lists: both locks held ---- */

/*
 * Take a batch from the lists, as far as they have blocks: one for the caller, the others for the
 * cache.
 */
static pfn_t take_batch(struct buddy_percpu_pool *pool, struct buddy_cache *cache, unsigned order)
{
    pfn_t first = buddy_allocate_locked(&pool->buddy, order, PAGE_HELD_HEAD);
    pfn_t pfn = first;

    for (uint32_t i = 1; pfn != INVALID_PFN && i < blocks_in(CACHE_BATCH, order); i++) {
        pfn = buddy_allocate_locked(&pool->buddy, order, PAGE_CACHED);
        if (pfn != INVALID_PFN)
            cache_push(pool, cache, pfn, order);
    }
    return first;
}

/* Return blocks of this order to the lists until `keep` are left. */
static void cache_shrink(struct buddy_percpu_pool *pool, struct buddy_cache *cache, unsigned order,
                         uint32_t keep)
{
    while (cache->count[order] > keep)
        buddy_release_locked(&pool->buddy, cache_pop(pool, cache, order), order);
}

static void drain_all(struct buddy_percpu_pool *pool)
{
    for (uint32_t i = 0; i < pool->cache_count; i++)
        for (unsigned order = 0; order < CACHED_ORDERS; order++)
            cache_shrink(pool, &pool->caches[i], order, 0);
}

/* ---- locks ---- */

/* A core uses its cache for the first time. From now on lock_all() takes this lock, too. */
static void join_caches(struct buddy_percpu_pool *pool, uint32_t index)
{
    irq_flags_t flags = spinlock_irq_lock(&pool->buddy.lock);

    if (index >= pool->cache_count)
        __atomic_store_n(&pool->cache_count, index + 1, __ATOMIC_RELAXED);
    spinlock_irq_unlock(&pool->buddy.lock, flags);
}

static struct buddy_cache *lock_own_cache(struct buddy_percpu_pool *pool, irq_flags_t *flags)
{
    uint32_t index = cpu_number();

    ASSERT(index < CACHES);
    *flags = spinlock_irq_lock(&pool->caches[index].lock);
    if (index >= __atomic_load_n(&pool->cache_count, __ATOMIC_RELAXED))
        join_caches(pool, index);
    return &pool->caches[index];
}

/*
 * Lock the pool and every cache that can hold a block. No cache can join while the buddy's lock is
 * held. So if none joined before that lock was taken, all of them are locked.
 */
static irq_flags_t lock_all(struct buddy_percpu_pool *pool)
{
    irq_flags_t flags = irq_save();
    uint32_t locked = 0;

    for (;;) {
        for (; locked < __atomic_load_n(&pool->cache_count, __ATOMIC_RELAXED); locked++)
            spinlock_irq_lock(&pool->caches[locked].lock);
        spinlock_irq_lock(&pool->buddy.lock);
        if (locked == pool->cache_count)
            return flags;
        spinlock_irq_unlock(&pool->buddy.lock, irq_flags());
    }
}

static void unlock_all(struct buddy_percpu_pool *pool, irq_flags_t flags)
{
    uint32_t locked = pool->cache_count;

    spinlock_irq_unlock(&pool->buddy.lock, irq_flags());
    while (locked-- > 0)
        spinlock_irq_unlock(&pool->caches[locked].lock, irq_flags());
    irq_restore(flags);
}

/* ---- allocate ---- */

static pfn_t allocate_cached(struct buddy_percpu_pool *pool, unsigned order)
{
    irq_flags_t flags;
    struct buddy_cache *cache = lock_own_cache(pool, &flags);
    pfn_t pfn;

    if (cache->count[order]) {
        pfn = cache_pop(pool, cache, order);
        page_mark(page_of(&pool->buddy.array, pfn), PAGE_HELD_HEAD, order);
    } else {
        irq_flags_t inner = spinlock_irq_lock(&pool->buddy.lock);
        pfn = take_batch(pool, cache, order);
        spinlock_irq_unlock(&pool->buddy.lock, inner);
    }
    spinlock_irq_unlock(&cache->lock, flags);
    return pfn;
}

static pfn_t allocate_after_drain(struct buddy_percpu_pool *pool, unsigned order)
{
    irq_flags_t flags = lock_all(pool);

    drain_all(pool);
    pfn_t pfn = buddy_allocate_locked(&pool->buddy, order, PAGE_HELD_HEAD);
    unlock_all(pool, flags);
    return pfn;
}

static pfn_t percpu_allocate_pages(void *pool_memory, unsigned order)
{
    struct buddy_percpu_pool *pool = pool_memory;

    if (order > MAX_ORDER)
        return INVALID_PFN;
    pfn_t pfn = order < CACHED_ORDERS ? allocate_cached(pool, order)
                                      : buddy_allocator.allocate_pages(&pool->buddy, order);
    return pfn != INVALID_PFN ? pfn : allocate_after_drain(pool, order);
}

/* ---- free ---- */

static void give_back_batch(struct buddy_percpu_pool *pool, struct buddy_cache *cache,
                            unsigned order)
{
    irq_flags_t flags = spinlock_irq_lock(&pool->buddy.lock);

    cache_shrink(pool, cache, order, blocks_in(CACHE_PAGES - CACHE_BATCH, order));
    spinlock_irq_unlock(&pool->buddy.lock, flags);
}

static enum page_error free_cached(struct buddy_percpu_pool *pool, pfn_t pfn, unsigned order)
{
    irq_flags_t flags;
    struct buddy_cache *cache = lock_own_cache(pool, &flags);
    uint16_t found =
        page_change(page_of(&pool->buddy.array, pfn), PAGE_HELD_HEAD, PAGE_CACHED, order);
    enum page_error error = buddy_check_held(found, order);

    if (error == PAGE_OK) {
        cache_push(pool, cache, pfn, order);
        if (cache->count[order] > blocks_in(CACHE_PAGES, order))
            give_back_batch(pool, cache, order);
    }
    spinlock_irq_unlock(&cache->lock, flags);
    return error;
}

static enum page_error percpu_free_pages(void *pool_memory, pfn_t pfn, unsigned order)
{
    struct buddy_percpu_pool *pool = pool_memory;
    enum page_error error = buddy_check_block(&pool->buddy, pfn, order);

    if (error != PAGE_OK)
        return error;
    return order < CACHED_ORDERS ? free_cached(pool, pfn, order)
                                 : buddy_allocator.free_pages(&pool->buddy, pfn, order);
}

/* ---- the rest of the contract ---- */

static size_t percpu_metadata_size(pfn_t start, pfn_t end)
{
    return buddy_allocator.metadata_size(start, end);
}

static void percpu_init(void *pool_memory, void *metadata, pfn_t start, pfn_t end)
{
    struct buddy_percpu_pool *pool = pool_memory;

    buddy_allocator.init(&pool->buddy, metadata, start, end);
    for (uint32_t i = 0; i < CACHES; i++) {
        pool->caches[i].lock = (struct spinlock_irq)SPINLOCK_IRQ("buddy-cache");
        for (unsigned order = 0; order < CACHED_ORDERS; order++)
            pool->caches[i].list[order] = PAGE_LINK_NONE;
    }
}

static enum page_error percpu_insert_pages(void *pool_memory, pfn_t start, uint64_t count)
{
    struct buddy_percpu_pool *pool = pool_memory;

    return buddy_allocator.insert_pages(&pool->buddy, start, count);
}

static enum page_error percpu_remove_pages(void *pool_memory, pfn_t start, uint64_t count)
{
    struct buddy_percpu_pool *pool = pool_memory;

    if (!buddy_contains_range(&pool->buddy, start, count))
        return PAGE_BAD_RANGE;
    irq_flags_t flags = lock_all(pool);
    drain_all(pool);
    enum page_error error = buddy_remove_locked(&pool->buddy, start, count);
    unlock_all(pool, flags);
    return error;
}

static uint64_t cached_pages(const struct buddy_cache *cache)
{
    uint64_t pages = 0;

    for (unsigned order = 0; order < CACHED_ORDERS; order++)
        pages += (uint64_t)cache->count[order] << order;
    return pages;
}

/*
 * Holds all locks. Without them a block that moves from a cache to the lists could be counted
 * twice.
 */
static uint64_t percpu_free_page_count(void *pool_memory)
{
    struct buddy_percpu_pool *pool = pool_memory;
    irq_flags_t flags = lock_all(pool);
    uint64_t pages = pool->buddy.free_pages;

    for (uint32_t i = 0; i < pool->cache_count; i++)
        pages += cached_pages(&pool->caches[i]);
    unlock_all(pool, flags);
    return pages;
}

static void percpu_for_each_free(void *pool_memory, page_visit_free *visit, void *context)
{
    struct buddy_percpu_pool *pool = pool_memory;

    buddy_allocator.for_each_free(&pool->buddy, visit, context);
}

static void percpu_drain(void *pool_memory)
{
    struct buddy_percpu_pool *pool = pool_memory;
    irq_flags_t flags = lock_all(pool);

    drain_all(pool);
    unlock_all(pool, flags);
}

/* ---- the invariant as code ---- */

/*
 * Check one list of a cache. A page names only one cache. A list that is longer than its count has
 * a cycle.
 */
static bool validate_list(const struct buddy_percpu_pool *pool, uint32_t cache_index,
                          unsigned order, char *message, size_t size)
{
    const struct page_array *array = &pool->buddy.array;
    const struct buddy_cache *cache = &pool->caches[cache_index];
    uint32_t index = cache->list[order], length = 0;

    for (; index < array->end - array->start && length < cache->count[order]; length++) {
        const struct page *page = &array->pages[index];
        if (!page_is(page, PAGE_CACHED, order) || page->prev != cache_index) {
            format_text(message, size, "pfn 0x%lx in cache %u order %u: state %u order %u cache %u",
                        page_pfn(array, page), cache_index, order, page_state(page),
                        page_order(page), page->prev);
            return false;
        }
        index = page->next;
    }
    if (index == PAGE_LINK_NONE && length == cache->count[order] &&
        length <= blocks_in(CACHE_PAGES, order))
        return true;
    format_text(message, size, "cache %u order %u: %u blocks counted, link 0x%x as number %u",
                cache_index, order, cache->count[order], index, length);
    return false;
}

static bool validate_locked(const struct buddy_percpu_pool *pool, char *message, size_t size)
{
    if (!buddy_validate_locked(&pool->buddy, message, size))
        return false;
    for (uint32_t i = 0; i < CACHES; i++)
        for (unsigned order = 0; order < CACHED_ORDERS; order++)
            if (!validate_list(pool, i, order, message, size))
                return false;
    return true;
}

static bool percpu_validate(void *pool_memory, char *message, size_t size)
{
    struct buddy_percpu_pool *pool = pool_memory;
    irq_flags_t flags = lock_all(pool);
    bool sound = validate_locked(pool, message, size);

    unlock_all(pool, flags);
    return sound;
}

const struct page_allocator buddy_percpu_allocator = {
    .name = "buddy-percpu",
    .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES | PROMISE_REFUSES_BAD_FREE |
                PROMISE_TRUE_OOM | PROMISE_INSTANCEABLE | PROMISE_METADATA_OUTSIDE,
    .pool_size = sizeof(struct buddy_percpu_pool),
    .metadata_size = percpu_metadata_size,
    .init = percpu_init,
    .insert_pages = percpu_insert_pages,
    .allocate_pages = percpu_allocate_pages,
    .free_pages = percpu_free_pages,
    .remove_pages = percpu_remove_pages,
    .free_page_count = percpu_free_page_count,
    .for_each_free = percpu_for_each_free,
    .drain = percpu_drain,
    .validate = percpu_validate,
};
PAGE_ALLOCATOR(buddy_percpu_allocator);
