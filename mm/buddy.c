/* The built-in allocator. buddy.h has its invariant. */
#include <lib/fail.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <mm/buddy.h>

static uint32_t index_of(const struct buddy_pool *pool, const struct page *page)
{
    return (uint32_t)(page - pool->array.pages);
}

static struct page *page_at(const struct buddy_pool *pool, uint32_t index)
{
    return &pool->array.pages[index];
}

/* ---- free lists: lock held ---- */

static void list_push(struct buddy_pool *pool, pfn_t pfn, unsigned order)
{
    struct page *page = page_of(&pool->array, pfn);
    uint32_t index = index_of(pool, page);

    page->prev = PAGE_LINK_NONE;
    page->next = pool->list[order];
    if (page->next != PAGE_LINK_NONE)
        page_at(pool, page->next)->prev = index;
    page_mark(page, PAGE_FREE_HEAD, order);
    pool->list[order] = index;
    pool->count[order]++;
}

static void list_remove(struct buddy_pool *pool, struct page *page)
{
    unsigned order = page_order(page);

    ASSERT(page_state(page) == PAGE_FREE_HEAD);
    if (page->prev == PAGE_LINK_NONE)
        pool->list[order] = page->next;
    else
        page_at(pool, page->prev)->next = page->next;
    if (page->next != PAGE_LINK_NONE)
        page_at(pool, page->next)->prev = page->prev;
    page_mark(page, PAGE_TAIL, 0);
    pool->count[order]--;
}

/* ---- split and merge: lock held ---- */

/* Atomic, because buddy_free_page_count() reads it without the lock. */
static void add_free_pages(struct buddy_pool *pool, uint64_t change)
{
    __atomic_store_n(&pool->free_pages, pool->free_pages + change, __ATOMIC_RELAXED);
}

static bool is_free_block(const struct buddy_pool *pool, pfn_t pfn, unsigned order)
{
    return page_array_contains(&pool->array, pfn) &&
           page_is(page_of(&pool->array, pfn), PAGE_FREE_HEAD, order);
}

void buddy_release_locked(struct buddy_pool *pool, pfn_t pfn, unsigned order)
{
    ASSERT(spinlock_irq_held(&pool->lock));
    add_free_pages(pool, order_pages(order));
    while (order < MAX_ORDER && is_free_block(pool, buddy_of(pfn, order), order)) {
        pfn_t buddy = buddy_of(pfn, order);

        list_remove(pool, page_of(&pool->array, buddy));
        page_mark(page_of(&pool->array, pfn), PAGE_TAIL, 0);
        if (buddy < pfn)
            pfn = buddy;
        order++;
        pool->merges[order]++;
    }
    list_push(pool, pfn, order);
}

/* Split the free block at `page` down to `order`. The upper halves go back to the lists. */
static pfn_t split_down(struct buddy_pool *pool, struct page *page, unsigned order,
                        enum page_state state)
{
    pfn_t pfn = page_pfn(&pool->array, page);
    unsigned current = page_order(page);

    list_remove(pool, page);
    while (current > order) {
        pool->splits[current]++;
        current--;
        list_push(pool, buddy_of(pfn, current), current);
    }
    page_mark(page, state, order);
    add_free_pages(pool, -order_pages(order));
    return pfn;
}

pfn_t buddy_allocate_locked(struct buddy_pool *pool, unsigned order, enum page_state state)
{
    ASSERT(spinlock_irq_held(&pool->lock));
    for (unsigned from = order; from <= MAX_ORDER; from++)
        if (pool->list[from] != PAGE_LINK_NONE)
            return split_down(pool, page_at(pool, pool->list[from]), order, state);
    return INVALID_PFN;
}

enum page_error buddy_check_block(const struct buddy_pool *pool, pfn_t pfn, unsigned order)
{
    if (order > MAX_ORDER)
        return PAGE_BAD_ORDER;
    if (!page_array_contains(&pool->array, pfn))
        return PAGE_BAD_RANGE;
    return pfn % order_pages(order) ? PAGE_MISALIGNED : PAGE_OK;
}

enum page_error buddy_free_locked(struct buddy_pool *pool, pfn_t pfn, unsigned order)
{
    enum page_error error = buddy_check_held(page_tag(page_of(&pool->array, pfn)), order);

    if (error == PAGE_OK)
        buddy_release_locked(pool, pfn, order);
    return error;
}

/* ---- ranges: lock held ---- */

bool buddy_contains_range(const struct buddy_pool *pool, pfn_t start, uint64_t count)
{
    return count > 0 && start >= pool->array.start && start <= pool->array.end &&
           count <= pool->array.end - start;
}

/* Free a range of pages, as the largest blocks that fit. */
static void release_range(struct buddy_pool *pool, pfn_t start, pfn_t end)
{
    while (start < end) {
        unsigned order = largest_order(start, end);
        buddy_release_locked(pool, start, order);
        start += order_pages(order);
    }
}

static enum page_error insert_locked(struct buddy_pool *pool, pfn_t start, uint64_t count)
{
    pfn_t end = start + count;

    for (pfn_t pfn = start; pfn < end; pfn++)
        if (page_state(page_of(&pool->array, pfn)) != PAGE_ABSENT)
            return PAGE_ALREADY_IN;
    for (pfn_t pfn = start; pfn < end; pfn++)
        page_mark(page_of(&pool->array, pfn), PAGE_TAIL, 0);
    release_range(pool, start, end);
    pool->inserted_pages += count;
    return PAGE_OK;
}

/* The free block that covers page `pfn`, or NULL. Its head is pfn rounded down to its order. */
static struct page *free_block_around(const struct buddy_pool *pool, pfn_t pfn, pfn_t *head)
{
    for (unsigned order = 0; order <= MAX_ORDER; order++) {
        *head = pfn & ~(order_pages(order) - 1);
        if (is_free_block(pool, *head, order))
            return page_of(&pool->array, *head);
    }
    return NULL;
}

/*
 * Check that every page of [start, end) is free. Each block that is found tells where to look next.
 */
static enum page_error check_removable(const struct buddy_pool *pool, pfn_t start, pfn_t end)
{
    while (start < end) {
        pfn_t head;
        const struct page *page = free_block_around(pool, start, &head);
        if (!page)
            return PAGE_BUSY;
        start = head + order_pages(page_order(page));
    }
    return PAGE_OK;
}

enum page_error buddy_remove_locked(struct buddy_pool *pool, pfn_t start, uint64_t count)
{
    pfn_t end = start + count;

    ASSERT(spinlock_irq_held(&pool->lock));
    enum page_error error = check_removable(pool, start, end);
    for (pfn_t pfn = start; error == PAGE_OK && pfn < end;) {
        pfn_t head;
        struct page *page = free_block_around(pool, pfn, &head);
        pfn_t block_end = head + order_pages(page_order(page));
        pfn_t stop = block_end < end ? block_end : end;

        list_remove(pool, page);
        add_free_pages(pool, head - block_end);
        for (; pfn < stop; pfn++)
            page_mark(page_of(&pool->array, pfn), PAGE_ABSENT, 0);
        if (head < start)
            release_range(pool, head, start);
        release_range(pool, stop, block_end);
    }
    if (error == PAGE_OK)
        pool->inserted_pages -= count;
    return error;
}

/* ---- the contract ---- */

static size_t buddy_metadata_size(pfn_t start, pfn_t end)
{
    return page_array_size(start, end);
}

static void buddy_init(void *pool_memory, void *metadata, pfn_t start, pfn_t end)
{
    struct buddy_pool *pool = pool_memory;

    ASSERT(end - start < PAGE_LINK_NONE);
    pool->lock = (struct spinlock_irq)SPINLOCK_IRQ("buddy");
    pool->array = (struct page_array){.pages = metadata, .start = start, .end = end};
    for (unsigned order = 0; order <= MAX_ORDER; order++)
        pool->list[order] = PAGE_LINK_NONE;
}

static enum page_error buddy_insert_pages(void *pool_memory, pfn_t start, uint64_t count)
{
    struct buddy_pool *pool = pool_memory;

    if (!buddy_contains_range(pool, start, count))
        return PAGE_BAD_RANGE;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    enum page_error error = insert_locked(pool, start, count);
    spinlock_irq_unlock(&pool->lock, flags);
    return error;
}

static enum page_error buddy_remove_pages(void *pool_memory, pfn_t start, uint64_t count)
{
    struct buddy_pool *pool = pool_memory;

    if (!buddy_contains_range(pool, start, count))
        return PAGE_BAD_RANGE;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    enum page_error error = buddy_remove_locked(pool, start, count);
    spinlock_irq_unlock(&pool->lock, flags);
    return error;
}

static pfn_t buddy_allocate_pages(void *pool_memory, unsigned order)
{
    struct buddy_pool *pool = pool_memory;

    if (order > MAX_ORDER)
        return INVALID_PFN;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    pfn_t pfn = buddy_allocate_locked(pool, order, PAGE_HELD_HEAD);
    spinlock_irq_unlock(&pool->lock, flags);
    return pfn;
}

static enum page_error buddy_free_pages(void *pool_memory, pfn_t pfn, unsigned order)
{
    struct buddy_pool *pool = pool_memory;

    enum page_error error = buddy_check_block(pool, pfn, order);

    if (error != PAGE_OK)
        return error;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    error = buddy_free_locked(pool, pfn, order);
    spinlock_irq_unlock(&pool->lock, flags);
    return error;
}

static uint64_t buddy_free_page_count(void *pool_memory)
{
    const struct buddy_pool *pool = pool_memory;

    return __atomic_load_n(&pool->free_pages, __ATOMIC_RELAXED);
}

/* A list that is longer than the pool has pages has a cycle, so the walk stops there. */
static void buddy_for_each_free(void *pool_memory, page_visit_free *visit, void *context)
{
    const struct buddy_pool *pool = pool_memory;
    uint64_t bound = pool->array.end - pool->array.start;

    for (unsigned order = 0; order <= MAX_ORDER; order++) {
        uint32_t index = pool->list[order];
        for (uint64_t step = 0; index < bound && step < bound; step++) {
            const struct page *page = page_at(pool, index);
            if (!visit(context, page_pfn(&pool->array, page), order))
                return;
            index = page->next;
        }
    }
}

/* ---- the invariant as code ---- */

/*
 * Check that no other block begins inside a free one. Only the pages are checked where its halves,
 * their lower halves, and so on meet.
 */
static bool validate_inside(const struct buddy_pool *pool, uint32_t index, unsigned order,
                            char *message, size_t size)
{
    uint64_t bound = pool->array.end - pool->array.start;

    for (unsigned half = 0; half < order; half++) {
        uint64_t inside = index + order_pages(half);
        if (inside < bound && page_is(page_at(pool, (uint32_t)inside), PAGE_TAIL, 0))
            continue;
        format_text(message, size, "pfn 0x%lx order %u is free, but 0x%lx inside is no tail",
                    pool->array.start + index, order, pool->array.start + inside);
        return false;
    }
    return true;
}

/*
 * Check the links, tags and count of one list. Returns the pages in it, or UINT64_MAX if it is
 * damaged.
 */
static uint64_t validate_list(const struct buddy_pool *pool, unsigned order, char *message,
                              size_t size)
{
    uint64_t bound = pool->array.end - pool->array.start;
    uint32_t previous = PAGE_LINK_NONE;
    uint64_t length = 0;

    for (uint32_t index = pool->list[order]; index != PAGE_LINK_NONE; length++) {
        if (index >= bound || length > pool->count[order]) {
            format_text(message, size, "order %u: list of %lu has link 0x%x as number %lu", order,
                        pool->count[order], index, length);
            return UINT64_MAX;
        }
        const struct page *page = page_at(pool, index);
        if (!page_is(page, PAGE_FREE_HEAD, order) || page->prev != previous) {
            format_text(message, size, "pfn 0x%lx in list %u: state %u order %u prev 0x%x for 0x%x",
                        page_pfn(&pool->array, page), order, page_state(page), page_order(page),
                        page->prev, previous);
            return UINT64_MAX;
        }
        if (!validate_inside(pool, index, order, message, size))
            return UINT64_MAX;
        previous = index;
        index = page->next;
    }
    if (length != pool->count[order]) {
        format_text(message, size, "order %u: list of %lu, counted %lu", order, length,
                    pool->count[order]);
        return UINT64_MAX;
    }
    return length << order;
}

bool buddy_validate_locked(const struct buddy_pool *pool, char *message, size_t size)
{
    uint64_t listed = 0;

    ASSERT(spinlock_irq_held(&pool->lock));
    for (unsigned order = 0; order <= MAX_ORDER; order++) {
        uint64_t pages = validate_list(pool, order, message, size);
        if (pages == UINT64_MAX)
            return false;
        listed += pages;
    }
    if (listed == pool->free_pages)
        return true;
    format_text(message, size, "%lu pages in the lists, counted %lu", listed, pool->free_pages);
    return false;
}

static bool buddy_validate(void *pool_memory, char *message, size_t size)
{
    struct buddy_pool *pool = pool_memory;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    bool sound = buddy_validate_locked(pool, message, size);

    spinlock_irq_unlock(&pool->lock, flags);
    return sound;
}

const struct page_allocator buddy_allocator = {
    .name = "buddy",
    .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES | PROMISE_REFUSES_BAD_FREE |
                PROMISE_TRUE_OOM | PROMISE_SMALLEST_FIT | PROMISE_INSTANCEABLE |
                PROMISE_METADATA_OUTSIDE,
    .pool_size = sizeof(struct buddy_pool),
    .metadata_size = buddy_metadata_size,
    .init = buddy_init,
    .insert_pages = buddy_insert_pages,
    .allocate_pages = buddy_allocate_pages,
    .free_pages = buddy_free_pages,
    .remove_pages = buddy_remove_pages,
    .free_page_count = buddy_free_page_count,
    .for_each_free = buddy_for_each_free,
    .validate = buddy_validate,
};
PAGE_ALLOCATOR(buddy_allocator);
