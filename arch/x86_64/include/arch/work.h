/* Work that one core makes another do: an interrupt whose handler is the program's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Whether there are interrupts at all: not in a hosted program. */
static inline bool work_is_possible(void)
{
    return true;
}

/* What the interrupt runs, interrupts off, on whichever core gets it. */
void work_set_handler(void (*handler)(void));

/* Make core `apic_id` (this one too) run it, as soon as its interrupts are on. */
void work_send(uint32_t apic_id);
