/* The machine's part of a core's data. host_core_enter() assigns it to a thread. */
#pragma once

#include <stdint.h>

struct core_local {
    struct core_local *self;
    uint32_t number;
    uint32_t apic_id;
};

extern _Thread_local struct core_local *host_core_local;

static inline struct core_local *core_local(void)
{
    return host_core_local;
}

static inline uint32_t cpu_number(void)
{
    return core_local()->number;
}
