#include <lib/printf.h>
#include <lib/string.h>
#include <mm/page_allocator.h>

const struct page_allocator *page_allocator_find(const char *name)
{
    const struct page_allocator *const *entry;
    for (entry = __start_page_allocators; entry < __stop_page_allocators; entry++) {
        if (strcmp((*entry)->name, name) == 0)
            return *entry;
    }
    return NULL;
}

/* ---- checks of the struct itself ---- */

/* Which required function is missing or superfluous, as text; NULL if none. */
static const char *missing_function(const struct page_allocator *allocator)
{
    if (!allocator->init)
        return "init is missing";
    if (!allocator->allocate_pages && !allocator->allocate_address)
        return "allocate_pages is missing (or allocate_address)";
    if (!allocator->free_pages && !allocator->free_address)
        return "free_pages is missing (or free_address)";
    if (allocator->allocate_pages && allocator->allocate_address)
        return "allocate_pages and allocate_address are both there: one of them";
    if (allocator->free_pages && allocator->free_address)
        return "free_pages and free_address are both there: one of them";
    if (allocator->remove_pages && !allocator->insert_pages)
        return "remove_pages needs insert_pages: what was removed is put back";
    if (allocator->allocate_on_node && (!allocator->node_of || !allocator->nodes))
        return "allocate_on_node needs nodes and node_of";
    return NULL;
}

/* Which number is out of range, as text; NULL if none. */
static const char *wrong_number(const struct page_allocator *allocator)
{
    if (allocator->orders > ORDER_LIMIT + 1)
        return "orders is above ORDERS_UP_TO(20)";
    if (allocator->range_alignment & (allocator->range_alignment - 1))
        return "range_alignment is no power of two";
    return NULL;
}

/* Which promise has no meaning, as text; NULL if none. */
static const char *empty_promise(const struct page_allocator *allocator)
{
    const unsigned all = 0
#define PROMISE(name, ...) | PROMISE_##name
#include <mm/promises.def>
        ;

    if (allocator->promises & ~all)
        return "promises has bits that are no promise";
    if ((allocator->promises & PROMISE_TRUE_PLACEMENT) && !allocator->allocate_below &&
        !allocator->allocate_at && !allocator->allocate_on_node)
        return "PROMISE_TRUE_PLACEMENT is about allocate_below, allocate_at and allocate_on_node, "
               "and none is there";
    return NULL;
}

/* Why allocator=NAME cannot name this allocator, as text; NULL if it can. */
static const char *wrong_name(const char *name)
{
    if (!name || !name[0])
        return "it has no name";
    for (; *name; name++)
        if (!((*name >= 'a' && *name <= 'z') || (*name >= '0' && *name <= '9') || *name == '-'))
            return "its name has characters that are not a-z, 0-9 and -";
    return NULL;
}

bool page_allocator_check(const struct page_allocator *allocator, char *message, size_t size)
{
    const char *wrong = wrong_name(allocator->name);

    if (!wrong)
        wrong = missing_function(allocator);
    if (!wrong)
        wrong = wrong_number(allocator);
    if (!wrong)
        wrong = empty_promise(allocator);
    if (wrong)
        format_text(message, size, "allocator \"%s\": %s", allocator->name ? allocator->name : "?",
                    wrong);
    return !wrong;
}

const char *page_error_name(enum page_error error)
{
    static const char *const names[] = {
        [PAGE_OK] = "ok",
        [PAGE_BAD_RANGE] = "bad-range",
        [PAGE_BAD_ORDER] = "bad-order",
        [PAGE_MISALIGNED] = "misaligned",
        [PAGE_ALREADY_IN] = "already-in",
        [PAGE_NOT_ALLOCATED] = "not-allocated",
        [PAGE_WRONG_ORDER] = "wrong-order",
        [PAGE_BUSY] = "busy",
    };
    return (size_t)error < sizeof names / sizeof names[0] ? names[error] : "unknown";
}

const char *page_promise_name(unsigned promise)
{
    switch (promise) {
#define PROMISE(name, bit, title, ...) \
    case PROMISE_##name:               \
        return title;
#include <mm/promises.def>
    default:
        return NULL;
    }
}
