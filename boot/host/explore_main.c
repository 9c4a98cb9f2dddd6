/*
 * The explorer as an ordinary program. It takes the kernel's options, writes the log to standard
 * output and exits with the verdict. --help lists the options.
 */
#include <arch/cpu.h>
#include <arch/host/host.h>
#include <arch/host/signals.h>
#include <boot/host/program.h>
#include <lib/fail.h>
#include <stdio.h>
#include <stress/explore/explore.h>
#include <stress/report.h>
#include <stress/sinks.h>

#define FIRST_PFN ((pfn_t)0x560000180)

/* The program's own data, from the linker. */
extern char data_start[], end[];

/* The static data of the user's allocator (arch/host/host.mk). */
extern char __start_user_data[] __attribute__((weak)), __stop_user_data[] __attribute__((weak));

static struct explore_options options;

static void read_options(void)
{
    static char message[200];

    host_read_options(&explore_option_table, &options.common);
    if (!explore_check(&options, message, sizeof(message)))
        fail(RULE_USAGE, "%s", message);
}

static void boot(uint32_t number)
{
    (void)number;
    report_start();
    read_options();
    const struct page_allocator *allocator = host_choose_allocator(&options.common);
    host_report_options(&explore_option_table, &options.common);
    report_plan(1);
    pfn_t start = FIRST_PFN + trial_alignment(allocator) - 1;
    start -= start % trial_alignment(allocator);
    host_arena_map_in_place(start, EXPLORE_PAGES);
    const struct trial_setup setup = {
        .allocator = allocator,
        .start = start,
        .statics = {{__start_user_data, (size_t)(__stop_user_data - __start_user_data)}},
        .globals = data_start,
        .globals_size = (size_t)(end - data_start),
        .machine = {.take = host_take, .guard = host_guard_stacks},
    };
    explore(&options, &setup);
}

int main(int count, char **words)
{
    stress_set_sinks();
    setvbuf(stdout, NULL, _IOLBF, 0);
    host_command_line(count, words, &explore_option_table, "stampede-explore [name=value ...]\n");
    host_signals_init();
    host_start_core(0, boot);
    cpu_halt(); /* blocks signals here: a core takes those sent to the process */
}
