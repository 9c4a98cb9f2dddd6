#include <arch/cpu.h>
#include <arch/host/host.h>
#include <arch/host/signals.h>
#include <arch/irq.h>
#include <arch/timer.h>
#include <arch/trap.h>
#include <arch/vcore.h>
#include <arch/work.h>
#include <errno.h>
#include <lib/sinks.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum {
    SIGNAL_NMI = SIGUSR1,
    SIGNAL_TIMER = SIGUSR2,
    SIGNAL_WORK = SIGWINCH,
};

struct percpu *percpu_table[CORE_LIMIT];
uint32_t percpu_count;

static struct host_core {
    pthread_t thread;
    void (*entry)(uint32_t number);
} cores[CORE_LIMIT];

static _Thread_local uint64_t fault_address;

static void die(const char *what)
{
    perror(what);
    abort();
}

/* ---- traps ---- */

static const int trap_signals[] = {SIGFPE, SIGNAL_NMI, SIGILL, SIGSEGV, SIGBUS};
enum { TRAP_SIGNALS = sizeof(trap_signals) / sizeof(trap_signals[0]) };

const char *trap_name(uint64_t vector)
{
    static const struct {
        uint64_t vector;
        const char *name;
    } names[] = {{0, "#DE"},
                 {TRAP_NMI, "NMI"},
                 {6, "#UD"},
                 {TRAP_PROTECTION, "#GP"},
                 {TRAP_PAGE_FAULT, "#PF"},
                 {17, "#AC"}};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].vector == vector)
            return names[i].name;
    return "signal";
}

uint64_t trap_fault_address(void)
{
    return fault_address;
}

static struct trap_frame make_frame(int signal, const ucontext_t *context, bool interrupts)
{
    const greg_t *registers = context->uc_mcontext.gregs;

#define REGISTER(name) (uint64_t) registers[name]
    return (struct trap_frame){
        .r15 = REGISTER(REG_R15),
        .r14 = REGISTER(REG_R14),
        .r13 = REGISTER(REG_R13),
        .r12 = REGISTER(REG_R12),
        .r11 = REGISTER(REG_R11),
        .r10 = REGISTER(REG_R10),
        .r9 = REGISTER(REG_R9),
        .r8 = REGISTER(REG_R8),
        .rbp = REGISTER(REG_RBP),
        .rdi = REGISTER(REG_RDI),
        .rsi = REGISTER(REG_RSI),
        .rdx = REGISTER(REG_RDX),
        .rcx = REGISTER(REG_RCX),
        .rbx = REGISTER(REG_RBX),
        .rax = REGISTER(REG_RAX),
        .rip = REGISTER(REG_RIP),
        .rsp = REGISTER(REG_RSP),
        .error = REGISTER(REG_ERR),
        .vector = signal == SIGNAL_NMI ? TRAP_NMI : REGISTER(REG_TRAPNO),
        .rflags = interrupts,
    };
#undef REGISTER
}

/* Run the sink with the interrupt flag off, then restore the flag. It takes no interrupt. */
static void on_trap(int signal, siginfo_t *info, void *context)
{
    bool interrupts = host_irq_on;

    host_irq_on = false;
    struct trap_frame frame = make_frame(signal, context, interrupts);
    const struct sinks *sinks = sinks_get();
    if (signal != SIGNAL_NMI)
        fault_address = (uintptr_t)info->si_addr;
    if (!sinks->nmi || !sinks->exception)
        die(sinks_last_words); /* no program is registered */
    (signal == SIGNAL_NMI ? sinks->nmi : sinks->exception)(&frame);
    host_irq_on = interrupts;
}

/* ---- interrupts ---- */

/*
 * Interrupts that are pending while this thread's flag is off. Only the thread and its own signal
 * handlers write them; the handlers only set them.
 */
static _Thread_local volatile bool timer_pending, work_pending;
static _Thread_local void (*timer_handler)(void);
static _Thread_local timer_t timer;
static _Thread_local bool has_timer;
static void (*work_handler)(void);

void host_irq_deliver(void)
{
    host_irq_on = false;
    while (host_irq_pending) {
        host_irq_pending = false;
        bool is_timer = timer_pending, is_work = work_pending;
        timer_pending = work_pending = false;
        if (is_timer)
            timer_handler();
        if (is_work)
            __atomic_load_n(&work_handler, __ATOMIC_RELAXED)();
    }
    host_irq_on = true;
}

/* Restore errno: an interrupted system call must find its own value. */
static void on_interrupt(int signal)
{
    int before = errno;

    if (signal == SIGNAL_TIMER)
        timer_pending = true;
    else
        work_pending = true;
    host_irq_pending = true;
    if (host_irq_on)
        host_irq_deliver();
    errno = before;
}

/* Each core has its own timer, which signals that core's thread only (timer_create(2),
 * SIGEV_THREAD_ID). */
static void make_timer(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGNAL_TIMER};

    event._sigev_un._tid = gettid();
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0)
        die("timer_create");
    has_timer = true;
}

static void set_timer(struct itimerspec setting, void (*handler)(void))
{
    if (!has_timer)
        make_timer();
    timer_handler = handler;
    if (timer_settime(timer, 0, &setting, NULL) != 0)
        die("timer_settime");
}

void timer_start(uint32_t hz, void (*handler)(void))
{
    struct timespec period = {.tv_nsec = 1000000000 / hz};

    set_timer((struct itimerspec){period, period}, handler);
}

void timer_once(uint32_t microseconds, void (*handler)(void))
{
    struct timespec rest = {microseconds / 1000000, microseconds % 1000000 * 1000};

    set_timer((struct itimerspec){.it_value = rest}, handler);
}

void work_set_handler(void (*handler)(void))
{
    __atomic_store_n(&work_handler, handler, __ATOMIC_RELAXED);
}

void work_send(uint32_t apic_id)
{
    pthread_kill(cores[apic_id].thread, SIGNAL_WORK);
}

/* ---- one thread as several cores ---- */

void (*host_vcore_handler)(void);

/* Unblock signals: a signal stays blocked if its handler does not return. */
void vcore_abandon(void)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_UNBLOCK, &all, NULL);
}

/* ---- cores ---- */

void cpu_send_nmi(uint32_t apic_id)
{
    pthread_kill(cores[apic_id].thread, SIGNAL_NMI);
}

void cpu_halt(void)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    for (;;)
        pause();
}

static void *start_core(void *argument)
{
    struct percpu *core = argument;
    uint32_t number = core->local.number;
    stack_t signals = {.ss_sp = core->stacks->ist[0].bytes, .ss_size = STACK_IST_SIZE};

    if (sigaltstack(&signals, NULL) != 0)
        die("sigaltstack");
    host_core_enter(number, core);
    __atomic_store_n(&core->online, true, __ATOMIC_RELEASE);
    cores[number].entry(number);
    return NULL;
}

static void *map_zeroed(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED)
        die("mmap");
    return memory;
}

void host_guard_stacks(struct core_stacks *stacks)
{
    for (unsigned i = 0; i < IST_COUNT - 1; i++)
        mprotect(stacks->ist[i].guard, PAGE_SIZE, PROT_NONE);
    mprotect(stacks->main.guard, PAGE_SIZE, PROT_NONE);
}

void host_start_core(uint32_t number, void (*entry)(uint32_t number))
{
    struct percpu *core = map_zeroed(sizeof(*core));
    pthread_attr_t attributes;

    core->local.number = number;
    core->stacks = map_zeroed(sizeof(*core->stacks));
    host_guard_stacks(core->stacks);
    cores[number].entry = entry;
    percpu_table[number] = core;
    percpu_count = number + 1;
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, core->stacks->main.bytes, STACK_MAIN_SIZE);
    if (pthread_create(&cores[number].thread, &attributes, start_core, core) != 0)
        die("pthread_create");
}

void host_signals_init(void)
{
    struct sigaction trap = {.sa_sigaction = on_trap,
                             .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    struct sigaction interrupt = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART};
    const int interrupts[] = {SIGNAL_TIMER, SIGNAL_WORK};

    for (unsigned i = 0; i < sizeof(interrupts) / sizeof(interrupts[0]); i++) {
        sigaddset(&trap.sa_mask, interrupts[i]);
        sigaddset(&interrupt.sa_mask, interrupts[i]);
    }
    for (unsigned i = 0; i < sizeof(interrupts) / sizeof(interrupts[0]); i++)
        sigaction(interrupts[i], &interrupt, NULL);
    for (unsigned i = 0; i < TRAP_SIGNALS; i++)
        sigaction(trap_signals[i], &trap, NULL);
}
