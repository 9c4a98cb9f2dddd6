/*
 * fail() for unit tests, and a machine without interrupts. Programs that report failures themselves
 * have signals.c instead.
 */
#include <arch/cpu.h>
#include <arch/host/host.h>
#include <arch/irq.h>
#include <lib/sinks.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Thread_local struct host_expectation *host_expected;

static void take(enum rule rule, const char *format, va_list list)
{
    struct host_expectation scratch;
    struct host_expectation *result = host_expected != NULL ? host_expected : &scratch;
    result->rule = rule;
    vsnprintf(result->text, sizeof result->text, format, list);
    if (host_expected != NULL) {
        host_expected = NULL;
        longjmp(result->frame, 1);
    }
    fflush(stdout);
    fprintf(stderr, "fail: %s: %s\n", rule_name(scratch.rule), scratch.text);
    abort();
}

__attribute__((constructor)) static void set_sinks(void)
{
    static const struct sinks sinks = {.fail = take};

    sinks_set(&sinks);
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
