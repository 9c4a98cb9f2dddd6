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

/*
 * One solution is several allocators, each with ways of its own. allocator_YEAR.c is compiled once
 * for each (stacsos.mk), with STACSOS_SUFFIX for its name and STACSOS_WAYS.
 */
enum stacsos_ways {
    STACSOS_GUARDED = 1 << 0, /* the adapter's lock is held around every call */

    /* One kind of misuse reaches the student's code; the adapter itself refuses all others. */
    STACSOS_DOUBLE_FREE = 1 << 1,   /* a block that is free */
    STACSOS_INNER_FREE = 1 << 2,    /* ... inside a larger free block */
    STACSOS_WRONG_ORDER = 1 << 3,   /* more than was handed out */
    STACSOS_MISALIGNED = 1 << 4,    /* no multiple of its order */
    STACSOS_BAD_ORDER = 1 << 5,     /* an order above LastOrder */
    STACSOS_FOREIGN = 1 << 6,       /* pages never inserted */
    STACSOS_DOUBLE_INSERT = 1 << 7, /* a block that is free is inserted */
    STACSOS_INNER_INSERT = 1 << 8,  /* ... pages inside a larger free block are */
    STACSOS_MISUSE = 0x1fe,
};

struct stacsos_pool {
    void *page_array;   /* descriptors of pages [0, end) and of the largest block's rest */
    uint64_t *in_map;   /* bitmap from page 0: pages inserted */
    uint64_t *free_map; /* ... and not handed out. Atomic */
    uint8_t *orders;    /* order + 1 at the first page of each block handed out */
    pfn_t start, end;
    unsigned ways;
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

/* What the allocator of these ways promises, and which of it is the adapter's doing. */
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

/* Words as a free page has them where its link is: a descriptor's address, or a page's number. */
uint64_t stacsos_forge_descriptor(void *pool, pfn_t pfn, uint64_t key);
uint64_t stacsos_forge_number(void *pool, pfn_t pfn, uint64_t key);

/* Whether pages [start, start + count) are the pool's own. */
bool stacsos_is_range(const struct stacsos_pool *pool, pfn_t start, uint64_t count);

/* Around every call of the student's code. The pool is the one in use then. */
irq_flags_t stacsos_call_begin(struct stacsos_pool *pool);
void stacsos_call_end(struct stacsos_pool *pool, irq_flags_t flags);

/* This pool is the one that page::get_from_pfn() is about. Call held. */
void stacsos_use(struct stacsos_pool *pool);

/* ---- misuse.c ---- */

/* What is wrong with a call by the adapter's own books: which misuse it is, 0 if no kind of it. */
struct stacsos_misuse {
    enum page_error error;
    unsigned kind; /* of enum stacsos_ways */
};

struct stacsos_misuse stacsos_judge_free(const struct stacsos_pool *pool, pfn_t pfn,
                                         unsigned order);
struct stacsos_misuse stacsos_judge_insert(const struct stacsos_pool *pool, pfn_t start,
                                           uint64_t count);

/* Hand the call on if this pool is for its kind of misuse. Either way it counts as refused: that
 * it changed nothing is what the harness looks at. Returns misuse.error. */
enum page_error stacsos_misuse_free(struct stacsos_pool *pool, struct stacsos_misuse misuse,
                                    pfn_t pfn, unsigned order);
enum page_error stacsos_misuse_insert(struct stacsos_pool *pool, struct stacsos_misuse misuse,
                                      pfn_t start, uint64_t count);
