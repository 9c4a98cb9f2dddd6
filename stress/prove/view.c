#include "view.h"
#include <mm/buddy_percpu.h>
#include <mm/buddy_scan.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * These asserts fail if a member is added. Add it to the state, or to the members left out here:
 *  - locks, which are free whenever a state is stored;
 *  - `array`, `start` and `end`, which only init() sets;
 *  - `splits` and `merges`, which are counted but never read.
 */
_Static_assert(sizeof(struct buddy_pool) ==
                   sizeof(struct spinlock_irq) + sizeof(struct page_array) +
                       (MAX_ORDER + 2) / 2 * 8 + (3 * (MAX_ORDER + 1) + 2) * 8,
               "struct buddy_pool has changed: look at buddy_fields()");
_Static_assert(sizeof(struct buddy_scan_pool) ==
                   sizeof(struct spinlock_irq) + (2 * (MAX_ORDER + 1) + 4) * 8,
               "struct buddy_scan_pool has changed: look at scan_fields()");
_Static_assert(sizeof(struct buddy_cache) == 128 && sizeof(struct spinlock_irq) == 40 &&
                   sizeof(struct buddy_percpu_pool) ==
                       64 * (2 * CACHES + (sizeof(struct buddy_pool) + 67) / 64),
               "struct buddy_cache has changed: look at percpu_fields()");
_Static_assert((unsigned)CACHES == PROVE_CORES && CACHE_PAGES == 4 && CACHE_BATCH == 2,
               "the caches are not scaled down: stress/prove/include");

/* ---- values by number ---- */

enum { NUMBERS = 256, SLOTS = 1024 };

struct view_values {
    uint64_t value[NUMBERS];
    unsigned count;
    uint8_t slots[SLOTS]; /* a number, or 0 */
};

static uint8_t number_of(struct view_values *values, uint64_t value)
{
    unsigned slot = (unsigned)((value * UINT64_C(0x9e3779b97f4a7c15)) >> 54) % SLOTS;

    while (values->slots[slot]) {
        if (values->value[values->slots[slot]] == value)
            return values->slots[slot];
        slot = (slot + 1) % SLOTS;
    }
    if (values->count == NUMBERS - 1) {
        fprintf(stderr, "prove: words have more than %d values\n", NUMBERS - 1);
        exit(2);
    }
    values->slots[slot] = (uint8_t)++values->count;
    values->value[values->count] = value;
    return (uint8_t)values->count;
}

/* Each memcpy() has a constant size: half of the search's time is spent here. */
static inline uint64_t field_read(const struct field *field)
{
    uint64_t value = 0;

    switch (field->size) {
    case 1:
        return *(const uint8_t *)field->at;
    case 2:
        memcpy(&value, field->at, 2);
        return value;
    case 4:
        memcpy(&value, field->at, 4);
        return value;
    default:
        memcpy(&value, field->at, 8);
        return value;
    }
}

static inline void field_write(const struct field *field, uint64_t value)
{
    switch (field->size) {
    case 1:
        *(uint8_t *)field->at = (uint8_t)value;
        break;
    case 2:
        memcpy(field->at, &value, 2);
        break;
    case 4:
        memcpy(field->at, &value, 4);
        break;
    default:
        memcpy(field->at, &value, 8);
        break;
    }
}

static void add_field(struct view *view, void *at, size_t size)
{
    if (view->field_count == MAX_FIELDS)
        abort();
    view->fields[view->field_count++] = (struct field){at, (uint8_t)size, true};
}

#define ADD(view, lvalue) add_field(view, &(lvalue), sizeof(lvalue))

/* ---- buddy: lists in the page array ---- */

static struct page *unit_page(const struct view *view, unsigned unit)
{
    return (struct page *)view->metadata + ((size_t)unit << view->plan->base);
}

static void buddy_fields(struct view *view, struct buddy_pool *pool)
{
    for (unsigned unit = 0; unit < view->plan->units; unit++) {
        ADD(view, unit_page(view, unit)->next);
        ADD(view, unit_page(view, unit)->prev);
        ADD(view, unit_page(view, unit)->tag);
    }
    for (unsigned order = 0; order <= MAX_ORDER; order++) {
        ADD(view, pool->list[order]);
        ADD(view, pool->count[order]);
    }
    ADD(view, pool->free_pages);
    ADD(view, pool->inserted_pages);
}

/* Links count only in pages on a list: those whose state is free or cached. */
static void buddy_mark(struct view *view)
{
    for (unsigned unit = 0; unit < view->plan->units; unit++) {
        unsigned state = unit_page(view, unit)->state;
        bool linked = state == PAGE_FREE_HEAD || state == PAGE_CACHED;
        view->fields[3 * unit].counts = view->fields[3 * unit + 1].counts = linked;
    }
}

static void percpu_fields(struct view *view, struct buddy_percpu_pool *pool)
{
    buddy_fields(view, &pool->buddy);
    ADD(view, pool->cache_count);
    for (unsigned i = 0; i < CACHES; i++)
        for (unsigned order = 0; order < CACHED_ORDERS; order++) {
            ADD(view, pool->caches[i].list[order]);
            ADD(view, pool->caches[i].count[order]);
        }
}

/* ---- buddy-scan: lists in the pages ---- */

static void *unit_word(const struct view *view, unsigned unit)
{
    return pfn_to_address(unit_pfn(view->plan, unit));
}

static void scan_fields(struct view *view, struct buddy_scan_pool *pool)
{
    pfn_t span = plan_end(view->plan) - view->plan->start;

    for (unsigned unit = 0; unit < view->plan->units; unit++)
        add_field(view, unit_word(view, unit), sizeof(pfn_t));
    for (unsigned order = 0; order <= MAX_ORDER; order++) {
        ADD(view, pool->free_list[order]);
        ADD(view, pool->count[order]);
    }
    ADD(view, pool->free_pages);
    /* Plans with units larger than a page never remove pages. */
    for (pfn_t byte = 0; view->plan->base == 0 && byte < (span + 7) / 8; byte++)
        add_field(view, (uint8_t *)view->metadata + byte, 1);
}

/* Words count only in pages on a list. */
static void scan_mark(struct view *view)
{
    const struct buddy_scan_pool *pool = view->pool;
    const struct plan *plan = view->plan;

    for (unsigned unit = 0; unit < plan->units; unit++)
        view->fields[unit].counts = false;
    for (unsigned order = 0; order <= MAX_ORDER; order++) {
        pfn_t pfn = pool->free_list[order];
        for (unsigned step = 0; step < plan->units && pfn >= plan->start && pfn < plan_end(plan);
             step++) {
            unsigned unit = (unsigned)((pfn - plan->start) >> plan->base);
            view->fields[unit].counts = true;
            pfn = *(const pfn_t *)unit_word(view, unit);
        }
    }
}

/* ---- the view of each ---- */

static bool in_pages(const struct view *view)
{
    return !(view->plan->allocator->promises & PROMISE_METADATA_OUTSIDE);
}

static bool has_caches(const struct view *view)
{
    return view->plan->allocator->pool_size == sizeof(struct buddy_percpu_pool);
}

void view_init(struct view *view, const struct plan *plan, void *pool, void *metadata)
{
    *view = (struct view){.plan = plan, .pool = pool, .metadata = metadata, .junk = 1};
    view->metadata_size = plan->allocator->metadata_size(plan->start, plan_end(plan));
    view->image = malloc(view->metadata_size);
    view->values = calloc(1, sizeof(*view->values));
    if (!view->image || !view->values)
        abort();
    memcpy(view->image, metadata, view->metadata_size);
    if (in_pages(view))
        scan_fields(view, pool);
    else if (has_caches(view))
        percpu_fields(view, pool);
    else
        buddy_fields(view, pool);
}

static void mark(struct view *view)
{
    if (in_pages(view))
        scan_mark(view);
    else
        buddy_mark(view);
}

/* ---- lists as sets: the buddy's ---- */

static unsigned list_units(const struct view *view, unsigned order, unsigned *units)
{
    const struct buddy_pool *pool = view->pool;
    unsigned length = 0;
    uint32_t index = pool->list[order];

    while (index != PAGE_LINK_NONE && length < view->plan->units) {
        units[length++] = index >> view->plan->base;
        index = pool->array.pages[index].next;
    }
    return length;
}

static void link_units(struct view *view, unsigned order, const unsigned *units, unsigned length)
{
    struct buddy_pool *pool = view->pool;
    uint32_t previous = PAGE_LINK_NONE;
    uint32_t *link = &pool->list[order];

    for (unsigned i = 0; i < length; i++) {
        struct page *page = unit_page(view, units[i]);
        *link = (uint32_t)(page - pool->array.pages);
        page->prev = previous;
        previous = *link;
        link = &page->next;
    }
    *link = PAGE_LINK_NONE;
}

static void sort_lists(struct view *view)
{
    for (unsigned order = view->plan->base; order <= MAX_ORDER; order++) {
        unsigned units[MAX_UNITS];
        unsigned length = list_units(view, order, units);

        for (unsigned i = 1; i < length; i++)
            for (unsigned j = i; j > 0 && units[j - 1] > units[j]; j--) {
                unsigned other = units[j];
                units[j] = units[j - 1];
                units[j - 1] = other;
            }
        link_units(view, order, units, length);
    }
}

/* Twice the length of the longest list: all rotations, forwards and backwards. */
unsigned view_turns(const struct view *view)
{
    unsigned longest = 1, units[MAX_UNITS];

    if (!view->plan->as_sets)
        return 1;
    for (unsigned order = view->plan->base; order <= MAX_ORDER; order++) {
        unsigned length = list_units(view, order, units);
        longest = length > longest ? length : longest;
    }
    return longest < 3 ? longest : 2 * longest;
}

void view_turn(struct view *view, unsigned turn)
{
    if (!view->plan->as_sets || turn == 0)
        return;
    for (unsigned order = view->plan->base; order <= MAX_ORDER; order++) {
        unsigned units[MAX_UNITS], turned[MAX_UNITS];
        unsigned length = list_units(view, order, units);

        for (unsigned i = 0; i < length; i++) {
            unsigned to = turn % 2 ? length - 1 - i : i;
            turned[to] = units[(i + turn / 2) % length];
        }
        link_units(view, order, turned, length);
    }
}

/* ---- memory that must stay unchanged ---- */

bool view_held_intact(const struct view *view, uint32_t held, pfn_t *pfn)
{
    for (unsigned unit = 0; in_pages(view) && unit < view->plan->units; unit++) {
        *pfn = unit_pfn(view->plan, unit);
        if (held >> unit & 1 && *(const pfn_t *)unit_word(view, unit) != view->words[unit])
            return false;
    }
    return true;
}

bool view_insides_intact(const struct view *view, pfn_t *pfn)
{
    const struct page *image = view->image;
    size_t inside = (((size_t)1 << view->plan->base) - 1) * sizeof(struct page);

    *pfn = view->plan->start;
    if (view->plan->base && in_pages(view))
        return memcmp(view->metadata, image, view->metadata_size) == 0;
    for (unsigned unit = 0; view->plan->base && unit < view->plan->units; unit++) {
        size_t first = ((size_t)unit << view->plan->base) + 1;
        *pfn = view->plan->start + first;
        if (memcmp((struct page *)view->metadata + first, image + first, inside) != 0)
            return false;
    }
    return true;
}

/* ---- rows ---- */

size_t view_row_size(const struct view *view)
{
    return (view->field_count + view->plan->units + sizeof(uint32_t) + 7) / 8 * 8;
}

void view_save(struct view *view, const struct books *books, uint8_t *row)
{
    if (view->plan->as_sets)
        sort_lists(view);
    mark(view);
    memset(row + view_row_size(view) - 8, 0, 8);
    for (unsigned i = 0; i < view->field_count; i++) {
        const struct field *field = &view->fields[i];
        uint64_t value = field_read(field);
        *row++ = field->size == 1 ? (uint8_t)value
                 : field->counts  ? number_of(view->values, value)
                                  : 0;
    }
    memcpy(row, books->order_plus_1, view->plan->units);
    memcpy(row + view->plan->units, &books->inserted, sizeof(books->inserted));
}

/* A random link to some unit, in the format of the field. */
static uint64_t plausible(struct view *view, const struct field *field)
{
    view->junk = view->junk * UINT64_C(6364136223846793005) + 1442695040888963407;
    unsigned unit = (unsigned)((view->junk >> 32) * view->plan->units >> 32);

    return field->size == 8 ? unit_pfn(view->plan, unit) : unit << view->plan->base;
}

void view_restore(struct view *view, struct books *books, const uint8_t *row)
{
    for (unsigned i = 0; i < view->field_count; i++, row++) {
        const struct field *field = &view->fields[i];
        field_write(field, field->size == 1 ? *row
                           : *row           ? view->values->value[*row]
                                            : plausible(view, field));
    }
    memcpy(books->order_plus_1, row, view->plan->units);
    memcpy(&books->inserted, row + view->plan->units, sizeof(books->inserted));
    for (unsigned unit = 0; in_pages(view) && unit < view->plan->units; unit++)
        view->words[unit] = *(const pfn_t *)unit_word(view, unit);
    books->held = 0;
    for (unsigned unit = 0; unit < view->plan->units; unit++)
        if (books->order_plus_1[unit])
            books->held |=
                block_mask(view->plan, unit_pfn(view->plan, unit), books->order_plus_1[unit] - 1u);
}
