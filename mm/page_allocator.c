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
