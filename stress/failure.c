#include <arch/clock.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <mm/page_allocator.h>
#include <smp/percpu.h>
#include <stddef.h>
#include <stress/advice.h>
#include <stress/explain.h>
#include <stress/failure.h>
#include <stress/run_end.h>

enum {
    TITLE_SIZE = FAILURE_TITLE_SIZE,
    ADVICE_SIZE = 220,
    /* Plus FREEZE_MS_A_CORE for each core. 255 cores on 2 of the host's take 4000 ms. */
    FREEZE_MS = 5000,
    FREEZE_MS_A_CORE = 100,
};

static struct {
    uint32_t owner; /* 0: none, else the failing core's number + 1. Atomic */
    enum rule rule;
    char title[TITLE_SIZE];
    enum verdict verdict;
    unsigned phase;
    const char *phase_name;
    void (*report_rest)(const void *context, unsigned failed);
    const void *rest_context;
    const char *(*adviser)(enum rule rule);
    uint64_t failed_at; /* cycles */
} failure;

enum verdict failure_verdict(enum rule rule)
{
    static const enum verdict verdicts[] = {
#define RULE(name, title, verdict, ...) [RULE_##name] = VERDICT_##verdict,
#include <lib/rules.def>
    };

    return verdicts[rule];
}

void failure_set_phase(unsigned index, const char *name)
{
    failure.phase = index;
    failure.phase_name = name;
}

void failure_freeze(const struct trap_frame *frame)
{
    struct percpu *core = this_core();

    core->frozen_at = frame;
    __atomic_store_n(&core->frozen, true, __ATOMIC_RELEASE);
    cpu_halt();
}

void failure_set_rest(void (*report_rest)(const void *context, unsigned failed),
                      const void *context)
{
    failure.report_rest = report_rest;
    failure.rest_context = context;
}

bool failure_in_progress(void)
{
    return __atomic_load_n(&failure.owner, __ATOMIC_ACQUIRE) != 0;
}

static bool is_other(const struct percpu *core)
{
    return core != this_core() && __atomic_load_n(&core->online, __ATOMIC_ACQUIRE);
}

static bool all_frozen(void)
{
    for (uint32_t i = 0; i < percpu_count; i++)
        if (is_other(percpu_table[i]) &&
            !__atomic_load_n(&percpu_table[i]->frozen, __ATOMIC_ACQUIRE))
            return false;
    return true;
}

static uint64_t freeze_limit_ms(void)
{
    return FREEZE_MS + FREEZE_MS_A_CORE * (uint64_t)percpu_count;
}

static void report_lost_cores(void)
{
    for (uint32_t i = 0; i < percpu_count; i++)
        if (is_other(percpu_table[i]) && !percpu_table[i]->frozen)
            report_line("# freeze: core %u (APIC ID %u) did not take the NMI within %lu ms", i,
                        percpu_table[i]->local.apic_id, freeze_limit_ms());
}

static void stop_others(void)
{
    uint64_t start = clock_ns();

    for (uint32_t i = 0; i < percpu_count; i++)
        if (is_other(percpu_table[i]))
            cpu_send_nmi(percpu_table[i]->local.apic_id);
    while (!all_frozen() && clock_ns() - start < freeze_limit_ms() * 1000000)
        cpu_relax();
}

static failure_catcher *catcher;

void failure_catch(failure_catcher *new_catcher)
{
    catcher = new_catcher;
}

void failure_set_adviser(const char *(*adviser)(enum rule rule))
{
    failure.adviser = adviser;
}

static void write_title(char title[TITLE_SIZE], enum rule rule, const char *format,
                        va_list arguments)
{
    int length = format_text(title, TITLE_SIZE, "%s: ", rule_name(rule));

    format_text_va(title + length, TITLE_SIZE - (size_t)length, format, arguments);
}

static bool claim_failure(void)
{
    uint32_t expected = 0;
    return __atomic_compare_exchange_n(&failure.owner, &expected, cpu_number() + 1, false,
                                       __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/* Uses a buffer of its own for the title: another core may be writing failure.title. */
static void offer_to_catcher(enum rule rule, const char *format, va_list arguments)
{
    char title[TITLE_SIZE];
    va_list again;

    va_copy(again, arguments);
    write_title(title, rule, format, again);
    va_end(again);
    catcher(rule, title);
}

static void failure_begin_va(enum rule rule, const char *format, va_list arguments)
{
    irq_disable();
    if (catcher)
        offer_to_catcher(rule, format, arguments);
    if (!claim_failure()) {
        if (failure.owner != cpu_number() + 1)
            failure_freeze(this_core()->frozen_at);
        cpu_halt(); /* a failure while reporting a failure: nothing more can be reported */
    }
    failure.failed_at = cpu_cycles();
    failure.rule = rule;
    report_seize();
    stop_others();
    write_title(failure.title, rule, format, arguments);
    failure.verdict = failure_verdict(rule);
    report_line("# %s %s", failure.verdict == VERDICT_ERROR ? "ERROR" : "FAILURE", failure.title);
    report_lost_cores();
}

void failure_begin(enum rule rule, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    failure_begin_va(rule, format, arguments);
    va_end(arguments);
}

/* An error of use or of the machine needs no report on the cores. A broken rule needs one. */
static void tell_story(void)
{
    if (failure.verdict == VERDICT_ERROR)
        return;
    explain(failure.failed_at, advice_is_about_every_core(failure.rule));
    report_line("# report ms=%lu", clock_cycles_to_ns(cpu_cycles() - failure.failed_at) / 1000000);
}

static void give_advice(void)
{
    const char *promise = page_promise_name(advice_promise(failure.rule));
    const char *hint = failure.adviser ? failure.adviser(failure.rule) : NULL;
    char text[ADVICE_SIZE];

    if (failure.verdict == VERDICT_ERROR)
        return;
    if (promise)
        report_line("# promise=%s outcome=broken", promise);
    report_line("# look-first-at=%s",
                format_value(text, sizeof(text), hint ? hint : advice_hint(failure.rule)));
}

_Noreturn static void conclude(void)
{
    if (!report_has_plan())
        report_plan(0);
    if (failure.phase) {
        report_line("not ok %u %s # %s", failure.phase, failure.phase_name, failure.title);
        if (failure.report_rest)
            failure.report_rest(failure.rest_context, failure.phase);
    } else {
        report_line("Bail out! %s", failure.title);
    }
    give_advice();
    report_line("# title=%s", failure.title);
    run_end(failure.verdict);
}

void failure_end(void)
{
    tell_story();
    conclude();
}

void failure_report(enum rule rule, const char *title)
{
    failure.rule = rule;
    format_text(failure.title, TITLE_SIZE, "%s", title);
    failure.verdict = failure_verdict(rule);
    report_line("# FAILURE %s", failure.title);
    conclude();
}

void failure_take(enum rule rule, const char *format, va_list arguments)
{
    failure_begin_va(rule, format, arguments);
    failure_end();
}
