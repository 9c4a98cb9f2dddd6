/*
 * Sound: a queued lock with nodes on the waiting cores' stacks (Mellor-Crummey and Scott, 1991),
 * and a plain count under it. Only accesses to the stacks show the order of the counts.
 */
#include "planted.h"

struct node {
    struct node *next;
    bool waits;
};

struct pool {
    struct planted_pool planted;
    struct node *last;
    uint64_t calls;
};

static irq_flags_t lock(struct pool *pool, struct node *node)
{
    irq_flags_t flags = irq_save();

    __atomic_store_n(&node->next, NULL, __ATOMIC_RELAXED);
    __atomic_store_n(&node->waits, true, __ATOMIC_RELAXED);
    struct node *before = __atomic_exchange_n(&pool->last, node, __ATOMIC_ACQ_REL);
    if (before) {
        __atomic_store_n(&before->next, node, __ATOMIC_RELEASE);
        while (__atomic_load_n(&node->waits, __ATOMIC_ACQUIRE))
            cpu_relax();
    }
    pool->calls++;
    return flags;
}

static void unlock(struct pool *pool, struct node *node, irq_flags_t flags)
{
    struct node *next = __atomic_load_n(&node->next, __ATOMIC_ACQUIRE), *last = node;

    if (!next && !__atomic_compare_exchange_n(&pool->last, &last, NULL, false, __ATOMIC_ACQ_REL,
                                              __ATOMIC_RELAXED))
        while (!(next = __atomic_load_n(&node->next, __ATOMIC_ACQUIRE)))
            cpu_relax();
    if (next)
        __atomic_store_n(&next->waits, false, __ATOMIC_RELEASE);
    irq_restore(flags);
}

static pfn_t allocate(void *memory, unsigned order)
{
    struct node node;
    irq_flags_t flags = lock(memory, &node);
    pfn_t pfn = planted_allocate(memory, order);

    unlock(memory, &node, flags);
    return pfn;
}

static enum page_error free_block(void *memory, pfn_t pfn, unsigned order)
{
    struct node node;
    irq_flags_t flags = lock(memory, &node);
    enum page_error error = planted_free(memory, pfn, order);

    unlock(memory, &node, flags);
    return error;
}

PLANTED("queued", PLANTED_PROMISES, .pool_size = sizeof(struct pool), .allocate_pages = allocate,
        .free_pages = free_block);
