/*
 * The explorer as an ordinary program: the options are the kernel's, the log goes to standard
 * output, the verdict is the exit code.
 *
 *   stampede-explore [name=value ...]
 */
#include <arch/clock.h>
#include <arch/cpu.h>
#include <arch/host/host.h>
#include <arch/host/signals.h>
#include <boot/host/program.h>
#include <lib/fail.h>
#include <stdio.h>
#include <stress/explore/explore.h>
#include <stress/failure.h>
#include <stress/report.h>
#include <string.h>
#include <unistd.h>

#define FIRST_PFN ((pfn_t)0x560000180)

/* The program's own data, from the linker. */
extern char data_start[], end[];

/* What an allocator of one's own keeps outside of its pool (arch/host/host.mk). */
extern char __start_user_data[] __attribute__((weak)), __stop_user_data[] __attribute__((weak));

const bool options_explore = true;

static struct options options;
static char command_line[4096];
static char message[200];

static void read_arguments(int count, char **words)
{
    for (int i = 1; i < count; i++) {
        size_t used = strlen(command_line);
        snprintf(command_line + used, sizeof(command_line) - used, " %s", words[i]);
    }
}

static void read_options(void)
{
    options_default(&options);
    bool good = options_parse(&options, command_line, message, sizeof(message));
    report_program(options.nonce, "hosted");
    if (!good || !explore_check(&options, message, sizeof(message)))
        fail(RULE_USAGE, "%s", message);
    if (!options.seed)
        options.seed = prng_mix((uintptr_t)&options ^ (uint64_t)getpid() << 32 ^ clock_ns());
    run_set_exit(options.exit, options.on_fail, NULL);
}

static void boot(uint32_t number)
{
    (void)number;
    report_start();
    read_options();
    const struct page_allocator *allocator = host_choose_allocator(&options);
    host_report_options(&options);
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
    setvbuf(stdout, NULL, _IOLBF, 0);
    read_arguments(count, words);
    host_signals_init();
    host_start_core(0, boot);
    cpu_halt(); /* a signal to the process is then for a core */
}
