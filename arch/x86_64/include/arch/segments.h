/* The descriptor tables and stacks of a core (Intel SDM volume 3, chapters 3 and 8). */
#pragma once

#include <arch/page.h>
#include <stdint.h>

#define SELECTOR_CODE 0x08
#define SELECTOR_DATA 0x10
#define SELECTOR_TSS  0x18

/* Interrupts that must not rely on the interrupted stack have their own stacks. */
enum {
    IST_NMI = 1,
    IST_DOUBLE_FAULT,
    IST_MACHINE_CHECK,
    IST_COUNT,
};

struct tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map;
} __attribute__((packed));
_Static_assert(sizeof(struct tss) == 104, "SDM volume 3, figure 8-11");

struct segments {
    uint64_t gdt[5]; /* null, code, data, TSS (two entries) */
    struct tss tss;
} __attribute__((aligned(8)));

/*
 * A core's stacks. Each lies above an unmapped guard page: an overflow is a page fault at once, not
 * silent damage to another stack.
 */
#define STACK_MAIN_SIZE (4 * 4096)
#define STACK_IST_SIZE  (2 * 4096)

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
