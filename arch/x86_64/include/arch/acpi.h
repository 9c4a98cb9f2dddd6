/*
 * ACPI: as much of it as finding processors, the PM timer and the off switch needs (ACPI 6.4,
 * chapter 5). Tables come from outside: checksums and lengths are verified, nothing is read beyond
 * them. The functions that take a table's bytes touch no hardware and run hosted too.
 */
#pragma once

#include <lib/sizes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the MADT says of the processors that may be used. */
struct acpi_cores {
    uint32_t apic_ids[CORE_LIMIT];
    size_t count;
    size_t disabled;     /* entries skipped because they are not enabled */
    size_t too_many;     /* enabled ones that did not fit */
    uint64_t local_apic; /* physical address of the xAPIC registers */
};

/* A pointer to `size` readable bytes at a physical address, or NULL if they cannot be reached. */
typedef const void *acpi_map(uint64_t address, size_t size);

/*
 * The table with this 4-letter signature, by RSDP (20 or 36 bytes, revision decides) and RSDT or
 * XSDT. Returns its address with *size its verified length, or NULL with a message that names what
 * is wrong.
 */
const void *acpi_find_table(const void *rsdp, size_t rsdp_size, const char signature[4],
                            acpi_map *map, size_t *size, char *message, size_t message_size);

/*
 * Read the MADT: local APIC (type 0), x2APIC (type 9) and address override (type 5) entries
 * (ACPI 6.4, 5.2.12). A processor listed twice counts once. Returns false with a message on a
 * malformed table.
 */
bool acpi_read_madt(const void *table, size_t size, struct acpi_cores *cores, char *message,
                    size_t message_size);

/* What the FADT says, with what its DSDT says of state S5. */
struct acpi_power {
    uint16_t pm_timer_port;              /* 0: none */
    uint16_t pm1a_control, pm1b_control; /* I/O ports, 0: none */
    uint16_t s5_a, s5_b;                 /* SLP_TYP values */
    bool can_power_off;
    uint64_t dsdt;
};

/* Read the FADT (5.2.9) and look for \_S5_ in the DSDT's bytes. Returns false if malformed. */
bool acpi_read_fadt(const void *table, size_t size, acpi_map *map, struct acpi_power *power);
