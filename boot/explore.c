/* The explorer: one core plays several. */
#include <arch/cpu.h>
#include <boot/program.h>
#include <lib/fail.h>
#include <stress/explore/explore.h>
#include <stress/report.h>

/* From linker.ld. */
extern uint8_t rodata_end[], image_end[];
extern uint8_t user_data_start[], user_data_end[], user_bss_start[], user_bss_end[];

const bool options_explore = true;

static const struct options *options;
static struct trial_setup setup;

void program_check(const struct options *given)
{
    static char message[200];

    if (!explore_check(given, message, sizeof(message)))
        fail(RULE_USAGE, "%s", message);
}

void program_prepare(struct options *given, const struct page_allocator *allocator,
                     const struct memory *memory)
{
    void *pages = memory_take(EXPLORE_PAGES * PAGE_SIZE, trial_alignment(allocator) * PAGE_SIZE);

    (void)memory;
    options = given;
    setup = (struct trial_setup){
        .allocator = allocator,
        .start = address_to_pfn(pages),
        .statics = {{user_data_start, (size_t)(user_data_end - user_data_start)},
                    {user_bss_start, (size_t)(user_bss_end - user_bss_start)}},
        .globals = rodata_end,
        .globals_size = (size_t)(image_end - rodata_end),
        .machine = {.take = memory_take, .guard = memory_guard_stacks},
    };
    report_plan(1);
}

void program_run(uint32_t core)
{
    if (core != 0)
        cpu_idle();
    explore(options, &setup);
}
