/*
 * The ABA problem: a lock-free stack of free pages that compares only the value of its head. A pop
 * loads the head and the page behind it. Before its compare-and-swap, other cores pop two pages and
 * push the first one again. The head is then as before, but the page behind it is held. Treiber,
 * "Systems programming: coping with parallelism", 1986, therefore counts versions of the head. All
 * words are atomic, so the race detector sees nothing.
 */
#include "planted.h"

enum { HEAD, PAGES = 64 };

struct aba_pool {
    struct planted_pool planted;
    uint64_t next[PAGES]; /* the next page in the stack, for each page */
};

static uint64_t *next_of(struct planted_pool *pool, uint64_t pfn)
{
    return &((struct aba_pool *)pool)->next[pfn % PAGES];
}

static void push(struct planted_pool *pool, uint64_t pfn)
{
    uint64_t head = __atomic_load_n(&pool->words[HEAD], __ATOMIC_ACQUIRE);

    do
        __atomic_store_n(next_of(pool, pfn), head, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&pool->words[HEAD], &head, pfn, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE));
}

static uint64_t pop(struct planted_pool *pool)
{
    uint64_t head = __atomic_load_n(&pool->words[HEAD], __ATOMIC_ACQUIRE), next;

    do {
        if (!head)
            return 0;
        next = __atomic_load_n(next_of(pool, head), __ATOMIC_RELAXED);
    } while (!__atomic_compare_exchange_n(&pool->words[HEAD], &head, next, false, __ATOMIC_ACQ_REL,
                                          __ATOMIC_ACQUIRE));
    return head;
}

static pfn_t allocate(void *memory, unsigned order)
{
    uint64_t pfn = order ? 0 : pop(memory);

    return pfn ? pfn : planted_allocate(memory, order);
}

static enum page_error free_block(void *memory, pfn_t pfn, unsigned order)
{
    if (order)
        return planted_free(memory, pfn, order);
    push(memory, pfn);
    return PAGE_OK;
}

static void drain(void *memory)
{
    for (uint64_t pfn = pop(memory); pfn; pfn = pop(memory))
        planted_free(memory, pfn, 0);
}

PLANTED("aba", PLANTED_PROMISES & ~(unsigned)(PROMISE_TRUE_OOM | PROMISE_COALESCES),
        .pool_size = sizeof(struct aba_pool), .allocate_pages = allocate, .free_pages = free_block,
        .drain = drain);
