/* Makes arenas, empties them and gives them their pages. */
#include <arch/cpu.h>
#include <lib/bitmap.h>
#include <lib/fail.h>
#include <lib/string.h>
#include <stress/arena.h>
#include <stress/checked_call.h>
#include <stress/content.h>
#include <stress/statics.h>

static uint64_t span(const struct arena *arena)
{
    return arena->end - arena->start;
}

/* ---- guards ---- */

enum { GUARD_SIZE = 64, GUARD_BYTE = 0xa5 };

/* Memory for the allocator, followed by guard bytes that it must not write. */
static void *take_guarded(void *(*take)(size_t size, size_t align), size_t size, size_t align)
{
    uint8_t *memory = take(size + GUARD_SIZE, align);

    memset(memory + size, GUARD_BYTE, GUARD_SIZE);
    return memory;
}

static void check_guard(const void *memory, size_t size, const char *what)
{
    const uint8_t *guard = (const uint8_t *)memory + size;

    for (unsigned i = 0; i < GUARD_SIZE; i++)
        if (guard[i] != GUARD_BYTE)
            fail(RULE_WILD_ACCESS,
                 "byte %u behind the %zu bytes of the allocator's %s was written to", i, size,
                 what);
}

void arena_check_guards(const struct arena *arena)
{
    check_guard(arena->pool, arena->allocator->pool_size, "pool");
    if (arena->metadata)
        check_guard(arena->metadata, arena->metadata_size, "metadata");
}

/* ---- the range ---- */

bool arena_fit_range(const struct page_allocator *allocator, pfn_t *start, pfn_t *end)
{
    uint64_t alignment = allocator->range_alignment ? allocator->range_alignment : 1;
    pfn_t down = *start & ~(alignment - 1), up = (*start + alignment - 1) & ~(alignment - 1);

    if (page_allocator_takes_one_region(allocator)) {
        *start = up ? up : alignment;
        *end &= ~(alignment - 1);
    } else {
        *start = down ? down : alignment;
        *end = (*end + alignment - 1) & ~(alignment - 1);
    }
    return *start < *end;
}

/* ---- making and emptying ---- */

uint64_t arena_overhead(const struct page_allocator *allocator, pfn_t start, pfn_t end)
{
    uint64_t pages = end - start;
    uint64_t metadata = allocator->metadata_size ? allocator->metadata_size(start, end) : 0;
    uint64_t orders = allocator->for_each_free ? 2 : 3; /* the walk's, and the census */

    return metadata + 4 * BITMAP_BYTES(pages) + pages * (sizeof(struct holding) + orders) +
           allocator->pool_size + 8 * PAGE_SIZE;
}

/*
 * Empty the pool and call init(). For an allocator that takes one region, give_pages() calls init()
 * later.
 */
static void reset_allocator(struct arena *arena)
{
    if (!(arena->allocator->promises & PROMISE_INSTANCEABLE))
        statics_restore();
    memset(arena->pool, 0, arena->allocator->pool_size);
    if (arena->metadata)
        memset(arena->metadata, 0, arena->metadata_size);
    if (!page_allocator_takes_one_region(arena->allocator))
        checked_init(arena, arena->start, arena->end);
}

void arena_init(struct arena *arena, const struct page_allocator *allocator, pfn_t start, pfn_t end,
                uint64_t sample, void *(*take)(size_t size, size_t align))
{
    uint64_t pages = end - start;
    size_t metadata_size = allocator->metadata_size ? allocator->metadata_size(start, end) : 0;

    *arena = (struct arena){
        .allocator = allocator,
        .largest_order = page_allocator_largest(allocator),
        .pool = take_guarded(take, allocator->pool_size, 64),
        .metadata = metadata_size ? take_guarded(take, metadata_size, PAGE_SIZE) : NULL,
        .metadata_size = metadata_size,
        .start = start,
        .end = end,
        .given = take(BITMAP_BYTES(pages), 64),
        .inserted = take(BITMAP_BYTES(pages), 64),
        .held = take(BITMAP_BYTES(pages), 64),
        .holdings = take(pages * sizeof(struct holding), 64),
        .sample = sample,
    };
    arena->walk = (struct walk){
        .start = start,
        .end = end,
        .inserted = arena->inserted,
        .held = arena->held,
        .free = take(BITMAP_BYTES(pages), 64),
        .free_order = take(pages, 64),
        .baseline = take(pages, 64),
    };
    if (!allocator->for_each_free)
        arena->census = take(pages, 64);
    if (sample)
        content_set_forger(allocator->forge, arena->pool);
    arena_set_bounds(arena, UINT64_MAX, UINT64_MAX);
    reset_allocator(arena);
}

/* Forget all pages: none is inserted, none is held. */
static void clear_books(struct arena *arena)
{
    memset(arena->inserted, 0, BITMAP_BYTES(span(arena)));
    memset(arena->held, 0, BITMAP_BYTES(span(arena)));
    memset(arena->holdings, 0, span(arena) * sizeof(struct holding));
    memset(arena->regions, 0, sizeof(arena->regions));
    arena->inserted_pages = 0;
    arena->kept_pages = 0;
    arena->region_count = 0;
}

void arena_reset(struct arena *arena)
{
    reset_allocator(arena);
    clear_books(arena);
    memset(arena->given, 0, BITMAP_BYTES(span(arena)));
}

void arena_rebuild(struct arena *arena, uint64_t most)
{
    uint64_t end = span(arena), i = 0;

    reset_allocator(arena);
    clear_books(arena);
    while (most && (i = bitmap_find_set(arena->given, i, end)) != BITMAP_NONE) {
        uint64_t stop = bitmap_find_clear(arena->given, i, end);
        stop = stop == BITMAP_NONE ? end : stop;
        uint64_t count = stop - i < most ? stop - i : most;
        if (page_allocator_takes_one_region(arena->allocator) && arena->allocator->range_alignment)
            count &= ~(arena->allocator->range_alignment - 1);
        enum page_error error = count ? arena_insert(arena, arena->start + i, count) : PAGE_OK;
        if (error != PAGE_OK)
            fail(RULE_INSERT_REFUSED, "pages 0x%lx to 0x%lx: %s", arena->start + i,
                 arena->start + i + count, page_error_name(error));
        most -= count < most ? count : most;
        i = stop;
        if (page_allocator_takes_one_region(arena->allocator))
            break;
    }
}

/* ---- insert ---- */

/* Returns the allocator's answer. One region is given by init, which cannot refuse it. */
static enum page_error give_pages(struct arena *arena, pfn_t start, uint64_t count)
{
    uint64_t alignment = arena->allocator->range_alignment;

    if (!page_allocator_takes_one_region(arena->allocator))
        return checked_insert(arena, start, count);
    if (arena->region_count || !count || start < arena->start || start >= arena->end ||
        count > arena->end - start || (alignment && (start | count) & (alignment - 1)))
        return PAGE_BAD_RANGE;
    arena->region_count = count;
    checked_init(arena, start, start + count);
    return PAGE_OK;
}

/* How many pages of the range just given the allocator keeps for itself. */
static uint64_t count_kept(const struct arena *arena, pfn_t start, uint64_t count)
{
    const struct page_allocator *allocator = arena->allocator;
    uint64_t kept = allocator->pages_kept ? allocator->pages_kept(arena->pool, start, count) : 0;

    if (kept > count)
        fail(RULE_INSERT_REFUSED, "pages_kept() says %lu of the %lu pages from 0x%lx on", kept,
             count, start);
    return kept;
}

enum page_error arena_insert(struct arena *arena, pfn_t start, uint64_t count)
{
    enum page_error error = give_pages(arena, start, count);

    if (error != PAGE_OK)
        return error;
    uint64_t kept = count_kept(arena, start, count);
    bitmap_set_range(arena->given, start - arena->start, count);
    bitmap_set_range(arena->inserted, start + kept - arena->start, count - kept);
    arena->inserted_pages += count - kept;
    arena->kept_pages += kept;
    for (unsigned order = 0; order <= arena->largest_order; order++)
        arena->regions[order] += arena_aligned_runs(start + kept, start + count, order);
    return error;
}

uint64_t arena_bearable_pages(struct arena *arena, pfn_t start, uint64_t count, uint64_t cycles)
{
    enum { FIRST_PAGES = 4096, GROWTH = 4 };
    uint64_t pages = FIRST_PAGES, took = 0;

    while (pages < count && took * GROWTH * GROWTH < cycles) {
        uint64_t before = cpu_cycles();
        if (arena_insert(arena, start, pages) != PAGE_OK)
            pages = count; /* the real insertion will report the refusal */
        else
            arena_check(arena);
        took = cpu_cycles() - before;
        arena_reset(arena);
        pages *= GROWTH;
    }
    return pages < count ? pages / GROWTH : count;
}
