/* mm/buddy.c: validate() finds each kind of damage to its lists; what is counted. */
#include "buddies.h"

static struct percpu percpu;
static struct subject subject;
static struct buddy_pool *pool;

static struct page *page_at(pfn_t pfn)
{
    return page_of(&pool->array, pfn);
}

static bool is_sound(void)
{
    char message[200] = "";
    bool sound = allocator->validate(pool, message, sizeof message);
    CHECK(sound == (message[0] == '\0'));
    return sound;
}

static bool count_visit(void *context, pfn_t pfn, unsigned order)
{
    (void)pfn;
    (void)order;
    ++*(uint64_t *)context;
    return true;
}

static void start_empty(void)
{
    host_cpu_enter(0, &percpu);
    allocator = &buddy_allocator;
    subject = subject_start(0, 8);
    pool = subject.pool;
}

static void start_pool_of_8(void)
{
    start_empty();
    CHECK_EQUAL(allocator->insert_pages(pool, 0, 8), PAGE_OK);
}

/* Three single free pages, 1, 3 and 5, in list 0. */
static void start_damaged(void)
{
    start_empty();
    for (pfn_t pfn = 1; pfn <= 5; pfn += 2)
        CHECK_EQUAL(allocator->insert_pages(pool, pfn, 1), PAGE_OK);
    CHECK(is_sound());
}

TEST(validate_finds_damage)
{
    for (int damage = 0; damage < 9; damage++) {
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
        }
        CHECK(!is_sound());
        allocator->for_each_free(pool, count_visit, &visits); /* bounded all the same */
        CHECK(visits <= 8);
        subject_end(subject);
    }
}

/* A free block of 8 pages in which one of its former halves still begins. */
TEST(validate_looks_inside)
{
    for (pfn_t inside = 1; inside <= 4; inside *= 2) {
        start_pool_of_8();
        CHECK(is_sound());
        page_at(inside)->state = PAGE_FREE_HEAD;
        CHECK(!is_sound());
        subject_end(subject);
    }
}

/* Each split and merge counts for the larger order, each page for as long as it is in. */
TEST(what_is_counted)
{
    start_pool_of_8();
    CHECK_EQUAL(pool->inserted_pages, 8);
    pfn_t pfn = allocator->allocate_pages(pool, 1);
    for (unsigned order = 0; order <= 4; order++)
        CHECK_EQUAL(pool->splits[order], order == 2 || order == 3);
    CHECK_EQUAL(allocator->free_pages(pool, pfn, 1), PAGE_OK);
    for (unsigned order = 0; order <= 4; order++)
        CHECK_EQUAL(pool->merges[order], order == 2 || order == 3);
    CHECK_EQUAL(allocator->remove_pages(pool, 2, 3), PAGE_OK);
    CHECK_EQUAL(pool->inserted_pages, 5);
    CHECK_EQUAL(allocator->insert_pages(pool, 2, 1), PAGE_OK);
    CHECK_EQUAL(pool->inserted_pages, 6);
    CHECK_EQUAL(allocator->insert_pages(pool, 0, 8), PAGE_ALREADY_IN);
    CHECK_EQUAL(allocator->remove_pages(pool, 0, 8), PAGE_BUSY);
    CHECK_EQUAL(pool->inserted_pages, 6);
    subject_end(subject);
}
