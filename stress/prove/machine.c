/*
 * The prover's machine: one thread runs as each core in turn. There are no interrupts, and no time
 * passes. Code that cannot continue ends the step that is being tried.
 */
#include "prove.h"
#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/page.h>
#include <lib/fail.h>
#include <lib/sinks.h>
#include <signal.h>
#include <smp/percpu.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>

_Thread_local volatile bool host_irq_on = true;
_Thread_local volatile bool host_irq_pending;
_Thread_local struct core_local *host_core_local;
char *host_arena_base;
pfn_t host_arena_start;

struct broken broken;
static struct percpu cores[PROVE_CORES];
static volatile sig_atomic_t idle_ticks;

static _Noreturn void give_up(void)
{
    siglongjmp(broken.frame, 1);
}

static void take(enum rule rule, const char *format, va_list list)
{
    broken.rule = rule;
    vsnprintf(broken.text, sizeof(broken.text), format, list);
    give_up();
}

void cpu_relax(void)
{
    fail(RULE_DEADLOCK, "waits for a lock that nobody is left to release");
}

uint64_t cpu_cycles(void)
{
    return 0;
}

void host_irq_deliver(void)
{
}

/* ---- what a processor would trap ---- */

enum { TICK_SECONDS = 1, TICKS_ALLOWED = 2 };

static void trapped(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (number == SIGVTALRM && ++idle_ticks < TICKS_ALLOWED)
        return;
    if (number == SIGVTALRM)
        fail(RULE_STALL, "a call that does not return");
    fail(RULE_TRAP, "signal %d, address %p", number, info->si_addr);
}

void machine_progress(void)
{
    idle_ticks = 0;
}

/* The timer counts this process's CPU time: a busy host is no stall. */
static void catch_signals(void)
{
    static const int caught[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGVTALRM};
    struct sigaction action = {.sa_sigaction = trapped, .sa_flags = SA_SIGINFO | SA_NODEFER};
    struct itimerval timer = {{TICK_SECONDS, 0}, {TICK_SECONDS, 0}};

    for (unsigned i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
        sigaction(caught[i], &action, NULL);
    setitimer(ITIMER_VIRTUAL, &timer, NULL);
}

/* ---- memory and cores ---- */

void machine_start(pfn_t start, uint64_t pages)
{
    static const struct sinks sinks = {.fail = take};
    size_t size = (pages ? pages : 1) << PAGE_SHIFT;

    sinks_set(&sinks);
    host_arena_base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (host_arena_base == MAP_FAILED) {
        perror("prove: memory for pages");
        exit(2);
    }
    host_arena_start = pages ? start : UINT64_C(1) << 40;
    machine_reset();
    catch_signals();
}

void machine_reset(void)
{
    for (unsigned i = 0; i < PROVE_CORES; i++)
        cores[i] = (struct percpu){.local = {&cores[i].local, i, i}};
    host_irq_on = true;
    machine_enter(0);
}

void machine_enter(unsigned core)
{
    host_core_local = &cores[core].local;
}

void machine_check_rest(void)
{
    if (!irq_enabled())
        fail(RULE_IRQ_STATE, "interrupts left off");
    if (this_core()->locks_held)
        fail(RULE_LOCK_HELD, "%s kept", percpu_held_name(this_core()));
}
