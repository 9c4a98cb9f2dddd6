/* The textbooks' allocator. buddy_scan.h has its invariant. */
#include <lib/bitmap.h>
#include <lib/fail.h>
#include <lib/printf.h>
#include <mm/buddy_scan.h>

/* The beginning of a free block. */
struct free_block {
    pfn_t next; /* the next free block of the same order, at a higher pfn; INVALID_PFN: none */
};

/* ---- free lists: lock held ---- */

/* Whether a block is aligned and lies in the pool's range. False for INVALID_PFN. */
static bool is_block(const struct buddy_scan_pool *pool, pfn_t pfn, unsigned order)
{
    return pfn >= pool->start && pfn < pool->end && pfn % order_pages(order) == 0 &&
           order_pages(order) <= pool->end - pfn;
}

/* The link in the free block at pfn. Only for a pfn that links have led to. */
static pfn_t *link_in(pfn_t pfn)
{
    return &((struct free_block *)pfn_to_address(pfn))->next;
}

static bool is_link(const struct buddy_scan_pool *pool, pfn_t pfn, unsigned order, pfn_t before)
{
    return is_block(pool, pfn, order) && (before == INVALID_PFN || pfn > before);
}

/* Do not follow a link that somebody has overwritten: report it. */
static void check_link(const struct buddy_scan_pool *pool, pfn_t pfn, unsigned order, pfn_t before)
{
    if (!is_link(pool, pfn, order, before))
        fail(RULE_FREE_LIST, "order %u: pfn 0x%lx is linked behind 0x%lx", order, pfn, before);
}

/*
 * The link that leads to the free block at pfn. If that block is not free, the link where it
 * belongs: the first one that leads to no lower block.
 */
static pfn_t *find_free_block(struct buddy_scan_pool *pool, pfn_t pfn, unsigned order)
{
    pfn_t *link = &pool->free_list[order];
    pfn_t before = INVALID_PFN;

    while (*link < pfn) {
        check_link(pool, *link, order, before);
        before = *link;
        link = link_in(before);
    }
    return link;
}

static void list_insert(struct buddy_scan_pool *pool, pfn_t *link, pfn_t pfn, unsigned order)
{
    *link_in(pfn) = *link;
    *link = pfn;
    pool->count[order]++;
}

static pfn_t list_remove(struct buddy_scan_pool *pool, pfn_t *link, unsigned order)
{
    pfn_t pfn = *link;

    *link = *link_in(pfn);
    pool->count[order]--;
    return pfn;
}

/* ---- split and merge: lock held ---- */

/* Atomic, because scan_free_page_count() reads it without the lock. */
static void add_free_pages(struct buddy_scan_pool *pool, uint64_t change)
{
    __atomic_store_n(&pool->free_pages, pool->free_pages + change, __ATOMIC_RELAXED);
}

/*
 * Free a block and merge it with its buddy if that is free. Otherwise the block goes where its
 * buddy would be, because no block lies between the two. Recurses at most MAX_ORDER deep.
 */
static void release_block(struct buddy_scan_pool *pool, pfn_t pfn, unsigned order)
{
    bool top = order == MAX_ORDER;
    pfn_t buddy = buddy_of(pfn, order);
    pfn_t *link = find_free_block(pool, top ? pfn : buddy, order);

    if (top || *link != buddy) {
        list_insert(pool, link, pfn, order);
        return;
    }
    list_remove(pool, link, order);
    release_block(pool, buddy < pfn ? buddy : pfn, order + 1);
}

/*
 * Split the first block of list `from`. The lists below `from` are empty, so each upper half
 * becomes the head of its list.
 */
static pfn_t split_down(struct buddy_scan_pool *pool, unsigned from, unsigned order)
{
    check_link(pool, pool->free_list[from], from, INVALID_PFN);
    pfn_t pfn = list_remove(pool, &pool->free_list[from], from);

    while (from > order) {
        from--;
        list_insert(pool, &pool->free_list[from], buddy_of(pfn, from), from);
    }
    add_free_pages(pool, -order_pages(order));
    return pfn;
}

static pfn_t allocate_locked(struct buddy_scan_pool *pool, unsigned order)
{
    for (unsigned from = order; from <= MAX_ORDER; from++)
        if (pool->free_list[from] != INVALID_PFN)
            return split_down(pool, from, order);
    return INVALID_PFN;
}

/* Whether any page of a block is free, in a block that covers it or in one that is a part of it. */
static bool overlaps_free(struct buddy_scan_pool *pool, pfn_t pfn, unsigned order)
{
    for (unsigned other = 0; other <= MAX_ORDER; other++) {
        pfn_t first = pfn & ~(order_pages(other) - 1);
        if (*find_free_block(pool, first, other) < pfn + order_pages(order))
            return true;
    }
    return false;
}

static bool is_inserted(const struct buddy_scan_pool *pool, pfn_t pfn, uint64_t count)
{
    uint64_t index = pfn - pool->start;

    return bitmap_find_clear(pool->inserted, index, index + count) == BITMAP_NONE;
}

static enum page_error free_locked(struct buddy_scan_pool *pool, pfn_t pfn, unsigned order)
{
    if (!is_block(pool, pfn, order) || !is_inserted(pool, pfn, order_pages(order)) ||
        overlaps_free(pool, pfn, order))
        return PAGE_NOT_ALLOCATED;
    release_block(pool, pfn, order);
    add_free_pages(pool, order_pages(order));
    return PAGE_OK;
}

/* ---- ranges: lock held ---- */

static bool range_is_valid(const struct buddy_scan_pool *pool, pfn_t start, uint64_t count)
{
    return count > 0 && start >= pool->start && start <= pool->end && count <= pool->end - start;
}

/* Free a range of pages, as the largest blocks that fit. */
static void release_range(struct buddy_scan_pool *pool, pfn_t start, pfn_t end)
{
    while (start < end) {
        unsigned order = largest_order(start, end);
        release_block(pool, start, order);
        start += order_pages(order);
    }
}

static enum page_error insert_locked(struct buddy_scan_pool *pool, pfn_t start, uint64_t count)
{
    uint64_t index = start - pool->start;

    if (bitmap_find_set(pool->inserted, index, index + count) != BITMAP_NONE)
        return PAGE_ALREADY_IN;
    bitmap_set_range(pool->inserted, index, count);
    release_range(pool, start, start + count);
    add_free_pages(pool, count);
    return PAGE_OK;
}

/*
 * The link to the free block that covers page `pfn`, and its order. NULL if the page is not free.
 */
static pfn_t *find_block_around(struct buddy_scan_pool *pool, pfn_t pfn, unsigned *order)
{
    for (*order = 0; *order <= MAX_ORDER; ++*order) {
        pfn_t head = pfn & ~(order_pages(*order) - 1);
        pfn_t *link = find_free_block(pool, head, *order);
        if (*link == head)
            return link;
    }
    return NULL;
}

/*
 * Check that every page of [start, end) is free. Each block that is found tells where to look next.
 */
static enum page_error check_removable(struct buddy_scan_pool *pool, pfn_t start, pfn_t end)
{
    while (start < end) {
        unsigned order;
        const pfn_t *link = find_block_around(pool, start, &order);
        if (!link)
            return PAGE_BUSY;
        start = *link + order_pages(order);
    }
    return PAGE_OK;
}

static enum page_error remove_locked(struct buddy_scan_pool *pool, pfn_t start, uint64_t count)
{
    pfn_t end = start + count;
    enum page_error error = check_removable(pool, start, end);

    if (error != PAGE_OK)
        return error;
    bitmap_clear_range(pool->inserted, start - pool->start, count);
    add_free_pages(pool, -count);
    for (pfn_t pfn = start; pfn < end;) {
        unsigned order;
        pfn_t *link = find_block_around(pool, pfn, &order);
        pfn_t head = list_remove(pool, link, order);

        pfn = head + order_pages(order);
        if (head < start)
            release_range(pool, head, start);
        if (pfn > end)
            release_range(pool, end, pfn);
    }
    return PAGE_OK;
}

/* ---- the contract ---- */

static size_t scan_metadata_size(pfn_t start, pfn_t end)
{
    return BITMAP_BYTES(end - start);
}

static void scan_init(void *pool_memory, void *metadata, pfn_t start, pfn_t end)
{
    struct buddy_scan_pool *pool = pool_memory;

    pool->lock = (struct spinlock_irq)SPINLOCK_IRQ("buddy-scan");
    pool->inserted = metadata;
    pool->start = start;
    pool->end = end;
    for (unsigned order = 0; order <= MAX_ORDER; order++)
        pool->free_list[order] = INVALID_PFN;
}

static enum page_error scan_insert_pages(void *pool_memory, pfn_t start, uint64_t count)
{
    struct buddy_scan_pool *pool = pool_memory;

    if (!range_is_valid(pool, start, count))
        return PAGE_BAD_RANGE;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    enum page_error error = insert_locked(pool, start, count);
    spinlock_irq_unlock(&pool->lock, flags);
    return error;
}

static enum page_error scan_remove_pages(void *pool_memory, pfn_t start, uint64_t count)
{
    struct buddy_scan_pool *pool = pool_memory;

    if (!range_is_valid(pool, start, count))
        return PAGE_BAD_RANGE;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    enum page_error error = remove_locked(pool, start, count);
    spinlock_irq_unlock(&pool->lock, flags);
    return error;
}

static pfn_t scan_allocate_pages(void *pool_memory, unsigned order)
{
    struct buddy_scan_pool *pool = pool_memory;

    if (order > MAX_ORDER)
        return INVALID_PFN;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    pfn_t pfn = allocate_locked(pool, order);
    spinlock_irq_unlock(&pool->lock, flags);
    return pfn;
}

static enum page_error scan_free_pages(void *pool_memory, pfn_t pfn, unsigned order)
{
    struct buddy_scan_pool *pool = pool_memory;

    if (order > MAX_ORDER)
        return PAGE_BAD_ORDER;
    if (pfn < pool->start || pfn >= pool->end)
        return PAGE_BAD_RANGE;
    if (pfn % order_pages(order) != 0)
        return PAGE_MISALIGNED;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    enum page_error error = free_locked(pool, pfn, order);
    spinlock_irq_unlock(&pool->lock, flags);
    return error;
}

static uint64_t scan_free_page_count(void *pool_memory)
{
    const struct buddy_scan_pool *pool = pool_memory;

    return __atomic_load_n(&pool->free_pages, __ATOMIC_RELAXED);
}

/*
 * The walk of a list ends at the first link that does not rise or leaves the range. So it always
 * ends.
 */
static void scan_for_each_free(void *pool_memory, page_visit_free *visit, void *context)
{
    const struct buddy_scan_pool *pool = pool_memory;

    for (unsigned order = 0; order <= MAX_ORDER; order++) {
        pfn_t before = INVALID_PFN, pfn = pool->free_list[order];
        while (is_link(pool, pfn, order, before)) {
            before = pfn;
            pfn = *link_in(pfn); /* read it first: the visitor may write to the page */
            if (!visit(context, before, order))
                return;
        }
    }
}

/* ---- the invariant as code ---- */

/* The order whose next block is the lowest. Its link is INVALID_PFN if no list has a block left. */
static unsigned lowest_of(const pfn_t *next)
{
    unsigned lowest = 0;

    for (unsigned order = 1; order <= MAX_ORDER; order++)
        if (next[order] < next[lowest])
            lowest = order;
    return lowest;
}

/*
 * Merge all lists by rising pfn, and count the blocks of each order. If a block begins below the
 * end of the one before, the two overlap, or its list does not rise.
 */
static bool validate_blocks(const struct buddy_scan_pool *pool, uint64_t *length, char *message,
                            size_t size)
{
    pfn_t next[MAX_ORDER + 1], floor = pool->start;

    for (unsigned order = 0; order <= MAX_ORDER; order++)
        next[order] = pool->free_list[order];
    for (;;) {
        unsigned order = lowest_of(next);
        pfn_t pfn = next[order];
        const char *wrong = NULL;

        if (pfn == INVALID_PFN)
            return true;
        if (!is_block(pool, pfn, order))
            wrong = "out of range or misaligned";
        else if (pfn < floor)
            wrong = "in another free block, or the list does not rise";
        else if (!is_inserted(pool, pfn, order_pages(order)))
            wrong = "not inserted";
        if (wrong) {
            format_text(message, size, "pfn 0x%lx in list %u: %s", pfn, order, wrong);
            return false;
        }
        floor = pfn + order_pages(order);
        next[order] = *link_in(pfn);
        length[order]++;
    }
}

static bool validate_locked(const struct buddy_scan_pool *pool, char *message, size_t size)
{
    uint64_t length[MAX_ORDER + 1] = {0}, pages = 0;

    if (!validate_blocks(pool, length, message, size))
        return false;
    for (unsigned order = 0; order <= MAX_ORDER; order++) {
        pages += length[order] << order;
        if (length[order] == pool->count[order])
            continue;
        format_text(message, size, "order %u: list of %lu, counted %lu", order, length[order],
                    pool->count[order]);
        return false;
    }
    if (pages == pool->free_pages)
        return true;
    format_text(message, size, "%lu pages in the lists, counted %lu", pages, pool->free_pages);
    return false;
}

static bool scan_validate(void *pool_memory, char *message, size_t size)
{
    struct buddy_scan_pool *pool = pool_memory;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    bool sound = validate_locked(pool, message, size);

    spinlock_irq_unlock(&pool->lock, flags);
    return sound;
}

const struct page_allocator buddy_scan_allocator = {
    .name = "buddy-scan",
    .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES | PROMISE_TRUE_OOM |
                PROMISE_SMALLEST_FIT | PROMISE_INSTANCEABLE,
    .most_blocks = 4096, /* because each free walks a list */
    .pool_size = sizeof(struct buddy_scan_pool),
    .metadata_size = scan_metadata_size,
    .init = scan_init,
    .insert_pages = scan_insert_pages,
    .allocate_pages = scan_allocate_pages,
    .free_pages = scan_free_pages,
    .remove_pages = scan_remove_pages,
    .free_page_count = scan_free_page_count,
    .for_each_free = scan_for_each_free,
    .validate = scan_validate,
};
PAGE_ALLOCATOR(buddy_scan_allocator);
