/*
 * All state in globals that must have their initial values: init only notes where memory is, and a
 * second init is ignored, because a kernel boots once. Makes every promise except instanceable,
 * frees-parts and true-placement.
 */
#include "buddy.h"

static struct spin lock;
static struct buddy all_memory; /* its lists are empty, because globals are zero */
static bool is_ready;
static uint64_t next_serial = 1; /* not zero at boot */
static uint64_t serials_given;

static void boot_init(void *memory, void *metadata, pfn_t start, pfn_t end)
{
    (void)memory;
    if (is_ready)
        return;
    buddy_init(&all_memory, metadata, start, end, MAX_ORDER);
    is_ready = true;
}

static enum page_error boot_insert(void *memory, pfn_t start, uint64_t count)
{
    irq_flags_t flags = spin_lock(&lock);
    enum page_error error = buddy_insert(&all_memory, start, count);

    (void)memory;
    spin_unlock(&lock, flags);
    return error;
}

/* Statistics of a kernel: they begin at 1 and at 0, and only at boot. */
static void count_block(void)
{
    next_serial++;
    serials_given++;
    ASSERT(next_serial == serials_given + 1);
}

static pfn_t boot_allocate(void *memory, unsigned order)
{
    irq_flags_t flags = spin_lock(&lock);
    pfn_t pfn = buddy_take(&all_memory, order);

    (void)memory;
    if (pfn != INVALID_PFN)
        count_block();
    spin_unlock(&lock, flags);
    return pfn;
}

static enum page_error boot_free(void *memory, pfn_t pfn, unsigned order)
{
    irq_flags_t flags = spin_lock(&lock);
    enum page_error error = buddy_give(&all_memory, pfn, order);

    (void)memory;
    spin_unlock(&lock, flags);
    return error;
}

static uint64_t boot_free_page_count(void *memory)
{
    irq_flags_t flags = spin_lock(&lock);
    uint64_t count = all_memory.free_pages;

    (void)memory;
    spin_unlock(&lock, flags);
    return count;
}

static void boot_for_each_free(void *memory, page_visit_free *visit, void *context)
{
    (void)memory;
    buddy_visit(&all_memory, visit, context);
}

static const struct page_allocator globals_boot = {
    .name = "globals-boot",
    .promises = PROMISE_SMP_SAFE | PROMISE_IRQ_SAFE | PROMISE_COALESCES | PROMISE_REFUSES_BAD_FREE |
                PROMISE_TRUE_OOM | PROMISE_SMALLEST_FIT | PROMISE_METADATA_OUTSIDE,
    .metadata_size = buddy_metadata_size,
    .init = boot_init,
    .insert_pages = boot_insert,
    .allocate_pages = boot_allocate,
    .free_pages = boot_free,
    .free_page_count = boot_free_page_count,
    .for_each_free = boot_for_each_free,
};
PAGE_ALLOCATOR(globals_boot);
