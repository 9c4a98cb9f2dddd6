#include <mm/page_allocator.h>
#include <string.h>
#include <tests/unit/unit.h>

static const struct page_allocator one = {.name = "one"};
static const struct page_allocator another = {.name = "an-other"};
PAGE_ALLOCATOR(one);
PAGE_ALLOCATOR(another);

TEST(find)
{
    CHECK(page_allocator_find("one") == &one);
    CHECK(page_allocator_find("an-other") == &another);
    CHECK(page_allocator_find("") == NULL);
    CHECK(page_allocator_find("on") == NULL);
    CHECK(page_allocator_find("ones") == NULL);
}

TEST(error_names)
{
    CHECK_TEXT(page_error_name(PAGE_OK), "ok");
    CHECK_TEXT(page_error_name(PAGE_NOT_ALLOCATED), "not-allocated");
    CHECK_TEXT(page_error_name(PAGE_BUSY), "busy");
    CHECK_TEXT(page_error_name((enum page_error)(PAGE_BUSY + 1)), "unknown");
    CHECK_TEXT(page_error_name((enum page_error) - 1), "unknown");
    for (int left = PAGE_OK; left <= PAGE_BUSY; left++) {
        for (int right = PAGE_OK; right < left; right++)
            CHECK(strcmp(page_error_name(left), page_error_name(right)) != 0);
    }
}

TEST(buddies)
{
    CHECK_EQUAL(buddy_of(0, 0), 1);
    CHECK_EQUAL(buddy_of(6, 1), 4);
    CHECK_EQUAL(buddy_of(UINT64_C(1) << 40, MAX_ORDER),
                (UINT64_C(1) << 40) + order_pages(MAX_ORDER));
}

/* ---- checks of the struct itself ---- */

static void init(void *pool, void *metadata, pfn_t start, pfn_t end)
{
    (void)pool, (void)metadata, (void)start, (void)end;
}

static enum page_error range(void *pool, pfn_t start, uint64_t count)
{
    (void)pool, (void)start, (void)count;
    return PAGE_OK;
}

static pfn_t allocate(void *pool, unsigned order)
{
    (void)pool, (void)order;
    return INVALID_PFN;
}

static enum page_error give_back(void *pool, pfn_t pfn, unsigned order)
{
    (void)pool, (void)pfn, (void)order;
    return PAGE_OK;
}

static void *allocate_address(void *pool, unsigned order)
{
    (void)pool, (void)order;
    return NULL;
}

static pfn_t on_node(void *pool, unsigned order, unsigned node)
{
    (void)pool, (void)order, (void)node;
    return INVALID_PFN;
}

static struct page_allocator good(void)
{
    return (struct page_allocator){.name = "mine",
                                   .init = init,
                                   .insert_pages = range,
                                   .allocate_pages = allocate,
                                   .free_pages = give_back};
}

static void check_refused(const struct page_allocator *allocator, const char *part)
{
    char message[200] = "";

    CHECK(!page_allocator_check(allocator, message, sizeof message));
    CHECK_PART(message, part);
    CHECK_PART(message, "allocator \"");
}

TEST(a_sound_struct_is_taken)
{
    struct page_allocator mine = good();
    char message[200];

    CHECK(page_allocator_check(&mine, message, sizeof message));
    mine.insert_pages = NULL; /* one region, at init */
    mine.orders = ORDERS_UP_TO(0);
    mine.range_alignment = 512;
    CHECK(page_allocator_check(&mine, message, sizeof message));
    CHECK_EQUAL(page_allocator_largest(&mine), 0);
    mine.orders = 0;
    CHECK_EQUAL(page_allocator_largest(&mine), MAX_ORDER);
}

#define REFUSED(part, ...)                   \
    do {                                     \
        struct page_allocator mine = good(); \
        __VA_ARGS__;                         \
        check_refused(&mine, part);          \
    } while (0)

TEST(what_a_struct_lacks_is_named)
{
    REFUSED("it has no name", mine.name = NULL);
    REFUSED("it has no name", mine.name = "");
    REFUSED("not a-z", mine.name = "My Own");
    REFUSED("init is missing", mine.init = NULL);
    REFUSED("allocate_pages is missing", mine.allocate_pages = NULL);
    REFUSED("free_pages is missing", mine.free_pages = NULL);
    REFUSED("both there", mine.allocate_address = allocate_address);
    REFUSED("remove_pages needs insert_pages", mine.remove_pages = range; mine.insert_pages = NULL);
    REFUSED("needs nodes and node_of", mine.allocate_on_node = on_node);
    REFUSED("orders is above", mine.orders = ORDERS_UP_TO(ORDER_LIMIT + 1));
    REFUSED("no power of two", mine.range_alignment = 3);
    REFUSED("no promise", mine.promises = 1u << 31);
    REFUSED("PROMISE_TRUE_PLACEMENT", mine.promises = PROMISE_TRUE_PLACEMENT);
}
