/*
 * selftest: what the allocator must do in fixed cases, on a small pool of its own, one core.
 *
 * Each vector is a line of steps, run on an empty pool:
 *   +P,N   insert N pages from P         !P,N   the same, and it must be refused as already in
 *                                        oP,N   the same, and it must be refused as out of range
 *   aK     allocate order K as the next of the blocks A, B, C, ...; it must succeed
 *   xK     allocate order K; it must fail
 *   fA     free block A
 *   sA     count block A as two from now on: A, and its upper half as the next letter
 *   bP,K   free order K at P, which is nothing that was handed out; it must be refused
 *   -P,N   remove N pages from P         ~P,N   the same, and it must be refused
 *   =P:K,P:K  the free blocks are exactly these (none: "=")
 *   #K,K   the free blocks are of these orders, in rising order, wherever they are
 * A number is a sum or difference of decimals, M (MAX_ORDER), T (2^MAX_ORDER) and E (the pages of
 * the pool's range, inserted or not). After every step the whole pool is walked, so a broken rule
 * is named as such; what remains is "selftest". A walk empties caches first: a step that is to find
 * them as the one before left them is joined to it by & instead of a space. Vectors with b or o
 * need the promise to refuse bad frees, those with - or ~ remove_pages; those with T need more
 * pages than an allocator that writes into free pages can be given.
 */
#include <lib/fail.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <stress/phases.h>
#include <stress/report.h>

typedef unsigned long long ull;

enum {
    REAL_PAGES = 2048, /* enough for every vector without T */
    MOST_BLOCKS = 26,  /* A to Z */
    MOST_FREE = 128,
};

/* Marks a vector that holds only for an allocator that takes the smallest block that fits. */
#define SMALLEST "smallest fit: "

static const struct {
    const char *name;
    const char *steps;
} vectors[] = {
    {"an empty pool has nothing to give", "= x0 x1 xM x0"},
    {"one page", "+5,1 =5:0 a0 = x0 fA =5:0"},
    {"pages at 2, 1, 0 come together", "+2,1 =2:0 +1,1 =1:0,2:0 +0,1 =0:1,2:0"},
    {"pages 0 to 7 one by one make one block", "+0,1 +1,1 +2,1 +3,1 =0:2 +4,1 +5,1 +6,1 +7,1 =0:3"},
    {"pages 7 to 0 one by one make one block", "+7,1 +6,1 +5,1 +4,1 =4:2 +3,1 +2,1 +1,1 +0,1 =0:3"},
    {"an unaligned range", "+13,3 =13:0,14:1"},
    {"an odd range", "+1300,7 =1300:2,1304:1,1306:0"},
    {"two ranges that touch", "+20,20 =20:2,24:3,32:3 +40,8 =20:2,24:3,32:4"},
    {"a range next to free neighbours", "+0,8 +16,8 =0:3,16:3 +8,8 =0:4,16:3"},
    {"neighbours that are no buddies stay apart", "+2,2 =2:1 +4,2 =2:1,4:1 +6,2 =2:1,4:2"},
    {"pages outside of the range are not put in",
     "oE,1 oE-1,2 oE+E,1 o0-1,1 o0,E+1 o8,0 o8,0-1 o8,0-8 = +8,8 =8:3"},
    {"a page is in once", "+0,8 !0,8 !7,1 !4,8 =0:3 a3 !0,1 fA =0:3"},
    {SMALLEST "the order asked is taken first", "+0,4 +8,1 =0:2,8:0 a0 =0:2 fA =0:2,8:0"},
    {SMALLEST "the next larger block is split",
     "+0,2 +4,4 +16,8 a1 =4:2,16:3 a1 #1,3 fA fB =0:1,4:2,16:3"},
    {"a split leaves one half of each order", "+0,64 a0 #0,1,2,3,4,5 fA =0:6"},
    {"a page of a block of 1024", "+0,1024 =0:10 a0 #0,1,2,3,4,5,6,7,8,9 fA =0:10"},
    {SMALLEST "a split in the middle orders", "+0,64 a3 #3,4,5 a5 #3,4 fA #5 fB =0:6"},
    {SMALLEST "all pages of a block, one by one",
     "+0,4 a0 #0,1 a0 #1 a0 #0 a0 = x0 fA fB fC fD =0:2"},
    {"freed in the order taken", "+0,8 a1 a1 a1 a1 = fA fB fC fD =0:3"},
    {"freed in the other order", "+0,8 a1 a1 a1 a1 = fD fC fB fA =0:3"},
    {"freed every second, then the rest",
     "+0,8 a0 a0 a0 a0 a0 a0 a0 a0 = fA fC fE fG #0,0,0,0 x1 fB fD fF fH =0:3"},
    {SMALLEST "a held buddy stops the merge", "+0,4 a0 a0 a1 = fA #0 fC #0,1 fB =0:2"},
    {SMALLEST "a buddy of another order stops the merge",
     "+0,8 a2 a1 a0 a0 = fB #1 fA #1,2 fC #0,1,2 fD =0:3"},
    {"a missing buddy stops the merge", "+0,3 =0:1,2:0 a0 fA =0:1,2:0 a1 fB =0:1,2:0"},
    {"too much asked leaves all as it was",
     "+0,7 =0:2,4:1,6:0 x3 x4 xM =0:2,4:1,6:0 a2 a1 a0 = fA fB fC"},
    {"order above the largest", "+0,T xM+1 xM+2 x31 x32 x63 x64 =0:M"},
    {"the largest block", "+0,T =0:M aM = x0 fA =0:M"},
    {"two largest blocks do not merge", "+0,T+T =0:M,T:M aM aM = fA fB =0:M,T:M"},
    {"a largest block comes together from its ends",
     "+0,1 +T-1,1 =0:0,T-1:0 +1,T-2 =0:M a0 fA =0:M"},
    {"a range across the border of largest blocks", "+T-2,4 =T-2:1,T:1"},
    {"a page short of the largest block", "+1,T-1 xM a0 x0+M fA"},
    {"a page more than the largest block", "+0,T+1 =0:M,T:0 aM =T:0 a0 = fA fB =0:M,T:0"},
    {"the largest block split to a page and back", "+0,T a0 xM fA =0:M"},
    {"the last page of the pool", "+T+T-1,1 =T+T-1:0 a0 fA =T+T-1:0"},
    {"course: inserts at 2, 1, 0 merge upward",
     "+2,2 =2:1 +1,1 =1:0,2:1 +0,1 =0:2 a2 = x0 fA =0:2"},
    {"course: 0 to 7, 13 to 15, 1300 to 1306",
     "+0,8 =0:3 +13,3 =0:3,13:0,14:1 +1300,7 =0:3,13:0,14:1,1300:2,1304:1,1306:0"},
    {SMALLEST "course: a page taken and given back",
     "+0,8 +13,3 +1300,7 a0 #1,1,2,3,0 fA =0:3,13:0,14:1,1300:2,1304:1,1306:0"},
    {SMALLEST "course: 20 pages from 20, and two of them",
     "+0,8 +13,3 +1300,7 +20,20 =0:3,13:0,14:1,20:2,24:3,32:3,1300:2,1304:1,1306:0 a1 "
     "#0,0,1,2,2,3,3,3 fA =0:3,13:0,14:1,20:2,24:3,32:3,1300:2,1304:1,1306:0"},
    {"course: eight pages from 40 merge upward",
     "+13,3 +20,20 =13:0,14:1,20:2,24:3,32:3 +40,8 =13:0,14:1,20:2,24:3,32:4"},
    {"course: too large an order", "+0,8 +13,3 +1300,7 +20,20 +40,8 x8 xM x5 a4 fA "
                                   "=0:3,13:0,14:1,20:2,24:3,32:4,1300:2,1304:1,1306:0"},
    {"course: frees in the middle of a block", "+0,8 a3 sA sA sA fD =1:0 fA =0:1 fC =0:2 fB =0:3"},
    {"course: the upper half of a block first", "+0,16 a4 sA fB =8:3 sA fC =4:2,8:3 fA =0:4"},
    {"a double free", "+0,8 a3 fA b0,3 b0,0 b4,2 =0:3"},
    {"a double free of what was just freed",
     "+5,1 a0&fA&b5,0&a0&fB&b5,0 =5:0 +8,8 a3&fC&b8,3&b8,2&b9,0 =5:0,8:3"},
    {"a double free of a block that has merged upward", "+0,2 a0 a0 fA fB b0,0 b1,0 =0:1"},
    {"a double free while the buddy is held", "+0,2 a1 fA a0 a0 fB b0,1 fC =0:1"},
    {"a free inside a held block", "+0,8 a3 b1,0 b7,0 b2,1 b4,2 b0,2 b0,0 = fA =0:3"},
    {"a free of more than was handed out", "+0,16 a3 a3 b0,4 b8,4 = fA fB =0:4"},
    {"a free inside a larger free block", "+0,16 b0,0 b5,0 b8,3 b0,4 =0:4"},
    {"a free of pages never inserted", "+0,8 b8,0 b8,3 b9,0 b16,4 =0:3"},
    {"a free across the end of what was inserted", "+0,12 a3 a2 b0,4 b8,3 fA fB =0:3,8:2"},
    {"a misaligned free", "+0,16 a4 b1,1 b2,2 b4,3 b8,4 = fA =0:4"},
    {"a free beyond the pool", "+0,8 b0-1,0 b0-8,3 bE,0 bE+8,3 bE+E,M =0:3"},
    {"a free of an order that does not exist", "+0,8 a3 bM,M+1 b0,M+1 b0,63 b0,64 fA =0:3"},
    {"a page just freed, as a part of more", "+0,16 a0&fA&a4&x0&fB =0:4"},
    {"a block just freed, in parts", "+0,8 a3&fA&a0&a1&fB&fC =0:3"},
    {"many blocks just freed", "+0,128 a3&a3&a3&a3&a3&a3&a3&a3&a3 fA&fB&fC&fD&fE&fF&fG&fH&fI =0:7"},
    {"pages just freed are removed", "+0,8 a0&fA&-0,8 = +0,8 a3&fB&-2,3&~0,8 =0:1,5:0,6:1"},
    {"pages removed and put back", "+0,16 -4,4 =0:2,8:3 x4 +4,4 =0:4"},
    {"an unaligned range removed", "+0,16 -3,6 =0:1,2:0,9:0,10:1,12:2 +3,6 =0:4"},
    {"one page removed", "+0,8 -5,1 =0:2,4:0,6:1 x3 +5,1 =0:3"},
    {"everything removed", "+0,16 -0,16 = x0 +0,16 =0:4"},
    {"the largest block removed, and a page of it", "+0,T -0,T = x0 +0,T =0:M -3,1 xM +3,1 =0:M"},
    {"held pages are not removed", "+0,4 a2 ~0,4 ~3,1 = fA -0,4 ="},
    {"pages partly held are not removed", "+0,8 a0 ~0,8 fA -0,8 ="},
    {"pages never inserted are not removed", "+0,8 ~8,1 ~4,8 =0:3"},
    {"removed twice", "+0,8 -0,4 ~0,4 ~2,4 =4:2 +0,4 =0:3"},
    {"removed across two blocks", "+0,8 +8,4 -6,4 =0:2,4:1,10:1 +6,4 =0:3,8:2"},
};

enum { VECTORS = sizeof(vectors) / sizeof(vectors[0]) };

struct selftest {
    struct arena *arena;
    struct core *core;
    const char *vector;
    const char *step; /* the step that runs, for messages */
    pfn_t blocks[MOST_BLOCKS];
    unsigned block_count;
};

static struct arena arena;

/* ---- reading steps ---- */

static uint64_t read_term(const char **text)
{
    uint64_t value = 0;

    switch (*(*text)++) {
    case 'T':
        return order_pages(MAX_ORDER);
    case 'M':
        return MAX_ORDER;
    case 'E':
        return arena.end - arena.start;
    default:
        --*text;
    }
    while (**text >= '0' && **text <= '9')
        value = value * 10 + (uint64_t)(*(*text)++ - '0');
    return value;
}

static uint64_t read_number(const char **text)
{
    uint64_t value = read_term(text);

    while (**text == '+' || **text == '-')
        if (*(*text)++ == '+')
            value += read_term(text);
        else
            value -= read_term(text);
    return value;
}

static bool read_separator(const char **text, char separator)
{
    bool there = **text == separator;

    *text += there;
    return there;
}

/* The separator behind a step, or the end of them all. */
static const char *step_end(const char *step)
{
    while (*step && *step != ' ' && *step != '&')
        step++;
    return step;
}

__attribute__((format(printf, 2, 3))) static void fail_step(const struct selftest *test,
                                                            const char *format, ...)
{
    char what[120];
    va_list arguments;
    int length = (int)(step_end(test->step) - test->step);

    va_start(arguments, format);
    format_text_va(what, sizeof(what), format, arguments);
    va_end(arguments);
    fail("selftest", "\"%s\", step %.*s: %s", test->vector, length, test->step, what);
}

/* ---- the free blocks ---- */

struct free_blocks {
    unsigned count;
    struct {
        pfn_t pfn;
        unsigned order;
    } blocks[MOST_FREE];
};

static bool collect(void *context, pfn_t pfn, unsigned order)
{
    struct free_blocks *free = context;

    if (free->count == MOST_FREE)
        return false;
    free->blocks[free->count].pfn = pfn;
    free->blocks[free->count++].order = order;
    return true;
}

static bool has_block(const struct free_blocks *free, pfn_t pfn, unsigned order)
{
    for (unsigned i = 0; i < free->count; i++)
        if (free->blocks[i].pfn == pfn && free->blocks[i].order == order)
            return true;
    return false;
}

static void expect_blocks(const struct selftest *test, const struct free_blocks *free,
                          const char *text)
{
    unsigned expected = 0;

    while (step_end(text) != text) {
        pfn_t pfn = test->arena->start + read_number(&text);
        read_separator(&text, ':');
        unsigned order = (unsigned)read_number(&text);
        read_separator(&text, ',');
        if (!has_block(free, pfn, order))
            fail_step(test, "no free block at 0x%llx of order %u", (ull)pfn, order);
        expected++;
    }
    if (free->count != expected)
        fail_step(test, "%u free blocks, %u expected", free->count, expected);
}

static void expect_orders(const struct selftest *test, const struct free_blocks *free,
                          const char *text)
{
    unsigned expected[MAX_ORDER + 1] = {0}, found[MAX_ORDER + 1] = {0};

    while (step_end(text) != text) {
        expected[read_number(&text)]++;
        read_separator(&text, ',');
    }
    for (unsigned i = 0; i < free->count; i++)
        found[free->blocks[i].order]++;
    for (unsigned order = 0; order <= MAX_ORDER; order++)
        if (found[order] != expected[order])
            fail_step(test, "%u free blocks of order %u, %u expected", found[order], order,
                      expected[order]);
}

/* ---- steps ---- */

static void step_insert(struct selftest *test, const char *text, enum page_error expected)
{
    pfn_t start = test->arena->start + read_number(&text);
    read_separator(&text, ',');
    enum page_error error = arena_insert(test->arena, start, read_number(&text));

    if (error != expected)
        fail_step(test, "insert_pages said %s, %s expected", page_error_name(error),
                  page_error_name(expected));
}

static void step_allocate(struct selftest *test, const char *text, bool expected)
{
    pfn_t pfn = arena_allocate(test->arena, test->core, (unsigned)read_number(&text));

    if ((pfn != INVALID_PFN) != expected)
        fail_step(test, "it %s", expected ? "gave nothing" : "gave a block");
    if (expected)
        test->blocks[test->block_count++] = pfn;
}

static void step_split(struct selftest *test, char block)
{
    test->blocks[test->block_count++] = arena_split_held(test->arena, test->blocks[block - 'A']);
}

static void step_bad_free(struct selftest *test, const char *text)
{
    pfn_t pfn = test->arena->start + read_number(&text);

    read_separator(&text, ',');
    arena_bad_free(test->arena, test->core, pfn, (unsigned)read_number(&text), test->vector);
}

static void step_remove(struct selftest *test, const char *text, bool expected)
{
    pfn_t start = test->arena->start + read_number(&text);

    read_separator(&text, ',');
    enum page_error error = arena_remove(test->arena, start, read_number(&text));
    if ((error == PAGE_OK) != expected)
        fail_step(test, "remove_pages %s", expected ? "refused" : "did it");
}

static void step_free(struct selftest *test, char block)
{
    arena_free(test->arena, test->core, test->blocks[block - 'A']);
    test->blocks[block - 'A'] = INVALID_PFN;
}

static void step_expect(const struct selftest *test, const char *text, bool places)
{
    struct free_blocks free = {0};

    arena_for_each_free(test->arena, collect, &free);
    if (places)
        expect_blocks(test, &free, text);
    else
        expect_orders(test, &free, text);
}

static void run_step(struct selftest *test)
{
    const char *text = test->step + 1;

    switch (*test->step) {
    case '+':
        return step_insert(test, text, PAGE_OK);
    case '!':
        return step_insert(test, text, PAGE_ALREADY_IN);
    case 'o':
        return step_insert(test, text, PAGE_BAD_RANGE);
    case 'a':
        return step_allocate(test, text, true);
    case 'x':
        return step_allocate(test, text, false);
    case 'f':
        return step_free(test, *text);
    case 's':
        return step_split(test, *text);
    case 'b':
        return step_bad_free(test, text);
    case '-':
        return step_remove(test, text, true);
    case '~':
        return step_remove(test, text, false);
    case '=':
        return step_expect(test, text, true);
    case '#':
        return step_expect(test, text, false);
    default:
        fail("assert", "selftest: no such step: %s", test->step);
    }
}

static void run_vector(struct selftest *test)
{
    arena_reset(test->arena);
    while (*test->step) {
        run_step(test);
        core_step(test->core, 0);
        const char *end = step_end(test->step);
        if (*end != '&')
            arena_check(test->arena);
        test->step = *end ? end + 1 : end;
    }
    for (unsigned i = 0; i < test->block_count; i++)
        if (test->blocks[i] != INVALID_PFN)
            arena_free(test->arena, test->core, test->blocks[i]);
    arena_check(test->arena);
}

/* Whether some step begins with one of these letters. */
static bool has_step(const char *steps, const char *letters)
{
    while (*steps) {
        if (strchr(letters, *steps))
            return true;
        const char *end = step_end(steps);
        steps = *end ? end + 1 : end;
    }
    return false;
}

/* Whole blocks of the top order, pages that exist or not. */
static bool has_large_pool(void)
{
    return arena.end - arena.start >= 2 * order_pages(MAX_ORDER);
}

static bool applies(const struct page_allocator *allocator, const char *name, const char *steps)
{
    if (strncmp(name, SMALLEST, strlen(SMALLEST)) == 0 &&
        !(allocator->promises & PROMISE_SMALLEST_FIT))
        return false;
    if (has_step(steps, "bo") && !(allocator->promises & PROMISE_REFUSES_BAD_FREE))
        return false;
    if (has_step(steps, "s") && !(allocator->promises & PROMISE_FREES_PARTS))
        return false;
    if (has_step(steps, "-~") && !allocator->remove_pages)
        return false;
    return !strchr(steps, 'T') || has_large_pool();
}

/* An allocator with one state for all pools has just lost the run's own: give it its pages again.
 */
static void restore_run_pool(struct run *run)
{
    if (!(run->arena.allocator->promises & PROMISE_INSTANCEABLE))
        arena_rebuild(&run->arena, UINT64_MAX);
}

static void round_selftest(struct run *run, struct core *core)
{
    unsigned ran = 0;

    for (unsigned i = 0; i < VECTORS; i++) {
        struct selftest test = {
            .arena = &arena,
            .core = core,
            .vector = vectors[i].name,
            .step = vectors[i].steps,
        };
        if (!applies(run->arena.allocator, test.vector, test.step))
            continue;
        run_vector(&test);
        ran++;
    }
    report_line("# selftest vectors=%u of %u", ran, (unsigned)VECTORS);
    restore_run_pool(run);
}

/*
 * Where the allocator keeps its metadata outside, the pages need not exist: it never touches them,
 * and neither does an arena whose sample is 0. Otherwise they are memory like any other,
 * where there is plenty of it enough for whole blocks of the top order.
 */
void phase_selftest_init(const struct page_allocator *allocator, uint64_t usable_pages,
                         void *(*take)(size_t size, size_t align))
{
    uint64_t large = 2 * order_pages(MAX_ORDER);
    bool outside = allocator->promises & PROMISE_METADATA_OUTSIDE;
    uint64_t pages = outside || usable_pages >= 3 * large ? large : REAL_PAGES;
    pfn_t start = 2 * large;

    if (!outside)
        start = address_to_pfn(take(pages * PAGE_SIZE, pages / 2 * PAGE_SIZE));
    arena_init(&arena, allocator, start, start + pages, 0, take);
    arena.alone = true;
}

const struct phase phase_selftest = {
    .name = "selftest",
    .alone = true,
    .once = true,
    .round = round_selftest,
};
