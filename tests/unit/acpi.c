/*
 * arch/x86_64/acpi.c: good tables, truncated ones and changed ones, in a physical memory that ends
 * where the test says.
 */
#include <arch/acpi.h>
#include <lib/prng.h>
#include <string.h>
#include <tests/unit/unit.h>

enum { BASE = 0xe0000 };

static unsigned char image[32 << 10]; /* physical memory from BASE on, `used` bytes long */
static size_t used;
static const unsigned char *memory;
static char message[256];

static const void *map(uint64_t address, size_t size)
{
    bool within = address >= BASE && address - BASE <= used && size <= used - (address - BASE);
    return within ? memory + (address - BASE) : NULL;
}

static void map_memory(void)
{
    memory = host_guarded_copy(0, image, used);
    memset(message, '~', sizeof message);
}

/* ---- building tables ---- */

static void put(const void *bytes, size_t size)
{
    memcpy(image + used, bytes, size);
    used += size;
}

static void put8(unsigned value)
{
    image[used++] = (unsigned char)value;
}

static void put32(uint32_t value)
{
    put(&value, 4);
}

static void put64(uint64_t value)
{
    put(&value, 8);
}

static void set32(size_t at, uint32_t value)
{
    memcpy(image + at, &value, 4);
}

static void set64(size_t at, uint64_t value)
{
    memcpy(image + at, &value, 8);
}

static void fix_sum(size_t start, size_t size, size_t checksum)
{
    unsigned char sum = 0;
    image[start + checksum] = 0;
    for (size_t i = 0; i < size; i++)
        sum = (unsigned char)(sum + image[start + i]);
    image[start + checksum] = (unsigned char)-sum;
}

static size_t start_table(const char *signature)
{
    size_t start = used;
    put(signature, 4);
    used = start + 36;
    return start;
}

static uint64_t end_table(size_t start)
{
    set32(start + 4, (uint32_t)(used - start));
    fix_sum(start, used - start, 9);
    return BASE + start;
}

static void clear(void)
{
    memset(image, 0, sizeof image);
    used = 0;
}

static void put_core(unsigned apic_id, uint32_t flags)
{
    put8(0);
    put8(8);
    put8(1);
    put8(apic_id);
    put32(flags);
}

static void put_x2apic_core(uint32_t apic_id, uint32_t flags)
{
    put8(9);
    put8(16);
    put8(0);
    put8(0);
    put32(apic_id);
    put32(flags);
    put32(0);
}

static uint64_t put_madt(void)
{
    size_t start = start_table("APIC");
    put32(0xfee00000);
    put32(1);
    put_core(0, 1);
    put_core(2, 1);
    put_core(4, 0);
    put_core(6, 2);
    put_core(0xff, 1);
    put("\1\14\0\0\0\0\300\376\0\0\0\0", 12); /* I/O APIC: ignored */
    put_x2apic_core(2, 1);
    put_x2apic_core(300, 1);
    put_x2apic_core(UINT32_MAX, 1);
    put("\4\6\377\5\0\1", 6); /* local APIC NMI */
    return end_table(start);
}

static const char s5_package[] = "\x08_S5_\x12\x08\x04\x0a\x05\x0a\x06\x00\x00";

static uint64_t put_dsdt(const void *aml, size_t size)
{
    size_t start = start_table("DSDT");
    put("\x10\x20\\_SB_", 7);
    put(aml, size);
    put("\xa4\x00", 2);
    return end_table(start);
}

static size_t fadt_start;

static uint64_t put_fadt(uint64_t dsdt)
{
    fadt_start = start_table("FACP");
    used = fadt_start + 244;
    set32(fadt_start + 40, (uint32_t)dsdt);
    set32(fadt_start + 64, 0x604);
    set32(fadt_start + 76, 0x608);
    return end_table(fadt_start);
}

/*
 * Put the RSDP at the start of memory and all tables behind it, under an XSDT or, with revision 0,
 * an RSDT.
 */
static void make_image(unsigned revision)
{
    clear();
    used = 36;
    uint64_t dsdt = put_dsdt(s5_package, sizeof s5_package - 1);
    uint64_t fadt = put_fadt(dsdt);
    uint64_t madt = put_madt();
    size_t root = start_table(revision == 0 ? "RSDT" : "XSDT");
    uint64_t entries[] = {fadt, 0, 0x12345678, madt};
    for (int i = 0; i < 4; i++) {
        if (revision == 0)
            put32((uint32_t)entries[i]);
        else
            put64(entries[i]);
    }
    end_table(root);
    memcpy(image, "RSD PTR ", 8);
    image[15] = (unsigned char)revision;
    set32(16, revision == 0 ? (uint32_t)(BASE + root) : 0xffffffff);
    set32(20, 36);
    set64(24, revision == 0 ? 0 : BASE + root);
    fix_sum(0, 20, 8);
    fix_sum(0, 36, 32);
}

static const void *find(const char *signature, size_t *size)
{
    map_memory();
    const void *table = acpi_find_table(memory, 36, signature, map, size, message, sizeof message);
    CHECK(table != NULL || memchr(message, '\0', sizeof message) != NULL);
    CHECK(table != NULL || strncmp(message, "ACPI: ", 6) == 0);
    return table;
}

static bool read_madt(const void *table, size_t size, struct acpi_cores *cores)
{
    bool good = acpi_read_madt(table, size, cores, message, sizeof message);
    CHECK(good || strncmp(message, "ACPI: MADT ", 11) == 0);
    CHECK(cores->count <= CORE_LIMIT);
    return good;
}

/* ---- finding ---- */

TEST(found)
{
    for (unsigned revision = 0; revision <= 2; revision += 2) {
        size_t size;
        struct acpi_cores cores;
        struct acpi_power power;
        make_image(revision);
        const void *madt = find("APIC", &size);
        CHECK(madt != NULL);
        CHECK(read_madt(madt, size, &cores));
        CHECK_EQUAL(cores.count, 3);
        CHECK(cores.apic_ids[0] == 0 && cores.apic_ids[1] == 2 && cores.apic_ids[2] == 300);
        CHECK_EQUAL(cores.disabled, 2);
        CHECK_EQUAL(cores.too_many, 0);
        CHECK_EQUAL(cores.local_apic, 0xfee00000);
        const void *fadt = find("FACP", &size);
        CHECK(fadt != NULL && acpi_read_fadt(fadt, size, map, &power));
        CHECK(power.can_power_off && power.s5_a == 5 && power.s5_b == 6);
        CHECK(power.pm_timer_port == 0x608 && power.pm1a_control == 0x604);
        CHECK_EQUAL(power.pm1b_control, 0);
        CHECK(find("HPET", &size) == NULL);
    }
}

/*
 * A copy of the first 20 bytes alone, as in multiboot2's old tag. It must lead to the RSDT,
 * whatever its revision.
 */
TEST(old_rsdp_copy)
{
    size_t size;
    make_image(0);
    image[15] = 2;
    fix_sum(0, 20, 8);
    map_memory();
    CHECK(acpi_find_table(memory, 20, "APIC", map, &size, message, sizeof message) != NULL);
    CHECK(acpi_find_table(memory, 19, "APIC", map, &size, message, sizeof message) == NULL);
    CHECK_TEXT(message, "ACPI: RSDP of 19 bytes, it has at least 20");
}

TEST(found_message_says)
{
    size_t size;
    make_image(2);
    CHECK(find("HPET", &size) == NULL);
    CHECK_PART(message, "lists no table HPET");
    image[0] = 'X';
    CHECK(find("APIC", &size) == NULL);
    CHECK_TEXT(message, "ACPI: RSDP has a wrong signature");
    make_image(2);
    image[9] ^= 1;
    CHECK(find("APIC", &size) == NULL);
    CHECK_TEXT(message, "ACPI: RSDP has a wrong checksum");
    make_image(2);
    image[33] ^= 1;
    CHECK(find("APIC", &size) == NULL);
    CHECK_TEXT(message, "ACPI: RSDP has a wrong extended checksum");
    set32(20, 35);
    CHECK(find("APIC", &size) == NULL);
    CHECK_TEXT(message, "ACPI: RSDP of revision 2 has length 35");
    set32(20, 37);
    CHECK(find("APIC", &size) == NULL);
    CHECK_TEXT(message, "ACPI: RSDP of revision 2 has length 37");
    make_image(0);
    set32(16, 0);
    fix_sum(0, 20, 8);
    CHECK(find("APIC", &size) == NULL);
    CHECK_TEXT(message, "ACPI: RSDP names neither RSDT nor XSDT");
}

/* Whether a root table of this length, with a right checksum, leads to an MADT. */
static bool found_with_root_length(uint32_t length)
{
    size_t size;
    make_image(2);
    size_t root = used - 36 - 4 * 8;
    set32(root + 4, length);
    if (length <= used - root)
        fix_sum(root, length, 9);
    return find("APIC", &size) != NULL;
}

TEST(root_lengths)
{
    CHECK(found_with_root_length(36 + 32));
    CHECK(!found_with_root_length(0));
    CHECK(!found_with_root_length(35));
    CHECK_PART(message, "has length 35");
    CHECK(
        !found_with_root_length(36 + 31)); /* the MADT's address is cut off, so it is not listed */
    CHECK(!found_with_root_length(36 + 33)); /* beyond the memory */
    CHECK_PART(message, "cannot be read");
    CHECK(!found_with_root_length((16 << 20) + 1));
    CHECK_PART(message, "has length 16777217");
    CHECK(!found_with_root_length(UINT32_MAX));
}

/* Read everything, however damaged it is. */
static void read_everything(void)
{
    size_t size;
    struct acpi_cores cores;
    struct acpi_power power;
    const void *table = find("APIC", &size);
    if (table != NULL)
        read_madt(table, size, &cores);
    table = find("FACP", &size);
    if (table != NULL && acpi_read_fadt(table, size, map, &power))
        CHECK(!power.can_power_off || (power.s5_a <= 7 && power.s5_b <= 7));
}

TEST(truncated)
{
    make_image(2);
    for (size_t whole = used; used >= 36; used--) {
        size_t size;
        CHECK_EQUAL(find("APIC", &size) != NULL, used == whole);
        read_everything();
    }
}

TEST(flipped)
{
    size_t size;
    make_image(2);
    size_t madt = (size_t)((const unsigned char *)find("APIC", &size) - memory);
    for (size_t at = 0; at < used; at++) {
        for (int bit = 0; bit < 8; bit++) {
            image[at] ^= (unsigned char)(1 << bit);
            read_everything();
            CHECK(at < madt || at >= madt + size || find("APIC", &size) == NULL);
            image[at] ^= (unsigned char)(1 << bit);
        }
    }
}

/* As above, but with right checksums: the code behind the checks must not trust them. */
TEST(flipped_with_checksums)
{
    struct prng prng;
    size_t madt_size, fadt_size, dsdt_size;
    prng_seed(&prng, 13, 0);
    make_image(2);
    size_t madt = (size_t)((const unsigned char *)find("APIC", &madt_size) - memory);
    size_t fadt = (size_t)((const unsigned char *)find("FACP", &fadt_size) - memory);
    size_t dsdt = 36;
    dsdt_size = fadt - dsdt;
    for (int turn = 0; turn < 60000; turn++) {
        make_image(2);
        for (uint64_t changes = 1 + prng_below(&prng, 3); changes-- > 0;) {
            size_t at = 36 + prng_below(&prng, used - 36);
            uint64_t value = prng_next(&prng) >> prng_below(&prng, 8);
            image[at] = (unsigned char)(prng_below(&prng, 2) ? value : value % 32);
        }
        fix_sum(madt, madt_size, 9);
        fix_sum(fadt, fadt_size, 9);
        fix_sum(dsdt, dsdt_size, 9);
        read_everything();
    }
}

/* ---- MADT ---- */

static bool read_own_madt(struct acpi_cores *cores)
{
    map_memory();
    return read_madt(memory, used, cores);
}

static void start_madt(void)
{
    clear();
    start_table("APIC");
    put32(0xfee00000);
    put32(0);
}

TEST(madt_truncated)
{
    struct acpi_cores cores;
    clear();
    put_madt();
    size_t whole = used;
    unsigned good = 0;
    for (; used > 0; used--)
        good += read_own_madt(&cores);
    CHECK_EQUAL(good, 10); /* only if the cut is at the end of an entry, from the first core on */
    used = whole;
    CHECK(read_own_madt(&cores));
}

TEST(madt_refused)
{
    struct acpi_cores cores;
    start_madt();
    CHECK(!read_own_madt(&cores));
    CHECK_TEXT(message, "ACPI: MADT lists no enabled processor");
    put_core(0, 1);
    put8(0);
    CHECK(!read_own_madt(&cores));
    CHECK_TEXT(message, "ACPI: MADT entry at offset 52 leads beyond the end at 53");
    put8(0);
    CHECK(!read_own_madt(&cores));
    CHECK_TEXT(message, "ACPI: MADT entry of type 0 at offset 52 has length 0");
    image[52] = 200;
    CHECK(!read_own_madt(&cores));
    CHECK_TEXT(message, "ACPI: MADT entry of type 200 at offset 52 has length 0");
    image[53] = 3;
    CHECK(!read_own_madt(&cores));
    CHECK_TEXT(message, "ACPI: MADT entry at offset 52 leads beyond the end at 54");
    image[53] = 2;
    CHECK(read_own_madt(&cores));
    used = 43;
    CHECK(!read_own_madt(&cores));
    CHECK_TEXT(message, "ACPI: MADT of 43 bytes, it has at least 44");
}

static void check_short_entry(unsigned type, unsigned length, const char *expected)
{
    struct acpi_cores cores;
    start_madt();
    put8(type);
    put8(length);
    used += length - 2;
    CHECK(!read_own_madt(&cores));
    CHECK_TEXT(message, expected);
}

TEST(madt_short_entries)
{
    check_short_entry(0, 7, "ACPI: MADT entry of type 0 at offset 44 has length 7");
    check_short_entry(5, 11, "ACPI: MADT entry of type 5 at offset 44 has length 11");
    check_short_entry(9, 15, "ACPI: MADT entry of type 9 at offset 44 has length 15");
}

TEST(madt_address_override)
{
    struct acpi_cores cores;
    start_madt();
    put_core(0, 1);
    put8(5);
    put8(12);
    put8(0);
    put8(0);
    put64(UINT64_C(0x123456789000));
    CHECK(read_own_madt(&cores));
    CHECK_EQUAL(cores.local_apic, UINT64_C(0x123456789000));
}

TEST(madt_too_many)
{
    struct acpi_cores cores;
    start_madt();
    for (uint32_t i = 0; i < 300; i++)
        put_x2apic_core(1000 + i, 1);
    put_x2apic_core(1000, 1);
    CHECK(read_own_madt(&cores));
    CHECK_EQUAL(cores.count, CORE_LIMIT);
    CHECK_EQUAL(cores.too_many, 300 - CORE_LIMIT);
    CHECK_EQUAL(cores.apic_ids[255], 1255);
}

/* ---- FADT and S5 ---- */

static struct acpi_power power_of(const void *aml, size_t size)
{
    struct acpi_power power;
    clear();
    put_fadt(put_dsdt(aml, size));
    map_memory();
    CHECK(acpi_read_fadt(memory + fadt_start, used - fadt_start, map, &power));
    return power;
}

#define POWER(aml) power_of(aml, sizeof(aml) - 1)

TEST(s5_forms)
{
    struct acpi_power power = POWER("\x08_S5_\x12\x06\x04\x00\x00\x00\x00");
    CHECK(power.can_power_off && power.s5_a == 0 && power.s5_b == 0);
    power = POWER("\x08\\_S5_\x12\x06\x04\x01\x01\x00\x00"); /* the name begins at the root */
    CHECK(power.can_power_off && power.s5_a == 1 && power.s5_b == 1);
    power = POWER("\x08_S5_\x12\x47\x00\x04\x0a\x07\x01\x00"); /* two bytes of length */
    CHECK(power.can_power_off && power.s5_a == 7 && power.s5_b == 1);
    power = POWER("_S5_\x08_S5_\x12\x04\x02\x01\x00"); /* the first one is only a reference */
    CHECK(power.can_power_off && power.s5_a == 1 && power.s5_b == 0);
}

TEST(s5_refused)
{
    CHECK(!POWER("").can_power_off);
    CHECK(!POWER("_S5_\x12\x06\x04\x00\x00\x00\x00").can_power_off);     /* no NameOp */
    CHECK(!POWER("\x08_S4_\x12\x06\x04\x00\x00\x00\x00").can_power_off); /* another state */
    CHECK(!POWER("\x08_S5_\x11\x06\x04\x00\x00\x00\x00").can_power_off); /* a buffer */
    CHECK(!POWER("\x08_S5_\x12\x04\x01\x00\x00").can_power_off);         /* one element */
    CHECK(!POWER("\x08_S5_\x12\x06\x04\x0a\x08\x00\x00").can_power_off); /* above 7 */
    CHECK(!POWER("\x08_S5_\x12\x06\x04\x0b\x05\x00\x00").can_power_off); /* a word */
    CHECK(!POWER("\x08_S5_\x12\x03\x04\x00\x00\x00\x00").can_power_off); /* ends too early */
    CHECK(!POWER("\x08_S5_\x12\x00\x04\x00\x00\x00\x00").can_power_off);
    CHECK(!POWER("\x08_S5_\x12\xff\xff\xff\xff\x04\x00\x00").can_power_off); /* beyond the table */
}

/* The table's end cuts off the package, at every length. */
TEST(s5_truncated)
{
    for (size_t size = 0; size < sizeof s5_package; size++) {
        struct acpi_power power;
        clear();
        put_fadt(BASE + 300);
        used = 300;
        size_t start = start_table("DSDT");
        put(s5_package, size);
        end_table(start);
        map_memory();
        CHECK(acpi_read_fadt(memory, 244, map, &power));
        CHECK_EQUAL(power.can_power_off, size == sizeof s5_package - 1);
    }
}

TEST(dsdt_unusable)
{
    struct acpi_power power;
    make_image(2);
    image[36 + 40] ^= 1; /* makes its checksum wrong */
    map_memory();
    CHECK(acpi_read_fadt(memory + fadt_start, 244, map, &power));
    CHECK(!power.can_power_off && power.pm1a_control == 0x604);
    make_image(2);
    set32(fadt_start + 40, 0x1000);
    map_memory();
    CHECK(acpi_read_fadt(memory + fadt_start, 244, map, &power));
    CHECK(!power.can_power_off && power.dsdt == 0x1000);
}

static void set_register(size_t at, unsigned space, uint64_t address)
{
    image[fadt_start + at] = (unsigned char)space;
    set64(fadt_start + at + 4, address);
}

static struct acpi_power read_fadt(size_t size)
{
    struct acpi_power power;
    memory = host_guarded_copy(0, image, used);
    const void *fadt = host_guarded_copy(1, image + fadt_start, size);
    CHECK_EQUAL(acpi_read_fadt(fadt, size, map, &power), size >= 116);
    return power;
}

TEST(fadt_registers)
{
    make_image(2);
    set_register(208, 1, 0xb008);
    set_register(172, 1, 0xb004);
    set_register(184, 1, 0xb00c);
    struct acpi_power power = read_fadt(244);
    CHECK(power.pm_timer_port == 0xb008 && power.pm1a_control == 0xb004);
    CHECK_EQUAL(power.pm1b_control, 0xb00c);
    power = read_fadt(219); /* too short to have the timer's register */
    CHECK(power.pm_timer_port == 0x608 && power.pm1a_control == 0xb004);
    set_register(208, 0, 0xfed00000); /* in memory */
    set_register(172, 1, 0x10000);    /* not a port number */
    power = read_fadt(244);
    CHECK(power.pm_timer_port == 0 && power.pm1a_control == 0 && !power.can_power_off);
    set32(fadt_start + 112, 1 << 20); /* hardware-reduced */
    power = read_fadt(244);
    CHECK(power.pm_timer_port == 0 && power.pm1b_control == 0 && power.dsdt != 0);
}

TEST(fadt_sizes)
{
    make_image(2);
    set64(fadt_start + 140, BASE + 36);
    set32(fadt_start + 40, 0);
    for (size_t size = 0; size <= 244; size++) {
        struct acpi_power power = read_fadt(size);
        CHECK_EQUAL(power.dsdt, size >= 148 ? BASE + 36 : 0);
        CHECK_EQUAL(power.can_power_off, size >= 148);
    }
}
