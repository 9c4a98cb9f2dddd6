/* Start-up code that the hosted stress test and the hosted explorer share. */
#pragma once

#include <mm/page_allocator.h>
#include <stddef.h>
#include <stress/options.h>

/*
 * If a word is --help, print `usage` and the options, and exit. Otherwise join the words to a
 * command line like the kernel's, for host_read_options().
 */
void host_command_line(int count, char **words, const struct option_table *table,
                       const char *usage);

/* Read the options and report the program. Fails with rule "usage". `options` is the first member
 * of the struct that `table` describes. */
void host_read_options(const struct option_table *table, struct options *options);

/* Write a line of the log for each option. */
void host_report_options(const struct option_table *table, const struct options *options);

/* The allocator that option allocator= names, or the first one that is registered. Fails with rule
 * "usage". */
const struct page_allocator *host_choose_allocator(const struct options *options);

/* Save the static data of the user's allocator as they are now (stress/statics.h). */
void host_keep_statics(void);

/* Zeroed memory: `size` bytes, aligned to `align` bytes. Fails with rule "memory"; never returns
 * NULL. */
void *host_take(size_t size, size_t align);
