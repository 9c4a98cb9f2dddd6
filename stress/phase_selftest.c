/*
 * selftest: what the allocator must do in fixed cases, on a small pool of its own, one core.
 *
 * Each vector is a line of steps, run on an empty pool:
 *   +P,N   insert N pages from P         !P,N   the same, and it must be refused as already in
 *   aK     allocate order K as the next of the blocks A, B, C, ...; it must succeed
 *   xK     allocate order K; it must fail
 *   fA     free block A
 *   =P:K,P:K  the free blocks are exactly these (none: "=")
 *   #K,K   the free blocks are of these orders, in rising order, wherever they are
 * A number is a sum or difference of decimals, M (MAX_ORDER) and T (2^MAX_ORDER). After every step
 * the whole pool is walked, so a broken rule is named as such; what remains is "selftest".
 */
#include <lib/fail.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <stress/phases.h>

typedef unsigned long long ull;

enum {
    MOST_BLOCKS = 26, /* A to Z */
    MOST_FREE = 128,
};

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
    {"a page is in once", "+0,8 !0,8 !7,1 !4,8 =0:3 a3 !0,1 fA =0:3"},
    {"the order asked is taken first", "+0,4 +8,1 =0:2,8:0 a0 =0:2 fA =0:2,8:0"},
    {"the next larger block is split", "+0,2 +4,4 +16,8 a1 =4:2,16:3 a1 #1,3 fA fB =0:1,4:2,16:3"},
    {"a split leaves one half of each order", "+0,64 a0 #0,1,2,3,4,5 fA =0:6"},
    {"a split in the middle orders", "+0,64 a3 #3,4,5 a5 #3,4 fA #5 fB =0:6"},
    {"all pages of a block, one by one", "+0,4 a0 #0,1 a0 #1 a0 #0 a0 = x0 fA fB fC fD =0:2"},
    {"freed in the order taken", "+0,8 a1 a1 a1 a1 = fA fB fC fD =0:3"},
    {"freed in the other order", "+0,8 a1 a1 a1 a1 = fD fC fB fA =0:3"},
    {"freed every second, then the rest",
     "+0,8 a0 a0 a0 a0 a0 a0 a0 a0 = fA fC fE fG #0,0,0,0 x1 fB fD fF fH =0:3"},
    {"a held buddy stops the merge", "+0,4 a0 a0 a1 = fA #0 fC #0,1 fB =0:2"},
    {"a buddy of another order stops the merge",
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
};

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

    if (**text == 'T' || **text == 'M')
        return *(*text)++ == 'T' ? order_pages(MAX_ORDER) : MAX_ORDER;
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

__attribute__((format(printf, 2, 3))) static void fail_step(const struct selftest *test,
                                                            const char *format, ...)
{
    char what[120];
    va_list arguments;
    const char *end = strchr(test->step, ' ');
    int length = end ? (int)(end - test->step) : (int)strlen(test->step);

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

    while (*text && *text != ' ') {
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

    while (*text && *text != ' ') {
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

static void step_free(struct selftest *test, char block)
{
    arena_free(test->arena, test->core, test->blocks[block - 'A']);
    test->blocks[block - 'A'] = INVALID_PFN;
}

static void step_expect(const struct selftest *test, const char *text, bool places)
{
    struct free_blocks free = {0};
    const struct page_allocator *allocator = test->arena->allocator;

    if (!allocator->for_each_free)
        return;
    allocator->for_each_free(test->arena->pool, collect, &free);
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
    case 'a':
        return step_allocate(test, text, true);
    case 'x':
        return step_allocate(test, text, false);
    case 'f':
        return step_free(test, *text);
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
        arena_check(test->arena);
        const char *space = strchr(test->step, ' ');
        test->step = space ? space + 1 : "";
    }
    for (unsigned i = 0; i < test->block_count; i++)
        if (test->blocks[i] != INVALID_PFN)
            arena_free(test->arena, test->core, test->blocks[i]);
    arena_check(test->arena);
}

static void round_selftest(struct run *run, struct core *core)
{
    (void)run;
    for (unsigned i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        struct selftest test = {
            .arena = &arena,
            .core = core,
            .vector = vectors[i].name,
            .step = vectors[i].steps,
        };
        run_vector(&test);
    }
}

uint64_t phase_selftest_overhead(const struct page_allocator *allocator)
{
    return arena_overhead(allocator, 0, 2 * order_pages(MAX_ORDER));
}

/*
 * The pages need not exist: an allocator that keeps its metadata outside never touches them, and
 * neither does an arena whose sample is 0.
 */
void phase_selftest_init(const struct page_allocator *allocator,
                         void *(*take)(size_t size, size_t align))
{
    pfn_t start = 4 * order_pages(MAX_ORDER);

    arena_init(&arena, allocator, start, start + 2 * order_pages(MAX_ORDER), 0, take);
    arena.alone = true;
}

const struct phase phase_selftest = {
    .name = "selftest",
    .alone = true,
    .once = true,
    .round = round_selftest,
};
