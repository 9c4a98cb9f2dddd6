/*
 * Physical memory, between the loader and the allocator: taking memory, mapping it with its
 * protection, and listing the rest.
 */
#pragma once

#include <arch/segments.h>
#include <boot/bootinfo.h>
#include <mm/page_allocator.h>
#include <stddef.h>
#include <stdint.h>

/* entry.S maps addresses below this one to one. Before memory_setup() nothing else can be read. */
#define MEMORY_BOOT_MAPPED ((uint64_t)1 << 32)

struct memory {
    pfn_t start, end;    /* all usable pages lie in here */
    uint64_t usable;     /* bytes that the loader reports as usable */
    uint64_t trampoline; /* address of a page below 640 KiB for starting cores; 0: none */
};

/*
 * Sort the loader's map, take out what is in use (the image, the loader's information, everything
 * below 1 MiB), build the page tables and use them. Fails with rule "memory" if there is too
 * little.
 */
void memory_setup(const struct bootinfo *bootinfo, struct memory *memory);

/* Take zeroed memory for good: `size` bytes, aligned to at least a page. Fails with rule "memory";
 * never returns NULL. */
void *memory_take(size_t size, size_t align);

/* Call `visit` for each range of pages that is still usable. */
void memory_for_each_usable(void (*visit)(pfn_t start, uint64_t count));

/* Unmap the guard pages of `stacks`. Call it before the core that uses them starts. */
void memory_guard_stacks(struct core_stacks *stacks);

/* Once all cores are up: unmap the trampoline, which is writable and executable. */
void memory_forget_trampoline(const struct memory *memory);

/* Before memory_setup(): a pointer to `size` bytes at a physical address, or NULL if they are not
 * mapped. */
const void *memory_boot_pointer(uint64_t address, size_t size);

/* Before memory_setup(): the ACPI table with this signature, or NULL with a message. */
const void *memory_acpi_table(const struct bootinfo *bootinfo, const char signature[4],
                              size_t *size, char *message, size_t message_size);
