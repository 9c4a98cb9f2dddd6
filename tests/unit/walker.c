/* mm/walker.c: each kind of damage to free blocks is found and reported by its rule. */
#include "buddies.h"

#include <lib/bitmap.h>
#include <lib/prng.h>
#include <mm/walker.h>

enum { START = 96, COUNT = 200, END = START + COUNT, MAX_BLOCKS = 64 };

/* An allocator that shows the free blocks that it is told to show. */
struct fake {
    struct {
        pfn_t pfn;
        unsigned order;
    } blocks[MAX_BLOCKS];
    unsigned count;
    uint64_t free_pages;
    bool unsound;
};

static void fake_for_each_free(void *pool, page_visit_free *visit, void *context)
{
    const struct fake *fake = pool;
    for (unsigned i = 0; i < fake->count; i++) {
        if (!visit(context, fake->blocks[i].pfn, fake->blocks[i].order))
            return;
    }
}

static uint64_t fake_free_page_count(void *pool)
{
    return ((const struct fake *)pool)->free_pages;
}

static bool fake_validate(void *pool, char *message, size_t size)
{
    if (!((const struct fake *)pool)->unsound)
        return true;
    strncpy(message, "so it says", size);
    return false;
}

static struct page_allocator shows = {
    .for_each_free = fake_for_each_free,
    .free_page_count = fake_free_page_count,
    .validate = fake_validate,
};

static struct fake fake;
static struct walk walk;
static struct walk_finding finding;
static uint64_t inserted[BITMAP_WORDS(COUNT)], held[BITMAP_WORDS(COUNT)],
    free_map[BITMAP_WORDS(COUNT)];
static uint8_t free_order[COUNT], baseline[COUNT];

static void start_walk(void)
{
    memset(inserted, 0, sizeof inserted);
    memset(held, 0, sizeof held);
    memset(free_order, 0, sizeof free_order);
    memset(free_map, 0xff, sizeof free_map); /* as an earlier walk may have left it */
    memset(&fake, 0, sizeof fake);
    shows.promises = PROMISE_COALESCES;
    walk = (struct walk){.start = START,
                         .end = END,
                         .inserted = inserted,
                         .held = held,
                         .free = free_map,
                         .free_order = free_order,
                         .baseline = baseline};
}

static void show(pfn_t pfn, unsigned order)
{
    fake.blocks[fake.count].pfn = pfn;
    fake.blocks[fake.count++].order = order;
    fake.free_pages += order_pages(order);
}

static void set(uint64_t *map, pfn_t pfn, uint64_t count)
{
    bitmap_set_range(map, pfn - START, count);
}

/*
 * Pages 96 to 127 are inserted. Free: 96 (order 3), 104 (2), 112 (0) and 124 (2). The rest is held.
 */
static void start_good(void)
{
    start_walk();
    set(inserted, 96, 32);
    show(96, 3);
    show(104, 2);
    show(112, 0);
    show(124, 2);
    set(held, 108, 4);
    set(held, 113, 11);
}

static void check_scratch_clean(void)
{
    for (unsigned i = 0; i < COUNT; i++)
        CHECK_EQUAL(free_order[i], 0);
}

static void check_good(void)
{
    CHECK(walk_check(&walk, &shows, &fake, &finding));
    CHECK_EQUAL(finding.rule, RULE_NONE);
    check_scratch_clean();
}

static void check_bad(enum rule rule, const char *text)
{
    CHECK(!walk_check(&walk, &shows, &fake, &finding));
    CHECK_TEXT(rule_name(finding.rule), rule_name(rule));
    CHECK_PART(finding.message, text);
    check_scratch_clean();
}

TEST(good)
{
    start_good();
    check_good();
    CHECK_EQUAL(finding.free_blocks, 4);
    CHECK_EQUAL(finding.free_pages, 17);
    start_walk();
    check_good();
}

TEST(last_pages)
{
    start_walk();
    set(inserted, END - 8, 8);
    show(END - 8, 3);
    check_good();
    set(inserted, START, 1);
    set(held, START, 1);
    check_good();
}

TEST(outside)
{
    static const pfn_t pfns[] = {0, START - 1, END, INVALID_PFN, UINT64_C(1) << 63};
    for (unsigned i = 0; i < sizeof pfns / sizeof pfns[0]; i++) {
        start_good();
        show(pfns[i], 0);
        check_bad(RULE_FREE_LIST, "outside of the pool");
    }
    start_good();
    show(END - 8,
         4); /* begins inside the pool, ends beyond it; aligned, as 288 is a multiple of 16 */
    check_bad(RULE_FREE_LIST, "outside of the pool");
    start_good();
    show(128, MAX_ORDER + 1);
    check_bad(RULE_FREE_LIST, "the largest order is");
    start_good();
    fake.blocks[0].order = 70;
    check_bad(RULE_FREE_LIST, "the largest order is");
}

TEST(wrong_blocks)
{
    start_good();
    fake.blocks[1].pfn = 106;
    check_bad(RULE_FREE_LIST, "pfn 0x6a order 2: misaligned");
    start_good();
    show(128, 0);
    check_bad(RULE_FREE_LIST, "never inserted");
    start_good();
    fake.blocks[3].order = 3; /* a part of this block is held */
    fake.blocks[3].pfn = 120;
    check_bad(RULE_FREE_LIST, "is held");
    start_good();
    show(100, 1);
    check_bad(RULE_FREE_LIST, "in two free blocks");
    start_good();
    show(96, 3);
    check_bad(RULE_FREE_LIST, "in two free blocks");
}

TEST(lost)
{
    start_good();
    bitmap_clear_range(held, 113 - START, 1);
    check_bad(RULE_LOST, "pfn 0x71: neither free nor held");
    start_good();
    set(inserted, END - 1, 1);
    check_bad(RULE_LOST, "neither free nor held");
    start_good();
    fake.count--;
    check_bad(RULE_LOST, "pfn 0x7c: neither free nor held");
}

TEST(uncoalesced)
{
    start_good();
    fake.blocks[0].order = 2;
    show(100, 2);
    fake.free_pages -= 8;
    check_bad(RULE_UNCOALESCED, "pfn 0x60 and 0x64 order 2");
    shows.promises = 0;
    fake.free_pages = 17;
    check_good();
}

/* Two free blocks of MAX_ORDER side by side are right. */
TEST(largest_are_not_merged)
{
    uint64_t largest = order_pages(MAX_ORDER), words = BITMAP_WORDS(2 * largest);
    struct walk large = {.start = 2 * largest, .end = 4 * largest};
    uint64_t *all = calloc(words, 8), *none = calloc(words, 8);
    start_walk();
    large.inserted = all;
    large.held = none;
    large.free = calloc(words, 8);
    large.free_order = calloc(2 * largest, 1);
    bitmap_set_range(all, 0, 2 * largest);
    show(2 * largest, MAX_ORDER);
    show(3 * largest, MAX_ORDER);
    CHECK(walk_check(&large, &shows, &fake, &finding));
    CHECK_EQUAL(finding.free_pages, 2 * largest);
    free(all);
    free(none);
    free(large.free);
    free(large.free_order);
}

TEST(counts)
{
    start_good();
    fake.free_pages++;
    check_bad(RULE_FREE_LIST, "17 pages in free blocks, counted 18");
    shows.free_page_count = NULL;
    check_good();
    shows.free_page_count = fake_free_page_count;
}

TEST(own_validate)
{
    start_good();
    fake.unsound = true;
    check_bad(RULE_FREE_LIST, "so it says");
    shows.validate = NULL;
    check_good();
    shows.validate = fake_validate;
}

static bool compare(void)
{
    return walk_compare(&walk, &shows, &fake, &finding);
}

TEST(residue)
{
    start_good();
    walk_remember(&walk, &shows, &fake);
    CHECK(compare());
    fake.blocks[0].pfn = 112; /* the same set in another order */
    fake.blocks[0].order = 0;
    fake.blocks[2].pfn = 96;
    fake.blocks[2].order = 3;
    CHECK(compare());
    fake.blocks[0].order = 1;
    CHECK(!compare());
    CHECK_EQUAL(finding.rule, RULE_RESIDUE);
    CHECK_TEXT(finding.message, "pfn 0x70: free at order 1, at the start at order 0");
    fake.blocks[0].order = 0;
    fake.blocks[0].pfn = 113;
    CHECK(!compare());
    CHECK_PART(finding.message, "at the start none did");
    fake.blocks[0].pfn = 112;
    fake.count = 3;
    CHECK(!compare());
    CHECK_TEXT(finding.message, "3 free blocks, at the start 4");
    fake.count = 4;
    CHECK(compare());
}

static bool walks_well(struct subject subject)
{
    subject_drain(subject);
    return walk_check(&walk, allocator, subject.pool, &finding);
}

/*
 * Each built-in allocator under random use. The walk finds nothing at any step, and it finds each
 * page that is stolen.
 */
EACH_TEST(with_allocator)
{
    static struct percpu percpu;
    struct subject subject = subject_start(START, COUNT);
    void *pool = subject.pool;
    struct prng prng;
    prng_seed(&prng, 15, 0);
    host_core_enter(0, &percpu);
    start_walk();
    CHECK_EQUAL(allocator->insert_pages(pool, START + 3, COUNT - 10), PAGE_OK);
    set(inserted, START + 3, COUNT - 10);
    walk_remember(&walk, allocator, pool);
    for (int turn = 0; turn < 300; turn++) {
        struct {
            pfn_t pfn;
            unsigned order;
        } blocks[40];
        unsigned count = 0;
        for (; count < 40; count++) {
            unsigned order = (unsigned)prng_below(&prng, 5);
            pfn_t pfn = allocator->allocate_pages(pool, order);
            if (pfn == INVALID_PFN)
                break;
            blocks[count].pfn = pfn;
            blocks[count].order = order;
            CHECK(!walks_well(subject)); /* the walk does not yet know it as held */
            CHECK_EQUAL(finding.rule, RULE_LOST);
            set(held, pfn, order_pages(order));
            CHECK(walks_well(subject));
        }
        while (count-- > 0) {
            CHECK_EQUAL(allocator->free_pages(pool, blocks[count].pfn, blocks[count].order),
                        PAGE_OK);
            CHECK(!walks_well(subject)); /* the walk still takes it for held */
            CHECK_EQUAL(finding.rule, RULE_FREE_LIST);
            bitmap_clear_range(held, blocks[count].pfn - START, order_pages(blocks[count].order));
        }
        CHECK(walks_well(subject));
        CHECK(walk_compare(&walk, allocator, pool, &finding));
    }
    subject_end(subject);
}
