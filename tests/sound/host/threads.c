/*
 * Four cores at once. No core gets a page that another one holds. What a holder wrote is unchanged
 * when the block is freed, also by another core. In the end all pages are free.
 */
#include "check.h"

#include <arch/cpu.h>
#include <arch/host/host.h>
#include <arch/irq.h>
#include <lib/prng.h>
#include <pthread.h>
#include <smp/percpu.h>

enum { THREADS = 4, TURNS = 3000, OWN = 24, BOXES = 8 };

static struct try try;
static struct percpu percpu[THREADS];

/*
 * The holder of each page: core + 1; 0: none. Relaxed, so that a sanitizer sees the allocator's
 * ordering alone.
 */
static uint32_t owners[PAGES];

/*
 * Blocks that one core leaves for another: pfn * 32 + order + 1; 0: none. Handed over with acquire
 * and release, as a caller must.
 */
static uint64_t boxes[BOXES];

static void set_owner(pfn_t pfn, unsigned order, uint32_t from, uint32_t to)
{
    for (uint64_t i = pfn - FIRST; i < pfn - FIRST + order_pages(order); i++)
        CHECK(__atomic_exchange_n(&owners[i], to, __ATOMIC_RELAXED) == from);
}

/* Plain accesses, because the pages belong to the holder alone. */
static void fill(pfn_t pfn, unsigned order)
{
    for (uint64_t i = 0; i < order_pages(order); i++)
        *(pfn_t *)pfn_to_address(pfn + i) = buddy_of(pfn + i, order);
}

static void check_filled(pfn_t pfn, unsigned order)
{
    for (uint64_t i = 0; i < order_pages(order); i++)
        CHECK(*(pfn_t *)pfn_to_address(pfn + i) == buddy_of(pfn + i, order));
}

static uint64_t take(struct prng *prng)
{
    unsigned largest = page_allocator_largest(try.allocator);
    unsigned order = (unsigned)__builtin_ctzll(prng_next(prng) | 1 << 6);

    order = order < largest ? order : largest;
    pfn_t pfn = try_allocate(&try, order);
    CHECK(irq_enabled());
    if (pfn == INVALID_PFN)
        return 0;
    CHECK(pfn % order_pages(order) == 0);
    CHECK(pfn >= try.start && pfn + order_pages(order) <= try.end);
    set_owner(pfn, order, 0, cpu_number() + 1);
    fill(pfn, order);
    return pfn * 32 + order + 1;
}

static void give(uint64_t block)
{
    pfn_t pfn = block / 32;
    unsigned order = block % 32 - 1;

    check_filled(pfn, order);
    for (uint64_t i = pfn - FIRST; i < pfn - FIRST + order_pages(order); i++)
        CHECK(__atomic_exchange_n(&owners[i], 0, __ATOMIC_RELAXED) != 0);
    CHECK(try_free(&try, pfn, order) == PAGE_OK);
    CHECK(irq_enabled());
}

static void replug(struct prng *prng)
{
    pfn_t start = try.start + prng_below(prng, try.end - try.start - 20);
    uint64_t count = 1 + prng_below(prng, 20);

    if (try.allocator->remove_pages(try.pool, start, count) == PAGE_OK) {
        cpu_relax();
        CHECK(try.allocator->insert_pages(try.pool, start, count) == PAGE_OK);
    }
}

static void work(struct prng *prng, uint64_t *own)
{
    if (prng_below(prng, 4) == 0) {
        uint64_t *box = &boxes[prng_below(prng, BOXES)];
        *own = __atomic_exchange_n(box, *own, __ATOMIC_ACQ_REL);
    } else if (*own) {
        give(*own);
        *own = 0;
    } else {
        *own = take(prng);
    }
    if (try.allocator->remove_pages && prng_below(prng, 32) == 0)
        replug(prng);
    if (try.allocator->free_page_count && prng_below(prng, 64) == 0)
        try.allocator->free_page_count(try.pool);
}

static void *core(void *argument)
{
    uint32_t number = (uint32_t)(uintptr_t)argument;
    uint64_t own[OWN] = {0};
    struct prng prng;

    host_core_enter(number, &percpu[number]);
    prng_seed(&prng, 7, number);
    for (unsigned i = 0; i < TURNS; i++)
        work(&prng, &own[prng_below(&prng, OWN)]);
    for (unsigned i = 0; i < OWN; i++)
        if (own[i])
            give(own[i]);
    return NULL;
}

void try_threads(const struct page_allocator *allocator)
{
    pthread_t threads[THREADS];

    host_core_enter(0, &percpu[0]);
    try_start(&try, allocator);
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, core, (void *)i);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    host_core_enter(0, &percpu[0]);
    for (unsigned i = 0; i < BOXES; i++)
        if (boxes[i])
            give(boxes[i]);
    if (allocator->drain)
        allocator->drain(try.pool);
    try_inspect(&try);
}
