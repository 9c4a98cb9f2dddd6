#include <mm/page_allocator.h>
#include <string.h>
#include <tests/host/unit.h>

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
