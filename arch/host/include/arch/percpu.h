/* The part of a core's data that the machine defines; host_cpu_enter() gives it to a thread. */
#pragma once

#include <stdint.h>

struct cpu_local {
    struct cpu_local *self;
    uint32_t number;
    uint32_t apic_id;
};

extern _Thread_local struct cpu_local *host_cpu_local;

static inline struct cpu_local *cpu_local(void)
{
    return host_cpu_local;
}

static inline uint32_t cpu_number(void)
{
    return cpu_local()->number;
}
