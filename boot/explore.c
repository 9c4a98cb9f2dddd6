/* The program "explorer" of the image: one core simulates several. */
#include <boot/program.h>
#include <lib/fail.h>
#include <stress/explore/explore.h>
#include <stress/report.h>

/* From linker.ld. */
extern uint8_t rodata_end[], image_end[];
extern uint8_t user_data_start[], user_data_end[], user_bss_start[], user_bss_end[];

static struct explore_options options;
static struct trial_setup setup;

const struct option_table *const program_option_table = &explore_option_table;
struct options *const program_options = &options.common;

void program_check(void)
{
    static char message[200];

    if (!explore_check(&options, message, sizeof(message)))
        fail(RULE_USAGE, "%s", message);
}

uint64_t program_wanted_cores(void)
{
    return 1;
}

void program_check_cores(uint32_t count)
{
    (void)count;
}

void program_prepare(const struct page_allocator *allocator, const struct memory *memory)
{
    void *pages = memory_take(EXPLORE_PAGES * PAGE_SIZE, trial_alignment(allocator) * PAGE_SIZE);

    (void)memory;
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
    (void)core;
    explore(&options, &setup);
}
