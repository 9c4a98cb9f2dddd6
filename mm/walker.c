#include <lib/bitmap.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <mm/walker.h>

struct walk_pass {
    struct walk *walk;
    struct walk_finding *finding;
};

static uint64_t span(const struct walk *walk)
{
    return walk->end - walk->start;
}

/* Record what is wrong. Returns false, which the caller returns in turn. */
__attribute__((format(printf, 3, 4))) static bool found(struct walk_finding *finding,
                                                        enum rule rule, const char *format, ...)
{
    va_list arguments;

    finding->rule = rule;
    va_start(arguments, format);
    format_text_va(finding->message, sizeof(finding->message), format, arguments);
    va_end(arguments);
    return false;
}

/* The first page of [index, index + count) that was not inserted, or BITMAP_NONE. */
static uint64_t first_foreign(const struct walk *walk, uint64_t index, uint64_t count)
{
    return bitmap_find_clear(walk->inserted, index, index + count);
}

/* First pass: check each block by itself, and that no two overlap. */
static bool visit_mark(void *context, pfn_t pfn, unsigned order)
{
    struct walk_pass *pass = context;
    struct walk *walk = pass->walk;
    uint64_t count = order_pages(order > walk->largest_order ? 0 : order);

    if (order > walk->largest_order)
        return found(pass->finding, RULE_FREE_LIST, "pfn 0x%lx order %u: the largest order is %u",
                     pfn, order, walk->largest_order);
    if (pfn < walk->start || pfn >= walk->end || count > walk->end - pfn)
        return found(pass->finding, RULE_FREE_LIST, "pfn 0x%lx order %u: outside of the pool", pfn,
                     order);
    if (pfn % count)
        return found(pass->finding, RULE_FREE_LIST, "pfn 0x%lx order %u: misaligned", pfn, order);

    uint64_t index = pfn - walk->start;
    uint64_t other = first_foreign(walk, index, count);
    if (other != BITMAP_NONE)
        return found(pass->finding, RULE_FREE_LIST,
                     "pfn 0x%lx order %u: pfn 0x%lx was never inserted", pfn, order,
                     walk->start + other);
    other = bitmap_find_set(walk->held, index, index + count);
    if (other != BITMAP_NONE)
        return found(pass->finding, RULE_FREE_LIST,
                     "pfn 0x%lx order %u: free, but pfn 0x%lx is held", pfn, order,
                     walk->start + other);
    other = bitmap_set_range(walk->free, index, count);
    if (other != BITMAP_NONE)
        return found(pass->finding, RULE_FREE_LIST,
                     "pfn 0x%lx order %u: pfn 0x%lx is in two free blocks", pfn, order,
                     walk->start + other);
    walk->free_order[index] = (uint8_t)(order + 1);
    pass->finding->free_blocks++;
    pass->finding->free_pages += count;
    return true;
}

static bool visit_unmark(void *context, pfn_t pfn, unsigned order)
{
    const struct walk_pass *pass = context;

    (void)order;
    if (pfn >= pass->walk->start && pfn < pass->walk->end)
        pass->walk->free_order[pfn - pass->walk->start] = 0;
    return true;
}

static bool visit_buddy(void *context, pfn_t pfn, unsigned order)
{
    struct walk_pass *pass = context;
    const struct walk *walk = pass->walk;
    pfn_t buddy = buddy_of(pfn, order);

    if (order == walk->largest_order || buddy < walk->start || buddy >= walk->end ||
        walk->free_order[buddy - walk->start] != order + 1)
        return true;
    return found(pass->finding, RULE_UNCOALESCED,
                 "pfn 0x%lx and 0x%lx order %u: buddies, both free", pfn, buddy, order);
}

static bool check_none_lost(const struct walk *walk, struct walk_finding *finding)
{
    for (uint64_t word = 0; word < BITMAP_WORDS(span(walk)); word++) {
        uint64_t lost = walk->inserted[word] & ~(walk->free[word] | walk->held[word]);
        if (lost)
            return found(finding, RULE_LOST, "pfn 0x%lx: neither free nor held",
                         (walk->start + word * 64 + (unsigned)__builtin_ctzll(lost)));
    }
    return true;
}

static bool check_count(const struct page_allocator *allocator, void *pool,
                        struct walk_finding *finding)
{
    if (!allocator->free_page_count)
        return true;
    uint64_t counted = allocator->free_page_count(pool);
    if (counted == finding->free_pages)
        return true;
    return found(finding, RULE_FREE_LIST, "%lu pages in free blocks, counted %lu",
                 finding->free_pages, counted);
}

static bool check_validate(const struct page_allocator *allocator, void *pool,
                           struct walk_finding *finding)
{
    if (!allocator->validate ||
        allocator->validate(pool, finding->message, sizeof(finding->message)))
        return true;
    finding->rule = RULE_FREE_LIST;
    return false;
}

bool walk_check(struct walk *walk, const struct page_allocator *allocator, void *pool,
                struct walk_finding *finding)
{
    struct walk_pass pass = {walk, finding};

    memset(finding, 0, sizeof(*finding));
    memset(walk->free, 0, BITMAP_BYTES(span(walk)));
    walk->largest_order = page_allocator_largest(allocator);
    if (!check_validate(allocator, pool, finding))
        return false;
    allocator->for_each_free(pool, visit_mark, &pass);
    if (!finding->rule && (allocator->promises & PROMISE_COALESCES))
        allocator->for_each_free(pool, visit_buddy, &pass);
    if (!finding->rule)
        check_none_lost(walk, finding);
    if (!finding->rule)
        check_count(allocator, pool, finding);
    allocator->for_each_free(pool, visit_unmark, &pass);
    return !finding->rule;
}

static bool visit_remember(void *context, pfn_t pfn, unsigned order)
{
    struct walk *walk = context;

    walk->baseline[pfn - walk->start] = (uint8_t)(order + 1);
    walk->baseline_blocks++;
    return true;
}

void walk_remember(struct walk *walk, const struct page_allocator *allocator, void *pool)
{
    memset(walk->baseline, 0, span(walk));
    walk->baseline_blocks = 0;
    allocator->for_each_free(pool, visit_remember, walk);
}

/*
 * walk_check() has found that the blocks are distinct. So if each one was there before, and there
 * are as many as before, the sets are equal.
 */
static bool visit_compare(void *context, pfn_t pfn, unsigned order)
{
    struct walk_pass *pass = context;
    unsigned before = pass->walk->baseline[pfn - pass->walk->start];

    pass->finding->free_blocks++;
    if (before == order + 1)
        return true;
    if (before)
        return found(pass->finding, RULE_RESIDUE,
                     "pfn 0x%lx: free at order %u, at the start at order %u", pfn, order,
                     before - 1);
    return found(pass->finding, RULE_RESIDUE,
                 "pfn 0x%lx: a free block of order %u begins here, at the start none did", pfn,
                 order);
}

bool walk_compare(struct walk *walk, const struct page_allocator *allocator, void *pool,
                  struct walk_finding *finding)
{
    struct walk_pass pass = {walk, finding};

    memset(finding, 0, sizeof(*finding));
    allocator->for_each_free(pool, visit_compare, &pass);
    if (!finding->rule && finding->free_blocks != walk->baseline_blocks)
        found(finding, RULE_RESIDUE, "%lu free blocks, at the start %lu", finding->free_blocks,
              walk->baseline_blocks);
    return !finding->rule;
}
