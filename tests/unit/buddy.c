/*
 * The built-in allocators, compared with a model. The model knows who holds each page. It knows
 * nothing of blocks, lists or splits.
 *
 * With full coalescing, the free pages determine the free blocks. These are the largest aligned
 * blocks, up to MAX_ORDER, whose pages are all free. (If one of them were in pieces, the buddy of
 * its smallest piece would be free and in no larger piece: two free buddies.) So after each step
 * the allocator's free blocks must be exactly those. No allocation may fail while one of them is
 * large enough.
 *
 * One thread plays different cores in turn. So blocks are freed by another core than took them, and
 * a core's cache is full when another core needs its blocks.
 */
#include "buddies.h"

#include <arch/irq.h>
#include <lib/prng.h>

enum { ABSENT, FREE, HELD };
enum { CORES = 3, FORGED_PAGES = 64 };

/*
 * The pages [start, start + count) with their states. The first page of a held block has its order.
 */
struct model {
    pfn_t start;
    uint64_t count;
    uint8_t *state;
    uint8_t *order_plus_1; /* at the first page of a held block; otherwise 0 */
    uint64_t held_blocks;
};

static struct percpu cores[CORES];
static struct model model;
static struct subject subject;

static void become_core(uint32_t number)
{
    CHECK_EQUAL(this_core()->locks_held, 0);
    CHECK(irq_enabled());
    host_core_enter(number, &cores[number]);
}

static void start_pool(pfn_t start, uint64_t count)
{
    memset(cores, 0, sizeof cores);
    host_core_enter(0, &cores[0]);
    model = (struct model){.start = start, .count = count};
    model.state = calloc(count, 1);
    model.order_plus_1 = calloc(count, 1);
    subject = subject_start(start, count);
}

static void end_pool(void)
{
    free(model.state);
    free(model.order_plus_1);
    subject_end(subject);
}

/* Whether all pages of this block are in the model and have this state. */
static bool block_is(pfn_t pfn, uint64_t count, int state)
{
    if (pfn < model.start || pfn - model.start + count > model.count)
        return false;
    for (uint64_t i = pfn - model.start; i < pfn - model.start + count; i++) {
        if (model.state[i] != state)
            return false;
    }
    return true;
}

/* ---- the free blocks that there must be ---- */

/* canonical[i]: 1 + the order of the free block that must begin at page start + i; 0: none. */
static uint8_t *canonical_blocks(void)
{
    uint8_t *canonical = calloc(model.count, 1);
    for (uint64_t i = 0; i < model.count;) {
        unsigned order = MAX_ORDER;
        pfn_t pfn = model.start + i;
        if (model.state[i] != FREE) {
            i++;
            continue;
        }
        while (pfn % order_pages(order) != 0 || !block_is(pfn, order_pages(order), FREE))
            order--;
        canonical[i] = (uint8_t)(order + 1);
        i += order_pages(order);
    }
    return canonical;
}

struct comparison {
    uint8_t *canonical;
    uint64_t blocks, pages;
};

static bool compare_block(void *context, pfn_t pfn, unsigned order)
{
    struct comparison *comparison = context;
    CHECK(pfn >= model.start && pfn - model.start < model.count);
    CHECK_EQUAL(comparison->canonical[pfn - model.start], order + 1);
    comparison->canonical[pfn - model.start] = 0; /* so that a second visit is an error */
    comparison->blocks++;
    comparison->pages += order_pages(order);
    return true;
}

/* Checks that are possible while caches hold blocks. */
static void glance_at_pool(void)
{
    uint64_t pages = 0;
    for (uint64_t i = 0; i < model.count; i++)
        pages += model.state[i] == FREE;
    subject_check_sound(subject);
    CHECK_EQUAL(allocator->free_page_count(subject.pool), pages);
    CHECK(irq_enabled());
    CHECK_EQUAL(this_core()->locks_held, 0);
}

static void check_pool(void)
{
    struct comparison comparison = {.canonical = canonical_blocks()};
    glance_at_pool();
    subject_drain(subject);
    glance_at_pool();
    allocator->for_each_free(subject.pool, compare_block, &comparison);
    for (uint64_t i = 0; i < model.count; i++)
        CHECK_EQUAL(comparison.canonical[i], 0); /* all were visited */
    CHECK_EQUAL(allocator->free_page_count(subject.pool), comparison.pages);
    free(comparison.canonical);
}

/* ---- what holders write ---- */

/*
 * The words that a holder writes at the start of its pages. They look like a link to its buddy, to
 * itself, or to nothing. They mislead code that takes the page for a free block.
 */
static uint64_t forged_word(pfn_t pfn)
{
    const uint64_t words[] = {buddy_of(pfn, 0), pfn, INVALID_PFN, pfn + 2};
    return words[pfn / 2 % 4];
}

static uint64_t forged_pages(unsigned order)
{
    if (promises(PROMISE_METADATA_OUTSIDE))
        return 0;
    return order_pages(order) < FORGED_PAGES ? order_pages(order) : FORGED_PAGES;
}

static void forge(pfn_t pfn, unsigned order)
{
    for (uint64_t i = 0; i < forged_pages(order); i++)
        *(uint64_t *)pfn_to_address(pfn + i) = forged_word(pfn + i);
}

static void check_forged(pfn_t pfn, unsigned order)
{
    for (uint64_t i = 0; i < forged_pages(order); i++)
        CHECK_EQUAL(*(uint64_t *)pfn_to_address(pfn + i), forged_word(pfn + i));
}

/* ---- operations on allocator and model ---- */

static bool can_allocate(unsigned order)
{
    uint8_t *canonical = canonical_blocks();
    bool found = false;
    for (uint64_t i = 0; i < model.count; i++)
        found = found || canonical[i] > order;
    free(canonical);
    return found;
}

static void set_state(pfn_t pfn, uint64_t count, int state)
{
    memset(model.state + (pfn - model.start), state, count);
}

static pfn_t allocate(unsigned order)
{
    pfn_t pfn = allocator->allocate_pages(subject.pool, order);
    if (pfn == INVALID_PFN) {
        CHECK(!can_allocate(order));
        return pfn;
    }
    CHECK(pfn % order_pages(order) == 0);
    CHECK(block_is(pfn, order_pages(order), FREE));
    set_state(pfn, order_pages(order), HELD);
    model.order_plus_1[pfn - model.start] = (uint8_t)(order + 1);
    model.held_blocks++;
    forge(pfn, order);
    return pfn;
}

static void free_held(pfn_t pfn)
{
    unsigned order = model.order_plus_1[pfn - model.start] - 1u;
    check_forged(pfn, order);
    CHECK_EQUAL(allocator->free_pages(subject.pool, pfn, order), PAGE_OK);
    set_state(pfn, order_pages(order), FREE);
    model.order_plus_1[pfn - model.start] = 0;
    model.held_blocks--;
}

static enum page_error expected_insert(pfn_t start, uint64_t count)
{
    if (count == 0 || start < model.start || start > model.start + model.count ||
        count > model.count - (start - model.start))
        return PAGE_BAD_RANGE;
    return block_is(start, count, ABSENT) ? PAGE_OK : PAGE_ALREADY_IN;
}

static void insert(pfn_t start, uint64_t count)
{
    enum page_error expected = expected_insert(start, count);
    CHECK_EQUAL(allocator->insert_pages(subject.pool, start, count), expected);
    if (expected == PAGE_OK)
        set_state(start, count, FREE);
}

static void take_out(pfn_t start, uint64_t count)
{
    enum page_error expected = expected_insert(start, count);
    if (expected != PAGE_BAD_RANGE)
        expected = block_is(start, count, FREE) ? PAGE_OK : PAGE_BUSY;
    CHECK_EQUAL(allocator->remove_pages(subject.pool, start, count), expected);
    if (expected == PAGE_OK)
        set_state(start, count, ABSENT);
}

/* ---- bad frees ---- */

static enum page_error expected_free(pfn_t pfn, unsigned order)
{
    if (order > MAX_ORDER)
        return PAGE_BAD_ORDER;
    if (pfn < model.start || pfn >= model.start + model.count)
        return PAGE_BAD_RANGE;
    if (pfn % order_pages(order) != 0)
        return PAGE_MISALIGNED;
    if (model.order_plus_1[pfn - model.start] == 0)
        return PAGE_NOT_ALLOCATED;
    return model.order_plus_1[pfn - model.start] == order + 1 ? PAGE_OK : PAGE_WRONG_ORDER;
}

/*
 * The expected error if the allocator does not promise to refuse bad frees. PAGE_OK: do not try
 * this free.
 */
static enum page_error visible_error(pfn_t pfn, unsigned order, enum page_error error)
{
    if (error != PAGE_NOT_ALLOCATED && error != PAGE_WRONG_ORDER)
        return error;
    return block_is(pfn, order_pages(order), HELD) ? PAGE_OK : PAGE_NOT_ALLOCATED;
}

static void try_bad_free(pfn_t pfn, unsigned order)
{
    enum page_error expected = expected_free(pfn, order);
    if (!promises(PROMISE_REFUSES_BAD_FREE))
        expected = visible_error(pfn, order, expected);
    if (expected == PAGE_OK)
        return;
    CHECK_EQUAL(allocator->free_pages(subject.pool, pfn, order), expected);
}

static void bad_free_random(struct prng *prng)
{
    static const unsigned orders[] = {MAX_ORDER + 1, 31, 32, 63, 64, 65, 200, UINT32_MAX};
    pfn_t pfn = model.start + prng_below(prng, model.count);
    switch (prng_below(prng, 4)) {
    case 0:
        try_bad_free(pfn, orders[prng_below(prng, 8)]);
        break;
    case 1:
        try_bad_free(model.start + model.count + prng_below(prng, 3), 0);
        try_bad_free(model.start - 1 - prng_below(prng, 3), 0);
        try_bad_free(INVALID_PFN, 0);
        break;
    default:
        try_bad_free(pfn, (unsigned)prng_below(prng, MAX_ORDER + 1));
        try_bad_free(pfn, 0);
        break;
    }
}

/* ---- random runs ---- */

static pfn_t random_held(struct prng *prng)
{
    uint64_t i = prng_below(prng, model.count);
    while (model.order_plus_1[i] == 0)
        i = (i + 1) % model.count;
    return model.start + i;
}

/* Mostly small orders; now and then one that needs everything. */
static unsigned random_order(struct prng *prng)
{
    unsigned order = (unsigned)__builtin_ctzll(prng_next(prng) | UINT64_C(1) << MAX_ORDER);
    return prng_below(prng, 16) == 0 ? (unsigned)prng_below(prng, MAX_ORDER + 3) : order;
}

static void random_range(struct prng *prng, pfn_t *start, uint64_t *count)
{
    uint64_t longest = prng_below(prng, 3) == 0 ? model.count : 20;
    *start = model.start + prng_below(prng, model.count + 2) - 1;
    *count = prng_below(prng, longest + 2);
}

static void random_step(struct prng *prng, unsigned allocate_percent)
{
    pfn_t start;
    uint64_t count;
    uint64_t draw = prng_below(prng, 100);
    become_core((uint32_t)prng_below(prng, CORES));
    random_range(prng, &start, &count);
    if (draw < 4)
        insert(start, count);
    else if (draw < 8)
        take_out(start, count);
    else if (draw < 12)
        bad_free_random(prng);
    else if (model.held_blocks == 0 || prng_below(prng, 100) < allocate_percent)
        allocate(random_order(prng));
    else
        free_held(random_held(prng));
}

static void free_all(void)
{
    for (uint64_t i = 0; i < model.count; i++) {
        if (model.order_plus_1[i] != 0)
            free_held(model.start + i);
    }
    CHECK_EQUAL(model.held_blocks, 0);
}

static void random_run(uint64_t seed, pfn_t start, uint64_t count, int steps, int check_every)
{
    struct prng prng;
    prng_seed(&prng, seed, 0);
    start_pool(start, count);
    check_pool();
    insert(start + count / 8, count - count / 4);
    for (int step = 0; step < steps; step++) {
        random_step(&prng, step / 100 % 3 * 25 + 25);
        if (step % check_every == 0)
            check_pool();
        else if (count < 300)
            glance_at_pool();
    }
    free_all();
    check_pool();
    end_pool();
}

EACH_TEST(random_small)
{
    for (uint64_t seed = 0; seed < 200; seed++)
        random_run(seed, 1000 + seed * 7, 20 + seed, 1000, seed % 2 ? 1 : 20);
}

EACH_TEST(random_at_zero)
{
    random_run(100, 0, 64, 3000, 1);
}

EACH_TEST(random_large)
{
    uint64_t pages = 3 * order_pages(MAX_ORDER > 10 ? 12 : MAX_ORDER) + 77;
    for (uint64_t seed = 200; seed < 212; seed++)
        random_run(seed, (UINT64_C(1) << 32) - pages - seed, pages, 2000, 40);
}

/* ---- particular cases ---- */

/*
 * A range is inserted in two parts, at every split and alignment. The free blocks must always be
 * the same.
 */
EACH_TEST(insert_in_pieces)
{
    for (pfn_t start = 64; start < 72; start++) {
        for (uint64_t cut = 1; cut < 40; cut++) {
            for (int backwards = 0; backwards < 2; backwards++) {
                start_pool(60, 60);
                if (backwards)
                    insert(start + cut, 40 - cut);
                insert(start, cut);
                if (!backwards)
                    insert(start + cut, 40 - cut);
                check_pool();
                end_pool();
            }
        }
    }
}

EACH_TEST(insert_page_by_page)
{
    start_pool(0, 2 * order_pages(10) + 3);
    for (uint64_t i = 0; i < model.count;
         i++) /* scattered, because 7 and the count have no common factor */
        insert(i * 7 % model.count, 1);
    check_pool();
    for (uint64_t i = 0; i < model.count; i++)
        insert(i, 1); /* all are already in the pool */
    check_pool();
    end_pool();
}

/* Ranges of about the largest block's size. Then the largest block is handed out. */
EACH_TEST(largest_blocks)
{
    uint64_t largest = order_pages(MAX_ORDER);
    for (int around = -1; around <= 1; around++) {
        start_pool(largest - 1, 2 * largest + 2);
        insert(largest, largest + (uint64_t)(int64_t)around);
        check_pool();
        pfn_t pfn = allocate(MAX_ORDER);
        CHECK_EQUAL(pfn == largest, around >= 0);
        CHECK_EQUAL(allocate(MAX_ORDER), INVALID_PFN);
        CHECK_EQUAL(allocator->allocate_pages(subject.pool, MAX_ORDER + 1), INVALID_PFN);
        CHECK_EQUAL(allocator->allocate_pages(subject.pool, UINT32_MAX), INVALID_PFN);
        free_all();
        check_pool();
        take_out(largest + 5, 1); /* from the middle of it */
        check_pool();
        insert(largest + 5, 1);
        check_pool();
        end_pool();
    }
}

/* Two free blocks of MAX_ORDER side by side do not merge. */
EACH_TEST(no_merge_at_the_top)
{
    uint64_t largest = order_pages(MAX_ORDER);
    start_pool(0, 2 * largest);
    insert(0, 2 * largest);
    check_pool();
    pfn_t first = allocate(MAX_ORDER), second = allocate(MAX_ORDER);
    CHECK(first != second);
    free_held(first);
    free_held(second);
    check_pool();
    end_pool();
}

/* The smallest possible pool. Its one list is as long as the pool. */
EACH_TEST(pool_of_one_page)
{
    start_pool(5, 1);
    insert(5, 1);
    check_pool();
    CHECK_EQUAL(allocate(0), 5);
    check_pool();
    CHECK_EQUAL(allocate(0), INVALID_PFN);
    free_all();
    take_out(5, 1);
    check_pool();
    end_pool();
}

EACH_TEST(empty_pool)
{
    start_pool(5, 10);
    for (unsigned order = 0; order <= MAX_ORDER; order++)
        CHECK_EQUAL(allocate(order), INVALID_PFN);
    try_bad_free(6, 0);
    take_out(6, 1);
    check_pool();
    end_pool();
}

/*
 * Take all pages one by one and return them in another order. The free blocks must be as at first.
 */
EACH_TEST(exhaust_and_return)
{
    start_pool(3, 1000);
    insert(3, 1000);
    while (allocate(0) != INVALID_PFN)
        ;
    CHECK_EQUAL(model.held_blocks, 1000);
    check_pool();
    for (uint64_t i = 0; i < 1000; i++) {
        free_held(3 + i * 7 % 1000);
        if (i % 50 == 0)
            check_pool();
    }
    check_pool();
    end_pool();
}

EACH_TEST(double_free)
{
    start_pool(0, 8);
    insert(0, 8);
    pfn_t pfn = allocate(1);
    free_held(pfn);
    for (uint32_t core = 0; core < CORES; core++) {
        become_core(core);
        try_bad_free(pfn, 1);
        try_bad_free(pfn, 0);
        CHECK_EQUAL(allocator->free_pages(subject.pool, pfn, 1), PAGE_NOT_ALLOCATED);
    }
    check_pool(); /* it has merged upward, whatever it merged with */
    CHECK_EQUAL(allocator->free_pages(subject.pool, pfn, 1), PAGE_NOT_ALLOCATED);
    try_bad_free(pfn, 2);
    pfn = allocate(2);
    try_bad_free(pfn + 1, 0);
    try_bad_free(pfn + 1, 2);
    try_bad_free(pfn, 1);
    try_bad_free(pfn, 3);
    check_pool();
    end_pool();
}

/* Every function leaves the interrupt flag as it was, also if it fails or takes all locks. */
EACH_TEST(interrupt_flag_is_kept)
{
    char message[200];
    for (int on = 0; on < 2; on++) {
        start_pool(0, 64);
        if (!on)
            irq_disable();
        CHECK_EQUAL(allocator->insert_pages(subject.pool, 0, 16), PAGE_OK);
        CHECK_EQUAL(allocator->insert_pages(subject.pool, 8, 9), PAGE_ALREADY_IN);
        CHECK_EQUAL(irq_enabled(), on);
        pfn_t pfn = allocator->allocate_pages(subject.pool, 0);
        CHECK_EQUAL(irq_enabled(), on);
        CHECK_EQUAL(allocator->allocate_pages(subject.pool, 4), INVALID_PFN);
        CHECK_EQUAL(irq_enabled(), on);
        CHECK_EQUAL(allocator->remove_pages(subject.pool, 0, 16), PAGE_BUSY);
        CHECK_EQUAL(irq_enabled(), on);
        CHECK_EQUAL(allocator->free_pages(subject.pool, pfn, 0), PAGE_OK);
        CHECK_EQUAL(allocator->free_pages(subject.pool, pfn, 0), PAGE_NOT_ALLOCATED);
        CHECK_EQUAL(irq_enabled(), on);
        CHECK_EQUAL(allocator->free_page_count(subject.pool), 16);
        CHECK(allocator->validate(subject.pool, message, sizeof message));
        CHECK_EQUAL(irq_enabled(), on);
        subject_drain(subject);
        CHECK_EQUAL(irq_enabled(), on);
        CHECK_EQUAL(allocator->remove_pages(subject.pool, 0, 16), PAGE_OK);
        CHECK_EQUAL(irq_enabled(), on);
        irq_enable();
        end_pool();
    }
}

/* There is no state outside of pool and metadata, so two pools do not affect each other. */
EACH_TEST(two_pools)
{
    start_pool(0, 32);
    insert(0, 16);
    void *pool = aligned_alloc(64, (allocator->pool_size + 63) / 64 * 64);
    void *metadata = calloc(1, allocator->metadata_size(16, 32));
    memset(pool, 0, allocator->pool_size);
    allocator->init(pool, metadata, 16, 32);
    CHECK_EQUAL(allocator->insert_pages(pool, 20, 4), PAGE_OK);
    CHECK_EQUAL(allocator->allocate_pages(pool, 2), 20);
    check_pool();
    CHECK_EQUAL(allocator->free_page_count(pool), 0);
    free(pool);
    free(metadata);
    end_pool();
}

static bool stop_at_once(void *context, pfn_t pfn, unsigned order)
{
    (void)pfn;
    (void)order;
    ++*(unsigned *)context;
    return false;
}

EACH_TEST(walk_can_stop)
{
    unsigned visits = 0;
    start_pool(1, 30);
    insert(1, 30);
    allocator->for_each_free(subject.pool, stop_at_once, &visits);
    CHECK_EQUAL(visits, 1);
    end_pool();
}
