/*
 * The report on a failure: each core with its backtrace, the locks, and the last operations of all
 * cores in the order of time. The other cores are stopped.
 */
#pragma once

#include <lib/fail.h>
#include <stress/core.h>

/*
 * Set the cores whose histories are reported: `count` cores, followed in the array by as many
 * structures of their interrupt handlers. Call it before any core stresses.
 */
void explain_set_cores(const struct core *cores, uint32_t count);

/* The function about a range of pages that core `number` is in, such as "insert_pages", or NULL. */
const char *explain_range_call(uint32_t number);

/* Mark `core` in the report: the title names it for breaking `rule`, a rule of the watchdog. */
void explain_blame(uint32_t core, enum rule rule);

/* Set the block that the failure is about: the report marks the operations that touch it. */
void explain_block(pfn_t pfn, unsigned order);

/*
 * Set whether only core 0 works, as it does before the first phase. Then all resting cores share
 * one line of the report.
 */
void explain_set_alone(bool alone);

/*
 * Write the report, in whole lines. failure_end() calls it, once. `failed_at` is in cycles. With
 * `every_core` each core has its own lines, even if only core 0 works.
 */
void explain(uint64_t failed_at, bool every_core);
