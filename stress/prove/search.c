/* The search: breadth-first. Each state is entered again for each possible operation. */
#include "search.h"
#include <lib/fail.h>
#include <stdlib.h>

struct search search;

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

/* Check the present state at rest. This drains caches, so the state must then be entered again. */
static void check_at_rest(void)
{
    struct walk_finding finding = {0};
    pfn_t pfn;

    if (!search.allocator->validate(search.pool, finding.message, sizeof(finding.message)))
        fail(RULE_FREE_LIST, "%s", finding.message);
    if (search.allocator->drain)
        search.allocator->drain(search.pool);
    fill_maps();
    if (!walk_check(&search.walk, search.allocator, search.pool, &finding) ||
        (all_is_back() && !walk_compare(&search.walk, search.allocator, search.pool, &finding)))
        fail(finding.rule, "%s", finding.message);
    if (!view_insides_intact(&search.view, &pfn))
        fail(RULE_FREE_LIST, "what is kept of pages inside of blocks has changed, from pfn 0x%lx",
             pfn);
    machine_check_rest();
}

/* ---- each operation from one state ---- */

/* Store the state after a step. If it is new, check it at once, to find a broken rule early. */
static void arrive(void)
{
    view_save(&search.view, &search.books, search.row);
    if (!store_add(&search.store, search.row, search.current, step_pack(search.step)))
        return;
    search.arrived = true;
    check_at_rest();
    search.arrived = false;
}

/* If lists are sorted before a state is stored, check them first: sorting hides what is wrong. */
static void check_lists(void)
{
    char message[WALK_MESSAGE_SIZE];

    if (search.plan->as_sets && !search.allocator->validate(search.pool, message, sizeof(message)))
        fail(RULE_FREE_LIST, "%s", message);
}

unsigned enter(struct step step)
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

static void leave_by_all(void)
{
    uint8_t order_plus_1[MAX_UNITS];

    for (unsigned core = 0; core < search.plan->cores; core++)
        try_what_is_bad(core);
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

void empty_pool(void)
{
    const struct plan *plan = search.plan;

    memset(search.pool, 0, search.allocator->pool_size);
    memset(search.metadata, 0, search.metadata_size);
    search.allocator->init(search.pool, search.metadata, plan->start, plan_end(plan));
    if (search.allocator->insert_pages(search.pool, plan->start, plan_end(plan) - plan->start))
        fail(RULE_INSERT_REFUSED, "all pages");
    /* A core's cache joins at the core's first call, even a refused one: let all join now. */
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
