/* mm/buddy.c on several threads: nobody gets what another holds, and all comes back. */
#include "threads.h"

#include <arch/cpu.h>
#include <arch/irq.h>
#include <mm/buddy.h>
#include <stdlib.h>
#include <string.h>

enum { START = 1021, COUNT = 3001, TURNS = 12000, OWN = 12, SLOTS = 8 };

static const struct page_allocator *const buddy = &buddy_allocator;
static struct buddy_pool *pool;
static void *metadata;

/*
 * Who has each page, 0 for nobody. Relaxed, so that the sanitizer sees the lock's ordering and none
 * of ours.
 */
static uint32_t owners[COUNT];

/* Blocks in passing between threads, as pfn * 32 + order + 1; 0: none. */
static uint64_t slots[SLOTS];

static void start_pool(void)
{
    pool = calloc(1, buddy->pool_size);
    metadata = calloc(1, buddy->metadata_size(START, START + COUNT));
    memset(owners, 0, sizeof owners);
    memset(slots, 0, sizeof slots);
    buddy->init(pool, metadata, START, START + COUNT);
    host_cpu_enter(0, &thread_percpu[0]);
    CHECK_EQUAL(buddy->insert_pages(pool, START, COUNT), PAGE_OK);
}

static bool remember(void *context, pfn_t pfn, unsigned order)
{
    ((uint8_t *)context)[pfn - START] = (uint8_t)(order + 1);
    return true;
}

static void check_all_back(const uint8_t *before)
{
    char message[200];
    uint8_t after[COUNT] = {0};
    buddy->for_each_free(pool, remember, after);
    CHECK(memcmp(before, after, COUNT) == 0);
    CHECK(buddy->validate(pool, message, sizeof message));
    CHECK_EQUAL(buddy->free_page_count(pool), COUNT);
    CHECK_EQUAL(spinlock_irq_owner(&pool->lock), -1);
    free(pool);
    free(metadata);
}

static void set_owner(pfn_t pfn, unsigned order, uint32_t from, uint32_t to)
{
    for (uint64_t i = pfn - START; i < pfn - START + order_pages(order); i++)
        CHECK_EQUAL(__atomic_exchange_n(&owners[i], to, __ATOMIC_RELAXED), from);
}

static pfn_t take(struct prng *prng, unsigned *order)
{
    *order = (unsigned)__builtin_ctzll(prng_next(prng) | 1 << 8);
    pfn_t pfn = buddy->allocate_pages(pool, *order);
    CHECK(irq_enabled());
    if (pfn != INVALID_PFN)
        set_owner(pfn, *order, 0, cpu_number() + 1);
    return pfn;
}

static void give_back(pfn_t pfn, unsigned order)
{
    set_owner(pfn, order, cpu_number() + 1, 0);
    CHECK_EQUAL(buddy->free_pages(pool, pfn, order), PAGE_OK);
    CHECK(irq_enabled());
}

static void own_blocks(void)
{
    struct prng prng;
    pfn_t pfns[OWN];
    unsigned orders[OWN];
    prng_seed(&prng, 16, cpu_number());
    for (int i = 0; i < OWN; i++)
        pfns[i] = INVALID_PFN;
    for (int turn = 0; turn < TURNS; turn++) {
        unsigned i = (unsigned)prng_below(&prng, OWN);
        if (pfns[i] == INVALID_PFN) {
            pfns[i] = take(&prng, &orders[i]);
        } else {
            give_back(pfns[i], orders[i]);
            pfns[i] = INVALID_PFN;
        }
        if (prng_below(&prng, 16) == 0) /* a bad free amid all this */
            CHECK(buddy->free_pages(pool, START + COUNT, 0) == PAGE_BAD_RANGE);
    }
    for (int i = 0; i < OWN; i++) {
        if (pfns[i] != INVALID_PFN)
            give_back(pfns[i], orders[i]);
    }
}

TEST(own_blocks)
{
    uint8_t before[COUNT] = {0};
    start_pool();
    buddy->for_each_free(pool, remember, before);
    run_threads(own_blocks);
    check_all_back(before);
}

/* Put a block in a slot; what was there, another's as a rule, is freed here. */
static void passed_blocks(void)
{
    struct prng prng;
    prng_seed(&prng, 17, cpu_number());
    for (int turn = 0; turn < TURNS; turn++) {
        unsigned order;
        uint64_t *slot = &slots[prng_below(&prng, SLOTS)];
        pfn_t pfn = take(&prng, &order);
        uint64_t mine = 0;
        if (pfn != INVALID_PFN) {
            set_owner(pfn, order, cpu_number() + 1, 0);
            mine = pfn * 32 + order + 1;
        }
        uint64_t other = __atomic_exchange_n(slot, mine, __ATOMIC_RELAXED);
        if (other != 0)
            CHECK_EQUAL(buddy->free_pages(pool, other / 32, (unsigned)(other % 32 - 1)), PAGE_OK);
    }
}

TEST(passed_blocks)
{
    uint8_t before[COUNT] = {0};
    start_pool();
    buddy->for_each_free(pool, remember, before);
    run_threads(passed_blocks);
    for (int i = 0; i < SLOTS; i++) {
        if (slots[i] != 0)
            buddy->free_pages(pool, slots[i] / 32, (unsigned)(slots[i] % 32 - 1));
    }
    check_all_back(before);
}

/* Each thread takes its own range out and puts it back, while others allocate around it. */
static void changing_ranges(void)
{
    struct prng prng;
    prng_seed(&prng, 18, cpu_number());
    for (int turn = 0; turn < TURNS / 4; turn++) {
        unsigned order;
        pfn_t pfn = take(&prng, &order);
        pfn_t start = START + prng_below(&prng, COUNT - 20);
        uint64_t count = 1 + prng_below(&prng, 20);
        if (buddy->remove_pages(pool, start, count) == PAGE_OK) {
            cpu_relax();
            CHECK_EQUAL(buddy->insert_pages(pool, start, count), PAGE_OK);
        }
        if (pfn != INVALID_PFN)
            give_back(pfn, order);
        CHECK(buddy->free_page_count(pool) <= COUNT);
    }
}

TEST(changing_ranges)
{
    uint8_t before[COUNT] = {0};
    start_pool();
    buddy->for_each_free(pool, remember, before);
    run_threads(changing_ranges);
    check_all_back(before);
}
