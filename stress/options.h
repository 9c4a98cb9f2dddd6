/*
 * The options of a run, as name=value on the kernel's command line (hosted: in argv): those of both
 * programs, and those of each. options.def has the names, ranges, defaults and help. A program
 * refuses an option of the other one.
 */
#pragma once

#include <lib/options.h>
#include <mm/page_allocator.h>

enum { OPTION_TEXT_SIZE = 64 };

struct options {
    uint64_t seed; /* 0: from the cycle counter */
    uint64_t nonce;
    uint64_t seconds;
    char allocator[OPTION_TEXT_SIZE];
    char exit[OPTION_TEXT_SIZE];
    char on_fail[OPTION_TEXT_SIZE];
};

struct stress_options {
    struct options common;
    uint64_t ops; /* 0: bound by time */
    uint64_t cpus;
    uint64_t sample;
    uint64_t yield_one_in;
    uint64_t preempt;  /* microseconds */
    uint64_t watchdog; /* seconds */
    uint64_t floor;    /* percent */
    char phases[OPTION_TEXT_SIZE * 2];
    char provoke[OPTION_TEXT_SIZE];
    char memory[OPTION_TEXT_SIZE];
    uint32_t orders[ORDER_LIMIT + 1];
};

struct explore_options {
    struct options common;
    uint64_t program_seed, schedule_seed; /* 0: none */
    uint64_t schedules;                   /* 0: bound by time */
    uint64_t preemptions;
    uint64_t cores, operations,
        pages; /* cores and operations: at most; pages: of the arena, 0: drawn */
    uint64_t interrupts, races, minimise, keep_going; /* 0 or 1 */
    char rule[OPTION_TEXT_SIZE];
    char strategy[OPTION_TEXT_SIZE];
    char points[OPTION_TEXT_SIZE];
    char program[OPTION_TEXT_SIZE * 8]; /* format: stress/explore/program.h */
    char switches[OPTION_TEXT_SIZE * 16];
};

extern const struct option_table stress_option_table, explore_option_table;

/*
 * Take a seed from the cycle counter if none was given. Call it before anything is drawn or
 * reported.
 */
void options_choose_seed(struct options *options);
