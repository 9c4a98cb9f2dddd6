/*
 * Invariant: a table's bytes are read only if its header is readable, and only up to the length
 * that the header states, which is at most MAX_TABLE. Reads use memcpy(): table addresses and
 * fields are often unaligned.
 *
 * Source: ACPI specification 6.4; sections as noted.
 */
#include <arch/acpi.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <stdarg.h>

enum {
    HEADER_SIZE = 36,     /* 5.2.6: signature, length at 4, the whole table sums to 0 */
    MAX_TABLE = 16 << 20, /* larger ones do not exist; a wild length must not keep us busy */
    RSDP_SIZE = 20,       /* 5.2.5.3, up to ACPI 1.0 */
    RSDP_SIZE_2 = 36,
};

struct message {
    char *text;
    size_t size;
};

__attribute__((format(printf, 2, 3))) static bool refuse(struct message message, const char *format,
                                                         ...)
{
    va_list list;
    va_start(list, format);
    format_text_va(message.text, message.size, format, list);
    va_end(list);
    return false;
}

static uint32_t read32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint64_t read64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static bool sums_to_zero(const uint8_t *bytes, size_t size)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return sum == 0;
}

/* ---- finding tables ---- */

/*
 * The table at `address`, completely checked, or NULL with a message. *size is set to its length.
 * `name` is the expected signature.
 */
static const uint8_t *load_table(uint64_t address, const char *name, acpi_map *map, size_t *size,
                                 struct message message)
{
    uint64_t at = address;
    const uint8_t *table = map(address, HEADER_SIZE);
    if (table == NULL) {
        refuse(message, "ACPI: %.4s at %#lx cannot be read", name, at);
        return NULL;
    }
    uint32_t length = read32(table + 4);
    if (memcmp(table, name, 4) != 0)
        refuse(message, "ACPI: no %.4s at %#lx, where one should be", name, at);
    else if (length < HEADER_SIZE || length > MAX_TABLE)
        refuse(message, "ACPI: %.4s at %#lx has length %u", name, at, length);
    else if ((table = map(address, length)) == NULL)
        refuse(message, "ACPI: %.4s at %#lx, length %u, cannot be read", name, at, length);
    else if (!sums_to_zero(table, length))
        refuse(message, "ACPI: %.4s at %#lx has a wrong checksum", name, at);
    else {
        *size = length;
        return table;
    }
    return NULL;
}

/* The table of tables that an RSDP names: an XSDT has 8-byte addresses, an RSDT 4-byte ones. */
struct root {
    uint64_t address;
    size_t entry_size;
    const char *name;
};

/* Read the part that revision 2 added. Without it the RSDT is used. */
static bool read_rsdp_2(const uint8_t *rsdp, size_t size, struct root *root, struct message message)
{
    uint32_t length = read32(rsdp + 20);
    if (length < RSDP_SIZE_2 || length > size)
        return refuse(message, "ACPI: RSDP of revision %u has length %u", rsdp[15], length);
    if (!sums_to_zero(rsdp, length))
        return refuse(message, "ACPI: RSDP has a wrong extended checksum");
    if (read64(rsdp + 24) != 0)
        *root = (struct root){.address = read64(rsdp + 24), .entry_size = 8, .name = "XSDT"};
    return true;
}

/* 5.2.5.3 */
static bool read_rsdp(const uint8_t *rsdp, size_t size, struct root *root, struct message message)
{
    if (size < RSDP_SIZE)
        return refuse(message, "ACPI: RSDP of %zu bytes, it has at least %d", size, RSDP_SIZE);
    if (memcmp(rsdp, "RSD PTR ", 8) != 0)
        return refuse(message, "ACPI: RSDP has a wrong signature");
    if (!sums_to_zero(rsdp, RSDP_SIZE))
        return refuse(message, "ACPI: RSDP has a wrong checksum");
    *root = (struct root){.address = read32(rsdp + 16), .entry_size = 4, .name = "RSDT"};
    if (rsdp[15] >= 2 && size >= RSDP_SIZE_2 && !read_rsdp_2(rsdp, size, root, message))
        return false;
    return root->address != 0 || refuse(message, "ACPI: RSDP names neither RSDT nor XSDT");
}

/* Whether a table of this signature begins at `address`. */
static bool has_signature(uint64_t address, const char signature[4], acpi_map *map)
{
    const uint8_t *table = address == 0 ? NULL : map(address, HEADER_SIZE);
    return table != NULL && memcmp(table, signature, 4) == 0;
}

const void *acpi_find_table(const void *rsdp, size_t rsdp_size, const char signature[4],
                            acpi_map *map, size_t *size, char *message, size_t message_size)
{
    struct message to = {.text = message, .size = message_size};
    struct root root = {0};
    size_t root_size;
    if (!read_rsdp(rsdp, rsdp_size, &root, to))
        return NULL;
    const uint8_t *table = load_table(root.address, root.name, map, &root_size, to);
    if (table == NULL)
        return NULL;
    for (size_t at = HEADER_SIZE; at + root.entry_size <= root_size; at += root.entry_size) {
        uint64_t address = root.entry_size == 8 ? read64(table + at) : read32(table + at);
        if (has_signature(address, signature, map))
            return load_table(address, signature, map, size, to);
    }
    refuse(to, "ACPI: %s at %#lx lists no table %.4s", root.name, root.address, signature);
    return NULL;
}

/* ---- MADT: 5.2.12 ---- */

enum {
    MADT_ENTRIES = 44,
    MADT_LOCAL_APIC = 0,
    MADT_ADDRESS_OVERRIDE = 5,
    MADT_X2APIC = 9,
    MADT_ENABLED = 1, /* flags; bit 1 alone, "online capable": no core now */
};

/* A linear search is enough: it runs once, for at most CORE_LIMIT cores. */
static bool is_listed(const struct acpi_cores *cores, uint32_t apic_id)
{
    for (size_t i = 0; i < cores->count; i++) {
        if (cores->apic_ids[i] == apic_id)
            return true;
    }
    return false;
}

static void add_core(struct acpi_cores *cores, uint32_t apic_id, uint32_t flags)
{
    if (!(flags & MADT_ENABLED))
        cores->disabled++;
    else if (is_listed(cores, apic_id))
        return;
    else if (cores->count == CORE_LIMIT)
        cores->too_many++;
    else
        cores->apic_ids[cores->count++] = apic_id;
}

/* The bytes that an entry of this type must have. */
static size_t madt_entry_minimum(uint8_t type)
{
    switch (type) {
    case MADT_LOCAL_APIC:
        return 8;
    case MADT_ADDRESS_OVERRIDE:
        return 12;
    case MADT_X2APIC:
        return 16;
    default:
        return 2;
    }
}

/* An ID of all ones is "broadcast", never a core: firmware writes it into unused entries. */
static void read_madt_entry(const uint8_t *entry, struct acpi_cores *cores)
{
    switch (entry[0]) {
    case MADT_LOCAL_APIC:
        if (entry[3] != 0xff)
            add_core(cores, entry[3], read32(entry + 4));
        break;
    case MADT_X2APIC:
        if (read32(entry + 4) != UINT32_MAX)
            add_core(cores, read32(entry + 4), read32(entry + 8));
        break;
    case MADT_ADDRESS_OVERRIDE:
        cores->local_apic = read64(entry + 4);
        break;
    }
}

bool acpi_read_madt(const void *table, size_t size, struct acpi_cores *cores, char *message,
                    size_t message_size)
{
    struct message to = {.text = message, .size = message_size};
    const uint8_t *bytes = table;
    memset(cores, 0, sizeof *cores);
    if (size < MADT_ENTRIES)
        return refuse(to, "ACPI: MADT of %zu bytes, it has at least %d", size, MADT_ENTRIES);
    cores->local_apic = read32(bytes + HEADER_SIZE);
    for (size_t at = MADT_ENTRIES; at < size; at += bytes[at + 1]) {
        size_t room = size - at;
        if (room < 2 || bytes[at + 1] > room)
            return refuse(to, "ACPI: MADT entry at offset %zu leads beyond the end at %zu", at,
                          size);
        if (bytes[at + 1] < madt_entry_minimum(bytes[at]))
            return refuse(to, "ACPI: MADT entry of type %u at offset %zu has length %u", bytes[at],
                          at, bytes[at + 1]);
        read_madt_entry(bytes + at, cores);
    }
    return cores->count > 0 || refuse(to, "ACPI: MADT lists no enabled processor");
}

/* ---- FADT: 5.2.9, and S5 in the DSDT: 7.4.2 ---- */

enum {
    FADT_DSDT = 40,
    FADT_PM1A_CONTROL = 64,
    FADT_PM1B_CONTROL = 68,
    FADT_PM_TIMER = 76,
    FADT_FLAGS = 112,
    FADT_SIZE_1 = 116, /* of ACPI 1.0; the fields below exist if the table is long enough */
    FADT_X_DSDT = 140,
    FADT_X_PM1A_CONTROL = 172,
    FADT_X_PM1B_CONTROL = 184,
    FADT_X_PM_TIMER = 208,
    FADT_HW_REDUCED = 1 << 20, /* flags: none of the registers below exist */
};

/* A register's I/O port: from the generic address (5.2.3.2) if there is one, else from the old
 * field. 0: none. */
static uint16_t register_port(const uint8_t *fadt, size_t size, size_t old, size_t generic)
{
    uint64_t port = read32(fadt + old);
    if (size >= generic + 12 && read64(fadt + generic + 4) != 0) {
        bool is_port = fadt[generic] == 1; /* address space: system I/O */
        port = is_port ? read64(fadt + generic + 4) : 0;
    }
    return port <= UINT16_MAX ? (uint16_t)port : 0;
}

/* Bytes of the DSDT that are read as AML (20.2). `bad` is set once a byte is missing or not as
 * expected. */
struct aml {
    const uint8_t *at, *end;
    bool bad;
};

static uint8_t aml_byte(struct aml *aml)
{
    if (aml->at == aml->end) {
        aml->bad = true;
        return 0;
    }
    return *aml->at++;
}

/* 20.2.4: the lead byte's top two bits say how many more length bytes follow. The length includes
 * its own bytes. */
static void aml_enter_package(struct aml *aml)
{
    const uint8_t *start = aml->at;
    uint8_t lead = aml_byte(aml);
    size_t length = lead >> 6 == 0 ? lead & 0x3f : lead & 0x0f;
    for (unsigned i = 0; i < lead >> 6; i++)
        length |= (size_t)aml_byte(aml) << (4 + 8 * i);
    if (length < (size_t)(aml->at - start) || length > (size_t)(aml->end - start))
        aml->bad = true;
    else
        aml->end = start + length;
}

/* Read a sleep type: ZeroOp, OneOp or BytePrefix and a byte (20.2.3). It has three bits in the
 * register (4.8.3.2.1). */
static uint16_t aml_sleep_type(struct aml *aml)
{
    enum { ZERO_OP = 0x00, ONE_OP = 0x01, BYTE_PREFIX = 0x0a };
    uint8_t op = aml_byte(aml);
    uint8_t value = op == BYTE_PREFIX ? aml_byte(aml) : op;
    if ((op != ZERO_OP && op != ONE_OP && op != BYTE_PREFIX) || value > 7)
        aml->bad = true;
    return value;
}

/* `aml` is behind the name _S5_. True if its value is a package of at least two sleep types. */
static bool read_s5(struct aml aml, struct acpi_power *power)
{
    enum { PACKAGE_OP = 0x12 };
    if (aml_byte(&aml) != PACKAGE_OP)
        return false;
    aml_enter_package(&aml);
    if (aml.bad || aml_byte(&aml) < 2)
        return false;
    uint16_t a = aml_sleep_type(&aml);
    uint16_t b = aml_sleep_type(&aml);
    if (aml.bad)
        return false;
    power->s5_a = a;
    power->s5_b = b;
    return true;
}

/* Search all bytes for NameOp, an optional backslash (the root) and "_S5_". So no AML parser is
 * needed. */
static bool find_s5(const uint8_t *dsdt, size_t size, struct acpi_power *power)
{
    enum { NAME_OP = 0x08 };
    for (size_t at = HEADER_SIZE + 1; at + 4 <= size; at++) {
        if (memcmp(dsdt + at, "_S5_", 4) != 0)
            continue;
        size_t before = dsdt[at - 1] == '\\' ? at - 2 : at - 1;
        struct aml value = {.at = dsdt + at + 4, .end = dsdt + size};
        if (dsdt[before] == NAME_OP && read_s5(value, power))
            return true;
    }
    return false;
}

/* If the DSDT cannot be read, the machine cannot be switched off; that is no error. */
static bool find_power_off(acpi_map *map, struct acpi_power *power)
{
    char ignored[1];
    struct message nowhere = {.text = ignored, .size = sizeof ignored};
    size_t size;
    if (power->pm1a_control == 0 || power->dsdt == 0)
        return false;
    const uint8_t *dsdt = load_table(power->dsdt, "DSDT", map, &size, nowhere);
    return dsdt != NULL && find_s5(dsdt, size, power);
}

bool acpi_read_fadt(const void *table, size_t size, acpi_map *map, struct acpi_power *power)
{
    const uint8_t *fadt = table;
    memset(power, 0, sizeof *power);
    if (size < FADT_SIZE_1)
        return false;
    power->dsdt = read32(fadt + FADT_DSDT);
    if (size >= FADT_X_DSDT + 8 && read64(fadt + FADT_X_DSDT) != 0)
        power->dsdt = read64(fadt + FADT_X_DSDT);
    if (read32(fadt + FADT_FLAGS) & FADT_HW_REDUCED)
        return true;
    power->pm_timer_port = register_port(fadt, size, FADT_PM_TIMER, FADT_X_PM_TIMER);
    power->pm1a_control = register_port(fadt, size, FADT_PM1A_CONTROL, FADT_X_PM1A_CONTROL);
    power->pm1b_control = register_port(fadt, size, FADT_PM1B_CONTROL, FADT_X_PM1B_CONTROL);
    power->can_power_off = find_power_off(map, power);
    return true;
}
