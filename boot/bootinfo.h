/*
 * What the boot loader passes, by multiboot2 or PVH: memory map, command line, ACPI.
 *
 * This input is not trusted: a malformed structure is refused with a message, and nothing is read
 * beyond the size that it states. Nothing here touches hardware, so it also runs hosted.
 */
#pragma once

#include <mm/memmap.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first argument of kernel_main(), from entry.S. */
#define MULTIBOOT2_MAGIC 0x36d76289u /* Multiboot2 specification 2.0, 3.3 */
#define PVH_MAGIC        0x336ec578u /* Xen: public/arch-x86/hvm/start_info.h */

#define BOOTINFO_COMMAND_LINE_SIZE 2048

struct bootinfo {
    const char *protocol; /* "multiboot2" or "pvh" */
    char loader[64];      /* the loader's name for itself, "" if it gave none */
    char command_line[BOOTINFO_COMMAND_LINE_SIZE];
    bool has_rsdp;
    union {
        uint8_t rsdp[36];      /* a copy, in the format of multiboot2 tags 14 and 15 */
        uint64_t rsdp_aligned; /* for alignment alone */
    };
    size_t rsdp_size;      /* bytes of the copy: 20 or 36 */
    uint64_t rsdp_address; /* its physical address (PVH); 0: there is only the copy */
    struct memmap memmap;  /* filled by memmap_add(); memmap_finish() is not called yet */
    uint64_t start, end;   /* addresses of the loader's structures: keep them while they are read */
};

/*
 * Read multiboot2 information (specification 2.0, 3.4) of at most `limit` bytes at `data`, or PVH's
 * hvm_start_info. `to_pointer` returns a pointer to `size` readable bytes at a physical address, or
 * NULL. Returns true, or false with a NUL-terminated message that says what is wrong.
 */
bool bootinfo_from_multiboot2(struct bootinfo *info, const void *data, size_t limit, char *message,
                              size_t message_size);
bool bootinfo_from_pvh(struct bootinfo *info, const void *data, size_t limit,
                       const void *(*to_pointer)(uint64_t address, size_t size), char *message,
                       size_t message_size);
