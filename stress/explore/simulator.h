/*
 * A machine of up to four virtual cores played by one real one. Each core is a fiber with its own
 * stack, per-CPU data and interrupt flag; each core's interrupt is a thread of its own, which can
 * run only while that core's flag is set, and then holds the core until its end. Every access of
 * instrumented code (stress/explore/instrument.c) is a point at which the schedule may let another
 * thread go on.
 *
 * A thread that waits (cpu_relax) is not run again before something it has read since it last
 * waited is changed. So a state in which nobody can go on is a deadlock, exactly.
 */
#pragma once

#include <smp/percpu.h>
#include <stress/explore/race.h>
#include <stress/explore/schedule.h>

enum {
    SIMULATOR_POINTS = 60000, /* without an end of any operation: see simulator_be_patient() */
    SIMULATOR_POINTS_USUAL = 1000000, /* likewise, where nothing is known of the program yet */
    SIMULATOR_REGIONS = 4,
};

enum simulator_points {
    POINTS_ALL,    /* every access */
    POINTS_COARSE, /* atomics and writes */
};

enum { SIMULATOR_ALONE_ACCESSES = 2000000 }; /* of core 0 alone; more are called a stall */

/* One access as it was decided upon, in a traced trial. */
struct trace_entry {
    uint8_t thread, kind, size;
    int8_t operation; /* number of the thread's operation */
    uintptr_t address;
    const void *at;
    uint64_t before; /* what was there */
};

struct simulator_setup {
    void *(*take)(size_t size, size_t align);  /* zeroed memory */
    void (*guard)(struct core_stacks *stacks); /* makes guard pages fault; may be NULL */
    char *(*place)(uintptr_t address, char *text, size_t size); /* its name, for people */
    enum simulator_points points;
    bool races; /* report them */
    struct {
        uintptr_t start, size;
    } regions[SIMULATOR_REGIONS]; /* memory whose accesses are points; no others are */
};

/* Once. */
void simulator_init(const struct simulator_setup *setup);

/* Run `work` as virtual core 0, with nobody else there, unobserved; returns early if it fails. */
void simulator_run_alone(void (*work)(void));

/*
 * Run the program: `operation(thread, index)` is called for each operation, in its thread. Returns
 * when all is done, or something failed.
 */
void simulator_run(const struct program *program, struct schedule *schedule,
                   void (*operation)(unsigned thread, unsigned index));

/*
 * From here on a stall is that no operation ends within `points` points. Long calls are none: the
 * longest stretch without an end in the run just made, simulator_longest(), tells how long they
 * are.
 */
void simulator_be_patient(unsigned points);
unsigned simulator_longest(void);

/* Give up what runs, for good, and go back to who called simulator_run(). From within it only. */
_Noreturn void simulator_abandon(void);

/* The race that fail(RULE_RACE) was about. */
const struct race *simulator_race(void);

/* A hash of all that was done since simulator_run() began; and how many points there were. */
uint64_t simulator_hash(void);
unsigned simulator_points(void);

/* Keep a trace of each simulator_run() from here on, or of none (NULL). Ends when it is full. */
void simulator_trace(struct trace_entry *entries, unsigned size);
unsigned simulator_trace_count(void);

/* ---- called by instrumented code, stress/explore/instrument.c ---- */

void simulator_access(uintptr_t address, unsigned size, unsigned kind, const void *at);
/* A compare-and-swap: one that finds something else has only read. */
void simulator_compare(uintptr_t address, unsigned size, uint64_t expected, unsigned kind,
                       unsigned failure_kind, const void *at);
void simulator_fence(unsigned kind);
void simulator_stall_alone(void);

/* Asked at each access, and so in place. */
extern struct simulator_gate {
    bool observes;           /* accesses are noted, and may be points */
    unsigned alone_accesses; /* ... while they are not */
} simulator_gate;

static inline bool simulator_observes(void)
{
    if (!simulator_gate.observes && ++simulator_gate.alone_accesses > SIMULATOR_ALONE_ACCESSES)
        simulator_stall_alone();
    return simulator_gate.observes;
}

/* In place of cpu_relax() and cpu_cycles() (stress/explore/include/arch/cpu.h). */
void explore_relax(void);
uint64_t explore_cycles(void);
