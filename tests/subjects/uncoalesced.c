/*
 * Skips the merge of a freed block with its buddy now and then: "uncoalesced".
 *
 * It does not promise that out of memory is true: blocks that are not merged make it untrue, and
 * that is not what this one is about.
 */
#include "subject.h"

/* What the merge looks at says "not free" while the block is freed. */
static enum page_error free_unmerged(struct subject_pool *pool, pfn_t pfn, unsigned order)
{
    struct page *buddy = page_of(&pool->buddy.array, buddy_of(pfn, order));

    buddy->state = PAGE_TAIL;
    enum page_error error = sound_free(pool, pfn, order);
    buddy->state = PAGE_FREE_HEAD;
    return error;
}

static bool buddy_is_free(const struct page_array *array, pfn_t pfn, unsigned order)
{
    pfn_t buddy = buddy_of(pfn, order);

    return order < MAX_ORDER && page_array_contains(array, buddy) &&
           page_of(array, buddy)->state == PAGE_FREE_HEAD && page_of(array, buddy)->order == order;
}

/* Under the subject's own lock: nobody else is to see what is hidden. */
static pfn_t allocate(void *memory, unsigned order)
{
    struct subject_pool *pool = memory;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    pfn_t pfn = sound_allocate(pool, order);

    spinlock_irq_unlock(&pool->lock, flags);
    return pfn;
}

static enum page_error free_block(void *memory, pfn_t pfn, unsigned order)
{
    struct subject_pool *pool = memory;
    irq_flags_t flags = spinlock_irq_lock(&pool->lock);
    bool skip = buddy_is_free(&pool->buddy.array, pfn, order) && subject_turn(pool, 4);
    enum page_error error = skip ? free_unmerged(pool, pfn, order) : sound_free(pool, pfn, order);

    spinlock_irq_unlock(&pool->lock, flags);
    return error;
}

SUBJECT("uncoalesced", SOUND_PROMISES & ~PROMISE_TRUE_OOM, .allocate_pages = allocate,
        .free_pages = free_block);
