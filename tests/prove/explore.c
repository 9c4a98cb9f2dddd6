/* The search: breadth first, each state entered again for each operation there is. */
#include "books.h"
#include "store.h"
#include "view.h"
#include <lib/bitmap.h>
#include <lib/fail.h>
#include <mm/walker.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned long long ull;

enum kind { START, ALLOCATE, FREE, REMOVE, INSERT, BAD_FREE, BAD_RANGE };

/* An operation in 32 bits: `what` is an order or a count of units. */
struct step {
    uint8_t kind : 4, core : 4;
    uint8_t unit, what, turn;
};

static uint32_t step_pack(struct step step)
{
    uint32_t packed;
    memcpy(&packed, &step, sizeof(packed));
    return packed;
}
_Static_assert(sizeof(struct step) == sizeof(uint32_t), "a step is a word");

enum { MOST_PAGES = 1 << (MAX_ORDER + 1) };

static struct search {
    const struct plan *plan;
    const struct page_allocator *allocator;
    void *pool, *metadata;
    size_t metadata_size;
    struct view view;
    struct store store;
    struct books books;
    struct walk walk;
    uint64_t inserted[BITMAP_WORDS(MOST_PAGES)], held[BITMAP_WORDS(MOST_PAGES)],
        free[BITMAP_WORDS(MOST_PAGES)];
    uint8_t free_order[MOST_PAGES], baseline[MOST_PAGES];
    uint8_t row[MAX_FIELDS + MAX_UNITS + 16];
    uint64_t limit;
    struct result result;
    uint32_t current; /* the state that is left */
    struct step step; /* ... by this, the last step of a trace if a rule is broken */
    bool arrived;     /* ... and what is broken is seen where it leads to, as the newest state */
    pfn_t given;      /* what the last allocation returned */
    bool one_by_one;  /* one of many bad frees has changed something: find out which */
    pfn_t bad_pfn;    /* the last one tried */
    uint64_t bad_what;
} search;

/* ---- one operation, judged by the books ---- */

static void judge_refusal(unsigned order)
{
    pfn_t room = books_room(search.plan, &search.books, order);

    if (room != INVALID_PFN && search.allocator->promises & PROMISE_TRUE_OOM)
        fail("false-oom", "order %u refused, and the block at pfn 0x%llx is free", order,
             (ull)room);
}

static uint32_t judge_block(pfn_t pfn, unsigned order)
{
    const struct plan *plan = search.plan;
    struct books *books = &search.books;

    if (pfn % order_pages(order))
        fail("misaligned", "pfn 0x%llx order %u", (ull)pfn, order);
    uint32_t mask = block_mask(plan, pfn, order);
    if (!mask || (books->inserted & mask) != mask)
        fail("outside", "pfn 0x%llx order %u", (ull)pfn, order);
    if (books->held & mask)
        fail("overlap", "pfn 0x%llx order %u: a page of it is held", (ull)pfn, order);
    if (search.allocator->promises & PROMISE_SMALLEST_FIT &&
        books_free_order(plan, books, pfn) > books_smallest_fit(plan, books, order))
        fail("smallest-fit", "order %u from a block of order %u, and one of order %u is free",
             order, books_free_order(plan, books, pfn), books_smallest_fit(plan, books, order));
    return mask;
}

static unsigned unit_of(pfn_t pfn)
{
    return (unsigned)((pfn - search.plan->start) >> search.plan->base);
}

static void do_allocate(unsigned order)
{
    pfn_t pfn = search.allocator->allocate_pages(search.pool, order);

    search.given = pfn;
    if (pfn == INVALID_PFN) {
        judge_refusal(order);
        return;
    }
    search.books.held |= judge_block(pfn, order);
    search.books.order_plus_1[unit_of(pfn)] = (uint8_t)(order + 1);
}

static void do_free(unsigned unit, unsigned order)
{
    pfn_t pfn = unit_pfn(search.plan, unit);
    enum page_error error = search.allocator->free_pages(search.pool, pfn, order);

    if (error != PAGE_OK)
        fail("free-refused", "pfn 0x%llx order %u: %s", (ull)pfn, order, page_error_name(error));
    search.books.held &= ~block_mask(search.plan, pfn, order);
    search.books.order_plus_1[unit] = 0;
}

static void do_remove(unsigned unit, unsigned count)
{
    struct books *books = &search.books;
    uint32_t mask = units_mask(unit, count);
    bool removable = (books->inserted & ~books->held & mask) == mask;
    pfn_t pfn = unit_pfn(search.plan, unit);
    enum page_error error = search.allocator->remove_pages(search.pool, pfn, count);

    if (error == PAGE_OK && !removable)
        fail("remove-held", "%u pages from pfn 0x%llx", count, (ull)pfn);
    if (error != (removable ? PAGE_OK : PAGE_BUSY))
        fail("remove-refused", "%u pages from pfn 0x%llx: %s", count, (ull)pfn,
             page_error_name(error));
    if (removable)
        books->inserted &= ~mask;
}

static void do_insert(unsigned unit, unsigned count)
{
    struct books *books = &search.books;
    uint32_t mask = units_mask(unit, count);
    enum page_error right = books->inserted & mask ? PAGE_ALREADY_IN : PAGE_OK;
    pfn_t pfn = unit_pfn(search.plan, unit);
    enum page_error error = search.allocator->insert_pages(search.pool, pfn, count);

    if (error != right)
        fail("insert-refused", "%u pages from pfn 0x%llx: %s, not %s", count, (ull)pfn,
             page_error_name(error), page_error_name(right));
    if (right == PAGE_OK)
        books->inserted |= mask;
}

static void check_held(uint32_t before)
{
    pfn_t pfn;

    if (!view_held_intact(&search.view, before & search.books.held, &pfn))
        fail("content", "pfn 0x%llx is held, and was written to", (ull)pfn);
}

static void do_step(struct step step)
{
    uint32_t held = search.books.held;

    machine_enter(step.core);
    switch (step.kind) {
    case ALLOCATE:
        do_allocate(step.what);
        break;
    case FREE:
        do_free(step.unit, step.what);
        break;
    case REMOVE:
        do_remove(step.unit, step.what);
        break;
    case INSERT:
        do_insert(step.unit, step.what);
        break;
    }
    machine_check_rest();
    check_held(held);
}

/* ---- the walk ---- */

static void spread_units(uint64_t *bitmap, uint32_t units)
{
    for (unsigned unit = 0; unit < search.plan->units; unit++)
        if (units >> unit & 1)
            bitmap_set_range(bitmap, (uint64_t)unit << search.plan->base,
                             order_pages(search.plan->base));
}

static void fill_maps(void)
{
    size_t size = BITMAP_BYTES(search.walk.end - search.walk.start);

    memset(search.inserted, 0, size);
    memset(search.held, 0, size);
    spread_units(search.inserted, search.books.inserted);
    spread_units(search.held, search.books.held);
}

static bool all_is_back(void)
{
    return search.books.held == 0 && search.books.inserted == units_mask(0, search.plan->units);
}

/* Caches are emptied for it, so the state must be entered again. */
static void check_at_rest(void)
{
    struct walk_finding finding = {0};
    pfn_t pfn;

    if (!search.allocator->validate(search.pool, finding.message, sizeof(finding.message)))
        fail("free-list", "%s", finding.message);
    if (search.allocator->drain)
        search.allocator->drain(search.pool);
    fill_maps();
    if (!walk_check(&search.walk, search.allocator, search.pool, &finding) ||
        (all_is_back() && !walk_compare(&search.walk, search.allocator, search.pool, &finding)))
        fail(finding.rule, "%s", finding.message);
    if (!view_insides_intact(&search.view, &pfn))
        fail("free-list", "what is kept of pages inside of blocks has changed, from pfn 0x%llx",
             (ull)pfn);
    machine_check_rest();
}

/* ---- what must be refused ---- */

static bool is_held_block(pfn_t pfn, unsigned order)
{
    return block_mask(search.plan, pfn, order) &&
           search.books.order_plus_1[unit_of(pfn)] == order + 1;
}

/* Whether the allocator can know that this is no block that it has handed out. */
static bool is_plainly_bad(pfn_t pfn, unsigned order)
{
    if (search.plan->knows_held)
        return !is_held_block(pfn, order);
    /* A block smaller than a unit is as free as the unit. */
    pfn_t unit = pfn & ~(order_pages(search.plan->base) - 1);
    uint32_t mask = order > search.plan->base ? block_mask(search.plan, pfn, order)
                                              : block_mask(search.plan, unit, search.plan->base);
    return !mask || pfn % order_pages(order) || (search.books.held & mask) != mask;
}

static void check_unchanged(void)
{
    view_save(&search.view, &search.books, search.row);
    if (memcmp(search.row, store_row(&search.store, search.current), search.store.row_size) != 0)
        fail("bad-free", "refused, and something has changed");
    machine_check_rest();
}

static void try_bad_free(pfn_t pfn, unsigned order)
{
    if (!is_plainly_bad(pfn, order))
        return;
    search.bad_pfn = pfn;
    search.bad_what = order;
    search.result.refusals++;
    if (search.allocator->free_pages(search.pool, pfn, order) == PAGE_OK)
        fail("bad-free", "pfn 0x%llx order %u accepted", (ull)pfn, order);
    if (search.one_by_one)
        check_unchanged();
}

static void try_bad_orders(pfn_t pfn, unsigned top)
{
    for (unsigned order = 0; order <= top; order++)
        try_bad_free(pfn, order);
    try_bad_free(pfn, MAX_ORDER);
    try_bad_free(pfn, MAX_ORDER + 1);
}

/* Each unit, and the page behind its first; the pages before and behind the arena. Each order that
   could be meant, the largest, and one above it. */
static void try_bad_frees(void)
{
    const struct plan *plan = search.plan;
    unsigned top = plan_top(plan);

    search.step.kind = BAD_FREE;
    try_bad_orders(plan->start - 1, top);
    for (unsigned unit = 0; unit <= plan->units; unit++) {
        try_bad_orders(unit_pfn(plan, unit), top);
        if (plan->base)
            try_bad_orders(unit_pfn(plan, unit) + 1, top);
    }
    try_bad_free(0, 0);
    try_bad_free(INVALID_PFN, 0);
    if (search.allocator->allocate_pages(search.pool, MAX_ORDER + 1) != INVALID_PFN)
        fail("outside", "order %u, above the largest, given", MAX_ORDER + 1);
}

static void try_bad_range(pfn_t pfn, uint64_t count)
{
    search.bad_pfn = pfn;
    search.bad_what = count;
    if (search.allocator->insert_pages(search.pool, pfn, count) != PAGE_BAD_RANGE)
        fail("insert-refused", "%llu pages from pfn 0x%llx: no bad range", (ull)count, (ull)pfn);
    if (search.allocator->remove_pages(search.pool, pfn, count) != PAGE_BAD_RANGE)
        fail("remove-held", "%llu pages from pfn 0x%llx: no bad range", (ull)count, (ull)pfn);
}

static void try_bad_ranges(void)
{
    const struct plan *plan = search.plan;

    search.step.kind = BAD_RANGE;
    try_bad_range(plan->start, 0);
    try_bad_range(plan->start - 1, 2);
    try_bad_range(plan->start - 1, 1);
    try_bad_range(plan_end(plan), 1);
    try_bad_range(plan_end(plan) - 1, 2);
    try_bad_range(plan->start, plan->units + 1);
    try_bad_range(plan->start, UINT64_MAX);
}

/* ---- each operation from one state ---- */

/* A state that is new is walked over at once: a broken rule is found as early as can be. */
static void arrive(void)
{
    view_save(&search.view, &search.books, search.row);
    if (!store_add(&search.store, search.row, search.current, step_pack(search.step)))
        return;
    search.arrived = true;
    check_at_rest();
    search.arrived = false;
}

/* Where lists are sorted before a state is kept, what is wrong with them must be seen before. */
static void check_lists(void)
{
    char message[WALK_MESSAGE_SIZE];

    if (search.plan->as_sets && !search.allocator->validate(search.pool, message, sizeof(message)))
        fail("free-list", "%s", message);
}

/* Returns in how many ways the lists could have stood. */
static unsigned enter(struct step step)
{
    view_restore(&search.view, &search.books, store_row(&search.store, search.current));
    unsigned turns = view_turns(&search.view);
    view_turn(&search.view, step.turn);
    return turns;
}

static void try_step(struct step step)
{
    unsigned turns = 1;

    for (unsigned turn = 0; turn < turns; turn++) {
        step.turn = (uint8_t)turn;
        search.step = step;
        turns = enter(step);
        do_step(step);
        check_lists();
        arrive();
        search.result.transitions++;
    }
}

static void try_ranges(void)
{
    for (unsigned unit = 0; unit < search.plan->units; unit++)
        for (unsigned count = 1; count <= search.plan->units - unit; count++) {
            try_step((struct step){REMOVE, 0, (uint8_t)unit, (uint8_t)count, 0});
            try_step((struct step){INSERT, 0, (uint8_t)unit, (uint8_t)count, 0});
        }
}

static void try_core(unsigned core, const uint8_t *order_plus_1)
{
    const struct plan *plan = search.plan;

    for (unsigned order = plan->base; order <= plan_top(plan); order++)
        if (order <= MAX_ORDER)
            try_step((struct step){ALLOCATE, core & 15, 0, (uint8_t)order, 0});
    for (unsigned unit = 0; unit < plan->units; unit++)
        if (order_plus_1[unit])
            try_step((struct step){FREE, core & 15, (uint8_t)unit,
                                   (uint8_t)(order_plus_1[unit] - 1), 0});
}

/* All on one after another; if at their end something has changed, again and looked at each. */
static void try_what_is_bad(void)
{
    enter(search.step);
    machine_enter(0);
    try_bad_frees();
    view_save(&search.view, &search.books, search.row);
    if (memcmp(search.row, store_row(&search.store, search.current), search.store.row_size) != 0) {
        search.one_by_one = true;
        enter(search.step);
        try_bad_frees();
    }
    if (search.plan->hotplug)
        try_bad_ranges();
    check_unchanged();
}

static void leave_by_all(void)
{
    uint8_t order_plus_1[MAX_UNITS];

    search.step = (struct step){0};
    try_what_is_bad();
    memcpy(order_plus_1, search.books.order_plus_1, sizeof(order_plus_1));
    for (unsigned core = 0; core < search.plan->cores; core++)
        try_core(core, order_plus_1);
    if (search.plan->hotplug)
        try_ranges();
    machine_progress();
}

/* ---- the first state ---- */

static void *zeroed(size_t align, size_t size)
{
    void *memory = aligned_alloc(align, (size + align - 1) / align * align);

    if (!memory)
        abort();
    return memset(memory, 0, size);
}

static void empty_pool(void)
{
    const struct plan *plan = search.plan;

    memset(search.pool, 0, search.allocator->pool_size);
    memset(search.metadata, 0, search.metadata_size);
    search.allocator->init(search.pool, search.metadata, plan->start, plan_end(plan));
    if (search.allocator->insert_pages(search.pool, plan->start, plan_end(plan) - plan->start))
        fail("insert-refused", "all pages");
    /* A cache is known from its core's first call on, be it a refused one. */
    for (unsigned core = 0; search.allocator->drain && core < plan->cores; core++) {
        machine_enter(core);
        search.allocator->free_pages(search.pool, plan->start, 0);
    }
    search.books = (struct books){.inserted = units_mask(0, plan->units)};
}

static void start(const struct plan *plan)
{
    pfn_t end = plan_end(plan), pages = end - plan->start;

    search.plan = plan;
    search.allocator = plan->allocator;
    machine_start(plan->start, search.allocator->promises & PROMISE_METADATA_OUTSIDE ? 0 : pages);
    search.metadata_size = search.allocator->metadata_size(plan->start, end);
    search.pool = zeroed(64, search.allocator->pool_size);
    search.metadata = zeroed(4096, search.metadata_size);
    empty_pool();
    view_init(&search.view, plan, search.pool, search.metadata);
    store_init(&search.store, view_row_size(&search.view));
    search.walk = (struct walk){
        .start = plan->start,
        .end = end,
        .inserted = search.inserted,
        .held = search.held,
        .free = search.free,
        .free_order = search.free_order,
        .baseline = search.baseline,
    };
    walk_remember(&search.walk, search.allocator, search.pool);
}

/* ---- the trace of a broken rule ---- */

static unsigned depth_of(uint32_t number)
{
    unsigned depth = 0;

    for (; number; number = search.store.parents[number])
        depth++;
    return depth;
}

static void print_step(unsigned number, struct step step, bool last)
{
    ull pfn = unit_pfn(search.plan, step.unit), bad = search.bad_pfn, what = search.bad_what;

    printf("  %u. core %u ", number, step.core);
    switch (step.kind) {
    case START:
        printf("inserts all pages into an empty pool");
        break;
    case BAD_FREE:
        printf("frees pfn 0x%llx order %llu, which is not held as that", bad, what);
        break;
    case BAD_RANGE:
        printf("inserts, then removes, %llu pages from pfn 0x%llx, which are not in range", what,
               bad);
        break;
    case ALLOCATE:
        printf("allocates order %u: ", step.what);
        if (last)
            printf("see above");
        else if (search.given == INVALID_PFN)
            printf("refused");
        else
            printf("pfn 0x%llx", (ull)search.given);
        break;
    case FREE:
        printf("frees pfn 0x%llx order %u", pfn, step.what);
        break;
    case REMOVE:
        printf("removes %u pages from pfn 0x%llx", step.what, pfn);
        break;
    case INSERT:
        printf("inserts %u pages from pfn 0x%llx", step.what, pfn);
        break;
    }
    printf(step.turn ? ", lists turned (%u)\n" : "\n", step.turn);
}

/* The steps from the first state to this one, with what they returned. */
static unsigned print_path(uint32_t number)
{
    if (number == 0)
        return 0;
    struct step step;
    memcpy(&step, &search.store.steps[number], sizeof(step));
    unsigned before = print_path(search.store.parents[number]);
    search.current = search.store.parents[number];
    enter(step);
    do_step(step);
    print_step(before + 1, step, false);
    return before + 1;
}

static void print_refutation(void)
{
    struct step last = search.step;
    uint32_t from = search.current;
    char rule[sizeof(broken.rule)];
    volatile unsigned length =
        depth_of(from) + (last.kind != START); /* volatile: it outlives a longjmp (C11 7.13.2.1) */

    memcpy(rule, broken.rule, sizeof(rule));
    printf("refuted %s: %s: %s\n", search.plan->name, rule, broken.text);
    printf("  the shortest way there, of %u steps:\n", length);
    fflush(stdout);
    if (sigsetjmp(broken.frame, 0) == 0) {
        machine_reset();
        empty_pool();
        print_path(from);
    }
    print_step(length, last, !search.arrived);
}

/* ---- all of it ---- */

static void search_all(void)
{
    view_save(&search.view, &search.books, search.row);
    store_add(&search.store, search.row, 0, 0);
    check_at_rest();
    for (search.current = 0; search.current < search.store.count; search.current++) {
        leave_by_all();
        if (search.store.count > search.limit) {
            search.result.too_many = true;
            return;
        }
    }
}

struct result explore(const struct plan *plan, uint64_t limit)
{
    search.limit = limit;
    if (sigsetjmp(broken.frame, 0) == 0) {
        start(plan);
        search_all();
    } else {
        search.result.refuted = true;
        print_refutation();
    }
    search.result.states = search.store.count;
    search.result.depth = search.store.count ? depth_of(search.store.count - 1) : 0;
    search.result.bytes = store_bytes(&search.store);
    return search.result;
}
