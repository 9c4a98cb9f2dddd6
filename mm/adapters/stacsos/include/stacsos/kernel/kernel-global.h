/* Stand-in for StACSOS's kernel/kernel-global.h, which the kernel's build also puts before all. */
#pragma once

/* Here all memory is mapped at its physical address. */
static inline void *phys_to_virt(unsigned long address)
{
    return (void *)address;
}
