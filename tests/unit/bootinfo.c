/*
 * boot/bootinfo.c: good information is read, malformed information is refused, and nothing is read
 * beyond its end.
 */
#include <boot/bootinfo.h>
#include <lib/prng.h>
#include <stdio.h>
#include <string.h>
#include <tests/unit/unit.h>

static struct bootinfo info;
static char message[256];

/* ---- multiboot2 information, built tag by tag ---- */

static unsigned char image[8192];
static size_t used;

static void put32(uint32_t value)
{
    memcpy(image + used, &value, 4);
    used += 4;
}

static void put64(uint64_t value)
{
    memcpy(image + used, &value, 8);
    used += 8;
}

static void start_image(void)
{
    memset(image, 0, sizeof image);
    used = 8;
}

static void put_tag(uint32_t type, const void *body, size_t size)
{
    put32(type);
    put32((uint32_t)size + 8);
    memcpy(image + used, body, size);
    used = (used + size + 7) & ~(size_t)7;
}

static void put_text(uint32_t type, const char *text)
{
    put_tag(type, text, strlen(text) + 1);
}

static void put_entry(uint64_t start, uint64_t length, uint32_t type)
{
    put64(start);
    put64(length);
    put32(type);
    put32(0);
}

static void put_memory_map(void)
{
    put32(6);
    put32(16 + 6 * 24);
    put32(24);
    put32(0);
    put_entry(0, 0x9fc00, 1);
    put_entry(0xf0000, 0x10000, 2);
    put_entry(0x100000, 0x700000, 1);
    put_entry(0x7fe0000, 0x20000, 3);
    put_entry(0x800000, 0x1000, 4);
    put_entry(0x900000, 0x1000, 20);
}

static void finish_image(void)
{
    put_tag(0, "", 0);
    uint32_t total = (uint32_t)used;
    memcpy(image, &total, 4);
}

static bool parse_multiboot2(size_t limit)
{
    memset(message, '~', sizeof message);
    const void *copy = host_guarded_copy(0, image, limit);
    bool good = bootinfo_from_multiboot2(&info, copy, limit, message, sizeof message);
    CHECK(good || memchr(message, '\0', sizeof message) != NULL);
    CHECK(good || strncmp(message, "multiboot2: ", 12) == 0);
    return good;
}

static void make_good(void)
{
    unsigned char rsdp[36];
    memset(rsdp, 0xa5, sizeof rsdp);
    start_image();
    put_text(1, "seed=1 cpus=2");
    put_text(2, "GRUB 2.06");
    put_tag(77, "unknown", 7);
    put_tag(14, "RSD PTR old.........", 20);
    put_tag(15, rsdp, 36);
    put_memory_map();
    finish_image();
}

static void check_memory(void)
{
    memmap_finish(&info.memmap);
    CHECK_EQUAL(memmap_bytes(&info.memmap, MEMORY_USABLE), 0x9f000 + 0x700000);
    CHECK_EQUAL(memmap_bytes(&info.memmap, MEMORY_ACPI), 0x20000);
    CHECK_EQUAL(memmap_bytes(&info.memmap, MEMORY_RESERVED), 0x10000 + 0x2000);
}

TEST(good)
{
    make_good();
    CHECK(parse_multiboot2(used));
    CHECK_TEXT(info.protocol, "multiboot2");
    CHECK_TEXT(info.command_line, "seed=1 cpus=2");
    CHECK_TEXT(info.loader, "GRUB 2.06");
    CHECK(info.has_rsdp && info.rsdp_address == 0);
    CHECK_EQUAL(info.rsdp_size, 36);
    CHECK(info.rsdp[0] == 0xa5 && info.rsdp[35] == 0xa5);
    CHECK_EQUAL(info.end - info.start, used);
    check_memory();
}

TEST(least)
{
    start_image();
    put_memory_map();
    finish_image();
    CHECK(parse_multiboot2(used));
    CHECK(!info.has_rsdp);
    CHECK_TEXT(info.command_line, "");
    CHECK_TEXT(info.loader, "");
}

/* The new RSDP is kept, in either order of the tags. */
TEST(new_rsdp_preferred)
{
    start_image();
    put_memory_map();
    put_tag(15, "new RSDP............................", 36);
    put_tag(14, "old RSDP............", 20);
    finish_image();
    CHECK(parse_multiboot2(used));
    CHECK(memcmp(info.rsdp, "new", 3) == 0 && info.rsdp_size == 36);
    start_image();
    put_memory_map();
    put_tag(14, "old RSDP............", 20);
    finish_image();
    CHECK(parse_multiboot2(used));
    CHECK(memcmp(info.rsdp, "old", 3) == 0 && info.rsdp_size == 20);
}

TEST(long_loader_name_is_cut)
{
    char name[100];
    memset(name, 'n', 99);
    name[99] = '\0';
    start_image();
    put_memory_map();
    put_text(2, name);
    finish_image();
    CHECK(parse_multiboot2(used));
    CHECK_EQUAL(strlen(info.loader), sizeof info.loader - 1);
}

TEST(entry_stride)
{
    start_image();
    put32(6);
    put32(16 + 2 * 40);
    put32(40);
    put32(0);
    put_entry(0x100000, 0x100000, 1);
    put64(~UINT64_C(0));
    put64(~UINT64_C(0));
    put_entry(0x300000, 0x100000, 1);
    put64(~UINT64_C(0));
    put64(~UINT64_C(0));
    finish_image();
    CHECK(parse_multiboot2(used));
    CHECK_EQUAL(memmap_bytes(&info.memmap, MEMORY_USABLE), 0x200000);
}

/* Information that is cut off anywhere is refused, with the total size as before or adjusted. */
TEST(truncated)
{
    make_good();
    for (size_t size = 0; size < used; size++) {
        CHECK(!parse_multiboot2(size));
        uint32_t total = (uint32_t)size, whole = (uint32_t)used;
        memcpy(image, &total, 4);
        CHECK(!parse_multiboot2(size));
        memcpy(image, &whole, 4);
    }
    CHECK(parse_multiboot2(used));
}

/* Nothing may be read out of bounds. If the information is accepted, the result must be sound. */
static void check_any(void)
{
    bool good = parse_multiboot2(used);
    CHECK(memchr(info.command_line, '\0', sizeof info.command_line) != NULL);
    CHECK(memchr(info.loader, '\0', sizeof info.loader) != NULL);
    CHECK(!good || memmap_bytes(&info.memmap, MEMORY_USABLE) > 0);
}

TEST(flipped)
{
    make_good();
    for (size_t at = 0; at < used; at++) {
        unsigned char kept = image[at];
        for (int bit = 0; bit < 8; bit++) {
            image[at] = (unsigned char)(kept ^ 1 << bit);
            check_any();
        }
        for (int value = 0; value < 256; value += 15) {
            image[at] = (unsigned char)value;
            check_any();
        }
        image[at] = kept;
    }
}

TEST(random_garbage)
{
    struct prng prng;
    prng_seed(&prng, 12, 0);
    for (int turn = 0; turn < 30000; turn++) {
        make_good();
        for (uint64_t changes = 1 + prng_below(&prng, 8); changes-- > 0;) {
            uint32_t value = (uint32_t)(prng_next(&prng) >> prng_below(&prng, 60));
            memcpy(image + prng_below(&prng, used / 4) * 4, &value, 4);
        }
        check_any();
    }
}

/* ---- each refusal, by its message ---- */

static void expect_refusal(const char *expected)
{
    finish_image();
    CHECK(!parse_multiboot2(used));
    CHECK_TEXT(message, expected);
}

TEST(refused_sizes)
{
    uint32_t total = 7;
    make_good();
    memcpy(image, &total, 4);
    CHECK(!parse_multiboot2(16));
    CHECK_TEXT(message, "multiboot2: total size 7 is not within 8 and 16");
    total = 17;
    memcpy(image, &total, 4);
    CHECK(!parse_multiboot2(16));
    CHECK_TEXT(message, "multiboot2: total size 17 is not within 8 and 16");
    CHECK(!parse_multiboot2(7));
    CHECK_TEXT(message, "multiboot2: 7 bytes are no boot information");
}

TEST(refused_tags)
{
    start_image();
    put32(9);
    put32(7);
    expect_refusal("multiboot2: tag 9 at offset 8: size 7 is smaller than a tag");
    start_image();
    put32(9);
    put32(100);
    expect_refusal("multiboot2: tag 9 at offset 8: size 100 leads beyond the end at 24");
    start_image();
    put32(9);
    put32(UINT32_MAX);
    expect_refusal("multiboot2: tag 9 at offset 8: size 4294967295 leads beyond the end at 24");
    start_image();
    put32(9);
    put32(16);
    expect_refusal("multiboot2: no end tag up to offset 24, where the information ends");
    start_image();
    put_text(1, "a=b");
    expect_refusal("multiboot2: there is no memory map (tag 6)");
}

TEST(refused_texts)
{
    char line[BOOTINFO_COMMAND_LINE_SIZE + 1];
    start_image();
    put_tag(1, "no end", 6);
    expect_refusal("multiboot2: tag 1 at offset 8: the command line has no end");
    start_image();
    put_tag(1, "", 0);
    expect_refusal("multiboot2: tag 1 at offset 8: the command line has no end");
    start_image();
    put_tag(2, "no end", 6);
    expect_refusal("multiboot2: tag 2 at offset 8: the loader's name has no end");
    memset(line, 'x', sizeof line);
    line[BOOTINFO_COMMAND_LINE_SIZE] = '\0';
    start_image();
    put_text(1, line);
    expect_refusal("multiboot2: tag 1 at offset 8: the command line has 2048 characters, at most "
                   "2047 are allowed");
    line[BOOTINFO_COMMAND_LINE_SIZE - 1] = '\0';
    start_image();
    put_text(1, line);
    put_memory_map();
    finish_image();
    CHECK(parse_multiboot2(used));
    CHECK_TEXT(info.command_line, line);
}

static void put_map_header(uint32_t size, uint32_t entry_size)
{
    start_image();
    put32(6);
    put32(size);
    put32(entry_size);
    put32(0);
}

TEST(refused_memory_maps)
{
    start_image();
    put_tag(6, "1234", 4);
    expect_refusal("multiboot2: tag 6 at offset 8: size 12 is too small for a memory map");
    put_map_header(16, 16);
    expect_refusal(
        "multiboot2: tag 6 at offset 8: entry size 16 is not a multiple of 8, at least 24");
    put_map_header(16, 0);
    expect_refusal(
        "multiboot2: tag 6 at offset 8: entry size 0 is not a multiple of 8, at least 24");
    put_map_header(16, 28);
    expect_refusal(
        "multiboot2: tag 6 at offset 8: entry size 28 is not a multiple of 8, at least 24");
    put_map_header(16 + 32, 24);
    put_entry(0x100000, 0x100000, 1);
    put64(0);
    expect_refusal("multiboot2: tag 6 at offset 8: size 48 cuts an entry of 24 bytes");
    put_map_header(16, 24);
    expect_refusal("multiboot2: the memory map has no usable memory");
    put_map_header(16 + 24, 24);
    put_entry(0x100000, 0x100000, 0);
    expect_refusal("multiboot2: the memory map has no usable memory");
}

TEST(refused_too_many_ranges)
{
    put_map_header(16 + 257 * 24, 24);
    for (uint64_t i = 0; i < 257; i++)
        put_entry(i * 0x2000, 0x1000, 1);
    expect_refusal("multiboot2: the memory map has more than 256 ranges");
}

TEST(refused_rsdp)
{
    start_image();
    put_tag(14, "1234567890123456789", 19);
    expect_refusal("multiboot2: tag 14 at offset 8: size 27 is too small for an RSDP of 20 bytes");
    start_image();
    put_tag(15, "12345678901234567890123456789012345", 35);
    expect_refusal("multiboot2: tag 15 at offset 8: size 43 is too small for an RSDP of 36 bytes");
}

/* ---- PVH: a small physical memory from 0x1000 on, which ends where the guarded copy ends ---- */

enum {
    PVH_BASE = 0x1000,
    PVH_LINE = 0x1040,
    PVH_RSDP = 0x1080,
    PVH_MAP = 0x10c0,
    PVH_IMAGE = 0x120
};

static const char *memory;
static size_t memory_size;

static const void *to_pointer(uint64_t address, size_t size)
{
    bool within = address >= PVH_BASE && address - PVH_BASE <= memory_size &&
                  size <= memory_size - (address - PVH_BASE);
    return within ? memory + (address - PVH_BASE) : NULL;
}

static void make_pvh(void)
{
    memset(image, 0, sizeof image);
    used = 0;
    put32(PVH_MAGIC);
    put32(1);
    put64(0);
    put64(0);
    put64(PVH_LINE);
    put64(PVH_RSDP);
    put64(PVH_MAP);
    put32(4);
    put32(0);
    strcpy((char *)image + PVH_LINE - PVH_BASE, "nonce=77");
    memset(image + PVH_RSDP - PVH_BASE, 2, 36);
    used = PVH_MAP - PVH_BASE;
    put_entry(0, 0x9fc00, 1);
    put_entry(0xf0000, 0x10000, 2);
    put_entry(0x100000, 0x700000, 1);
    put_entry(0x7fe0000, 0x20000, 3);
}

static bool parse_pvh(size_t size)
{
    memset(message, '~', sizeof message);
    memory = host_guarded_copy(0, image, size);
    memory_size = size;
    bool good = bootinfo_from_pvh(&info, memory, size, to_pointer, message, sizeof message);
    CHECK(good || memchr(message, '\0', sizeof message) != NULL);
    CHECK(good || strncmp(message, "pvh: ", 5) == 0);
    return good;
}

TEST(pvh_good)
{
    make_pvh();
    CHECK(parse_pvh(PVH_IMAGE));
    CHECK_TEXT(info.protocol, "pvh");
    CHECK_TEXT(info.command_line, "nonce=77");
    CHECK_TEXT(info.loader, "");
    CHECK(info.has_rsdp && info.rsdp_address == PVH_RSDP && info.rsdp_size == 36);
    CHECK_EQUAL(info.rsdp[35], 2);
    memmap_finish(&info.memmap);
    CHECK_EQUAL(memmap_bytes(&info.memmap, MEMORY_USABLE), 0x9f000 + 0x700000);
    CHECK_EQUAL(memmap_bytes(&info.memmap, MEMORY_ACPI), 0x20000);
    CHECK_EQUAL(memmap_bytes(&info.memmap, MEMORY_RESERVED), 0x10000);
    image[PVH_RSDP - PVH_BASE + 15] = 0;
    CHECK(parse_pvh(PVH_IMAGE));
    CHECK_EQUAL(info.rsdp_size, 20);
}

TEST(pvh_least)
{
    make_pvh();
    memset(image + 24, 0, 16); /* no command line and no RSDP */
    CHECK(parse_pvh(PVH_IMAGE));
    CHECK(!info.has_rsdp);
    CHECK_TEXT(info.command_line, "");
}

TEST(pvh_truncated)
{
    make_pvh();
    for (size_t size = 0; size < PVH_IMAGE; size++)
        CHECK(!parse_pvh(size));
}

TEST(pvh_flipped)
{
    make_pvh();
    for (size_t at = 0; at < PVH_IMAGE; at++) {
        unsigned char kept = image[at];
        for (int value = 0; value < 256; value++) {
            image[at] = (unsigned char)value;
            parse_pvh(PVH_IMAGE);
            CHECK(memchr(info.command_line, '\0', sizeof info.command_line) != NULL);
        }
        image[at] = kept;
    }
}

static void expect_pvh_refusal(size_t offset, uint64_t value, size_t size, const char *expected)
{
    make_pvh();
    memcpy(image + offset, &value, size);
    CHECK(!parse_pvh(PVH_IMAGE));
    CHECK_TEXT(message, expected);
}

TEST(pvh_refused)
{
    expect_pvh_refusal(0, 1, 4, "pvh: magic 0x1, not 0x336ec578");
    expect_pvh_refusal(4, 0, 4, "pvh: version 0 has no memory map, 1 or later is needed");
    expect_pvh_refusal(24, 0x8000, 8, "pvh: the command line cannot be read at 0x8000");
    expect_pvh_refusal(32, 0x8000, 8, "pvh: the RSDP cannot be read at 0x8000");
    expect_pvh_refusal(40, 0x8000, 8, "pvh: the memory map cannot be read at 0x8000");
    expect_pvh_refusal(40, 0, 8, "pvh: there is no memory map");
    expect_pvh_refusal(48, 0, 4, "pvh: there is no memory map");
    expect_pvh_refusal(48, UINT32_MAX, 4,
                       "pvh: the memory map has 4294967295 entries, at most 1024 are allowed");
    expect_pvh_refusal(48, 5, 4, "pvh: the memory map cannot be read at 0x10c0");
    CHECK(!parse_pvh(55));
    CHECK_TEXT(message, "pvh: 55 bytes are no start info, it has 56");
}

TEST(pvh_long_command_line)
{
    make_pvh();
    uint64_t address = PVH_BASE + PVH_IMAGE;
    memcpy(image + 24, &address, 8);
    memset(image + PVH_IMAGE, 'x', BOOTINFO_COMMAND_LINE_SIZE);
    CHECK(!parse_pvh(PVH_IMAGE + BOOTINFO_COMMAND_LINE_SIZE));
    CHECK_TEXT(message, "pvh: the command line has no end in 2048 characters");
    image[PVH_IMAGE + BOOTINFO_COMMAND_LINE_SIZE - 1] = '\0';
    CHECK(parse_pvh(PVH_IMAGE + BOOTINFO_COMMAND_LINE_SIZE));
    CHECK_EQUAL(strlen(info.command_line), BOOTINFO_COMMAND_LINE_SIZE - 1);
}
