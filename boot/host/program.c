#include <boot/host/program.h>
#include <lib/fail.h>
#include <stdlib.h>
#include <stress/report.h>
#include <stress/statics.h>
#include <string.h>

void host_report_options(const struct options *options)
{
    char option[160];

    for (size_t i = 0; options_print(options, i, option, sizeof(option)); i++)
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

/* What an allocator of one's own keeps outside of its pool (arch/host/host.mk). */
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
