/*
 * A program for the explorer: what each virtual core, and each core's interrupt handler, does.
 *
 * As text, and as it is read from the command line and from files:
 *
 *   16/0:a0,f0.0,c/1:a2/i0:a1
 *
 * 16 pages; core 0 allocates order 0, frees what its operation 0 was given, reads the count; core 1
 * allocates order 2; in an interrupt, core 0 allocates order 1. Operations, numbered from 0 in
 * their thread:
 *
 *   aK    allocate order K
 *   fT.I  free the block that operation I of thread T was given, if it was and nobody has
 *   xT.I  try to free that block with a wrong order, which must be refused
 *   mS.C  remove C pages from page S on, mK.. as page numbers within the arena, if they are free
 *   pI    put back what operation I of this thread removed, if it did
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
    EXPLORE_OPERATIONS = 8,              /* of one thread, at most */
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
    uint8_t a, b; /* order; thread and operation; start and count; operation */
};

struct program {
    uint32_t pages; /* 1 to EXPLORE_PAGES */
    uint8_t count[EXPLORE_THREADS];
    struct program_operation operations[EXPLORE_THREADS][EXPLORE_OPERATIONS];
};

/* What may be generated. */
struct program_limits {
    unsigned cores, operations; /* at most; 0 cores: any number from 2 on */
    unsigned pages;             /* exactly; 0: any */
    unsigned page_multiple;     /* the pages are a multiple of it; 0: any */
    unsigned largest_order;     /* of the allocator */
    bool interrupts, removes, bad_frees, counts;
};

/* The program of a seed: the same for the same limits. */
void program_generate(struct program *program, uint64_t seed, const struct program_limits *limits);

/* Read the text above; false with a message that names what is wrong. */
bool program_parse(struct program *program, const char *text, char *message, size_t size);

/* Write it as text that program_parse() reads back. Returns `text`. */
char *program_print(const struct program *program, char *text, size_t size);

/* Virtual cores it needs: the highest that does anything, plus one. At least 1. */
unsigned program_cores(const struct program *program);

/* Operations that do something. */
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
