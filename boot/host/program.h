/* What the hosted programs, the stress and the explorer, begin with alike. */
#pragma once

#include <mm/page_allocator.h>
#include <stddef.h>
#include <stress/options.h>

/*
 * For --help print `usage` and the options, and exit. Else join the words as the kernel's command
 * line has them, for host_read_options().
 */
void host_command_line(int count, char **words, const struct option_table *table,
                       const char *usage);

/* Read the options and report the program; fails by "usage". `options` begins the values. */
void host_read_options(const struct option_table *table, struct options *options);

/* A line of the log for each option. */
void host_report_options(const struct option_table *table, const struct options *options);

/* The allocator that was asked for, or the first there is; fails by "usage". */
const struct page_allocator *host_choose_allocator(const struct options *options);

/* Keep what an allocator of one's own has outside of its pools, as it is now (stress/statics.h). */
void host_keep_statics(void);

/* Zeroed memory; fails by "memory". */
void *host_take(size_t size, size_t align);
