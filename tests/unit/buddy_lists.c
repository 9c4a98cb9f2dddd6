/* mm/buddy.c: its page array and counts are right, and validate() finds each kind of damage. */
#include "buddies.h"

#include <lib/prng.h>

static struct percpu percpu;
static struct subject subject;
static struct buddy_pool *pool;

static struct page *page_at(pfn_t pfn)
{
    return page_of(&pool->array, pfn);
}

static char message[200];

static bool is_sound(void)
{
    message[0] = '\0';
    bool sound = allocator->validate(pool, message, sizeof message);
    CHECK(sound == (message[0] == '\0'));
    return sound;
}

static bool count_visit(void *context, pfn_t pfn, unsigned order)
{
    (void)pfn;
    (void)order;
    CHECK(++*(uint64_t *)context <= 100); /* every walk here ends long before */
    return true;
}

static void start_empty(void)
{
    host_core_enter(0, &percpu);
    allocator = &buddy_allocator;
    subject = subject_start(0, 8);
    pool = subject.pool;
}

static void start_pool_of_8(void)
{
    start_empty();
    CHECK_EQUAL(allocator->insert_pages(pool, 0, 8), PAGE_OK);
}

/* List 0 has three single free pages: 1, 3 and 5. */
static void start_damaged(void)
{
    start_empty();
    for (pfn_t pfn = 1; pfn <= 5; pfn += 2)
        CHECK_EQUAL(allocator->insert_pages(pool, pfn, 1), PAGE_OK);
    CHECK(is_sound());
}

TEST(validate_finds_damage)
{
    static const char *const found[] = {
        "pfn 0x3 in list 0: state 2 order 0 prev 0x5 for 0x5",
        "pfn 0x3 in list 0: state 1 order 1 prev 0x5 for 0x5",
        "pfn 0x3 in list 0: state 1 order 0 prev 0x7 for 0x5",
        "pfn 0x5 in list 0: state 1 order 0 prev 0xffffffff for 0x1",
        "order 0: list of 3 has link 0x3e8 as number 2",
        "order 0: list of 2, counted 3",
        "order 0: list of 3, counted 4",
        "3 pages in the lists, counted 2",
        "order 0: list of 0, counted 3",
        "order 0: list of 3 has link 0x8 as number 2",
    };

    for (int damage = 0; damage < 10; damage++) {
        uint64_t visits = 0;
        start_damaged();
        switch (damage) {
        case 0:
            page_at(3)->state = PAGE_HELD_HEAD;
            break;
        case 1:
            page_at(3)->order = 1;
            break;
        case 2:
            page_at(3)->prev = 7;
            break;
        case 3:
            page_at(1)->next = 5; /* a cycle */
            break;
        case 4:
            page_at(3)->next = 1000; /* wild */
            break;
        case 5:
            page_at(3)->next = PAGE_LINK_NONE;
            break;
        case 6:
            pool->count[0]++;
            break;
        case 7:
            pool->free_pages--;
            break;
        case 8:
            pool->list[0] = PAGE_LINK_NONE;
            break;
        case 9:
            page_at(3)->next = 8; /* one page beyond the end */
            break;
        }
        CHECK(!is_sound());
        CHECK_TEXT(message, found[damage]);
        allocator->for_each_free(pool, count_visit, &visits); /* the walk still ends */
        CHECK(damage == 9 ? visits == 2 : visits <= 8);
        subject_end(subject);
    }
}

/* A free block of 8 pages, in which one of its former halves still begins. */
TEST(validate_looks_inside)
{
    for (pfn_t inside = 1; inside <= 4; inside *= 2) {
        start_pool_of_8();
        CHECK(is_sound());
        page_at(inside)->state = PAGE_FREE_HEAD;
        CHECK(!is_sound());
        CHECK_PART(message, "pfn 0x0 order 3 is free, but");
        subject_end(subject);
    }
}

/* ---- the page array, as mm/buddy.h describes it ---- */

enum { START = 40, PAGES = 96, IN_START = 43, IN_PAGES = 80, BLOCKS = 12 };

static struct block {
    pfn_t pfn;
    unsigned order;
} held[BLOCKS];
static unsigned held_count;
static uint16_t expected[PAGES];

static void expect_block(pfn_t pfn, unsigned order, enum page_state state)
{
    for (uint64_t i = 0; i < order_pages(order); i++)
        expected[pfn - START + i] = PAGE_TAG(PAGE_TAIL, 0);
    expected[pfn - START] = PAGE_TAG(state, order);
}

static bool expect_free(void *context, pfn_t pfn, unsigned order)
{
    (void)context;
    expect_block(pfn, order, PAGE_FREE_HEAD);
    return true;
}

static void check_array(void)
{
    CHECK(is_sound());
    memset(expected, 0, sizeof expected); /* PAGE_ABSENT */
    allocator->for_each_free(pool, expect_free, NULL);
    for (unsigned i = 0; i < held_count; i++)
        expect_block(held[i].pfn, held[i].order, PAGE_HELD_HEAD);
    for (pfn_t pfn = START; pfn < START + PAGES; pfn++)
        CHECK_EQUAL(page_at(pfn)->tag, expected[pfn - START]);
}

static void start_at(pfn_t start, uint64_t count)
{
    host_core_enter(0, &percpu);
    allocator = &buddy_allocator;
    subject = subject_start(start, count);
    pool = subject.pool;
    held_count = 0;
}

static void take(unsigned order)
{
    pfn_t pfn = allocator->allocate_pages(pool, order);
    if (pfn != INVALID_PFN)
        held[held_count++] = (struct block){pfn, order};
}

static void give_back(unsigned i)
{
    CHECK_EQUAL(allocator->free_pages(pool, held[i].pfn, held[i].order), PAGE_OK);
    held[i] = held[--held_count];
}

TEST(array_says_what_each_page_is)
{
    struct prng prng;
    prng_seed(&prng, 31, 0);
    start_at(START, PAGES);
    check_array();
    CHECK_EQUAL(allocator->insert_pages(pool, IN_START, IN_PAGES), PAGE_OK);
    check_array();
    for (int turn = 0; turn < 3000; turn++) {
        pfn_t start = IN_START + prng_below(&prng, IN_PAGES);
        uint64_t count = 1 + prng_below(&prng, IN_START + IN_PAGES - start);
        if (held_count < BLOCKS && prng_below(&prng, 2))
            take((unsigned)prng_below(&prng, 5));
        else if (held_count)
            give_back((unsigned)prng_below(&prng, held_count));
        check_array();
        if (allocator->remove_pages(pool, start, count) == PAGE_OK) {
            check_array();
            CHECK_EQUAL(allocator->insert_pages(pool, start, count), PAGE_OK);
        }
        check_array();
    }
    subject_end(subject);
}

/* A link is an index from the pool's first page. An index beyond the last page is damage. */
TEST(a_link_beyond_the_array_is_found)
{
    uint64_t visits = 0;
    start_at(START, PAGES);
    CHECK_EQUAL(allocator->insert_pages(pool, START, 1), PAGE_OK);
    page_at(START)->next = PAGES + 3;
    CHECK(!is_sound());
    CHECK_TEXT(message, "order 0: list of 1 has link 0x63 as number 1");
    allocator->for_each_free(pool, count_visit, &visits);
    CHECK_EQUAL(visits, 1);
    subject_end(subject);
}

/* The pool ends within a listed block. The memory behind the array looks like tails. */
TEST(a_block_beyond_the_end_is_found)
{
    start_at(START, 2);
    CHECK_EQUAL(allocator->insert_pages(pool, START, 2), PAGE_OK);
    CHECK(is_sound());
    pool->array.end = START + 1;
    CHECK(!is_sound());
    CHECK_TEXT(message, "pfn 0x28 order 1 is free, but 0x29 inside is no tail");
    subject_end(subject);
}

/* ---- counts ---- */

static void check_counts(uint64_t inserted, const uint64_t *splits, const uint64_t *merges)
{
    CHECK_EQUAL(pool->inserted_pages, inserted);
    for (unsigned order = 0; order <= MAX_ORDER; order++) {
        CHECK_EQUAL(pool->splits[order], order < 4 ? splits[order] : 0);
        CHECK_EQUAL(pool->merges[order], order < 4 ? merges[order] : 0);
    }
}

TEST(pages_splits_and_merges_are_counted)
{
    static const uint64_t none[4];
    start_at(0, 32);
    CHECK_TEXT(pool->lock.name, "buddy");
    CHECK_EQUAL(allocator->metadata_size(40, 72), 32 * sizeof(struct page));
    check_counts(0, none, none);
    CHECK_EQUAL(allocator->insert_pages(pool, 0, 8), PAGE_OK);
    CHECK_EQUAL(allocator->insert_pages(pool, 16, 3), PAGE_OK);
    check_counts(11, none, none);
    CHECK_EQUAL(allocator->insert_pages(pool, 4, 13), PAGE_ALREADY_IN);
    CHECK_EQUAL(allocator->remove_pages(pool, 7, 2), PAGE_BUSY);
    check_counts(11, none, none);
    pfn_t pfn = allocator->allocate_pages(pool, 2);
    check_counts(11, (uint64_t[]){0, 0, 0, 1}, none);
    CHECK_EQUAL(allocator->free_pages(pool, pfn, 2), PAGE_OK);
    check_counts(11, (uint64_t[]){0, 0, 0, 1}, (uint64_t[]){0, 0, 0, 1});
    CHECK_EQUAL(allocator->remove_pages(pool, 18, 1), PAGE_OK);
    check_counts(10, (uint64_t[]){0, 0, 0, 1}, (uint64_t[]){0, 0, 0, 1});
    pfn = allocator->allocate_pages(pool, 0); /* one of pages 16 and 17 */
    CHECK_EQUAL(allocator->free_pages(pool, pfn, 0), PAGE_OK);
    check_counts(10, (uint64_t[]){0, 1, 0, 1}, (uint64_t[]){0, 1, 0, 1});
    subject_end(subject);
}
