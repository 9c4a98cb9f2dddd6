/*
 * fail() for unit tests, and a machine without interrupts: programs that report failures of their
 * own have signals.c instead.
 */
#include <arch/cpu.h>
#include <arch/host/host.h>
#include <arch/irq.h>
#include <lib/fail.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Thread_local struct host_expectation *host_expected;

void fail(enum rule rule, const char *format, ...)
{
    struct host_expectation scratch;
    struct host_expectation *result = host_expected != NULL ? host_expected : &scratch;
    va_list list;
    va_start(list, format);
    result->rule = rule;
    vsnprintf(result->text, sizeof result->text, format, list);
    va_end(list);
    if (host_expected != NULL) {
        host_expected = NULL;
        longjmp(result->frame, 1);
    }
    fflush(stdout);
    fprintf(stderr, "fail: %s: %s\n", rule_name(scratch.rule), scratch.text);
    abort();
}

void host_irq_deliver(void)
{
}

void cpu_send_nmi(uint32_t apic_id)
{
    (void)apic_id;
}

void cpu_halt(void)
{
    fflush(NULL);
    abort();
}
