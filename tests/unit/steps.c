/*
 * stress/steps.c, stress/vectors.c: the language of the vectors, its description in words, and
 * which vectors apply.
 */
#include <stress/vectors.h>
#include <string.h>
#include <tests/unit/unit.h>

static const struct step_numbers numbers = {.largest = 10, .order = 3, .pages = 2048};
static char text[400];

TEST(numbers_are_sums_of_letters_and_decimals)
{
    CHECK_EQUAL(step_order("aM", &numbers), 10);
    CHECK_EQUAL(step_order("x0+M", &numbers), 10);
    CHECK_EQUAL(step_order("ak+1", &numbers), 4);
    struct step_pages pages = step_pages("+E-T-T,T+1", &numbers);
    CHECK_EQUAL(pages.first, 0);
    CHECK_EQUAL(pages.count, 1025);
    pages = step_pages("-n+n-1,n", &numbers);
    CHECK_EQUAL(pages.first, 15);
    CHECK_EQUAL(pages.count, 8);
    CHECK_EQUAL(step_pages("b0-1,0", &numbers).first, UINT64_MAX);
}

TEST(named_orders_are_those_that_a_step_relies_on)
{
    CHECK_EQUAL(step_named_order("a3 b9"), 3);
    CHECK_EQUAL(step_named_order("aM"), 0);
    CHECK_EQUAL(step_named_order(">5 a0"), 5);
    CHECK_EQUAL(step_named_order("b0,4"), 4);
    CHECK_EQUAL(step_named_order("b0,63"),
                0); /* no allocator has such an order, and the vector is about that */
    CHECK_EQUAL(step_named_order("bM,M+1"), 0);
    CHECK_EQUAL(step_named_order("#0,1,5&a7"), 5);
    CHECK_EQUAL(step_named_order("#"), 0);
    CHECK_EQUAL(step_named_order("=0:9"), 0); /* the order is cut */
    CHECK_EQUAL(step_named_order("x9"), 0);
}

static void describe(const char *steps, unsigned size)
{
    steps_describe(text, size, steps, steps + strlen(steps), &numbers);
}

TEST(steps_are_told_in_words)
{
    describe(">1 +2,1 =2:0 +0,T a0 a0 a1&fA x3 b1,0 -0,8 ~3,1 !0,1 oE,1 rE,1 sC fD #0",
             sizeof text);
    CHECK_TEXT(text,
               "insert 2, insert 1024 pages from 0, allocate order 0 as A to B, allocate order 1 "
               "as C, free A, allocate order 3 in vain, wrongly free 1 order 0, remove 8 pages "
               "from 0, wrongly remove 3, wrongly insert 0, wrongly insert 2048, wrongly remove "
               "2048, count C as two, free D");
    describe("b0-1,0", sizeof text);
    CHECK_TEXT(text, "wrongly free -1 order 0");
    describe("=", sizeof text);
    CHECK_TEXT(text, "");
}

TEST(what_is_too_long_is_cut_at_the_front)
{
    describe("+0,8 a0 a0 fA fB", 30);
    CHECK_TEXT(text, "..., free A, free B");
    describe("+0,8 a0 a0 fA fB", 12);
    CHECK_TEXT(text, "..., free B");
    for (unsigned size = 8; size < 80; size++) {
        describe("+0,8 a0 a0 a0 a0 fA fB -0,4 ~3,1", size);
        CHECK(strlen(text) < size);
    }
}

static void read_blocks(const char *step, unsigned largest)
{
    struct free_blocks blocks = {0};
    struct step_numbers other = numbers;
    struct words words = {.text = text, .size = sizeof text};

    other.largest = largest;
    free_blocks_read(&blocks, step, &other);
    free_blocks_describe(&words, &blocks);
}

TEST(free_blocks_are_cut_to_the_largest_order)
{
    read_blocks("=0:3,8:0", 10);
    CHECK_TEXT(text, "0:3 and 8:0");
    read_blocks("=0:3,8:0", 2);
    CHECK_TEXT(text, "0:2, 4:2 and 8:0");
    read_blocks("=0:1", 0);
    CHECK_TEXT(text, "0:0 and 1:0");
    read_blocks("=1*n+n-1", 10);
    CHECK_TEXT(text, "1:0, 2:1, 4:2 and 8:3");
    read_blocks("=8*0", 10);
    CHECK_TEXT(text, "none");
    read_blocks("=8:0,0:0", 10);
    CHECK_TEXT(text, "0:0 and 8:0");
}

TEST(sets_of_blocks_are_compared_as_sets)
{
    struct free_blocks left = {0}, right = {0};

    free_blocks_read(&left, "=0:3,8:0", &numbers);
    free_blocks_read(&right, "=8:0,0:3", &numbers);
    CHECK(free_blocks_equal(&left, &right));
    free_blocks_add(&right, 9, 0);
    CHECK(!free_blocks_equal(&left, &right));
    free_blocks_add(&left, 9, 1);
    CHECK(!free_blocks_equal(&left, &right));
}

TEST(long_lists_are_cut)
{
    struct free_blocks blocks = {0};
    struct words words = {.text = text, .size = 20};

    for (unsigned i = 0; i < FREE_BLOCKS_KEPT + 5; i++)
        free_blocks_add(&blocks, 2 * i, 0);
    CHECK_EQUAL(blocks.count, FREE_BLOCKS_KEPT + 5);
    free_blocks_describe(&words, &blocks);
    CHECK_TEXT(text, "0:0, 2:0, 4:0, 6...");
}

/* Check that every step exists, and that letters of blocks are defined before use. */
static void check_steps(const char *steps)
{
    char next = 'A';

    for (const char *step = steps; *step; step = step_next(step)) {
        CHECK(strchr("+!oaxfsb-~r=#>", *step));
        CHECK(!strchr("fs", *step) || (step[1] >= 'A' && step[1] < next));
        CHECK(*step != '>' || step == steps);
        next = (char)(next + (*step == 'a' || *step == 's'));
    }
    CHECK(next <= 'Z' + 1);
}

TEST(every_vector_can_be_read_and_has_a_name_of_its_own)
{
    static struct vector vectors[500];
    const unsigned count = vectors_count(10);

    CHECK(count < 500);
    for (unsigned i = 0; i < count; i++) {
        vectors_get(&vectors[i], i, 10, 2048);
        check_steps(vectors[i].steps);
        CHECK(strlen(vectors[i].name) < VECTOR_NAME_SIZE - 1);
        for (unsigned other = 0; other < i; other++)
            CHECK(strcmp(vectors[i].name, vectors[other].name) != 0);
    }
}

/* Whether a vector with only these steps applies. The reason goes to `text`. */
static bool applies(const char *steps, const struct page_allocator *allocator)
{
    struct vector vector = {.steps = steps,
                            .numbers = {page_allocator_largest(allocator), 0, 2048}};
    char why[VECTOR_WHY_SIZE] = "";
    bool answer = vector_applies(&vector, allocator, false, why);

    strcpy(text, why);
    return answer;
}

static enum page_error insert(void *pool, pfn_t start, uint64_t count)
{
    (void)pool, (void)start, (void)count;
    return PAGE_OK;
}

static const struct page_allocator registered = {.name = "registered"};
PAGE_ALLOCATOR(registered); /* the linker needs at least one */

TEST(what_is_not_promised_is_left_out)
{
    struct page_allocator allocator = {.insert_pages = insert, .orders = ORDERS_UP_TO(3)};

    CHECK(applies("+0,8 a3 fA =0:3", &allocator));
    CHECK(!applies("+0,8 a4", &allocator));
    CHECK_TEXT(text, "it needs blocks of order 4");
    CHECK(!applies("+0,8 b0,0", &allocator));
    CHECK_TEXT(text, "it needs refuses-bad-free");
    CHECK(!applies("+0,8 -0,4", &allocator));
    CHECK_TEXT(text, "it needs remove_pages");
    CHECK(!applies("+0,8 a3 sA", &allocator));
    CHECK_TEXT(text, "it needs frees-parts");
    CHECK(!applies("+0,T", &allocator));
    CHECK_TEXT(text, "it needs memory for two blocks of the largest order");
}

TEST(one_region_is_inserted_first_and_once)
{
    struct page_allocator allocator = {.range_alignment = 8, .promises = PROMISE_REFUSES_BAD_FREE};

    CHECK(applies("+0,8 a0 fA", &allocator));
    CHECK(applies(">2 +8,16 a0 fA", &allocator));
    CHECK(!applies("= +0,8", &allocator));
    CHECK(!applies("+0,8 a0 +8,8", &allocator));
    CHECK(!applies("+0,8 !0,8", &allocator));
    CHECK_TEXT(text, "the allocator takes one region, at init");
    CHECK(!applies("+0,12 a0", &allocator));
    CHECK(!applies("+4,8 a0", &allocator));
    CHECK_TEXT(text, "its region is not aligned as the allocator wants it");
    allocator.range_alignment = 0;
    CHECK(applies("+4,8 a0", &allocator));
}
