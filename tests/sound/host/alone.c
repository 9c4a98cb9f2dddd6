/* One core. The result of each call is compared with the states of all pages. */
#include "check.h"

#include <arch/host/host.h>
#include <arch/irq.h>
#include <lib/prng.h>
#include <smp/percpu.h>

enum { TURNS = 6000, SLOTS = 96 };

struct block {
    pfn_t pfn;
    unsigned order;
};

static struct try try;
static struct prng prng;
static struct block slots[SLOTS];

static unsigned largest_tried(void)
{
    unsigned largest = page_allocator_largest(try.allocator);

    return largest < TRY_ORDERS ? largest : TRY_ORDERS;
}

/* Check a refusal against the states of the pages, as far as the allocator promises something. */
static void check_refusal(unsigned order, bool has_room)
{
    unsigned needed = PROMISE_TRUE_OOM | PROMISE_COALESCES;

    if (order <= page_allocator_largest(try.allocator) && try_promises(&try, needed))
        CHECK(!has_room);
}

static pfn_t allocate_somewhere(unsigned order, pfn_t *first, pfn_t *end)
{
    const struct page_allocator *allocator = try.allocator;
    pfn_t edge = FIRST + prng_below(&prng, PAGES);

    *first = try.start;
    *end = try.end;
    switch (prng_below(&prng, 6)) {
    case 0:
        if (!allocator->allocate_below)
            break;
        *end = edge < try.end ? edge : try.end;
        return allocator->allocate_below(try.pool, order, edge);
    case 1:
        if (!allocator->allocate_at)
            break;
        *first = edge & ~(order_pages(order) - 1);
        *end = *first + order_pages(order);
        if (*first < try.start || *end > try.end)
            *end = *first;
        return allocator->allocate_at(try.pool, edge & ~(order_pages(order) - 1), order);
    case 2:
        if (!allocator->allocate_on_node)
            break;
        unsigned node = (unsigned)prng_below(&prng, allocator->nodes);
        while (allocator->node_of(try.pool, *first) != node)
            ++*first;
        while (allocator->node_of(try.pool, *end - 1) != node)
            --*end;
        return allocator->allocate_on_node(try.pool, order, node);
    }
    return try_allocate(&try, order);
}

static void allocate(struct block *slot)
{
    pfn_t first, end;
    unsigned order = (unsigned)prng_below(&prng, largest_tried() + 1);
    pfn_t pfn = allocate_somewhere(order, &first, &end);

    CHECK(irq_enabled());
    if (pfn == INVALID_PFN) {
        check_refusal(order, try_has_room(&try, order, first, end));
        return;
    }
    CHECK(pfn >= first && pfn + order_pages(order) <= end);
    try_change(&try, pfn, order, PAGE_FREE, PAGE_HELD);
    memset(pfn_to_address(pfn), 0x5a, order_pages(order) * PAGE_SIZE);
    *slot = (struct block){pfn, order};
}

/* Called while the block is still held, and after it was freed. */
static void try_bad_frees(struct block block, bool held)
{
    if (!try_promises(&try, PROMISE_REFUSES_BAD_FREE))
        return;
    if (!held)
        CHECK(try_free(&try, block.pfn, block.order) != PAGE_OK);
    else if (block.order > 0)
        CHECK(try_free(&try, block.pfn + 1, 0) != PAGE_OK);
    if (held && !try.allocator->free_ignores_order)
        CHECK(try_free(&try, block.pfn, block.order ^ 1) != PAGE_OK);
}

static void release(struct block *slot)
{
    try_bad_frees(*slot, true);
    if (slot->order > 0 && try_promises(&try, PROMISE_FREES_PARTS) && prng_below(&prng, 2)) {
        slot->order--;
        pfn_t upper = slot->pfn + order_pages(slot->order);
        try_change(&try, upper, slot->order, PAGE_HELD, PAGE_FREE);
        CHECK(try_free(&try, upper, slot->order) == PAGE_OK);
        return;
    }
    try_change(&try, slot->pfn, slot->order, PAGE_HELD, PAGE_FREE);
    CHECK(try_free(&try, slot->pfn, slot->order) == PAGE_OK);
    CHECK(irq_enabled());
    try_bad_frees(*slot, false);
    slot->pfn = INVALID_PFN;
}

/*
 * Remove a range and insert it again. It must be refused if and only if a page of it is not free.
 */
static void replug(void)
{
    pfn_t start = try.start + prng_below(&prng, try.end - try.start - 40);
    uint64_t count = 1 + prng_below(&prng, 40), free = 0;

    for (uint64_t i = 0; i < count; i++)
        free += try.state[start - FIRST + i] == PAGE_FREE;
    enum page_error error = try.allocator->remove_pages(try.pool, start, count);
    CHECK((error == PAGE_OK) == (free == count));
    if (error == PAGE_OK) {
        CHECK(try.allocator->remove_pages(try.pool, start, count) != PAGE_OK);
        CHECK(try.allocator->insert_pages(try.pool, start, count) == PAGE_OK);
    }
}

static void turn(void)
{
    struct block *slot = &slots[prng_below(&prng, SLOTS)];

    if (slot->pfn == INVALID_PFN)
        allocate(slot);
    else
        release(slot);
    if (try.allocator->remove_pages && prng_below(&prng, 16) == 0)
        replug();
    if (prng_below(&prng, 64) == 0)
        CHECK(try_allocate(&try, page_allocator_largest(try.allocator) + 1) == INVALID_PFN);
}

/* Allocate all pages one by one, then free them. */
static void exhaust(void)
{
    static pfn_t pages[PAGES];
    uint64_t count = 0;

    for (pfn_t pfn; (pfn = try_allocate(&try, 0)) != INVALID_PFN; count++) {
        try_change(&try, pfn, 0, PAGE_FREE, PAGE_HELD);
        pages[count] = pfn;
    }
    if (try_promises(&try, PROMISE_TRUE_OOM))
        CHECK(try.free_pages == 0);
    while (count-- > 0) {
        try_change(&try, pages[count], 0, PAGE_HELD, PAGE_FREE);
        CHECK(try_free(&try, pages[count], 0) == PAGE_OK);
    }
}

void try_alone(const struct page_allocator *allocator)
{
    static struct percpu percpu;

    host_core_enter(0, &percpu);
    try_start(&try, allocator);
    prng_seed(&prng, 1, 0);
    for (unsigned i = 0; i < SLOTS; i++)
        slots[i].pfn = INVALID_PFN;
    for (unsigned i = 0; i < TURNS; i++) {
        turn();
        if (i % 32 == 0)
            try_inspect(&try);
    }
    for (unsigned i = 0; i < SLOTS; i++)
        while (slots[i].pfn != INVALID_PFN)
            release(&slots[i]);
    try_inspect(&try);
    exhaust();
    try_inspect(&try);
    if (allocator->drain)
        allocator->drain(try.pool);
    try_inspect(&try);
}
