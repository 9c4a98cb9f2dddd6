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
    MACHINE_POINTS = 60000,         /* without an end of any operation: see machine_be_patient() */
    MACHINE_POINTS_USUAL = 1000000, /* likewise, where nothing is known of the program yet */
    MACHINE_REGIONS = 4,
};

enum machine_points {
    POINTS_ALL,    /* every access */
    POINTS_COARSE, /* atomics and writes */
};

enum { MACHINE_ALONE_ACCESSES = 2000000 }; /* of core 0 alone; more are called a stall */

/* One access as it was decided upon, in a traced trial. */
struct trace_entry {
    uint8_t thread, kind, size;
    int8_t operation; /* number of the thread's operation */
    uintptr_t address;
    const void *at;
    uint64_t before; /* what was there */
};

struct machine_setup {
    void *(*take)(size_t size, size_t align); /* zeroed memory */
    void (*guard)(struct cpu_stacks *stacks); /* makes guard pages fault; may be NULL */
    char *(*place)(uintptr_t address, char *text, size_t size); /* its name, for people */
    enum machine_points points;
    bool races; /* report them */
    struct {
        uintptr_t start, size;
    } regions[MACHINE_REGIONS]; /* memory whose accesses are points; no others are */
};

/* Once. */
void machine_init(const struct machine_setup *setup);

/* Run `work` as virtual core 0, with nobody else there, unobserved; returns early if it fails. */
void machine_run_alone(void (*work)(void));

/*
 * Run the program: `operation(thread, index)` is called for each operation, in its thread. Returns
 * when all is done, or something failed.
 */
void machine_run(const struct program *program, struct schedule *schedule,
                 void (*operation)(unsigned thread, unsigned index));

/*
 * From here on a stall is that no operation ends within `points` points. Long calls are none: the
 * longest stretch without an end in the run just made, machine_longest(), tells how long they are.
 */
void machine_be_patient(unsigned points);
unsigned machine_longest(void);

/* Give up what runs, for good, and go back to who called machine_run(). From within it only. */
_Noreturn void machine_abandon(void);

/* The race that fail(RULE_RACE) was about. */
const struct race *machine_race(void);

/* A hash of all that was done since machine_run() began; and how many points there were. */
uint64_t machine_hash(void);
unsigned machine_points(void);

/* Keep a trace of each machine_run() from here on, or of none (NULL). Ends when it is full. */
void machine_trace(struct trace_entry *entries, unsigned size);
unsigned machine_trace_count(void);

/* ---- called by instrumented code, stress/explore/instrument.c ---- */

void machine_access(uintptr_t address, unsigned size, unsigned kind, const void *at);
/* A compare-and-swap: one that finds something else has only read. */
void machine_compare(uintptr_t address, unsigned size, uint64_t expected, unsigned kind,
                     unsigned failure_kind, const void *at);
void machine_fence(unsigned kind);
void machine_stall_alone(void);

/* Asked at each access, and so in place. */
extern struct machine_watch {
    bool observes;           /* accesses are noted, and may be points */
    unsigned alone_accesses; /* ... while they are not */
} machine_watch;

static inline bool machine_observes(void)
{
    if (!machine_watch.observes && ++machine_watch.alone_accesses > MACHINE_ALONE_ACCESSES)
        machine_stall_alone();
    return machine_watch.observes;
}

/* In place of cpu_relax() and cpu_cycles() (stress/explore/include/arch/cpu.h). */
void explore_relax(void);
uint64_t explore_cycles(void);
