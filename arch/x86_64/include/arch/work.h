/* An interrupt by which one core makes another run a function. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Whether the machine has such interrupts. Hosted programs have them as signals, so always true. */
static inline bool work_is_possible(void)
{
    return true;
}

/* Set the function that the interrupt runs, interrupts off, on the core that takes it. */
void work_set_handler(void (*handler)(void));

/* Make core `apic_id` (also this one) run the function as soon as its interrupts are on. */
void work_send(uint32_t apic_id);
