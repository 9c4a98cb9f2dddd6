#include <boot/host/program.h>
#include <lib/fail.h>
#include <stdio.h>
#include <stdlib.h>
#include <stress/report.h>
#include <stress/run_end.h>
#include <stress/statics.h>
#include <string.h>

static char command_line[4096];

_Noreturn static void help(const struct option_table *table, const char *usage)
{
    char text[240];

    printf("%s", usage);
    for (size_t i = 0; options_describe(table, i, text, sizeof(text)); i++)
        printf("  %s\n", text);
    exit(0);
}

void host_command_line(int count, char **words, const struct option_table *table, const char *usage)
{
    for (int i = 1; i < count; i++) {
        size_t used = strlen(command_line);
        if (strcmp(words[i], "--help") == 0)
            help(table, usage);
        snprintf(command_line + used, sizeof(command_line) - used, " %s", words[i]);
    }
}

void host_read_options(const struct option_table *table, struct options *options)
{
    char message[200];

    options_default(table, options);
    bool good = options_parse(table, options, command_line, message, sizeof(message));
    report_program(options->nonce, "hosted");
    if (!good)
        fail(RULE_USAGE, "%s", message);
    options_choose_seed(options);
    run_set_exit(options->exit, options->on_fail, NULL);
}

void host_report_options(const struct option_table *table, const struct options *options)
{
    char option[160];

    for (size_t i = 0; options_print(table, options, i, option, sizeof(option)); i++)
        report_line("# options %s", option);
}

const struct page_allocator *host_choose_allocator(const struct options *options)
{
    static char message[200];
    const struct page_allocator *allocator = __start_page_allocators[0];

    if (options->allocator[0])
        allocator = page_allocator_find(options->allocator);
    if (!allocator)
        fail(RULE_USAGE, "option allocator: no allocator \"%s\" in this program",
             options->allocator);
    if (!page_allocator_check(allocator, message, sizeof(message)))
        fail(RULE_USAGE, "%s", message);
    report_line("# allocator=%s", allocator->name);
    return allocator;
}

/* The static data of the user's allocator (arch/host/host.mk). */
extern char __start_user_data[] __attribute__((weak)), __stop_user_data[] __attribute__((weak));

void host_keep_statics(void)
{
    statics_keep(
        (const struct statics_range[STATICS_RANGES]){
            {__start_user_data, (size_t)(__stop_user_data - __start_user_data)}},
        host_take);
}

void *host_take(size_t size, size_t align)
{
    size_t whole = (size + align - 1) & ~(align - 1);
    void *memory = aligned_alloc(align, whole);

    if (memory)
        return memset(memory, 0, whole);
    fail(RULE_MEMORY, "no %zu bytes", size);
}
