/* The stress: all cores hammer the allocator, phase by phase. */
#include <arch/clock.h>
#include <arch/paging.h>
#include <boot/program.h>
#include <lib/fail.h>
#include <mm/page.h>
#include <smp/percpu.h>
#include <stress/phases.h>
#include <stress/plan.h>
#include <stress/report.h>
#include <stress/run.h>

typedef unsigned long long ull;

const bool options_explore = false;

static struct run run;

void program_check(const struct options *options)
{
    static char message[200];

    if (!plan_check_phases(options->phases, message, sizeof(message)))
        fail("usage", "%s", message);
}

static void insert_range(pfn_t start, uint64_t count)
{
    enum page_error error = arena_insert(&run.arena, start, count);

    if (error != PAGE_OK)
        fail("insert-refused", "pages 0x%llx to 0x%llx, the machine's own: %s", (ull)start,
             (ull)(start + count), page_error_name(error));
}

/* Everything that is left goes to the allocator, so whatever else is wanted is taken before. */
void program_prepare(struct options *options, const struct page_allocator *allocator,
                     const struct memory *memory)
{
    uint64_t start = clock_ns();

    run.options = options;
    run_take_cores(&run, percpu_count, memory_take);
    phase_selftest_init(allocator, memory->usable >> PAGE_SHIFT, memory_take);
    arena_init(&run.arena, allocator, memory->start, memory->end, options->sample, memory_take);
    memory_for_each_usable(insert_range);
    run_prepare(&run);
    report_line(
        "# memory usable_mib=%llu inserted_pages=%llu page_array_bytes=%u "
        "metadata_mib=%llu oracle_mib=%llu largest_mapping_mib=%llu setup_ms=%llu",
        (ull)memory->usable >> 20, (ull)run.arena.inserted_pages, (unsigned)sizeof(struct page),
        (ull)run.arena.metadata_size >> 20,
        (ull)(arena_overhead(allocator, memory->start, memory->end) - run.arena.metadata_size) >>
            20,
        (ull)paging_largest_page() >> 20, (ull)((clock_ns() - start) / 1000000));
    report_plan(plan_count(&run));
}

void program_run(uint32_t core)
{
    run_core(&run, core);
}
