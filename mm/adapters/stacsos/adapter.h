/*
 * What the three generations of StACSOS's interface share: a pool that contains the student's
 * object, and the functions of the contract that are the same for all.
 *
 * It is not instanceable. Page descriptors are found through one global array, and a student may
 * keep state in global variables. Pools that are used one after the other work, if init makes each
 * of them.
 */
#pragma once

#include <arch/irq.h>
#include <mm/adapters/stacsos/bridge.h>
#include <mm/page_allocator.h>

/*
 * One solution becomes several allocators. Each has its own `ways`: how it calls the student's
 * code. For each of them stacsos.mk compiles allocator_YEAR.c once, with STACSOS_SUFFIX, a part of
 * its name, and STACSOS_WAYS.
 */
enum stacsos_ways {
    STACSOS_GUARDED = 1 << 0, /* the adapter's lock is held around every call */

    /* One kind of misuse reaches the student's code. The adapter itself refuses all others. */
    STACSOS_DOUBLE_FREE = 1 << 1,   /* free of a block that is free */
    STACSOS_INNER_FREE = 1 << 2,    /* free of pages inside a larger free block */
    STACSOS_WRONG_ORDER = 1 << 3,   /* free with a larger order than the block has */
    STACSOS_MISALIGNED = 1 << 4,    /* free of a pfn that is not a multiple of 2^order */
    STACSOS_BAD_ORDER = 1 << 5,     /* free with an order above LastOrder */
    STACSOS_FOREIGN = 1 << 6,       /* free of pages that are not in the pool */
    STACSOS_DOUBLE_INSERT = 1 << 7, /* insertion of a block that is free */
    STACSOS_INNER_INSERT = 1 << 8,  /* insertion of pages inside a larger free block */
    STACSOS_MISUSE = 0x1fe,
};

struct stacsos_pool {
    void *page_array;   /* descriptors of pages [0, end), up to the end of a block of the largest
                           order */
    uint64_t *in_map;   /* bitmap, bit 0 is page 0: pages in the pool. Atomic */
    uint64_t *free_map; /* likewise: pages in the pool that are not handed out. Atomic */
    uint8_t *orders;    /* order + 1 at the first page of each block handed out */
    pfn_t start, end;
    unsigned ways;
    uint64_t inserted; /* pages in the pool */
    unsigned char object[STACSOS_OBJECT_SIZE] __attribute__((aligned(64)));
};

/*
 * What the assignments of all years demand: one list for each order; the smallest block that is
 * large enough is split; buddies merge at once. They do not demand that bad frees are refused.
 */
enum {
    STACSOS_MOST_BLOCKS = 2048, /* the course's lists are sorted and searched linearly */
    STACSOS_PROMISES = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES | PROMISE_TRUE_OOM |
                       PROMISE_SMALLEST_FIT | PROMISE_FREES_PARTS,
};

/* What an allocator with these ways promises, and which promises the adapter keeps. */
#define STACSOS_PROMISED(more, ways)                        \
    (((STACSOS_PROMISES | (more)) & ~STACSOS_TAKEN_BACK &   \
      ~((ways)&STACSOS_MISUSE ? PROMISE_FREES_PARTS : 0)) | \
     ((ways)&STACSOS_MISUSE ? PROMISE_REFUSES_BAD_FREE : 0))
#define STACSOS_BY_ADAPTER(ways) ((ways)&STACSOS_GUARDED ? PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE : 0)
#define STACSOS_BY_ADAPTER_WHY   STACSOS_WHY ": every call was made under the adapter's"

size_t stacsos_metadata_size(pfn_t start, pfn_t end);
void stacsos_init(void *pool, void *metadata, pfn_t start, pfn_t end, unsigned ways);
enum page_error stacsos_insert_pages(void *pool, pfn_t start, uint64_t count);
pfn_t stacsos_allocate_pages(void *pool, unsigned order);
enum page_error stacsos_free_pages(void *pool, pfn_t pfn, unsigned order);

/* Forged links, as a free page has them: the address of a descriptor, or a page frame number. */
uint64_t stacsos_forge_descriptor(void *pool, pfn_t pfn, uint64_t key);
uint64_t stacsos_forge_number(void *pool, pfn_t pfn, uint64_t key);

/* Whether [start, start + count) is not empty and lies in the pool's range. */
bool stacsos_is_range(const struct stacsos_pool *pool, pfn_t start, uint64_t count);

/*
 * Called before and after every call of the student's code. Takes the adapter's lock if the ways
 * say so, and makes this pool the one in use.
 */
irq_flags_t stacsos_call_begin(struct stacsos_pool *pool);
void stacsos_call_end(struct stacsos_pool *pool, irq_flags_t flags);

/* Make this pool the one that page::get_from_pfn() looks at. Within a call. */
void stacsos_use(struct stacsos_pool *pool);

/* ---- misuse.c ---- */

/* What is wrong with a call, according to the adapter's own maps. */
struct stacsos_misuse {
    enum page_error error;
    unsigned kind; /* of enum stacsos_ways; 0: none of these kinds of misuse */
};

struct stacsos_misuse stacsos_judge_free(const struct stacsos_pool *pool, pfn_t pfn,
                                         unsigned order);
struct stacsos_misuse stacsos_judge_insert(const struct stacsos_pool *pool, pfn_t start,
                                           uint64_t count);

/*
 * Pass the call on to the student's code if this pool is for its kind of misuse. In either case the
 * call counts as refused; the harness checks that it changed nothing. Returns misuse.error.
 */
enum page_error stacsos_misuse_free(struct stacsos_pool *pool, struct stacsos_misuse misuse,
                                    pfn_t pfn, unsigned order);
enum page_error stacsos_misuse_insert(struct stacsos_pool *pool, struct stacsos_misuse misuse,
                                      pfn_t start, uint64_t count);
