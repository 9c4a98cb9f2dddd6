/* Does a step and judges it by the books; tries calls that must be refused. */
#include "search.h"
#include <lib/fail.h>

/* ---- one operation, judged by the books ---- */

static void judge_refusal(unsigned order)
{
    pfn_t room = books_room(search.plan, &search.books, order);

    if (room != INVALID_PFN && search.allocator->promises & PROMISE_TRUE_OOM)
        fail(RULE_FALSE_OOM, "order %u refused, and the block at pfn 0x%lx is free", order, room);
}

static uint32_t judge_block(pfn_t pfn, unsigned order)
{
    const struct plan *plan = search.plan;
    struct books *books = &search.books;

    if (pfn % order_pages(order))
        fail(RULE_MISALIGNED, "pfn 0x%lx order %u", pfn, order);
    uint32_t mask = block_mask(plan, pfn, order);
    if (!mask || (books->inserted & mask) != mask)
        fail(RULE_OUTSIDE, "pfn 0x%lx order %u", pfn, order);
    if (books->held & mask)
        fail(RULE_OVERLAP, "pfn 0x%lx order %u: a page of it is held", pfn, order);
    if (search.allocator->promises & PROMISE_SMALLEST_FIT &&
        books_free_order(plan, books, pfn) > books_smallest_fit(plan, books, order))
        fail(RULE_SMALLEST_FIT, "order %u from a block of order %u, and one of order %u is free",
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
        fail(RULE_FREE_REFUSED, "pfn 0x%lx order %u: %s", pfn, order, page_error_name(error));
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
        fail(RULE_REMOVE_HELD, "%u pages from pfn 0x%lx", count, pfn);
    if (error != (removable ? PAGE_OK : PAGE_BUSY))
        fail(RULE_REMOVE_REFUSED, "%u pages from pfn 0x%lx: %s", count, pfn,
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
        fail(RULE_INSERT_REFUSED, "%u pages from pfn 0x%lx: %s, not %s", count, pfn,
             page_error_name(error), page_error_name(right));
    if (right == PAGE_OK)
        books->inserted |= mask;
}

static void check_held(uint32_t before)
{
    pfn_t pfn;

    if (!view_held_intact(&search.view, before & search.books.held, &pfn))
        fail(RULE_CONTENT, "pfn 0x%lx is held, and was written to", pfn);
}

void do_step(struct step step)
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

/* ---- calls that must be refused ---- */

static bool is_held_block(pfn_t pfn, unsigned order)
{
    return block_mask(search.plan, pfn, order) &&
           search.books.order_plus_1[unit_of(pfn)] == order + 1;
}

/* Whether the allocator can tell that it has not handed out this block. */
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

static bool has_changed(void)
{
    view_save(&search.view, &search.books, search.row);
    return memcmp(search.row, store_row(&search.store, search.current), search.store.row_size) != 0;
}

static void check_unchanged(void)
{
    if (has_changed())
        fail(RULE_BAD_FREE, "refused, and something has changed");
    machine_check_rest();
    check_held(search.books.held);
}

static void try_bad_free(pfn_t pfn, unsigned order)
{
    if (!is_plainly_bad(pfn, order))
        return;
    search.bad_pfn = pfn;
    search.bad_what = order;
    search.result.refusals++;
    if (search.allocator->free_pages(search.pool, pfn, order) == PAGE_OK)
        fail(RULE_BAD_FREE, "pfn 0x%lx order %u accepted", pfn, order);
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

/* Free each unit, the page behind its first page, and the pages before and behind the arena. For
   each try each order up to plan_top(), the largest order and one above it. */
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
        fail(RULE_OUTSIDE, "order %u, above the largest, given", MAX_ORDER + 1);
}

static void try_bad_range(pfn_t pfn, uint64_t count)
{
    search.bad_pfn = pfn;
    search.bad_what = count;
    if (search.allocator->insert_pages(search.pool, pfn, count) != PAGE_BAD_RANGE)
        fail(RULE_INSERT_REFUSED, "%lu pages from pfn 0x%lx: no bad range", count, pfn);
    if (search.allocator->remove_pages(search.pool, pfn, count) != PAGE_BAD_RANGE)
        fail(RULE_REMOVE_HELD, "%lu pages from pfn 0x%lx: no bad range", count, pfn);
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

/* Try all bad frees without looking. If the state has changed then, repeat them and check each. */
void try_what_is_bad(unsigned core)
{
    search.step = (struct step){.core = core & 15};
    enter(search.step);
    machine_enter(core);
    try_bad_frees();
    if (has_changed()) {
        search.one_by_one = true;
        enter(search.step);
        try_bad_frees();
    }
    if (search.plan->hotplug)
        try_bad_ranges();
    check_unchanged();
}
