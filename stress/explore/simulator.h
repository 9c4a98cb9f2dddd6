/*
 * A machine of up to four virtual cores, simulated by one real core. Each virtual core is a fiber
 * with its own stack, per-CPU data and interrupt flag. Each core's interrupt is a separate thread:
 * it can begin only while that core's flag is set, and then occupies the core until it ends. Every
 * access of instrumented code (stress/explore/instrument.c) is a point, at which the schedule may
 * let another thread run.
 *
 * A thread that waits (cpu_relax) runs again only after a value has changed that it read since its
 * last wait. So a state in which no thread can run is exactly a deadlock.
 */
#pragma once

#include <smp/percpu.h>
#include <stress/explore/race.h>
#include <stress/explore/schedule.h>

enum {
    SIMULATOR_POINTS = 60000,         /* without an operation's end: see simulator_be_patient() */
    SIMULATOR_POINTS_USUAL = 1000000, /* likewise, for the first run of a program */
    SIMULATOR_REGIONS = 4,
};

enum simulator_points {
    POINTS_ALL,    /* every access */
    POINTS_COARSE, /* atomics and writes */
};

enum { SIMULATOR_ALONE_ACCESSES = 2000000 }; /* of core 0 alone; more are a stall */

/* One access of a traced trial. */
struct trace_entry {
    uint8_t thread, kind, size;
    int8_t operation; /* number of the thread's operation */
    uintptr_t address;
    const void *at;
    uint64_t before; /* the value before the access */
};

struct simulator_setup {
    void *(*take)(size_t size, size_t align);  /* zeroed memory */
    void (*guard)(struct core_stacks *stacks); /* makes guard pages fault; may be NULL */
    char *(*place)(uintptr_t address, char *text, size_t size); /* names an address for the log */
    enum simulator_points points;
    bool races; /* report races */
    struct {
        uintptr_t start, size;
    } regions[SIMULATOR_REGIONS]; /* memory whose accesses are points, as are some to stacks */
};

/* Set the simulator up. Once. */
void simulator_init(const struct simulator_setup *setup);

/* Run `work` as virtual core 0, alone and without points. Returns early if it is abandoned. */
void simulator_run_alone(void (*work)(void));

/*
 * Run the program: calls operation(thread, index) for each operation, in its thread. Returns when
 * all operations are done, or early if they are abandoned.
 */
void simulator_run(const struct program *program, struct schedule *schedule,
                   void (*operation)(unsigned thread, unsigned index));

/*
 * From here on it is a stall if no operation ends within `points` points. Long calls are no stalls,
 * so choose `points` by simulator_longest(): the longest stretch without an end in the last run.
 */
void simulator_be_patient(unsigned points);
unsigned simulator_longest(void);

/* Abandon all threads and return from simulator_run() or simulator_run_alone(). Only from within
 * them. */
_Noreturn void simulator_abandon(void);

/* The race that the last fail(RULE_RACE) reported. */
const struct race *simulator_race(void);

/* A hash of all accesses of the last simulator_run(), and how many points it had. */
uint64_t simulator_hash(void);
unsigned simulator_points(void);

/* Record a trace of each later simulator_run(), at most `size` entries; NULL: record none. */
void simulator_trace(struct trace_entry *entries, unsigned size);
unsigned simulator_trace_count(void);

/* ---- called by instrumented code, stress/explore/instrument.c ---- */

void simulator_access(uintptr_t address, unsigned size, unsigned kind, const void *at);
/* A compare-and-swap: of `kind` if it finds `expected`, else of `failure_kind`. */
void simulator_compare(uintptr_t address, unsigned size, uint64_t expected, unsigned kind,
                       unsigned failure_kind, const void *at);
void simulator_fence(unsigned kind);
void simulator_stall_alone(void);

/* Read at each access, hence inline. */
extern struct simulator_gate {
    bool observes;           /* accesses are noted, and may be points */
    unsigned alone_accesses; /* how many were not noted */
} simulator_gate;

static inline bool simulator_observes(void)
{
    if (!simulator_gate.observes && ++simulator_gate.alone_accesses > SIMULATOR_ALONE_ACCESSES)
        simulator_stall_alone();
    return simulator_gate.observes;
}

/* Replace cpu_relax() and cpu_cycles() (stress/explore/include/arch/cpu.h). */
void explore_relax(void);
uint64_t explore_cycles(void);
