/*
 * All that an allocator under test may use, in one header.
 *
 *   memset memcpy memmove memcmp strlen strcmp      lib/string.h
 *   format_text(buffer, size, "...")                lib/printf.h
 *   log_line("...")                                 lib/log.h: a line in the log
 *   fail(RULE_PANIC, "..."), ASSERT(condition)      lib/fail.h: end the run by a rule of
 * lib/rules.def BENIGN_RACE("function", "why")                  lib/benign.h: for the explorer
 *   spinlock_irq_lock, _unlock, SPINLOCK_IRQ        smp/spinlock.h: what the harness watches
 *   irq_save, irq_restore, irq_enabled              arch/irq.h
 *   cpu_number, cpu_relax                           arch/percpu.h, arch/cpu.h
 *   PER_CPU(type, name), per_cpu(name)              mm/per_cpu.h: a variable that each core has
 *   pfn_to_address, address_to_pfn, PAGE_SIZE       arch/page.h
 *   struct page, struct page_array                  mm/page.h: an array of 12 bytes a page
 *   struct page_allocator, PAGE_ALLOCATOR()         mm/page_allocator.h: the contract
 */
#pragma once

/* The names are C's, also for C++. */
#ifdef __cplusplus
extern "C" {
#endif

#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/page.h>
#include <arch/percpu.h>
#include <lib/benign.h>
#include <lib/fail.h>
#include <lib/log.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <mm/page.h>
#include <mm/page_allocator.h>
#include <mm/per_cpu.h>
#include <smp/spinlock.h>

#ifdef __cplusplus
}
#elif defined(__clang__)
/* Clang before 16 takes a text for a rule with a mere warning. Here it is an error, as with gcc. */
#define FAIL_NEEDS_A_RULE_AND_NOT_A_TEXT(which) \
    _Generic((which), enum rule : (which), int : (which))
#define fail(which, ...) fail(FAIL_NEEDS_A_RULE_AND_NOT_A_TEXT(which), __VA_ARGS__)
#endif
