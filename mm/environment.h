/*
 * Everything that an allocator under test may use, in one header. For C and C++.
 *
 *   memset memcpy memmove memcmp strlen strcmp    lib/string.h
 *   format_text(buffer, size, "...")              lib/printf.h: formatted text, as by snprintf()
 *   log_line("...")                               lib/log.h: print a line in the log
 *   fail(RULE_PANIC, "..."), ASSERT(condition)    lib/fail.h: end the run by a rule (lib/rules.def)
 *   BENIGN_RACE("function", "why")                lib/benign.h: declare a race that is intended
 *   spinlock_irq_lock, _unlock, SPINLOCK_IRQ      smp/spinlock.h: a lock that the harness watches
 *   irq_save, irq_restore, irq_enabled            arch/irq.h: interrupts of this core, off and on
 *   cpu_number, cpu_relax                         arch/percpu.h, arch/cpu.h: this core; PAUSE
 *   PER_CPU(type, name), per_cpu(name)            mm/per_cpu.h: one variable for each core
 *   pfn_to_address, address_to_pfn, PAGE_SIZE     arch/page.h
 *   struct page, struct page_array                mm/page.h: a page array, 12 bytes a page
 *   struct page_allocator, PAGE_ALLOCATOR()       mm/page_allocator.h: the contract
 */
#pragma once

/* C linkage, for allocators in C++. */
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
/*
 * fail("text") is an error for gcc. Clang before 16 only warns, so this makes it an error there,
 * too.
 */
#define FAIL_NEEDS_A_RULE_AND_NOT_A_TEXT(which) \
    _Generic((which), enum rule : (which), int : (which))
#define fail(which, ...) fail(FAIL_NEEDS_A_RULE_AND_NOT_A_TEXT(which), __VA_ARGS__)
#endif
