/* mm/buddy_percpu.c: what its caches hold, and when they return it. */
#include "buddies.h"

#include <arch/irq.h>

enum { CORES = 3, START = 64, COUNT = 1024 };

static struct percpu cores[CORES];
static struct subject subject;
static struct buddy_percpu_pool *pool;

static void become_core(uint32_t number)
{
    host_core_enter(number, &cores[number]);
}

static void start_pool(uint64_t count)
{
    memset(cores, 0, sizeof cores);
    become_core(0);
    allocator = &buddy_percpu_allocator;
    subject = subject_start(START, count);
    pool = subject.pool;
    CHECK_EQUAL(allocator->insert_pages(pool, START, count), PAGE_OK);
}

static void end_pool(void)
{
    subject_check_sound(subject);
    for (int i = 0; i < CORES; i++)
        CHECK_EQUAL(cores[i].locks_held, 0);
    CHECK(irq_enabled());
    subject_end(subject);
}

static pfn_t take(unsigned order)
{
    pfn_t pfn = allocator->allocate_pages(pool, order);
    CHECK(pfn != INVALID_PFN);
    return pfn;
}

static void give(pfn_t pfn, unsigned order)
{
    CHECK_EQUAL(allocator->free_pages(pool, pfn, order), PAGE_OK);
}

static uint64_t acquisitions(void)
{
    return cores[0].locks.acquisitions;
}

TEST(one_batch_for_many)
{
    for (unsigned order = 0; order < CACHED_ORDERS; order++) {
        uint32_t batch = CACHE_BATCH >> order;
        start_pool(COUNT);
        take(order);
        CHECK_EQUAL(pool->caches[0].count[order], batch - 1);
        uint64_t before = acquisitions();
        for (uint32_t i = 1; i < batch; i++)
            take(order);
        CHECK_EQUAL(acquisitions() - before, batch - 1); /* takes the cache's lock only */
        CHECK_EQUAL(pool->caches[0].count[order], 0);
        CHECK_EQUAL(allocator->free_page_count(pool), COUNT - CACHE_BATCH);
        end_pool();
    }
}

TEST(larger_orders_are_not_cached)
{
    start_pool(COUNT);
    give(take(CACHED_ORDERS), CACHED_ORDERS);
    CHECK_EQUAL(pool->cache_count, 0);
    CHECK_EQUAL(pool->buddy.free_pages, COUNT);
    for (unsigned i = 0; i < CACHES; i++)
        CHECK_TEXT(pool->caches[i].lock.name, "buddy-cache");
    end_pool();
}

/* One block too many in a cache: a batch of pages goes back to the lists. */
TEST(over_the_mark)
{
    for (unsigned order = 0; order < CACHED_ORDERS; order++) {
        uint32_t most = CACHE_PAGES >> order, batch = CACHE_BATCH >> order;
        pfn_t pfns[CACHE_PAGES + 1];
        start_pool(COUNT);
        for (uint32_t i = 0; i <= most; i++)
            pfns[i] = take(order);
        allocator->drain(pool);
        for (uint32_t i = 0; i < most; i++)
            give(pfns[i], order);
        CHECK_EQUAL(pool->caches[0].count[order], most);
        give(pfns[most], order);
        CHECK_EQUAL(pool->caches[0].count[order], most - batch);
        CHECK_EQUAL(allocator->free_page_count(pool), COUNT);
        end_pool();
    }
}

/*
 * The block freed last is handed out first, because its lines are still in the core's data cache.
 */
TEST(last_freed_first)
{
    start_pool(COUNT);
    pfn_t first = take(0), second = take(0);
    give(first, 0);
    give(second, 0);
    CHECK_EQUAL(take(0), second);
    CHECK_EQUAL(take(0), first);
    end_pool();
}

TEST(kept_by_who_frees)
{
    start_pool(COUNT);
    become_core(1);
    pfn_t pfn = take(2);
    CHECK_EQUAL(pool->cache_count, 2);
    allocator->drain(pool);
    become_core(2);
    give(pfn, 2);
    CHECK_EQUAL(pool->caches[1].count[2], 0);
    CHECK_EQUAL(pool->caches[2].count[2], 1);
    CHECK_EQUAL(pool->cache_count, 3);
    end_pool();
}

/* The core with the highest possible number has the last cache. There is none behind it. */
TEST(last_cache)
{
    static struct percpu last;
    start_pool(16);
    host_core_enter(CACHES - 1, &last);
    give(take(0), 0);
    CHECK_EQUAL(pool->cache_count, CACHES);
    CHECK_EQUAL(pool->caches[CACHES - 1].count[0], 16);
    CHECK_EQUAL(allocator->free_page_count(pool), 16);
    CHECK_EQUAL(take(4), START);
    give(START, 4);
    CHECK_EQUAL(last.locks_held, 0);
    host_core_enter(CACHES, &last);
    CHECK_FAILS(RULE_ASSERT, "index < CACHES", allocator->allocate_pages(pool, 0));
    become_core(0);
    end_pool();
}

/* All memory is in other cores' caches, in pieces. A large block is handed out nevertheless. */
TEST(taken_from_other_caches)
{
    pfn_t pfns[16];
    start_pool(16);
    for (int i = 0; i < 16; i++)
        pfns[i] = take(0);
    for (int i = 0; i < 16; i++) {
        become_core((uint32_t)i % 2 + 1);
        give(pfns[i], 0);
    }
    CHECK_EQUAL(pool->buddy.free_pages, 0);
    become_core(0);
    CHECK_EQUAL(take(4), START);
    CHECK_EQUAL(allocator->allocate_pages(pool, 0), INVALID_PFN);
    give(START, 4);
    CHECK_EQUAL(allocator->free_page_count(pool), 16);
    end_pool();
}

TEST(removed_from_caches)
{
    start_pool(16);
    pfn_t pfn = take(0);
    CHECK_EQUAL(allocator->remove_pages(pool, START, 16), PAGE_BUSY);
    give(pfn, 0);
    take(3);
    pfn = pfn < START + 8 ? START + 8 : START;
    become_core(1);
    CHECK_EQUAL(allocator->remove_pages(pool, START, 16), PAGE_BUSY);
    CHECK_EQUAL(allocator->free_page_count(pool), 8);
    end_pool();
}

TEST(freed_twice)
{
    start_pool(COUNT);
    pfn_t pfn = take(2);
    give(pfn, 2);
    for (uint32_t core = 0; core < CORES; core++) {
        become_core(core);
        CHECK_EQUAL(allocator->free_pages(pool, pfn, 2), PAGE_NOT_ALLOCATED);
        CHECK_EQUAL(allocator->free_pages(pool, pfn, 1), PAGE_NOT_ALLOCATED);
        CHECK_EQUAL(allocator->free_pages(pool, pfn + 1, 0), PAGE_NOT_ALLOCATED);
    }
    CHECK_EQUAL(allocator->free_page_count(pool), COUNT);
    end_pool();
}

/* A block that is in a cache and was never handed out cannot be freed. */
TEST(freed_before_handed_out)
{
    start_pool(8);
    pfn_t pfn = take(0);
    for (pfn_t other = START; other < START + 8; other++) {
        if (other != pfn)
            CHECK_EQUAL(allocator->free_pages(pool, other, 0), PAGE_NOT_ALLOCATED);
    }
    CHECK_EQUAL(pool->caches[0].count[0], 7);
    end_pool();
}

/* ---- validate() finds each kind of damage ---- */

static struct page *page_at(pfn_t pfn)
{
    return page_of(&pool->buddy.array, pfn);
}

TEST(validate_finds_damage)
{
    enum { DAMAGES = 10 };
    static const char *const found[DAMAGES] = {
        "in cache 0 order 0: state 2 order 0 cache 0",
        "in cache 0 order 0: state 4 order 1 cache 0",
        "in cache 0 order 0: state 4 order 0 cache 1",
        "cache 0 order 0: 2 blocks counted, link 0x",
        "cache 0 order 0: 2 blocks counted, link 0x40000000 as number 2",
        "cache 0 order 0: 3 blocks counted, link 0xffffffff as number 2",
        "cache 0 order 0: 1 blocks counted, link 0x",
        "in cache 1 order 0: state 4 order 0 cache 0",
        "pages in the lists, counted",
        "cache 0 order 0: 2 blocks counted, link 0x400 as number 1",
    };
    for (int damage = 0; damage < DAMAGES; damage++) {
        char message[200] = "";
        start_pool(COUNT);
        pfn_t first = take(0), second = take(0);
        allocator->drain(pool);
        give(first, 0);
        give(second, 0); /* cache 0: second, first */
        struct buddy_cache *cache = &pool->caches[0];
        subject_check_sound(subject);
        switch (damage) {
        case 0:
            page_mark(page_at(first), PAGE_HELD_HEAD, 0);
            break;
        case 1:
            page_mark(page_at(first), PAGE_CACHED, 1);
            break;
        case 2:
            page_at(first)->prev = 1;
            break;
        case 3:
            page_at(first)->next = (uint32_t)(second - START); /* a cycle */
            break;
        case 4:
            page_at(first)->next = 1 << 30;
            break;
        case 5:
            cache->count[0]++;
            break;
        case 6:
            cache->count[0]--;
            break;
        case 7: /* two caches have the same list */
            memcpy(pool->caches[1].list, cache->list, sizeof cache->list);
            memcpy(pool->caches[1].count, cache->count, sizeof cache->count);
            break;
        case 8:
            pool->buddy.free_pages++;
            break;
        case 9:
            page_at(second)->next = COUNT; /* one page beyond the end */
            break;
        }
        CHECK(!allocator->validate(pool, message, sizeof message));
        CHECK_PART(message, found[damage]);
        subject_end(subject);
    }
}

/* The cache of the last core is checked, too. */
TEST(validate_finds_damage_in_the_last_cache)
{
    char message[200] = "";
    start_pool(COUNT);
    pool->caches[CACHES - 1].count[0] = 1;
    CHECK(!allocator->validate(pool, message, sizeof message));
    CHECK_PART(message, "cache 255 order 0: 1 blocks counted");
    pool->caches[CACHES - 1].count[0] = 0;
    end_pool();
}

/* A correct list that is longer than a cache may be. */
TEST(validate_finds_too_full_a_cache)
{
    for (unsigned order = 0; order < CACHED_ORDERS; order++) {
        char message[200] = "";
        uint32_t most = CACHE_PAGES >> order;
        pfn_t pfns[CACHE_PAGES + 1];
        start_pool(COUNT);
        struct buddy_cache *cache = &pool->caches[0];
        for (uint32_t i = 0; i <= most; i++)
            pfns[i] = take(order);
        allocator->drain(pool);
        for (uint32_t i = 0; i < most; i++)
            give(pfns[i], order);
        subject_check_sound(subject);
        page_mark(page_at(pfns[most]), PAGE_CACHED, order);
        page_at(pfns[most])->prev = 0;
        page_at(pfns[most])->next = cache->list[order];
        cache->list[order] = (uint32_t)(pfns[most] - START);
        cache->count[order]++;
        CHECK(!allocator->validate(pool, message, sizeof message));
        CHECK_PART(message, "blocks counted, link 0xffffffff");
        subject_end(subject);
    }
}

TEST(a_stray_block_is_not_handed_out)
{
    start_pool(COUNT);
    take(0);
    page_mark(page_at(START + pool->caches[0].list[0]), PAGE_FREE_HEAD, 0);
    CHECK_FAILS(RULE_ASSERT, "PAGE_CACHED", allocator->allocate_pages(pool, 0));
    subject_end(subject);
}
