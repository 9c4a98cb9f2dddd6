/*
 * What a person needs in the minute of failure: each core with its backtrace, the locks, and the
 * last operations of all cores in the order of time. The other cores are stopped.
 */
#pragma once

#include <lib/fail.h>
#include <stress/core.h>

/* Whose histories to tell: `count` cores, and behind them in the array as many of their interrupt
   handlers. Before any core stresses. */
void explain_set_cores(const struct core *cores, uint32_t count);

/* The function that core `number` is in with a range of pages, such as "insert_pages", or NULL. */
const char *explain_range_call(uint32_t number);

/* The title names core `core`, for breaking this rule: its line says so. Of the watchdog's rules.
 */
void explain_blame(uint32_t core, enum rule rule);

/* The block that the failure is about: operations that touch it are marked. */
void explain_block(pfn_t pfn, unsigned order);

/* From now on only core 0 works, as it does before the first phase: cores that rest say nothing
   about a failure and get one line together. */
void explain_set_alone(bool alone);

/* Write it all, in whole lines. Once, from failure_end(). `failed_at` in cycles; every_core: each
   has its own lines, also where only core 0 works. */
void explain(uint64_t failed_at, bool every_core);
