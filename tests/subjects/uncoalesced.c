/*
 * Does not merge a freed block with its buddy now and then: "uncoalesced".
 *
 * It does not promise true-oom. Because of unmerged blocks a refusal can be wrong, and that is not
 * what this subject is about.
 */
#include "subject.h"

/* Hide the buddy from the merge while the block is freed. */
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

/* Holds the subject's own lock, so that no other core sees the hidden buddy. */
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
