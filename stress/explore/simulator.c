#include <arch/fiber.h>
#include <arch/irq.h>
#include <arch/segments.h>
#include <arch/vcore.h>
#include <lib/benign.h>
#include <lib/fail.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <lib/symbols.h>
#include <stress/explore/simulator.h>
#include <stress/failure.h>

enum {
    WATCHED = 8,        /* most reads between two waits that are remembered */
    PATIENCE = 2000,    /* points in a row for one thread while others are enabled */
    FAIR_AFTER = 20000, /* points; after them all enabled threads take turns of FAIR_TURN points */
    FAIR_TURN = 64,
    FIRST_PIECES = 64, /* of a memory range, eight bytes each: all are noted; after them ... */
    PIECE_STEP = 512,  /* ... one piece in so many bytes */
    TURNS = 256,       /* of a trial in which all threads wait in vain, before it is a deadlock */
    KEEPER = EXPLORE_CORES, /* the fiber that sets up and inspects */
    FIBERS,
    ALL_CORES = (1 << EXPLORE_CORES) - 1,
};

/* A value that a waiting loop has read. */
struct watched {
    uintptr_t address;
    uint64_t value;
    uint8_t size;
};

struct thread {
    uint8_t next; /* its next operation */
    bool relaxed; /* has waited before in this operation: `reads` are one turn of its loop */
    uint8_t read_count;
    struct watched reads[WATCHED];
};

static struct {
    struct simulator_setup setup;
    struct percpu cores[EXPLORE_CORES];
    struct core_local *real;    /* the real core's data */
    struct core_stacks *stacks; /* one per fiber */
    struct fiber home;          /* the caller of simulator_run() */
    struct fiber fibers[FIBERS];
    struct thread threads[EXPLORE_THREADS];

    uint32_t live;     /* threads with operations left */
    uint32_t waiting;  /* ... that wait until one of their `reads` changes */
    uint32_t yielding; /* ... that wait for something unknown: until another thread has run */
    uint32_t interrupted, interruptible; /* cores that run, or may take, their interrupt */

    unsigned current; /* the thread that runs */
    unsigned points, alone_for, stuck;
    unsigned patience, ended_at, longest; /* points: see simulator_be_patient() */
    uint64_t hash;
    const struct program *program;
    struct schedule *schedule;
    void (*operation)(unsigned thread, unsigned index);
    void (*work)(void);

    struct trace_entry *trace;
    unsigned trace_size, trace_count;
    struct race race; /* the last one */
} machine;

struct simulator_gate simulator_gate;

/* ---- fibers ---- */

static void be_core(unsigned core)
{
    vcore_enter(&machine.cores[core].local);
}

/* Return to the caller of simulator_run(), for good. */
_Noreturn static void leave(void)
{
    struct fiber gone;

    simulator_gate.observes = false;
    fiber_switch(&gone, &machine.home);
    __builtin_unreachable();
}

static void make_fiber(unsigned number, void (*entry)(void))
{
    struct core_stacks *stacks = &machine.stacks[number];

    fiber_init(&machine.fibers[number], stacks->main.bytes, STACK_MAIN_SIZE, entry);
}

/* ---- which threads can run: sets, one bit per thread ---- */

/* By one instruction if possible: the processor stalls on a value that is assembled in memory. */
static uint64_t load(uintptr_t address, unsigned size)
{
    uint64_t value = 0;

    switch (size) {
    case 1:
        return __atomic_load_n((const uint8_t *)address, __ATOMIC_RELAXED);
    case 2:
        return __atomic_load_n((const uint16_t *)address, __ATOMIC_RELAXED);
    case 4:
        return __atomic_load_n((const uint32_t *)address, __ATOMIC_RELAXED);
    case 8:
        return __atomic_load_n((const uint64_t *)address, __ATOMIC_RELAXED);
    default:
        memcpy(&value, (const void *)address, size);
        return value;
    }
}

static bool still_waits(const struct thread *thread)
{
    for (unsigned i = 0; i < thread->read_count; i++)
        if (load(thread->reads[i].address, thread->reads[i].size) != thread->reads[i].value)
            return false;
    return true;
}

/* Not inlined, since mostly no thread waits. */
__attribute__((noinline)) static uint32_t who_still_waits(void)
{
    uint32_t waiting = machine.waiting;

    for (uint32_t rest = waiting; rest; rest &= rest - 1) {
        unsigned number = (unsigned)__builtin_ctz(rest);
        if (!still_waits(&machine.threads[number]))
            waiting &= ~(1u << number);
    }
    return waiting;
}

/* The live threads of: each core that its interrupt does not occupy, and each interrupt that runs
 * or may come. */
static uint32_t who_may_run(void)
{
    uint32_t interrupts = (machine.interrupted | machine.interruptible) << EXPLORE_CORES;

    return machine.live & (interrupts | (ALL_CORES & ~machine.interrupted));
}

/* Threads that only yield wait for the others, if there are any. */
static uint32_t who_can_run(void)
{
    uint32_t enabled = who_may_run();

    if (machine.waiting)
        enabled &= ~who_still_waits();
    return enabled & ~machine.yielding ? enabled & ~machine.yielding : enabled;
}

/* ---- deadlock ---- */

static int describe_wait(unsigned number, char *text, size_t size)
{
    const struct percpu *core = &machine.cores[thread_core(number)];
    const struct spinlock_irq *lock = core->waiting_for;
    const char *what = thread_is_interrupt(number) ? "interrupt on core" : "core";

    char place[40];

    if (!lock)
        return format_text(
            text, size, "%s %u waits for %s to change", what, thread_core(number),
            machine.setup.place(machine.threads[number].reads[0].address, place, sizeof(place)));
    return format_text(text, size, "%s %u waits for %s, held by core %d", what, thread_core(number),
                       lock->name, spinlock_irq_owner(lock));
}

/* No thread can run, and operations are left. */
static void fail_deadlock(void)
{
    char text[160] = "";
    size_t used = 0;

    simulator_gate.observes = false; /* describe_wait() calls instrumented code */
    for (unsigned number = 0; number < EXPLORE_THREADS; number++)
        if (machine.waiting >> number & 1 && used + 1 < sizeof(text)) {
            if (used)
                used += (size_t)format_text(text + used, sizeof(text) - used, "; ");
            used += (size_t)describe_wait(number, text + used, sizeof(text) - used);
            used = used < sizeof(text) ? used : sizeof(text) - 1;
        }
    fail(RULE_DEADLOCK, "%s", text);
}

/* ---- switching ---- */

static unsigned core_of_current(void)
{
    return thread_core(machine.current);
}

/* Stop a thread that would keep the machine for ever, such as in a waiting loop without
 * cpu_relax().
 */
static uint32_t limit_patience(uint32_t enabled)
{
    uint32_t others = enabled & ~(1u << machine.current);

    if (machine.alone_for < PATIENCE || !others)
        return enabled;
    return others;
}

/* Late in a trial, run threads in turn so that those that can finish do. Otherwise threads that
 * wait without cpu_relax(), or for something unknown, may pass the turn to each other for ever. */
static uint32_t limit_fairly(uint32_t enabled)
{
    unsigned current = machine.current;

    if (machine.points < FAIR_AFTER)
        return limit_patience(enabled);
    if ((enabled >> current & 1) && machine.points % FAIR_TURN)
        return 1u << current;
    uint32_t behind = enabled & ~((2u << current) - 1);
    uint32_t next = behind ? behind : enabled;
    return next & (~next + 1);
}

/*
 * If all threads wait, they get TURNS turns of their loops before that is a deadlock: a loop that
 * tries only so many times continues by itself.
 */
static unsigned choose(void)
{
    uint32_t enabled = who_can_run();

    if (!enabled && !machine.live)
        leave();
    if (!enabled && (machine.stuck++ == TURNS || !who_may_run()))
        fail_deadlock();
    if (!enabled)
        enabled = who_may_run();
    unsigned next = schedule_choose(machine.schedule, limit_fairly(enabled), machine.current);
    machine.alone_for = next == machine.current ? machine.alone_for + 1 : 0;
    return next;
}

static void note_interruptible(unsigned core, bool on)
{
    machine.interruptible = (machine.interruptible & ~(1u << core)) | (uint32_t)on << core;
}

/* Let the schedule decide. Returns when it decides, now or later, for a thread of this core. */
static void decide(void)
{
    unsigned here = core_of_current();
    irq_flags_t flags = irq_flags();

    note_interruptible(here, irq_flags_enabled(flags));
    machine.yielding &= 1u << machine.current; /* the others waited until a thread has run: now */
    machine.current = choose();
    unsigned next = core_of_current();
    if (next == here)
        return;
    irq_disable();
    be_core(next);
    fiber_switch(&machine.fibers[here], &machine.fibers[next]);
    irq_restore(flags);
}

/* Run this core's interrupts until it is `me`'s turn. */
static void take_interrupts(unsigned me)
{
    while (machine.current != me) {
        vcore_interrupt();
        machine.current = me;
        decide();
    }
}

/* Pass a point: returns when it is thread `me`'s turn. Its core takes interrupts meanwhile. */
static void pass_point(unsigned me)
{
    decide();
    take_interrupts(me);
}

static void note_end(void)
{
    unsigned took = machine.points - machine.ended_at;

    machine.longest = took > machine.longest ? took : machine.longest;
    machine.ended_at = machine.points;
}

static void run_operation(unsigned me)
{
    struct thread *thread = &machine.threads[me];

    thread->relaxed = false;
    schedule_note_operation(machine.schedule, me, thread->next);
    if (schedule_waits_to_begin(machine.schedule, me))
        pass_point(me);
    machine.operation(me, thread->next++);
    note_end();
}

/* The interrupt handler, on the stack of the interrupted thread. */
static void on_interrupt(void)
{
    unsigned me = machine.current, interrupted = thread_core(me);
    struct thread *thread = &machine.threads[me];

    machine.interrupted |= 1u << interrupted;
    race_order(interrupted, me);
    run_operation(me);
    if (thread->next >= machine.program->count[me])
        machine.live &= ~(1u << me);
    race_order(me, interrupted);
    machine.interrupted &= ~(1u << interrupted);
}

/* A core: runs its operations, then its interrupts as they come, until leave(). */
_Noreturn static void run_core_fiber(void)
{
    unsigned me = core_of_current(); /* a core and its own thread have the same number */
    struct thread *thread = &machine.threads[me];

    irq_enable();
    take_interrupts(me);
    while (thread->next < machine.program->count[me])
        run_operation(me);
    machine.live &= ~(1u << me);
    schedule_note_operation(machine.schedule, me, thread->next);
    for (;;)
        pass_point(me);
}

/* ---- points ---- */

static bool is_on_stack(uintptr_t address)
{
    return address - (uintptr_t)machine.stacks < EXPLORE_CORES * sizeof(*machine.stacks);
}

/* On stacks, observe accesses that other threads can see: nodes of queue locks lie there. A
 * thread's plain accesses to its own stack are no points. */
static bool is_observed_on_stack(uintptr_t address, unsigned kind)
{
    uintptr_t own = (uintptr_t)&machine.stacks[core_of_current()];

    return (kind & ACCESS_ATOMIC) || address - own >= sizeof(*machine.stacks);
}

static inline bool is_observed(uintptr_t address, unsigned kind)
{
    const struct percpu *own = &machine.cores[core_of_current()]; /* not observed */

    for (unsigned i = 0; i < SIMULATOR_REGIONS; i++)
        if (address - machine.setup.regions[i].start < machine.setup.regions[i].size)
            return address - (uintptr_t)own >= sizeof(*own);
    return is_on_stack(address) && is_observed_on_stack(address, kind);
}

static void remember_read(struct thread *thread, uintptr_t address, unsigned size)
{
    if (thread->read_count < WATCHED)
        thread->reads[thread->read_count] =
            (struct watched){address, load(address, size), (uint8_t)size};
    thread->read_count += thread->read_count <= WATCHED;
}

__attribute__((cold)) static void trace_access(uintptr_t address, unsigned size, unsigned kind,
                                               const void *at)
{
    if (machine.trace_count >= machine.trace_size || machine.stuck > 1)
        return; /* the turns before a deadlock repeat the same accesses */
    machine.trace[machine.trace_count++] = (struct trace_entry){
        .thread = (uint8_t)machine.current,
        .kind = (uint8_t)kind,
        .size = (uint8_t)size,
        .operation = (int8_t)(machine.threads[machine.current].next - 1),
        .address = address,
        .at = at,
        .before = load(address, size),
    };
}

static void add_to_hash(unsigned me, unsigned kind, unsigned size, unsigned id)
{
    uint64_t word = (uint64_t)id << 24 | me << 16 | kind << 8 | size;

    machine.hash = (machine.hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    machine.hash ^= machine.hash >> 29;
}

static const char *access_word(unsigned kind)
{
    return kind & ACCESS_WRITE ? "writes" : "reads";
}

static const char *function_at(const void *at)
{
    uint64_t offset;
    const char *name = symbol_find((uintptr_t)at - 1, &offset);

    return name ? name : "?";
}

__attribute__((cold)) static void fail_race(const struct race *race)
{
    const struct race_access *first = &race->first, *second = &race->second;

    if (benign_race(function_at(first->at)) || benign_race(function_at(second->at)))
        return;
    machine.race = *race;
    fail(RULE_RACE, "%s %s and %s %s, in no order", function_at(first->at),
         access_word(access_kind(first)), function_at(second->at),
         access_word(access_kind(second)));
}

/* The keeper runs alone, so it cannot be waiting for another thread. */
void simulator_stall_alone(void)
{
    simulator_gate.alone_accesses = 0;
    if (machine.work)
        fail(RULE_STALL, "before or after all operations, one core alone: no end after %u accesses",
             SIMULATOR_ALONE_ACCESSES);
}

static void count_point(unsigned me)
{
    if (++machine.points - machine.ended_at > machine.patience)
        fail(RULE_STALL, "thread %s: no operation has ended within %u steps", thread_name(me),
             machine.patience);
}

/* Note an access of the current thread, within eight aligned bytes. The access follows before any
 * other thread runs. */
static void note_access(uintptr_t address, unsigned size, unsigned kind, const void *at)
{
    unsigned me = machine.current;
    struct race_answer answer =
        race_access(me, address, size, kind, at, percpu_held_name(&machine.cores[thread_core(me)]));
    /* Stacks get no id: their depth differs between the kernel and a host. */
    add_to_hash(me, kind, size, is_on_stack(address) ? ~0u : race_id(answer));
    if (machine.trace)
        trace_access(address, size, kind, at);
    if (!(kind & ACCESS_WRITE) || (kind & ACCESS_MODIFY))
        remember_read(&machine.threads[me], address, size);
    if (answer.races && machine.setup.races)
        fail_race(race_found());
}

static void point(unsigned kind)
{
    if (machine.setup.points == POINTS_COARSE && kind == ACCESS_READ)
        return;
    count_point(machine.current);
    pass_point(machine.current);
}

static unsigned room_in_granule(uintptr_t address)
{
    return 8 - (address & 7);
}

static void access_piece(uintptr_t address, unsigned size, unsigned kind, const void *at)
{
    point(kind);
    note_access(address, size, kind, at);
}

/* An access of any size, such as that of memset(). */
static void access_range(uintptr_t address, unsigned size, unsigned kind, const void *at)
{
    for (unsigned pieces = 1; size; pieces++) {
        unsigned room = room_in_granule(address), piece = size < room ? size : room;
        access_piece(address, piece, kind, at);
        unsigned step = pieces < FIRST_PIECES || size < PIECE_STEP ? piece : PIECE_STEP;
        address += step;
        size -= step;
    }
}

void simulator_access(uintptr_t address, unsigned size, unsigned kind, const void *at)
{
    if (!is_observed(address, kind))
        return;
    if (size && size <= room_in_granule(address))
        access_piece(address, size, kind, at);
    else
        access_range(address, size, kind, at);
}

void simulator_compare(uintptr_t address, unsigned size, uint64_t expected, unsigned kind,
                       unsigned failure_kind, const void *at)
{
    if (!is_observed(address, kind))
        return;
    point(kind);
    note_access(address, size, load(address, size) == expected ? kind : failure_kind, at);
}

void simulator_fence(unsigned kind)
{
    race_fence(machine.current, kind);
}

/* A loop waits for what it has read in this turn. Its first turn does not count, since it is
 * unknown where that began. */
void explore_relax(void)
{
    if (!simulator_observes())
        return;
    unsigned me = machine.current;
    struct thread *thread = &machine.threads[me];

    bool known = thread->relaxed && thread->read_count && thread->read_count <= WATCHED;

    machine.waiting |= (uint32_t)known << me;
    machine.yielding |= (uint32_t)!known << me;
    count_point(me);
    pass_point(me);
    machine.waiting &= ~(1u << me);
    machine.yielding &= ~(1u << me);
    thread->relaxed = true;
    thread->read_count = 0;
}

uint64_t explore_cycles(void)
{
    return machine.points;
}

/* ---- called from outside ---- */

void simulator_init(const struct simulator_setup *setup)
{
    machine.setup = *setup;
    machine.stacks = setup->take(FIBERS * sizeof(struct core_stacks), PAGE_SIZE);
    for (unsigned i = 0; setup->guard && i < FIBERS; i++)
        setup->guard(&machine.stacks[i]);
    vcore_set_interrupt(on_interrupt);
}

static void reset_cores(void)
{
    memset(machine.cores, 0, sizeof(machine.cores));
    for (unsigned core = 0; core < EXPLORE_CORES; core++)
        machine.cores[core].local = (struct core_local){
            .self = &machine.cores[core].local, .number = core, .apic_id = core};
}

static void go(unsigned fiber, unsigned core)
{
    irq_flags_t flags = irq_save();

    machine.real = core_local();
    be_core(core);
    fiber_switch(&machine.home, &machine.fibers[fiber]);
    vcore_enter(machine.real);
    irq_restore(flags);
}

_Noreturn static void run_keeper_fiber(void)
{
    irq_enable();
    machine.work();
    leave();
}

void simulator_run_alone(void (*work)(void))
{
    reset_cores();
    machine.work = work;
    simulator_gate.alone_accesses = 0;
    make_fiber(KEEPER, run_keeper_fiber);
    go(KEEPER, 0);
    machine.work = NULL;
}

static void begin_threads(void)
{
    memset(machine.threads, 0, sizeof(machine.threads));
    machine.live = machine.waiting = machine.yielding = machine.interrupted = 0;
    machine.interruptible = ALL_CORES;
    for (unsigned number = 0; number < EXPLORE_THREADS; number++)
        machine.live |= (uint32_t)(machine.program->count[number] > 0) << number;
    for (unsigned core = 0; core < EXPLORE_CORES; core++)
        make_fiber(core, run_core_fiber);
}

void simulator_run(const struct program *program, struct schedule *schedule,
                   void (*operation)(unsigned thread, unsigned index))
{
    reset_cores();
    race_reset();
    machine.program = program;
    machine.schedule = schedule;
    machine.operation = operation;
    machine.points = machine.alone_for = machine.stuck = machine.trace_count = 0;
    machine.ended_at = machine.longest = 0;
    machine.hash = 0;
    machine.current = 0;
    begin_threads();
    uint32_t enabled = who_can_run();
    if (!enabled)
        return;
    machine.current = schedule_choose(schedule, enabled, 0);
    simulator_gate.observes = true;
    go(core_of_current(), core_of_current());
}

void simulator_abandon(void)
{
    vcore_abandon();
    leave();
}

uint64_t simulator_hash(void)
{
    return machine.hash;
}

unsigned simulator_points(void)
{
    return machine.points;
}

void simulator_be_patient(unsigned points)
{
    machine.patience = points;
}

unsigned simulator_longest(void)
{
    return machine.longest;
}

const struct race *simulator_race(void)
{
    return &machine.race;
}

void simulator_trace(struct trace_entry *entries, unsigned size)
{
    machine.trace = entries;
    machine.trace_size = size;
}

unsigned simulator_trace_count(void)
{
    return machine.trace_count;
}
