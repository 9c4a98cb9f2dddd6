#include <stdlib.h>
#include <stress/content.h>
#include <stress/watchdog.h>
#include <tests/unit/unit.h>

enum { ORDER = 8, PAGES = 1 << ORDER, ALL = 1, HARDLY_ANY = 1 << 30 };

static unsigned progress;

void watchdog_progress(void)
{
    progress++;
}

static struct content make(unsigned order, uint64_t sample)
{
    if (!host_arena_base)
        host_arena_base = aligned_alloc(PAGE_SIZE, PAGES * PAGE_SIZE);
    progress = 0;
    return content_make(host_arena_start, order, 1, sample);
}

TEST(what_was_written_is_found_and_what_was_changed_is_named)
{
    struct content content = make(2, ALL);
    struct content_error error;

    content_fill(content, false);
    CHECK(content_check(content, false, &error));
    ((uint64_t *)pfn_to_address(host_arena_start + 3))[7] ^= 1;
    CHECK(!content_check(content, false, &error));
    CHECK_EQUAL(error.pfn, host_arena_start + 3);
    CHECK_EQUAL(error.offset, 56);
    CHECK_EQUAL(error.found ^ error.expected, 1);
}

/* On an overloaded host a block can take seconds, so each page counts as progress. */
TEST(each_page_is_progress)
{
    struct content content = make(3, ALL);
    struct content_error error;

    content_fill(content, true);
    CHECK_EQUAL(progress, 8);
    CHECK(content_check(content, true, &error));
    CHECK_EQUAL(progress, 16);
    content = make(ORDER, ALL);
    content_fill(content, true);
    CHECK_EQUAL(progress, CONTENT_PAGES);
    content = make(ORDER, HARDLY_ANY);
    content_fill(content, true);
    CHECK_EQUAL(progress, 1);
}

/* In an interrupt handler, progress would hide that the interrupted code is stuck. */
TEST(no_progress_unless_asked_for)
{
    struct content content = make(3, ALL);
    struct content_error error;

    content_fill(content, false);
    CHECK(content_check(content, false, &error));
    CHECK_EQUAL(progress, 0);
}

/* ---- forged words of the allocator ---- */

enum { DRAWS = 1000 };
static const uint64_t mark = 0xfee1dead;

static uint64_t forge(void *pool, pfn_t pfn, uint64_t key)
{
    return pool == &progress && pfn == host_arena_start ? mark ^ key % 2 : 0;
}

/* The number of blocks, of DRAWS, whose first word comes from the forger. */
static unsigned count_forged(void)
{
    unsigned forged = 0;

    for (uint64_t who = 0; who < DRAWS; who++) {
        struct content content = content_make(host_arena_start, 0, who, ALL);
        struct content_error error;
        content_fill(content, false);
        CHECK(content_check(content, false, &error));
        forged += (*(uint64_t *)pfn_to_address(host_arena_start) | 1) == (mark | 1);
    }
    return forged;
}

TEST(some_blocks_look_as_the_allocators_own)
{
    make(0, ALL);
    CHECK_EQUAL(count_forged(), 0);
    content_set_forger(forge, &progress);
    unsigned forged = count_forged();
    CHECK(forged > DRAWS / 8 && forged < DRAWS / 4);
    content_set_forger(NULL, NULL);
    CHECK_EQUAL(count_forged(), 0);
}
