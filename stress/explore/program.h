/*
 * A program for the explorer: the operations of each virtual core and of each core's interrupt
 * handler. As text, on the command line and in files:
 *
 *   16/0:a0,f0.0,c/1:a2/i0:a1
 *
 * 16 pages. Core 0 allocates order 0, frees the block of its operation 0 and reads the count; core
 * 1 allocates order 2; in an interrupt, core 0 allocates order 1. Operations, numbered from 0 in
 * their thread:
 *
 *   aK    allocate order K
 *   fT.I  free the block that operation I of thread T got, if it got one that is not yet freed
 *   xT.I  try to free that block with a wrong order, which must be refused
 *   mS.C  remove C pages from page S of the arena on, if they are free; on core 0 only
 *   pI    put back the pages that operation I of core 0 removed, if it did; on core 0 only
 *   c     ask for the number of free pages
 *   -     nothing (left by the minimiser)
 */
#pragma once

#include <lib/prng.h>
#include <mm/page_allocator.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    EXPLORE_CORES = 4,
    EXPLORE_THREADS = 2 * EXPLORE_CORES, /* the cores' own, then their interrupts' */
    EXPLORE_OPERATIONS = 8,              /* most operations of a thread */
    EXPLORE_PAGES = 64,
    PROGRAM_TEXT_SIZE = 512,
};

enum program_kind {
    PROGRAM_NOTHING = 0,
    PROGRAM_ALLOCATE,
    PROGRAM_FREE,
    PROGRAM_BAD_FREE,
    PROGRAM_REMOVE,
    PROGRAM_PUT_BACK,
    PROGRAM_COUNT,
};

struct program_operation {
    uint8_t kind; /* enum program_kind */
    uint8_t a, b; /* by kind: order; thread and operation; start and count; operation */
};

struct program {
    uint32_t pages; /* 1 to EXPLORE_PAGES */
    uint8_t count[EXPLORE_THREADS];
    struct program_operation operations[EXPLORE_THREADS][EXPLORE_OPERATIONS];
};

/* Limits of generated programs. */
struct program_limits {
    unsigned cores, operations; /* at most; 0 cores: any number from 2 on */
    unsigned pages;             /* exactly; 0: any */
    unsigned page_multiple;     /* the pages are a multiple of it; 0: any */
    unsigned largest_order;     /* of the allocator */
    bool interrupts, removes, bad_frees, counts;
};

/* Generate the program of a seed: the same for the same limits. */
void program_generate(struct program *program, uint64_t seed, const struct program_limits *limits);

/* Read the text format above; false with a message that says what is wrong. */
bool program_parse(struct program *program, const char *text, char *message, size_t size);

/* Write it as text that program_parse() reads back. Returns `text`. */
char *program_print(const struct program *program, char *text, size_t size);

/* How many virtual cores it needs: the highest that does anything, plus one. At least 1. */
unsigned program_cores(const struct program *program);

/* How many operations do something. */
unsigned program_length(const struct program *program);

static inline bool thread_is_interrupt(unsigned thread)
{
    return thread >= EXPLORE_CORES;
}

static inline unsigned thread_core(unsigned thread)
{
    return thread % EXPLORE_CORES;
}

/* "2" for core 2, "i2" for its interrupt. */
const char *thread_name(unsigned thread);

/* Reads a thread's name; returns what follows it, or NULL. */
const char *thread_parse(const char *text, unsigned *thread);
