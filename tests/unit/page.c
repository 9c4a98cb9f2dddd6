/*
 * mm/page.h: descriptors and page frame numbers convert both ways, especially at the ends of the
 * array.
 */
#include <mm/page.h>
#include <sys/mman.h>
#include <tests/unit/unit.h>

static void check_round_trip(const struct page_array *array, pfn_t pfn)
{
    struct page *page = page_of(array, pfn);
    CHECK_EQUAL(page_pfn(array, page), pfn);
    page->order = (uint8_t)pfn;
    CHECK_EQUAL(array->pages[pfn - array->start].order, (uint8_t)pfn);
}

static void check_array(pfn_t start, pfn_t end)
{
    size_t size = page_array_size(start, end);
    struct page_array array = {.start = start, .end = end};
    array.pages = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(array.pages != MAP_FAILED);
    check_round_trip(&array, start);
    check_round_trip(&array, end - 1);
    check_round_trip(&array, start + (end - start) / 2);
    CHECK(page_array_contains(&array, start) && page_array_contains(&array, end - 1));
    CHECK(!page_array_contains(&array, end) && !page_array_contains(&array, INVALID_PFN));
    CHECK(start == 0 || !page_array_contains(&array, start - 1));
    CHECK((char *)page_of(&array, end - 1) + sizeof(struct page) == (char *)array.pages + size);
    munmap(array.pages, size);
}

TEST(round_trip)
{
    check_array(0, 1);
    check_array(0, 0x4000);        /* 64 MiB */
    check_array(0x100, 0x1000000); /* 64 GiB */
    check_array(0x12345, 0x12346);
    check_array((UINT64_C(1) << 32) - 3, UINT64_C(1) << 32); /* up to MEMMAP_LIMIT */
    check_array(UINT32_MAX - 5, (UINT64_C(1) << 32) + 5);    /* nothing may be cut to 32 bits */
}

TEST(size)
{
    CHECK_EQUAL(page_array_size(7, 7), 0);
    CHECK_EQUAL(page_array_size(0, UINT64_C(1) << 32), (UINT64_C(1) << 32) * sizeof(struct page));
    CHECK(page_array_size(0, 1 << 20) <= (UINT64_C(16) << 20));
}
