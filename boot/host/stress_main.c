/*
 * The kernel's stress test as an ordinary program. Threads replace cores, a mapping replaces
 * memory, the log goes to standard output, and the exit code is the verdict (docs/LOG.md). So
 * sanitizers and gdb work on the same code that boots. The options are the kernel's; --help lists
 * them.
 */
#include <arch/cpu.h>
#include <arch/host/host.h>
#include <arch/host/signals.h>
#include <boot/host/program.h>
#include <lib/fail.h>
#include <mm/page_allocator.h>
#include <stdio.h>
#include <stdlib.h>
#include <stress/options.h>
#include <stress/phases.h>
#include <stress/plan.h>
#include <stress/provoke.h>
#include <stress/report.h>
#include <stress/run.h>
#include <stress/sinks.h>
#include <string.h>
#include <sys/mman.h>

enum {
    USUAL_CORES = 4,
    USUAL_MIB = 64,
    HOLE_PAGES = 3, /* in the middle of memory: never inserted */
};

/*
 * Odd, as the first page after a kernel can be. Every sanitizer leaves this address to the program
 * (compiler-rt, tsan_platform.h: "mid" application memory).
 */
#define FIRST_PFN ((pfn_t)0x56000015b)

static const char usage[] = "stampede-host [--mib=N] [name=value ...]\n"
                            "  --mib=N: memory of the allocator, 1 to 65536 MiB; 64 if not given\n";

static struct stress_options options;
static struct run run;
static char message[200];
static uint64_t mib = USUAL_MIB;
static bool run_is_ready;

/* Take --mib=N out of the words. Returns how many words are left. */
static int take_mib(int count, char **words)
{
    int left = 0;

    for (int i = 0; i < count; i++)
        if (strncmp(words[i], "--mib=", 6) == 0)
            mib = strtoull(words[i] + 6, NULL, 10);
        else
            words[left++] = words[i];
    return left;
}

static void read_options(void)
{
    host_read_options(&stress_option_table, &options.common);
    if (!plan_check_phases(options.phases, message, sizeof(message)))
        fail(RULE_USAGE, "%s", message);
    if (mib < 1 || mib > 65536)
        fail(RULE_USAGE, "--mib=%lu: allowed 1 to 65536", mib);
    if (!options.cpus)
        options.cpus = USUAL_CORES;
    if (!provoke_choose(options.provoke, (uint32_t)options.cpus, message, sizeof(message)))
        fail(RULE_USAGE, "%s", message);
}

static void insert(pfn_t start, uint64_t count)
{
    enum page_error error = arena_insert(&run.arena, start, count);

    if (error != PAGE_OK)
        fail(RULE_INSERT_REFUSED, "pages 0x%lx to 0x%lx, the machine's own: %s", start,
             start + count, page_error_name(error));
}

static void make_arena(const struct page_allocator *allocator)
{
    uint64_t pages = mib << (20 - PAGE_SHIFT);
    pfn_t start = FIRST_PFN, end = FIRST_PFN + pages;

    host_arena_map_in_place(FIRST_PFN, pages);
    host_keep_statics();
    run.options = &options;
    run.core_count = (uint32_t)options.cpus;
    run_take_cores(&run, run.core_count, host_take);
    phase_selftest_init(allocator, pages, host_take);
    if (!arena_fit_range(allocator, &start, &end))
        fail(RULE_USAGE, "allocator %s: range_alignment is more than there is", allocator->name);
    arena_init(&run.arena, allocator, start, end, options.sample, host_take);
    if (page_allocator_takes_one_region(allocator)) {
        insert(start, end - start);
    } else {
        insert(FIRST_PFN, pages / 2);
        insert(FIRST_PFN + pages / 2 + HOLE_PAGES, pages - pages / 2 - HOLE_PAGES);
    }
    run_prepare(&run);
}

/* The other cores wait until core 0 has prepared the run. */
static void enter_run(uint32_t number)
{
    while (!__atomic_load_n(&run_is_ready, __ATOMIC_ACQUIRE))
        cpu_relax();
    run_core(&run, number);
}

static void boot(uint32_t number)
{
    report_start();
    read_options();
    const struct page_allocator *allocator = host_choose_allocator(&options.common);
    host_report_options(&stress_option_table, &options.common);
    make_arena(allocator);
    for (uint32_t other = 1; other < run.core_count; other++)
        host_start_core(other, enter_run);
    report_plan(plan_count(&run));
    __atomic_store_n(&run_is_ready, true, __ATOMIC_RELEASE);
    run_core(&run, number);
}

int main(int count, char **words)
{
    stress_set_sinks();
    setvbuf(stdout, NULL, _IOLBF, 0);
    host_command_line(take_mib(count, words), words, &stress_option_table, usage);
    host_signals_init();
    host_start_core(0, boot);
    cpu_halt(); /* blocks signals here: a core takes those sent to the process */
}
