#include <lib/bitmap.h>
#include <lib/count.h>
#include <lib/fail.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <stddef.h>
#include <stress/arena.h>
#include <stress/checked_call.h>
#include <stress/content.h>
#include <stress/explain.h>
#include <stress/failure.h>
#include <stress/refusals.h>

static uint64_t span(const struct arena *arena)
{
    return arena->end - arena->start;
}

bool arena_contains(const struct arena *arena, pfn_t start, uint64_t count)
{
    return start >= arena->start && start < arena->end && count <= arena->end - start;
}

void arena_set_bounds(struct arena *arena, uint64_t blocks, uint64_t pages)
{
    arena->held_blocks_bound = blocks;
    arena->held_pages_bound = pages;
}

/* ---- places ---- */

uint64_t arena_aligned_runs(pfn_t start, pfn_t end, unsigned order)
{
    pfn_t first = (start + order_pages(order) - 1) >> order;
    pfn_t last = end >> order;

    return last > first ? last - first : 0;
}

unsigned arena_taken_order(const struct arena *arena, unsigned order)
{
    const struct page_allocator *allocator = arena->allocator;

    return allocator->taken_order && order <= arena->largest_order ? allocator->taken_order(order)
                                                                   : order;
}

uint64_t arena_block_pages(const struct arena *arena, unsigned order)
{
    return order_pages(arena_taken_order(arena, order));
}

/* ---- allocate ---- */

/*
 * The first page of the held block that covers pfn, or INVALID_PFN. A block is aligned to its
 * order, so its first page is pfn with low bits cleared.
 */
static pfn_t holder_of(const struct arena *arena, pfn_t pfn)
{
    for (unsigned order = 0; order <= arena->largest_order; order++) {
        pfn_t head = pfn & ~(order_pages(order) - 1);
        if (arena_held_order(arena, head) >= (int)order)
            return head;
    }
    return INVALID_PFN;
}

static void fail_overlap(const struct arena *arena, const struct core *core, pfn_t pfn,
                         unsigned order, pfn_t taken)
{
    pfn_t head = holder_of(arena, taken);

    failure_begin(RULE_OVERLAP, "pfn 0x%lx order %u", pfn, order);
    explain_block(pfn, order);
    report_line("# overlap side=taker core=%u pfn=0x%lx order=%u held=0x%lx", core->number, pfn,
                order, taken);
    if (head == INVALID_PFN) {
        report_line("# overlap side=holder core=unknown (it has not yet written down its block, or "
                    "is giving it up)");
    } else {
        struct holding other = arena->holdings[head - arena->start];
        report_line("# overlap side=holder core=%u pfn=0x%lx order=%u number=%u", other.core, head,
                    other.order, other.serial);
    }
    failure_end();
}

void arena_check_place(const struct arena *arena, pfn_t pfn, unsigned order)
{
    uint64_t count = arena_block_pages(arena, order);

    if (pfn % order_pages(order))
        fail(RULE_MISALIGNED, "pfn 0x%lx order %u", pfn, order);
    if (!arena_contains(arena, pfn, count) ||
        bitmap_find_clear(arena->inserted, pfn - arena->start, pfn - arena->start + count) !=
            BITMAP_NONE)
        fail(RULE_OUTSIDE, "pfn 0x%lx order %u: not all of it was ever inserted", pfn, order);
}

/*
 * If one core allocates alone, the oracle's books say exactly whether there is room. Otherwise
 * regions are counted: each held block spoils one aligned region of this order, or as many as it is
 * large. While there are more regions than can be spoiled, one is wholly free at every instant. So
 * a coalescing allocator has a block to give.
 */
static void check_out_of_memory(const struct arena *arena, const struct core *core, unsigned order)
{
    const unsigned needed = PROMISE_COALESCES | PROMISE_TRUE_OOM;

    if ((arena->allocator->promises & needed) != needed || order > arena->largest_order)
        return;
    order = arena_taken_order(arena, order);
    if (arena->alone && arena_has_room(arena, order))
        fail(RULE_FALSE_OOM, "order %u on core %u: alone, and there is room", order, core->number);
    if (arena->held_blocks_bound == UINT64_MAX)
        return;
    uint64_t spoiled = arena->held_blocks_bound + (arena->held_pages_bound >> order);
    if (arena->regions[order] > spoiled)
        fail(RULE_FALSE_OOM,
             "order %u on core %u: at most %lu of %lu aligned regions can be in use", order,
             core->number, spoiled, arena->regions[order]);
}

static struct content content_of(const struct arena *arena, pfn_t pfn, struct block block)
{
    return content_make(pfn, block.order, (uint64_t)block.core << 32 | block.serial, arena->sample);
}

static struct block next_block(struct core *core, unsigned order)
{
    return (struct block){++core->serial, (uint16_t)core->number, (uint8_t)order};
}

static void note_refusal(struct core *core, struct block block)
{
    count_add(&core->counts.out_of_memory, 1);
    checked_call_remember(core, OPERATION_OUT_OF_MEMORY, INVALID_PFN, block);
}

/* Check a block that was just handed out, and record that this core holds it. */
static void take_block(struct arena *arena, struct core *core, pfn_t pfn, struct block block)
{
    checked_call_remember(core, OPERATION_ALLOCATE, pfn, block);
    arena_check_place(arena, pfn, block.order);
    uint64_t index = pfn - arena->start;
    uint64_t taken = bitmap_set_range(arena->held, index, arena_block_pages(arena, block.order));
    if (taken != BITMAP_NONE)
        fail_overlap(arena, core, pfn, block.order, arena->start + taken);
    struct holding before = arena->holdings[index];
    arena->holdings[index] = (struct holding){block.serial, block.core, block.order, HOLDING_HELD};
    if (arena->sample)
        content_fill(content_of(arena, pfn, block), !core->in_interrupt);
    count_add(&core->counts.allocations, 1);
    count_add(&core->counts.passed, before.state == HOLDING_FREED && before.core != core->number);
}

pfn_t arena_allocate(struct arena *arena, struct core *core, unsigned order)
{
    struct block block = next_block(core, order);
    pfn_t pfn = checked_allocate(arena, core, block);

    if (pfn != INVALID_PFN) {
        take_block(arena, core, pfn, block);
        return pfn;
    }
    note_refusal(core, block);
    check_out_of_memory(arena, core, order);
    return INVALID_PFN;
}

/* ---- allocate, with a condition ---- */

static void describe_place(struct place place, char *text, size_t size)
{
    static const char *const words[] = {"anywhere", "below 0x%lx", "at 0x%lx", "on node %lu"};

    format_text(text, size, words[place.kind], place.where);
}

static bool is_placed(const struct arena *arena, pfn_t pfn, unsigned order, struct place place)
{
    uint64_t count = order_pages(order);

    switch (place.kind) {
    case PLACE_BELOW:
        return pfn + count <= place.where;
    case PLACE_AT:
        return pfn == place.where;
    case PLACE_NODE:
        return arena->allocator->node_of(arena->pool, pfn) == place.where &&
               arena->allocator->node_of(arena->pool, pfn + count - 1) == place.where;
    default:
        return true;
    }
}

/* Whether the books show a free block that meets the condition. */
static bool has_room_at(const struct arena *arena, unsigned order, struct place place)
{
    uint64_t count = order_pages(order), end = span(arena);
    uint64_t first = ((arena->start + count - 1) & ~(count - 1)) - arena->start;

    for (uint64_t index = first; index + count <= end; index += count)
        if (is_placed(arena, arena->start + index, order, place) &&
            bitmap_find_clear(arena->inserted, index, index + count) == BITMAP_NONE &&
            bitmap_find_set(arena->held, index, index + count) == BITMAP_NONE)
            return true;
    return false;
}

/*
 * Whether a refusal can be judged: one core allocates alone, so the books are exact, and the
 * allocator has promised enough.
 */
static bool judges_placement(const struct arena *arena, unsigned order)
{
    const unsigned needed = PROMISE_COALESCES | PROMISE_TRUE_PLACEMENT;

    return arena->alone && (arena->allocator->promises & needed) == needed &&
           arena_taken_order(arena, order) == order;
}

static void check_placed_refusal(const struct arena *arena, struct core *core, unsigned order,
                                 struct place place)
{
    char text[48];

    if (!judges_placement(arena, order))
        return;
    count_add(&core->counts.placed_refusals, 1);
    if (!has_room_at(arena, order, place))
        return;
    describe_place(place, text, sizeof(text));
    fail(RULE_FALSE_OOM, "order %u %s on core %u: alone, and there is room", order, text,
         core->number);
}

pfn_t arena_allocate_placed(struct arena *arena, struct core *core, unsigned order,
                            struct place place)
{
    struct block block = next_block(core, order);
    pfn_t pfn = checked_allocate_placed(arena, core, block, place);
    char text[48];

    if (pfn == INVALID_PFN) {
        note_refusal(core, block);
        check_placed_refusal(arena, core, order, place);
        return INVALID_PFN;
    }
    take_block(arena, core, pfn, block);
    describe_place(place, text, sizeof(text));
    if (!is_placed(arena, pfn, order, place))
        fail(RULE_MISPLACED, "pfn 0x%lx order %u was handed out %s", pfn, order, text);
    return pfn;
}

/* ---- free ---- */

int arena_held_order(const struct arena *arena, pfn_t pfn)
{
    uint64_t index = pfn - arena->start;

    if (!arena_contains(arena, pfn, 1) || !bitmap_test(arena->held, index))
        return -1;
    struct holding holding = arena->holdings[index];
    return holding.state == HOLDING_HELD ? holding.order : -1;
}

static void check_content(const struct arena *arena, struct core *core, pfn_t pfn,
                          struct block block)
{
    struct content content = content_of(arena, pfn, block);
    struct content_error error;

    count_add(&core->counts.checked_in_full, content.full);
    if (content_check(content, !core->in_interrupt, &error))
        return;
    failure_begin(RULE_CONTENT, "pfn 0x%lx order %u", pfn, block.order);
    explain_block(pfn, block.order);
    report_line("# content holder=%u number=%u page=0x%lx offset=0x%x found=0x%016lx "
                "expected=0x%016lx",
                block.core, block.serial, error.pfn, error.offset, error.found, error.expected);
    failure_end();
}

struct block arena_give_up(struct arena *arena, struct core *core, pfn_t pfn)
{
    uint64_t index = pfn - arena->start;
    struct holding holding = arena->holdings[index];
    struct block block = {holding.serial, holding.core, holding.order};
    unsigned order = block.order;

    ASSERT(holding.state == HOLDING_HELD && bitmap_test(arena->held, index));
    if (arena->sample)
        check_content(arena, core, pfn, block);

    /* Give the block up first: as soon as it is freed, another core may get it. */
    arena->holdings[index] =
        (struct holding){.core = (uint16_t)core->number, .state = HOLDING_FREED};
    uint64_t missing = bitmap_clear_range(arena->held, index, arena_block_pages(arena, order));
    if (missing != BITMAP_NONE)
        fail(RULE_OVERLAP, "pfn 0x%lx order %u: page 0x%lx was given up by another", pfn, order,
             arena->start + missing);
    return block;
}

void arena_free(struct arena *arena, struct core *core, pfn_t pfn)
{
    struct block block = arena_give_up(arena, core, pfn);

    checked_call_remember(core, OPERATION_FREE, pfn, block);
    enum page_error error = checked_free(arena, core, OPERATION_FREE, pfn, block);
    if (error != PAGE_OK)
        fail(RULE_FREE_REFUSED, "pfn 0x%lx order %u, rightly freed: %s", pfn, block.order,
             page_error_name(error));
    count_add(&core->counts.frees, 1);
    count_add(&core->counts.cross_frees, block.core != core->number);
}

void arena_bad_free(struct arena *arena, struct core *core, pfn_t pfn, unsigned order,
                    const char *kind)
{
    struct block nobody = {.core = (uint16_t)core->number, .order = (uint8_t)order};
    enum page_error error = checked_free(arena, core, OPERATION_BAD_FREE, pfn, nobody);
    char names[REFUSALS_SIZE];

    checked_call_remember(core, OPERATION_BAD_FREE, pfn, nobody);
    count_add(&core->counts.bad_frees, 1);
    if (error == PAGE_OK)
        fail(RULE_BAD_FREE, "pfn 0x%lx order %u accepted: %s", pfn, order, kind);
    unsigned right = refusals_of_free(arena, pfn, order);
    if (!refusals_have(right, error))
        fail(RULE_ERROR_CODE, "free_pages of pfn 0x%lx order %u: %s, expected %s", pfn, order,
             page_error_name(error), refusals_describe(right, names));
}

/* ---- room, by the books ---- */

/*
 * Find the next run of pages from *index on that are inserted and not held: [*index, *run_end).
 * Returns false if there is none.
 */
static bool next_free_run(const struct arena *arena, uint64_t *index, uint64_t *run_end)
{
    uint64_t end = span(arena), first = *index;

    do {
        first = bitmap_find_set(arena->inserted, first, end);
        if (first != BITMAP_NONE)
            first = bitmap_find_clear(arena->held, first, end);
        if (first == BITMAP_NONE)
            return false;
    } while (!bitmap_test(arena->inserted, first));
    uint64_t stop = bitmap_find_set(arena->held, first, end);
    if (stop == BITMAP_NONE)
        stop = end;
    /* Search only up to `stop`: a search to the end of memory for each run would be quadratic. */
    uint64_t out = bitmap_find_clear(arena->inserted, first, stop);
    *index = first;
    *run_end = out == BITMAP_NONE ? stop : out;
    return true;
}

bool arena_has_room(const struct arena *arena, unsigned order)
{
    uint64_t index = 0, run_end;

    while (next_free_run(arena, &index, &run_end)) {
        if (arena_aligned_runs(arena->start + index, arena->start + run_end, order))
            return true;
        index = run_end;
    }
    return false;
}

/* ---- blocks freed in parts ---- */

pfn_t arena_split_held(struct arena *arena, pfn_t pfn)
{
    struct holding *lower = &arena->holdings[pfn - arena->start];

    ASSERT(lower->state == HOLDING_HELD && lower->order > 0);
    lower->order--;
    pfn_t upper = buddy_of(pfn, lower->order);
    arena->holdings[upper - arena->start] = *lower;
    return upper;
}

/* ---- pages that come and go ---- */

enum page_error arena_remove(struct arena *arena, pfn_t start, uint64_t count)
{
    uint64_t index = start - arena->start;

    enum page_error error = checked_remove(arena, start, count);
    if (error != PAGE_OK || !arena_contains(arena, start, count))
        return error;
    /*
     * No page of the range can have been handed out since the removal. So a page that is held now
     * was already held then.
     */
    uint64_t held = bitmap_find_set(arena->held, index, index + count);
    if (held != BITMAP_NONE)
        fail(RULE_REMOVE_HELD, "pages 0x%lx to 0x%lx removed, but 0x%lx is held", start,
             start + count, arena->start + held);
    bitmap_clear_range(arena->inserted, index, count);
    arena->inserted_pages -= count;
    return PAGE_OK;
}

/* Marks the pages as inserted first: other cores may get them before checked_insert() returns. */
enum page_error arena_plug(struct arena *arena, pfn_t start, uint64_t count)
{
    bitmap_set_range(arena->inserted, start - arena->start, count);
    arena->inserted_pages += count;
    return checked_insert(arena, start, count);
}

uint64_t arena_held_pages(const struct arena *arena)
{
    return bitmap_count(arena->held, span(arena));
}
