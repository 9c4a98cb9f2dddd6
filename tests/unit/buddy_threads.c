/*
 * The built-in allocators on several threads. No thread gets a page that another one holds, no
 * request is refused wrongly, and in the end all pages are free.
 */
#include "buddies.h"
#include "threads.h"

#include <arch/cpu.h>
#include <arch/irq.h>
#include <lib/prng.h>

enum { START = 1021, COUNT = 3001, TURNS = 12000, OWN = 12, SLOTS = 8 };

static struct subject subject;

/*
 * The holder of each page; 0: none. Relaxed accesses, so that the sanitizer sees only the order
 * that the lock makes.
 */
static uint32_t owners[COUNT];

/* Blocks that one thread leaves for another: pfn * 32 + order + 1; 0: none. */
static uint64_t slots[SLOTS];

static void start_pool(pfn_t start, uint64_t count)
{
    subject = subject_start(start, count);
    memset(owners, 0, sizeof owners);
    memset(slots, 0, sizeof slots);
    host_core_enter(0, &thread_percpu[0]);
    CHECK_EQUAL(allocator->insert_pages(subject.pool, start, count), PAGE_OK);
}

static bool remember(void *context, pfn_t pfn, unsigned order)
{
    ((uint8_t *)context)[pfn - START] = (uint8_t)(order + 1);
    return true;
}

static void check_all_back(const uint8_t *before)
{
    uint8_t after[COUNT] = {0};
    subject_check_sound(subject);
    CHECK_EQUAL(allocator->free_page_count(subject.pool), COUNT);
    subject_drain(subject);
    subject_check_sound(subject);
    allocator->for_each_free(subject.pool, remember, after);
    CHECK(memcmp(before, after, COUNT) == 0);
    CHECK_EQUAL(allocator->free_page_count(subject.pool), COUNT);
    for (int i = 0; i < THREADS; i++)
        CHECK_EQUAL(thread_percpu[i].locks_held, 0);
    subject_end(subject);
}

static void set_owner(pfn_t pfn, unsigned order, uint32_t from, uint32_t to)
{
    for (uint64_t i = pfn - START; i < pfn - START + order_pages(order); i++)
        CHECK_EQUAL(__atomic_exchange_n(&owners[i], to, __ATOMIC_RELAXED), from);
}

static pfn_t take(struct prng *prng, unsigned *order)
{
    *order = (unsigned)__builtin_ctzll(prng_next(prng) | 1 << 8);
    pfn_t pfn = allocator->allocate_pages(subject.pool, *order);
    CHECK(irq_enabled());
    if (pfn != INVALID_PFN)
        set_owner(pfn, *order, 0, cpu_number() + 1);
    return pfn;
}

/*
 * If there is memory, the pages belong to this thread alone. So the sanitizer sees whether the
 * allocator orders one holder's writes before the next holder's.
 */
static void write_pages(pfn_t pfn, unsigned order)
{
    if (promises(PROMISE_METADATA_OUTSIDE))
        return;
    for (uint64_t i = 0; i < order_pages(order); i++)
        *(pfn_t *)pfn_to_address(pfn + i) = buddy_of(pfn + i, 0);
}

static void give_back(pfn_t pfn, unsigned order)
{
    write_pages(pfn, order);
    set_owner(pfn, order, cpu_number() + 1, 0);
    CHECK_EQUAL(allocator->free_pages(subject.pool, pfn, order), PAGE_OK);
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
        if (prng_below(&prng, 16) == 0) /* a bad free in between */
            CHECK(allocator->free_pages(subject.pool, START + COUNT, 0) == PAGE_BAD_RANGE);
    }
    for (int i = 0; i < OWN; i++) {
        if (pfns[i] != INVALID_PFN)
            give_back(pfns[i], orders[i]);
    }
}

EACH_TEST(own_blocks)
{
    uint8_t before[COUNT] = {0};
    start_pool(START, COUNT);
    allocator->for_each_free(subject.pool, remember, before);
    run_threads(own_blocks);
    check_all_back(before);
}

/* Put a block in a slot. The block that was there, usually another thread's, is freed here. */
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
            CHECK_EQUAL(allocator->free_pages(subject.pool, other / 32, (unsigned)(other % 32 - 1)),
                        PAGE_OK);
    }
}

EACH_TEST(passed_blocks)
{
    uint8_t before[COUNT] = {0};
    start_pool(START, COUNT);
    allocator->for_each_free(subject.pool, remember, before);
    run_threads(passed_blocks);
    for (int i = 0; i < SLOTS; i++) {
        if (slots[i] != 0)
            allocator->free_pages(subject.pool, slots[i] / 32, (unsigned)(slots[i] % 32 - 1));
    }
    check_all_back(before);
}

/* Each thread removes its own range and inserts it again, while others allocate around it. */
static void changing_ranges(void)
{
    struct prng prng;
    prng_seed(&prng, 18, cpu_number());
    for (int turn = 0; turn < TURNS / 4; turn++) {
        unsigned order;
        pfn_t pfn = take(&prng, &order);
        pfn_t start = START + prng_below(&prng, COUNT - 20);
        uint64_t count = 1 + prng_below(&prng, 20);
        if (allocator->remove_pages(subject.pool, start, count) == PAGE_OK) {
            cpu_relax();
            CHECK_EQUAL(allocator->insert_pages(subject.pool, start, count), PAGE_OK);
        }
        if (pfn != INVALID_PFN)
            give_back(pfn, order);
        CHECK(allocator->free_page_count(subject.pool) <= COUNT);
    }
}

EACH_TEST(changing_ranges)
{
    uint8_t before[COUNT] = {0};
    start_pool(START, COUNT);
    allocator->for_each_free(subject.pool, remember, before);
    run_threads(changing_ranges);
    check_all_back(before);
}

/* ---- no wrong refusals ---- */

enum { REGION_ORDER = 3, FEW_PAGES = THREADS << REGION_ORDER, ROUNDS = 200, STOPS = 64 };

/*
 * There are as many regions as threads, and a thread holds at most one block. So when a thread
 * allocates, the others spoil all regions but one. That one is free as a whole at every instant,
 * wherever its parts are kept.
 */
static void modest_blocks(void)
{
    struct prng prng;
    prng_seed(&prng, 20, cpu_number());
    /* free_page_count() stops all cores. It should meet cores that come for the first time. */
    for (int turn = 0; cpu_number() == 0 && turn < STOPS; turn++)
        CHECK(allocator->free_page_count(subject.pool) <= FEW_PAGES);
    for (int turn = 0; turn < TURNS / ROUNDS; turn++) {
        unsigned order = (unsigned)prng_below(&prng, REGION_ORDER + 1);
        pfn_t pfn = allocator->allocate_pages(subject.pool, order);
        CHECK(pfn != INVALID_PFN);
        if (turn % 16 == 0)
            CHECK(allocator->free_page_count(subject.pool) <= FEW_PAGES - order_pages(order));
        CHECK_EQUAL(allocator->free_pages(subject.pool, pfn, order), PAGE_OK);
    }
}

/*
 * New pools, because a core's first call is special. Yields, so that threads stop between two
 * locks.
 */
EACH_TEST(no_false_out_of_memory)
{
    for (int round = 0; round < ROUNDS; round++) {
        start_pool(1 << REGION_ORDER, FEW_PAGES);
        spinlock_yield(1, (uint64_t)round);
        run_threads(modest_blocks);
        spinlock_yield(0, 0);
        subject_check_sound(subject);
        CHECK_EQUAL(allocator->free_page_count(subject.pool), FEW_PAGES);
        subject_end(subject);
    }
}

/* ---- all threads free the same block at once ---- */

static pthread_barrier_t meeting;
static pfn_t contested;
static unsigned contested_order, accepted;

/* Exactly one of the simultaneous frees succeeds. Frees with another order never do. */
static void contested_frees(void)
{
    for (int turn = 0; turn < TURNS / 4; turn++) {
        if (cpu_number() == 0) {
            contested_order = (unsigned)turn % 6;
            contested = allocator->allocate_pages(subject.pool, contested_order);
            CHECK(contested != INVALID_PFN);
            accepted = 0;
        }
        pthread_barrier_wait(&meeting);
        unsigned order = contested_order ^ (cpu_number() == THREADS - 1);
        enum page_error error = allocator->free_pages(subject.pool, contested, order);
        CHECK(error == PAGE_OK || error == PAGE_NOT_ALLOCATED || error == PAGE_WRONG_ORDER ||
              error == PAGE_MISALIGNED);
        CHECK(error != PAGE_OK || order == contested_order);
        __atomic_add_fetch(&accepted, error == PAGE_OK, __ATOMIC_RELAXED);
        pthread_barrier_wait(&meeting);
        CHECK_EQUAL(accepted, 1);
        pthread_barrier_wait(&meeting);
    }
}

static void check_contested(void)
{
    uint8_t before[COUNT] = {0};
    start_pool(START, COUNT);
    allocator->for_each_free(subject.pool, remember, before);
    pthread_barrier_init(&meeting, NULL, THREADS);
    spinlock_yield(1, 1); /* for example between a check without the lock and the lock */
    run_threads(contested_frees);
    spinlock_yield(0, 0);
    pthread_barrier_destroy(&meeting);
    check_all_back(before);
}

TEST(contested_frees_buddy)
{
    allocator = &buddy_allocator;
    check_contested();
}

TEST(contested_frees_percpu)
{
    allocator = &buddy_percpu_allocator;
    check_contested();
}
