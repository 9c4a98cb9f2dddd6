/* The program "stress" of the image: all cores load the allocator, phase by phase. */
#include <arch/clock.h>
#include <arch/paging.h>
#include <boot/program.h>
#include <boot/selfcheck.h>
#include <lib/fail.h>
#include <lib/string.h>
#include <mm/page.h>
#include <smp/percpu.h>
#include <stress/phases.h>
#include <stress/plan.h>
#include <stress/provoke.h>
#include <stress/report.h>
#include <stress/run.h>
#include <stress/statics.h>
#include <stress/watchdog.h>

/* From linker.ld: the static data of the user's allocator. */
extern uint8_t user_data_start[], user_data_end[], user_bss_start[], user_bss_end[];

static struct stress_options options;
static struct run run;
static char message[200];

const struct option_table *const program_option_table = &stress_option_table;
struct options *const program_options = &options.common;

void program_check(void)
{
    if (!plan_check_phases(options.phases, message, sizeof(message)))
        fail(RULE_USAGE, "%s", message);
}

uint64_t program_wanted_cores(void)
{
    return options.cpus;
}

void program_check_cores(uint32_t count)
{
    if (!provoke_choose(options.provoke, count, message, sizeof(message)))
        fail(RULE_USAGE, "%s", message);
}

/* ---- which pages ---- */

static struct {
    pfn_t start;
    uint64_t count;
} largest;

static void note_largest(pfn_t start, uint64_t count)
{
    if (count > largest.count) {
        largest.start = start;
        largest.count = count;
    }
}

/* Find the largest range as memory is now. memory_take() later takes from the top of a range. */
static void find_largest(void)
{
    largest.count = 0;
    memory_for_each_usable(note_largest);
}

/* The range for the allocator: all of memory, or the largest region if it takes only one. */
static void choose_range(const struct page_allocator *allocator, const struct memory *memory,
                         pfn_t *start, pfn_t *end)
{
    *start = memory->start;
    *end = memory->end;
    find_largest();
    if (page_allocator_takes_one_region(allocator)) {
        *start = largest.start;
        *end = largest.start + largest.count;
    }
    if (!arena_fit_range(allocator, start, end))
        fail(RULE_USAGE,
             "allocator %s: range_alignment is %lu pages: no such range in the largest of %lu",
             allocator->name, allocator->range_alignment, largest.count);
}

static uint64_t pages_left;        /* how many more pages there is time to insert */
static pfn_t give_start, give_end; /* the pages that the allocator is given lie in here */
static struct memory_given given;

/* Clip the range to the arena, which may begin later than memory: its start is aligned upward. */
static void insert_range(pfn_t start, uint64_t count)
{
    pfn_t end = start + count < give_end ? start + count : give_end;

    start = start > give_start ? start : give_start;
    uint64_t fits = start < end ? end - start : 0;
    given.outside += count - fits;
    if (fits > pages_left)
        end = start + pages_left;
    given.slow += fits > pages_left ? fits - pages_left : 0;
    pages_left -= start < end ? end - start : 0;
    enum page_error error = start < end ? arena_insert(&run.arena, start, end - start) : PAGE_OK;
    if (error != PAGE_OK)
        fail(RULE_INSERT_REFUSED, "pages 0x%lx to 0x%lx, the machine's own: %s", start, end,
             page_error_name(error));
}

/* Give a slow allocator only as many pages as it can take in 1 / PART_OF_TIME of the run. */
static void limit_pages(void)
{
    enum { PART_OF_TIME = 8 };
    const struct arena *arena = &run.arena;
    pfn_t start = largest.start > arena->start ? largest.start : arena->start;
    pfn_t end = largest.start + largest.count;

    end = end < arena->end ? end : arena->end;
    uint64_t bearable = arena_bearable_pages(&run.arena, start, end - start,
                                             options.common.seconds * clock_hz() / PART_OF_TIME);
    pages_left = bearable == end - start ? UINT64_MAX : bearable;
    if (pages_left != UINT64_MAX)
        report_line("# memory: the allocator takes long with many pages: it is given %lu of them",
                    bearable);
}

/* Fit the region again: the oracle and the metadata may have been taken out of the chosen range. */
static void choose_region(const struct page_allocator *allocator)
{
    pfn_t start = run.arena.start, end = largest.start + largest.count;

    end = end < run.arena.end ? end : run.arena.end;
    if (largest.start > start || !arena_fit_range(allocator, &start, &end))
        fail(RULE_MEMORY, "allocator %s takes one region, and too little is left of the largest",
             allocator->name);
    give_start = start;
    give_end = end;
}

static void insert_all(const struct page_allocator *allocator)
{
    give_start = run.arena.start;
    give_end = run.arena.end;
    if (page_allocator_takes_one_region(allocator))
        choose_region(allocator);
    memory_for_each_usable(insert_range);
}

/* Each page of the machine is the allocator's, or it is known whose it is. */
static void account_for_memory(const struct page_allocator *allocator, const struct memory *memory)
{
    bool one_region = page_allocator_takes_one_region(allocator);

    given.inserted = run.arena.inserted_pages;
    given.kept = run.arena.kept_pages;
    report_line("# memory-use usable_pages=%lu inserted_pages=%lu kept_pages=%lu outside_pages=%lu "
                "slow_pages=%lu unwanted_pages=%lu",
                memory->usable >> PAGE_SHIFT, given.inserted, given.kept, given.outside, given.slow,
                given.unwanted);
    report_line("# memory-taken low_pages=%lu image_pages=%lu loader_pages=%lu table_pages=%lu "
                "core_pages=%lu program_pages=%lu selftest_pages=%lu arena_pages=%lu",
                memory_taken_pages(MEMORY_FOR_LOW), memory_taken_pages(MEMORY_FOR_IMAGE),
                memory_taken_pages(MEMORY_FOR_LOADER), memory_taken_pages(MEMORY_FOR_TABLES),
                memory_taken_pages(MEMORY_FOR_CORES), memory_taken_pages(MEMORY_FOR_PROGRAM),
                memory_taken_pages(MEMORY_FOR_SELFTEST), memory_taken_pages(MEMORY_FOR_ARENA));
    selfcheck_given(memory, &given, one_region ? UINT64_MAX : allocator->range_alignment);
}

static void report_memory(const struct page_allocator *allocator, const struct memory *memory,
                          uint64_t start)
{
    const struct arena *arena = &run.arena;

    report_line("# memory usable_mib=%lu inserted_pages=%lu page_array_bytes=%u "
                "metadata_mib=%lu oracle_mib=%lu largest_mapping_mib=%lu setup_ms=%lu",
                memory->usable >> 20, arena->inserted_pages, (unsigned)sizeof(struct page),
                arena->metadata_size >> 20,
                (arena_overhead(allocator, arena->start, arena->end) - arena->metadata_size) >> 20,
                paging_largest_page() >> 20, (clock_ns() - start) / 1000000);
    if (page_allocator_takes_one_region(allocator))
        report_line("# memory: the allocator takes one region: pages 0x%lx to 0x%lx, the largest "
                    "there is",
                    arena->start, arena->start + arena->region_count);
    if (arena->kept_pages)
        report_line("# memory: the allocator keeps %lu pages for itself", arena->kept_pages);
}

/* All memory that is left goes to the allocator, so everything else is taken first. */
void program_prepare(const struct page_allocator *allocator, const struct memory *memory)
{
    uint64_t began = clock_ns();
    pfn_t start, end;

    run.options = &options;
    watchdog_set_limit(options.watchdog);
    watchdog_before_run();
    statics_keep(
        (const struct statics_range[STATICS_RANGES]){
            {user_data_start, (size_t)(user_data_end - user_data_start)},
            {user_bss_start, (size_t)(user_bss_end - user_bss_start)}},
        memory_take);
    run_take_cores(&run, percpu_count, memory_take);
    memory_take_for(MEMORY_FOR_SELFTEST);
    phase_selftest_init(allocator, memory->usable >> PAGE_SHIFT, memory_take);
    memory_take_for(MEMORY_FOR_ARENA);
    choose_range(allocator, memory, &start, &end);
    arena_init(&run.arena, allocator, start, end, options.sample, memory_take);
    find_largest();
    if (strcmp(options.memory, "all") == 0) {
        limit_pages();
        insert_all(allocator);
    } else {
        given.unwanted = memory_left_pages();
    }
    run_prepare(&run);
    report_memory(allocator, memory, began);
    account_for_memory(allocator, memory);
    report_plan(plan_count(&run));
}

void program_run(uint32_t core)
{
    run_core(&run, core);
}
