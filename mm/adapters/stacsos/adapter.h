/*
 * What the three generations of StACSOS's interface have in common: a pool with the student's
 * object in it, and the functions of the contract that do not differ.
 *
 * Not instanceable: page descriptors are found through one global array, and the student may keep
 * state in variables of his own. Pools used one after the other, each made by init, work.
 */
#pragma once

#include <arch/irq.h>
#include <mm/adapters/stacsos/bridge.h>
#include <mm/page_allocator.h>

struct stacsos_pool {
    void *page_array;   /* descriptors of pages [0, end) and of the largest block's rest */
    uint64_t *in_map;   /* bitmap from page 0: pages inserted */
    uint64_t *free_map; /* ... and not handed out. Atomic */
    pfn_t start, end;
    uint64_t inserted; /* pages, ever; less those removed */
    unsigned char object[STACSOS_OBJECT_SIZE] __attribute__((aligned(64)));
};

/*
 * What every generation's assignment demands: a list an order, the smallest block that will do is
 * split, buddies merge at once. Refusing a bad free is not demanded.
 */
enum {
    STACSOS_MOST_BLOCKS = 2048, /* the course's lists are sorted and searched */
    STACSOS_PROMISES = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES | PROMISE_TRUE_OOM |
                       PROMISE_SMALLEST_FIT | PROMISE_FREES_PARTS,
};

size_t stacsos_metadata_size(pfn_t start, pfn_t end);
void stacsos_init(void *pool, void *metadata, pfn_t start, pfn_t end);
enum page_error stacsos_insert_pages(void *pool, pfn_t start, uint64_t count);
pfn_t stacsos_allocate_pages(void *pool, unsigned order);
enum page_error stacsos_free_pages(void *pool, pfn_t pfn, unsigned order);

/* Whether pages [start, start + count) are the pool's own. */
bool stacsos_is_range(const struct stacsos_pool *pool, pfn_t start, uint64_t count);

/* Around every call of the student's code. lock_adapter.c locks, lock_student.c leaves it to him.
 */
extern const bool stacsos_adapter_locks;
irq_flags_t stacsos_call_begin(void);
void stacsos_call_end(irq_flags_t flags);

/* This pool is the one that page::get_from_pfn() is about. Call held. */
void stacsos_use(struct stacsos_pool *pool);
