/*
 * The options of a run, as name=value on the kernel's command line (or argv, hosted).
 *
 * The table in options.c is the one place where an option's name, range, default and help stand.
 */
#pragma once

#include <mm/page_allocator.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPTION_TEXT_SIZE 64

struct options {
    uint64_t seed;     /* 0: take one from the cycle counter */
    uint64_t nonce;    /* hex; printed in the first and the closing line */
    uint64_t seconds;  /* all phases together, 1 .. 604800 */
    uint64_t ops;      /* operations a core and phase; 0: bound by time */
    uint64_t cpus;     /* cores to use; 0: all there are */
    uint64_t sample;   /* one held block in this many is checked in full, 1 .. 65536 */
    uint64_t yield;    /* one lock operation in this many gives way by PAUSE; 0: none */
    uint64_t preempt;  /* microseconds between interrupts that preempt a core; 0: none */
    uint64_t watchdog; /* seconds without progress before a core is asked after; 0: never */
    uint64_t floor;    /* percent of the usual floor of interleaving, 0 .. 1000 */
    char allocator[OPTION_TEXT_SIZE];
    char phases[OPTION_TEXT_SIZE * 2]; /* names separated by commas, or "all" */
    char exit[OPTION_TEXT_SIZE];       /* auto, halt, power-off */
    char on_fail[OPTION_TEXT_SIZE];    /* exit, hold */
    char provoke[OPTION_TEXT_SIZE];    /* a failure to make happen, to try the harness: "" none */
    char memory[OPTION_TEXT_SIZE];     /* all, none: what the run's own pool is given */
    uint32_t orders[ORDER_LIMIT + 1];  /* weights of the random draw of orders */

    /* Of the explorer (stress/explore/): */
    uint64_t program_seed, schedule_seed; /* of the one trial to repeat; 0: none */
    uint64_t schedules;                   /* how many to try; 0: bound by time */
    uint64_t preemptions;                 /* of a sweep, at most */
    uint64_t cores, operations, pages;    /* of a program, at most; 0 pages: any number */
    uint64_t interrupts, races, minimise, keep_going; /* 0 or 1 */
    char rule[OPTION_TEXT_SIZE];                      /* looked for; empty: any */
    char strategy[OPTION_TEXT_SIZE];
    char points[OPTION_TEXT_SIZE];
    char program[OPTION_TEXT_SIZE * 8]; /* as program.h says */
    char switches[OPTION_TEXT_SIZE * 16];
};

/* Whether this program is the explorer. What is not for it, or for it alone, is refused. */
extern const bool options_explore;

/* Fill in the defaults. */
void options_default(struct options *options);

/*
 * Read "name=value name=value ...", separated by spaces, over what `options` holds. Returns true,
 * or false with a message that names the option and says what is allowed. On false the options are
 * unchanged. Numbers are decimal or 0x hex (nonce: hex without 0x too). orders=w0,w1,... gives the
 * weights of order 0, 1, ... (missing ones 0, at least one not 0).
 */
bool options_parse(struct options *options, const char *command_line, char *message,
                   size_t message_size);

/*
 * Option number `index` (0, 1, ...) as "name=value", as options_parse() reads it back; false when
 * there is no such index.
 */
bool options_print(const struct options *options, size_t index, char *text, size_t size);

/* Its line in the help text: "name=default: what it means"; false when there is no such index. */
bool options_describe(size_t index, char *text, size_t size);
