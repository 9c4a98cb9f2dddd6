/* mm/buddy_scan.c: how it treats overwritten links and bad frees. */
#include "buddies.h"

enum { START = 64, COUNT = 64 };

static struct percpu percpu;
static struct subject subject;
static struct buddy_scan_pool *pool;

static void start_pool(void)
{
    memset(&percpu, 0, sizeof percpu);
    host_core_enter(0, &percpu);
    allocator = &buddy_scan_allocator;
    subject = subject_start(START, COUNT);
    pool = subject.pool;
}

static void insert(pfn_t start, uint64_t count)
{
    CHECK_EQUAL(allocator->insert_pages(pool, start, count), PAGE_OK);
}

static pfn_t *link_at(pfn_t pfn)
{
    return pfn_to_address(pfn);
}

/* List 0 has pages 65, 67 and 69. List 1 has pages 72 and 73. */
static void start_lists(void)
{
    start_pool();
    insert(69, 1);
    insert(65, 1);
    insert(67, 1);
    insert(72, 2);
    subject_check_sound(subject);
}

TEST(lists_rise)
{
    start_lists();
    CHECK_TEXT(pool->lock.name, "buddy-scan");
    CHECK_EQUAL(pool->free_list[0], 65);
    CHECK_EQUAL(*link_at(65), 67);
    CHECK_EQUAL(*link_at(67), 69);
    CHECK_EQUAL(*link_at(69), INVALID_PFN);
    CHECK_EQUAL(pool->free_list[1], 72);
    CHECK_EQUAL(*link_at(72), INVALID_PFN);
    subject_end(subject);
}

/* The lowest block comes first, so that held blocks are packed. */
TEST(lowest_first)
{
    start_lists();
    for (pfn_t pfn = 65; pfn <= 69; pfn += 2)
        CHECK_EQUAL(allocator->allocate_pages(pool, 0), pfn);
    CHECK_EQUAL(allocator->allocate_pages(pool, 0), 72);
    CHECK_EQUAL(allocator->allocate_pages(pool, 0), 73);
    CHECK_EQUAL(allocator->allocate_pages(pool, 0), INVALID_PFN);
    subject_end(subject);
}

/* ---- visibly bad frees ---- */

static void refuse(pfn_t pfn, unsigned order)
{
    CHECK_EQUAL(allocator->free_pages(pool, pfn, order), PAGE_NOT_ALLOCATED);
    subject_check_sound(subject);
}

TEST(refuses_what_it_can_see)
{
    start_pool();
    insert(64, 16);
    insert(112, 16);
    CHECK_EQUAL(allocator->allocate_pages(pool, 2),
                64); /* still free: 68 (order 2), 72 (3), 112 (4) */
    refuse(68, 2);
    refuse(72, 3);
    refuse(76, 2);  /* within a larger free block */
    refuse(79, 0);  /* its last page */
    refuse(64, 3);  /* half of it is free */
    refuse(64, 4);  /* a part of it is free, in two blocks */
    refuse(80, 0);  /* never inserted */
    refuse(64, 5);  /* a part of it was never inserted */
    refuse(127, 0); /* the last page */
    CHECK_EQUAL(allocator->allocate_pages(pool, 2), 68);
    CHECK_EQUAL(allocator->allocate_pages(pool, 3), 72);
    refuse(64, 5); /* half of it was never inserted, no page is free */
    CHECK_EQUAL(allocator->free_pages(pool, 68, 2), PAGE_OK);
    CHECK_EQUAL(allocator->free_pages(pool, 72, 3), PAGE_OK);
    CHECK_EQUAL(allocator->free_pages(pool, 128, 0), PAGE_BAD_RANGE);
    CHECK_EQUAL(allocator->free_pages(pool, 66, 2), PAGE_MISALIGNED);
    CHECK_EQUAL(allocator->free_pages(pool, 64, 2), PAGE_OK);
    refuse(64, 2); /* merged upward */
    CHECK_EQUAL(allocator->remove_pages(pool, 64, 16), PAGE_OK);
    refuse(64, 2); /* removed */
    subject_end(subject);
}

/* ---- damage ---- */

static bool count_visit(void *context, pfn_t pfn, unsigned order)
{
    CHECK(pfn >= START && pfn < START + COUNT && order <= 1);
    ++*(uint64_t *)context;
    return true;
}

/* Values that overwrite the link of free page 65, which led to 67. */
static const pfn_t wild_links[] = {0, 63, 65, 64, 128, UINT64_C(1) << 52, INVALID_PFN - 1};

TEST(wild_links_are_found)
{
    for (unsigned i = 0; i < sizeof wild_links / sizeof wild_links[0]; i++) {
        char message[200] = "";
        uint64_t visits = 0;
        start_lists();
        *link_at(65) = wild_links[i];
        CHECK(!allocator->validate(pool, message, sizeof message));
        CHECK_PART(message, "in list 0: ");
        allocator->for_each_free(pool, count_visit, &visits);
        CHECK_EQUAL(visits, 2); /* 65, and 72 of list 1 */
        subject_end(subject);
    }
}

/*
 * A free of page 71 walks list 0 to its end. A link to a higher page only ends the walk and is not
 * followed.
 */
TEST(wild_links_are_not_followed)
{
    for (unsigned i = 0; i < sizeof wild_links / sizeof wild_links[0]; i++) {
        start_lists();
        *link_at(65) = wild_links[i];
        if (wild_links[i] < 71) {
            CHECK_FAILS(RULE_FREE_LIST, "is linked behind 0x41",
                        allocator->insert_pages(pool, 71, 1));
        } else {
            CHECK_EQUAL(allocator->allocate_pages(pool, 0), 65);
            host_core_enter(0, &percpu);
            CHECK_FAILS(RULE_FREE_LIST, "is linked behind 0xffff",
                        allocator->allocate_pages(pool, 0));
        }
        subject_end(subject);
    }
}

TEST(validate_finds_damage)
{
    static const char *const found[] = {
        "order 1: list of 1, counted 2",
        "order 0: list of 3, counted 2",
        "5 pages in the lists, counted 6",
        "order 0: list of 0, counted 3",
        "order 0: list of 2, counted 3",
        "pfn 0x49 in list 0: in another free block, or the list does not rise",
        "pfn 0x50 in list 0: not inserted",
        "pfn 0x47 in list 1: out of range or misaligned",
    };

    for (int damage = 0; damage < 8; damage++) {
        char message[200] = "";
        start_lists();
        switch (damage) {
        case 0:
            pool->count[1]++;
            break;
        case 1:
            pool->count[0]--;
            break;
        case 2:
            pool->free_pages++;
            break;
        case 3:
            pool->free_list[0] = INVALID_PFN;
            break;
        case 4:
            *link_at(65) = 69; /* leaves one block out */
            break;
        case 5:
            *link_at(69) = 73; /* within the block at 72 */
            break;
        case 6:
            *link_at(69) = 80; /* never inserted */
            break;
        case 7:
            pool->free_list[1] = 71; /* misaligned */
            break;
        }
        CHECK(!allocator->validate(pool, message, sizeof message));
        CHECK_TEXT(message, found[damage]);
        subject_end(subject);
    }
}

/* The head of a list can be damaged like any link. */
TEST(head_below_the_pool)
{
    char message[200] = "";
    uint64_t visits = 0;
    start_lists();
    pool->free_list[0] = START - 1;
    CHECK(!allocator->validate(pool, message, sizeof message));
    CHECK_TEXT(message, "pfn 0x3f in list 0: out of range or misaligned");
    allocator->for_each_free(pool, count_visit, &visits);
    CHECK_EQUAL(visits, 1);
    CHECK_FAILS(RULE_FREE_LIST, "order 0: pfn 0x3f is linked", allocator->allocate_pages(pool, 0));
    subject_end(subject);
}

/* A block that begins in the pool and is aligned, but ends beyond the pool. */
TEST(block_beyond_the_end)
{
    char message[200] = "";
    start_pool();
    subject_end(subject);
    subject = subject_start(START, COUNT - 2);
    pool = subject.pool;
    insert(START, 4);
    *link_at(START) = START + COUNT - 4;
    CHECK(!allocator->validate(pool, message, sizeof message));
    CHECK_TEXT(message, "pfn 0x7c in list 2: out of range or misaligned");
    subject_end(subject);
}

/* The lower block is freed last. It finds the upper one where a buddy would be. */
TEST(largest_do_not_merge_from_below)
{
    uint64_t largest = order_pages(MAX_ORDER);
    start_pool();
    subject_end(subject);
    subject = subject_start(0, 2 * largest);
    pool = subject.pool;
    insert(0, 2 * largest);
    CHECK_EQUAL(allocator->allocate_pages(pool, MAX_ORDER), 0);
    CHECK_EQUAL(allocator->allocate_pages(pool, MAX_ORDER), largest);
    CHECK_EQUAL(allocator->free_pages(pool, largest, MAX_ORDER), PAGE_OK);
    CHECK_EQUAL(allocator->free_pages(pool, 0, MAX_ORDER), PAGE_OK);
    CHECK_EQUAL(pool->count[MAX_ORDER], 2);
    subject_check_sound(subject);
    subject_end(subject);
}

/* Everything is handed out, and a free goes beyond the end. No bit stands for the pages there. */
TEST(free_beyond_the_end)
{
    start_pool();
    subject_end(subject);
    subject = subject_start(128, 64);
    pool = subject.pool;
    insert(128, 64);
    CHECK_EQUAL(allocator->allocate_pages(pool, 6), 128);
    refuse(128, 7);
    subject_end(subject);
}
