/* A core's stacks: like the kernel's, but large enough for the C library and sanitizers. */
#pragma once

#include <arch/page.h>
#include <stdint.h>

enum {
    IST_NMI = 1,
    IST_DOUBLE_FAULT,
    IST_MACHINE_CHECK,
    IST_COUNT,
};

#define STACK_MAIN_SIZE (1 << 20)
#define STACK_IST_SIZE  (64 << 10) /* the first one is the stack of the trap signals */

struct core_stacks {
    struct {
        uint8_t guard[PAGE_SIZE];
        uint8_t bytes[STACK_IST_SIZE];
    } ist[IST_COUNT - 1];
    struct {
        uint8_t guard[PAGE_SIZE];
        uint8_t bytes[STACK_MAIN_SIZE];
    } main;
} __attribute__((aligned(4096)));
