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

const char *page_promise_name(unsigned promise)
{
    switch (promise) {
    case PROMISE_SMP_SAFE:
        return "smp-safe";
    case PROMISE_IRQ_SAFE:
        return "irq-safe";
    case PROMISE_COALESCES:
        return "coalesces";
    case PROMISE_REFUSES_BAD_FREE:
        return "refuses-bad-free";
    case PROMISE_TRUE_OOM:
        return "true-oom";
    case PROMISE_INSTANCEABLE:
        return "instanceable";
    case PROMISE_METADATA_OUTSIDE:
        return "metadata-outside";
    case PROMISE_SMALLEST_FIT:
        return "smallest-fit";
    case PROMISE_FREES_PARTS:
        return "frees-parts";
    default:
        return NULL;
    }
}
