#include <lib/bitmap.h>
#include <lib/printf.h>
#include <stress/refusals.h>

static unsigned error_if(bool is_true, enum page_error error)
{
    return is_true ? 1u << error : 0;
}

unsigned refusals_of_free(const struct arena *arena, pfn_t pfn, unsigned order)
{
    bool is_beyond_numbers = order >= 64;
    uint64_t pages = is_beyond_numbers ? UINT64_MAX : order_pages(order);
    bool is_misaligned = is_beyond_numbers ? pfn != 0 : pfn % pages != 0;
    int held_order = arena_held_order(arena, pfn);

    return error_if(!arena_contains(arena, pfn, pages), PAGE_BAD_RANGE) |
           error_if(order > arena->largest_order, PAGE_BAD_ORDER) |
           error_if(is_misaligned, PAGE_MISALIGNED) | error_if(held_order < 0, PAGE_NOT_ALLOCATED) |
           error_if(held_order >= 0 && held_order != (int)order, PAGE_WRONG_ORDER);
}

unsigned refusals_of_remove(const struct arena *arena, pfn_t start, uint64_t count)
{
    uint64_t first = start - arena->start;

    if (!count || !arena_contains(arena, start, count))
        return error_if(true, PAGE_BAD_RANGE);
    bool is_held = bitmap_find_set(arena->held, first, first + count) != BITMAP_NONE;
    bool is_out = bitmap_find_clear(arena->inserted, first, first + count) != BITMAP_NONE;
    return error_if(is_held || is_out, PAGE_BUSY) | error_if(is_out, PAGE_BAD_RANGE);
}

const char *refusals_describe(unsigned set, char text[REFUSALS_SIZE])
{
    unsigned length = 0;

    text[0] = '\0';
    for (unsigned error = PAGE_OK; error <= PAGE_BUSY; error++)
        if (refusals_have(set, (enum page_error)error) && length < REFUSALS_SIZE)
            length += (unsigned)format_text(text + length, REFUSALS_SIZE - length, "%s%s",
                                            length ? " or " : "",
                                            page_error_name((enum page_error)error));
    return text;
}
