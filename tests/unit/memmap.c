/* mm/memmap.c, compared with a model that knows each quarter of a page. */
#include <arch/page.h>
#include <lib/prng.h>
#include <mm/memmap.h>
#include <string.h>
#include <tests/unit/unit.h>

enum { QUARTERS = 256, QUARTER = 1024, PAGES = QUARTERS / 4 };

static struct memmap map;
static int model[QUARTERS]; /* enum memory_kind; 0: not in any entry */

static void check_invariant(bool finished)
{
    for (size_t i = 0; i < map.count; i++) {
        const struct memory_range *range = &map.ranges[i];
        CHECK(range->start < range->end && range->end <= MEMMAP_LIMIT);
        if (finished && range->kind == MEMORY_USABLE)
            CHECK(range->start % PAGE_SIZE == 0 && range->end % PAGE_SIZE == 0);
        if (i > 0) {
            CHECK(range[-1].end <= range->start);
            CHECK(range[-1].end < range->start || range[-1].kind != range->kind);
        }
    }
}

static int kind_at(uint64_t address)
{
    for (size_t i = 0; i < map.count; i++) {
        if (map.ranges[i].start <= address && address < map.ranges[i].end)
            return (int)map.ranges[i].kind;
    }
    return 0;
}

static void check_model(void)
{
    uint64_t bytes[MEMORY_RESERVED + 1] = {0}, end[MEMORY_RESERVED + 1] = {0};
    for (uint64_t i = 0; i < QUARTERS; i++) {
        CHECK_EQUAL(kind_at(i * QUARTER), model[i]);
        bytes[model[i]] += QUARTER;
        end[model[i]] = (i + 1) * QUARTER;
    }
    for (int kind = MEMORY_USABLE; kind <= MEMORY_RESERVED; kind++) {
        CHECK_EQUAL(memmap_bytes(&map, kind), bytes[kind]);
        CHECK_EQUAL(memmap_end(&map, kind), end[kind]);
    }
}

static void add_random(struct prng *prng)
{
    uint64_t start = prng_below(prng, QUARTERS);
    uint64_t count = prng_below(prng, (prng_below(prng, 3) == 0 ? QUARTERS - start : 12) + 1);
    count = count > QUARTERS - start ? QUARTERS - start : count;
    int kind = 1 + (int)prng_below(prng, MEMORY_RESERVED);
    kind = prng_below(prng, 2) == 0 ? MEMORY_USABLE : kind;
    memmap_add(&map, start * QUARTER, count * QUARTER, kind);
    for (uint64_t i = start; i < start + count; i++)
        model[i] = model[i] < kind ? kind : model[i];
}

static bool page_is_usable(uint64_t page)
{
    for (uint64_t i = page * 4; i < page * 4 + 4; i++) {
        if (model[i] != MEMORY_USABLE)
            return false;
    }
    return true;
}

static void finish(void)
{
    memmap_finish(&map);
    for (uint64_t page = 0; page < PAGES; page++) {
        bool usable = page_is_usable(page);
        for (uint64_t i = page * 4; i < page * 4 + 4; i++)
            model[i] = model[i] == MEMORY_USABLE && !usable ? 0 : model[i];
    }
}

static void take_pages(uint64_t first, uint64_t count)
{
    for (uint64_t i = first * 4; i < (first + count) * 4; i++)
        model[i] = model[i] == MEMORY_USABLE ? MEMORY_TAKEN : model[i];
}

static void reserve_random(struct prng *prng)
{
    uint64_t start = prng_below(prng, PAGES * PAGE_SIZE);
    uint64_t end = start + prng_below(prng, PAGES * PAGE_SIZE - start + 1);
    end = prng_below(prng, 2) == 0 ? start + prng_below(prng, 3) : end;
    end = end > PAGES * PAGE_SIZE ? PAGES * PAGE_SIZE : end;
    memmap_reserve(&map, start, end);
    if (end > start)
        take_pages(start / PAGE_SIZE, (end + PAGE_SIZE - 1) / PAGE_SIZE - start / PAGE_SIZE);
}

static bool pages_are_usable(uint64_t first, uint64_t count)
{
    bool usable = true;
    for (uint64_t page = first; page < first + count; page++)
        usable = usable && page_is_usable(page);
    return usable;
}

/* The highest page below `limit` where `count` usable pages begin; never page 0. */
static uint64_t naive_place(uint64_t count, uint64_t align, uint64_t limit)
{
    for (uint64_t page = PAGES; page-- > 1;) {
        if (page % align == 0 && page + count <= PAGES && (page + count) * PAGE_SIZE <= limit &&
            pages_are_usable(page, count))
            return page;
    }
    return 0;
}

static void take_random(struct prng *prng)
{
    uint64_t size = 1 + prng_below(prng, 4 * PAGE_SIZE);
    uint64_t align = UINT64_C(1) << prng_below(prng, 5);
    uint64_t limit = prng_below(prng, 2) == 0 ? UINT64_MAX : prng_below(prng, PAGES * PAGE_SIZE);
    uint64_t count = (size + PAGE_SIZE - 1) / PAGE_SIZE;
    uint64_t place = naive_place(count, align, limit);
    CHECK_EQUAL(memmap_take(&map, size, align * PAGE_SIZE, limit), place * PAGE_SIZE);
    if (place != 0)
        take_pages(place, count);
}

static void check_is_usable(struct prng *prng)
{
    uint64_t first = prng_below(prng, PAGES);
    uint64_t count = 1 + prng_below(prng, PAGES - first);
    count = prng_below(prng, 2) == 0 ? 1 : count;
    CHECK_EQUAL(memmap_is_usable(&map, first * PAGE_SIZE, (first + count) * PAGE_SIZE),
                pages_are_usable(first, count));
}

TEST(random_maps)
{
    struct prng prng;
    prng_seed(&prng, 10, 0);
    for (int turn = 0; turn < 3000; turn++) {
        memset(&map, 0, sizeof map);
        memset(model, 0, sizeof model);
        for (uint64_t adds = prng_below(&prng, 20); adds-- > 0;) {
            add_random(&prng);
            check_invariant(false);
        }
        check_model();
        finish();
        check_invariant(true);
        check_model();
        for (int step = 0; step < 8; step++) {
            if (prng_below(&prng, 2) == 0)
                reserve_random(&prng);
            else
                take_random(&prng);
            check_invariant(true);
            check_model();
            check_is_usable(&prng);
        }
        CHECK(!map.overflow);
    }
}

/* The order in which the loader lists its entries makes no difference. */
TEST(order_is_irrelevant)
{
    struct prng prng;
    prng_seed(&prng, 11, 0);
    for (int turn = 0; turn < 2000; turn++) {
        struct memory_range entries[12];
        struct memmap forwards = {.count = 0}, backwards = {.count = 0};
        for (int i = 0; i < 12; i++) {
            entries[i].start = prng_below(&prng, 100) * QUARTER;
            entries[i].end = entries[i].start + prng_below(&prng, 30) * QUARTER;
            entries[i].kind = 1 + (int)prng_below(&prng, MEMORY_RESERVED);
        }
        for (int i = 0; i < 12; i++) {
            const struct memory_range *a = &entries[i], *b = &entries[11 - i];
            memmap_add(&forwards, a->start, a->end - a->start, a->kind);
            memmap_add(&backwards, b->start, b->end - b->start, b->kind);
        }
        CHECK_EQUAL(forwards.count, backwards.count);
        for (size_t i = 0; i < forwards.count; i++) {
            CHECK_EQUAL(forwards.ranges[i].start, backwards.ranges[i].start);
            CHECK_EQUAL(forwards.ranges[i].end, backwards.ranges[i].end);
            CHECK_EQUAL(forwards.ranges[i].kind, backwards.ranges[i].kind);
        }
    }
}

TEST(limit)
{
    memset(&map, 0, sizeof map);
    memmap_add(&map, MEMMAP_LIMIT, PAGE_SIZE, MEMORY_USABLE);
    memmap_add(&map, UINT64_MAX, UINT64_MAX, MEMORY_USABLE);
    memmap_add(&map, 5, 0, MEMORY_USABLE);
    CHECK_EQUAL(map.count, 0);
    memmap_add(&map, MEMMAP_LIMIT - 2 * PAGE_SIZE, UINT64_MAX, MEMORY_USABLE);
    memmap_finish(&map);
    CHECK_EQUAL(map.count, 1);
    CHECK_EQUAL(map.ranges[0].end, MEMMAP_LIMIT);
    memmap_reserve(&map, MEMMAP_LIMIT - 1, UINT64_MAX);
    CHECK_EQUAL(memmap_bytes(&map, MEMORY_USABLE), PAGE_SIZE);
    CHECK_EQUAL(memmap_take(&map, UINT64_MAX, PAGE_SIZE, UINT64_MAX), 0);
    CHECK_EQUAL(memmap_take(&map, 0, PAGE_SIZE, UINT64_MAX), 0);
    CHECK_EQUAL(memmap_take(&map, 1, PAGE_SIZE, UINT64_MAX), MEMMAP_LIMIT - 2 * PAGE_SIZE);
    CHECK_EQUAL(memmap_take(&map, 1, PAGE_SIZE, UINT64_MAX), 0);
}

TEST(too_many_ranges)
{
    memset(&map, 0, sizeof map);
    for (uint64_t i = 0; i < MEMMAP_MAX_RANGES; i++)
        memmap_add(&map, i * 2 * PAGE_SIZE, PAGE_SIZE, MEMORY_USABLE);
    CHECK(!map.overflow);
    CHECK_EQUAL(map.count, MEMMAP_MAX_RANGES);
    memmap_add(&map, PAGE_SIZE / 2, 10, MEMORY_USABLE); /* nothing new */
    CHECK(!map.overflow || map.count == MEMMAP_MAX_RANGES);
    memmap_add(&map, 4096 * PAGE_SIZE, PAGE_SIZE, MEMORY_USABLE);
    CHECK(map.overflow);
    check_invariant(false);
}
