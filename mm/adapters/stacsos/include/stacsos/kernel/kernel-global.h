/*
 * Stand-in for StACSOS's kernel/kernel-global.h, which the kernel's build also includes before
 * every file.
 */
#pragma once

/* Here all memory is mapped one to one. */
static inline void *phys_to_virt(unsigned long address)
{
    return (void *)address;
}
