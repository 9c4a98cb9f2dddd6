/*
 * ACPI: only what is needed to find cores, the PM timer and power-off (ACPI 6.4, chapter 5). Tables
 * are not trusted: checksums and lengths are verified, and nothing is read beyond a table's length.
 * These functions touch no hardware, so they also run hosted.
 */
#pragma once

#include <lib/sizes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The cores that the MADT lists. */
struct acpi_cores {
    uint32_t apic_ids[CORE_LIMIT];
    size_t count;
    size_t disabled;     /* entries skipped because they are not enabled */
    size_t too_many;     /* enabled cores that did not fit */
    uint64_t local_apic; /* physical address of the xAPIC registers */
};

/* Returns a pointer to `size` readable bytes at a physical address, or NULL. */
typedef const void *acpi_map(uint64_t address, size_t size);

/*
 * Find the table with this 4-letter signature, from the RSDP (20 or 36 bytes, by its revision)
 * through RSDT or XSDT. Returns the table and sets *size to its verified length, or returns NULL
 * with a message that says what is wrong.
 */
const void *acpi_find_table(const void *rsdp, size_t rsdp_size, const char signature[4],
                            acpi_map *map, size_t *size, char *message, size_t message_size);

/*
 * Read the MADT: local APIC (type 0), x2APIC (type 9) and address override (type 5) entries
 * (ACPI 6.4, 5.2.12). A core that is listed twice counts once. Returns false with a message if the
 * table is malformed or lists no enabled core.
 */
bool acpi_read_madt(const void *table, size_t size, struct acpi_cores *cores, char *message,
                    size_t message_size);

/* Values of the FADT; those of state S5 are from its DSDT. */
struct acpi_power {
    uint16_t pm_timer_port;              /* 0: none */
    uint16_t pm1a_control, pm1b_control; /* I/O ports, 0: none */
    uint16_t s5_a, s5_b;                 /* SLP_TYP values */
    bool can_power_off;
    uint64_t dsdt;
};

/* Read the FADT (5.2.9) and look for \_S5_ in the DSDT's bytes. Returns false if malformed. */
bool acpi_read_fadt(const void *table, size_t size, acpi_map *map, struct acpi_power *power);
