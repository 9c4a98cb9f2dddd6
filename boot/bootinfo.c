/*
 * Invariant: every read of the loader's bytes lies in a checked range: a struct span (multiboot2),
 * or bytes that to_pointer() returned (PVH). Reads use memcpy(), since no alignment is guaranteed.
 *
 * Sources: Multiboot2 specification 2.0, 3.4 (boot information) and 3.6 (its tags); Xen,
 * public/arch-x86/hvm/start_info.h (PVH).
 */
#include <boot/bootinfo.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <stdarg.h>

struct span {
    const uint8_t *bytes;
    size_t size;
};

/* The position of the reader, and the buffer for its message. */
struct reader {
    struct bootinfo *info;
    char *message;
    size_t message_size;
    uint32_t tag;
    size_t offset;
};

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

__attribute__((format(printf, 2, 3))) static bool refuse(const struct reader *reader,
                                                         const char *format, ...)
{
    va_list list;
    va_start(list, format);
    format_text_va(reader->message, reader->message_size, format, list);
    va_end(list);
    return false;
}

/* Refuse the tag at hand. */
__attribute__((format(printf, 2, 3))) static bool refuse_tag(const struct reader *reader,
                                                             const char *format, ...)
{
    char reason[96];
    va_list list;
    va_start(list, format);
    format_text_va(reason, sizeof reason, format, list);
    va_end(list);
    return refuse(reader, "multiboot2: tag %u at offset %zu: %s", reader->tag, reader->offset,
                  reason);
}

/* The length of the text in `span`, or its size if no NUL ends it. */
static size_t text_length(struct span span)
{
    size_t length = 0;
    while (length < span.size && span.bytes[length] != '\0')
        length++;
    return length;
}

/* ACPI 6.4, 15.1 (e820 types, which both protocols use). Unknown types count as reserved. */
static enum memory_kind kind_of(uint32_t type)
{
    switch (type) {
    case 1:
        return MEMORY_USABLE;
    case 3:
        return MEMORY_ACPI;
    default:
        return MEMORY_RESERVED;
    }
}

/* Checks of the complete memory map, for both protocols. */
static bool check_memory(const struct reader *reader)
{
    const struct memmap *memmap = &reader->info->memmap;
    const char *protocol = reader->info->protocol;
    if (memmap->overflow)
        return refuse(reader, "%s: the memory map has more than %d ranges", protocol,
                      MEMMAP_MAX_RANGES);
    if (memmap_bytes(memmap, MEMORY_USABLE) == 0)
        return refuse(reader, "%s: the memory map has no usable memory", protocol);
    return true;
}

/* ---- multiboot2 ---- */

static bool read_command_line(const struct reader *reader, struct span body)
{
    size_t length = text_length(body);
    if (length == body.size)
        return refuse_tag(reader, "the command line has no end");
    if (length >= BOOTINFO_COMMAND_LINE_SIZE)
        return refuse_tag(reader, "the command line has %zu characters, at most %d are allowed",
                          length, BOOTINFO_COMMAND_LINE_SIZE - 1);
    memcpy(reader->info->command_line, body.bytes, length + 1);
    return true;
}

static bool read_loader_name(const struct reader *reader, struct span body)
{
    size_t length = text_length(body);
    if (length == body.size)
        return refuse_tag(reader, "the loader's name has no end");
    if (length >= sizeof reader->info->loader)
        length = sizeof reader->info->loader - 1;
    memcpy(reader->info->loader, body.bytes, length);
    reader->info->loader[length] = '\0';
    return true;
}

static bool read_memory_map(const struct reader *reader, struct span body)
{
    if (body.size < 8)
        return refuse_tag(reader, "size %zu is too small for a memory map", body.size + 8);
    uint32_t entry_size = read32(body.bytes);
    if (entry_size < 24 || entry_size % 8 != 0)
        return refuse_tag(reader, "entry size %u is not a multiple of 8, at least 24", entry_size);
    if ((body.size - 8) % entry_size != 0)
        return refuse_tag(reader, "size %zu cuts an entry of %u bytes", body.size + 8, entry_size);
    for (size_t at = 8; at < body.size; at += entry_size) {
        const uint8_t *entry = body.bytes + at;
        memmap_add(&reader->info->memmap, read64(entry), read64(entry + 8),
                   kind_of(read32(entry + 16)));
    }
    return true;
}

/* Old (20 bytes) or new (36 bytes): keep the new one, since it has all fields of the old one. */
static bool read_rsdp(const struct reader *reader, struct span body, size_t wanted)
{
    struct bootinfo *info = reader->info;
    if (body.size < wanted)
        return refuse_tag(reader, "size %zu is too small for an RSDP of %zu bytes", body.size + 8,
                          wanted);
    if (info->rsdp_size < wanted) {
        memcpy(info->rsdp, body.bytes, wanted);
        info->rsdp_size = wanted;
        info->has_rsdp = true;
    }
    return true;
}

enum {
    TAG_END = 0,
    TAG_COMMAND_LINE = 1,
    TAG_LOADER_NAME = 2,
    TAG_MEMORY_MAP = 6,
    TAG_RSDP_OLD = 14,
    TAG_RSDP_NEW = 15,
};

static bool read_tag(const struct reader *reader, struct span body)
{
    switch (reader->tag) {
    case TAG_COMMAND_LINE:
        return read_command_line(reader, body);
    case TAG_LOADER_NAME:
        return read_loader_name(reader, body);
    case TAG_MEMORY_MAP:
        return read_memory_map(reader, body);
    case TAG_RSDP_OLD:
        return read_rsdp(reader, body, 20);
    case TAG_RSDP_NEW:
        return read_rsdp(reader, body, 36);
    default:
        return true;
    }
}

/* Read all tags. The size of `all` is the total size that the loader states. */
static bool read_tags(struct reader *reader, struct span all)
{
    bool has_map = false;
    reader->offset = 8;
    while (reader->offset + 8 <= all.size) {
        size_t room = all.size - reader->offset;
        const uint8_t *tag = all.bytes + reader->offset;
        uint32_t size = read32(tag + 4);
        reader->tag = read32(tag);
        if (size < 8)
            return refuse_tag(reader, "size %u is smaller than a tag", size);
        if (size > room)
            return refuse_tag(reader, "size %u leads beyond the end at %zu", size, all.size);
        if (reader->tag == TAG_END)
            return has_map || refuse(reader, "multiboot2: there is no memory map (tag 6)");
        if (!read_tag(reader, (struct span){tag + 8, size - 8}))
            return false;
        has_map = has_map || reader->tag == TAG_MEMORY_MAP;
        reader->offset += ((size_t)size + 7) & ~(size_t)7;
    }
    return refuse(reader, "multiboot2: no end tag up to offset %zu, where the information ends",
                  all.size);
}

bool bootinfo_from_multiboot2(struct bootinfo *info, const void *data, size_t limit, char *message,
                              size_t message_size)
{
    struct reader reader = {.info = info, .message = message, .message_size = message_size};
    memset(info, 0, sizeof *info);
    info->protocol = "multiboot2";
    if (limit < 8)
        return refuse(&reader, "multiboot2: %zu bytes are no boot information", limit);
    uint32_t total = read32(data);
    if (total < 8 || total > limit)
        return refuse(&reader, "multiboot2: total size %u is not within 8 and %zu", total, limit);
    info->start = (uintptr_t)data;
    info->end = info->start + total;
    return read_tags(&reader, (struct span){data, total}) && check_memory(&reader);
}

/* ---- PVH ---- */

typedef const void *to_pointer_function(uint64_t address, size_t size);

/* Offsets in hvm_start_info. Version 1 and later have the memory map. */
enum {
    PVH_VERSION = 4,
    PVH_COMMAND_LINE = 24,
    PVH_RSDP = 32,
    PVH_MEMORY_MAP = 40,
    PVH_MEMORY_MAP_ENTRIES = 48,
    PVH_SIZE = 56,
    PVH_ENTRY_SIZE = 24,
    PVH_MAX_ENTRIES = 1024, /* far more than struct memmap holds */
};

/* Byte by byte, since the length is unknown until the NUL is found. */
static bool read_pvh_command_line(const struct reader *reader, uint64_t address,
                                  to_pointer_function *to_pointer)
{
    char *line = reader->info->command_line;
    for (size_t i = 0; address != 0 && i < BOOTINFO_COMMAND_LINE_SIZE; i++) {
        const char *character = to_pointer(address + i, 1);
        if (character == NULL)
            return refuse(reader, "pvh: the command line cannot be read at %#lx", address + i);
        line[i] = *character;
        if (*character == '\0')
            return true;
    }
    return address == 0 || refuse(reader, "pvh: the command line has no end in %d characters",
                                  BOOTINFO_COMMAND_LINE_SIZE);
}

static bool read_pvh_memory_map(const struct reader *reader, uint64_t address, uint32_t count,
                                to_pointer_function *to_pointer)
{
    if (address == 0 || count == 0)
        return refuse(reader, "pvh: there is no memory map");
    if (count > PVH_MAX_ENTRIES)
        return refuse(reader, "pvh: the memory map has %u entries, at most %d are allowed", count,
                      PVH_MAX_ENTRIES);
    const uint8_t *entry = to_pointer(address, (size_t)count * PVH_ENTRY_SIZE);
    if (entry == NULL)
        return refuse(reader, "pvh: the memory map cannot be read at %#lx", address);
    for (uint32_t i = 0; i < count; i++, entry += PVH_ENTRY_SIZE)
        memmap_add(&reader->info->memmap, read64(entry), read64(entry + 8),
                   kind_of(read32(entry + 16)));
    return true;
}

/* Copy the RSDP, as for multiboot2. Revision 2 and later has 36 bytes (ACPI 6.4, 5.2.5.3). */
static bool read_pvh_rsdp(const struct reader *reader, uint64_t address,
                          to_pointer_function *to_pointer)
{
    struct bootinfo *info = reader->info;
    if (address == 0)
        return true;
    const uint8_t *rsdp = to_pointer(address, 20);
    size_t size = rsdp != NULL && rsdp[15] >= 2 ? 36 : 20;
    rsdp = rsdp == NULL ? NULL : to_pointer(address, size);
    if (rsdp == NULL)
        return refuse(reader, "pvh: the RSDP cannot be read at %#lx", address);
    memcpy(info->rsdp, rsdp, size);
    info->rsdp_size = size;
    info->rsdp_address = address;
    info->has_rsdp = true;
    return true;
}

bool bootinfo_from_pvh(struct bootinfo *info, const void *data, size_t limit,
                       const void *(*to_pointer)(uint64_t address, size_t size), char *message,
                       size_t message_size)
{
    struct reader reader = {.info = info, .message = message, .message_size = message_size};
    const uint8_t *start = data;
    memset(info, 0, sizeof *info);
    info->protocol = "pvh";
    if (limit < PVH_SIZE)
        return refuse(&reader, "pvh: %zu bytes are no start info, it has %d", limit, PVH_SIZE);
    if (read32(start) != PVH_MAGIC)
        return refuse(&reader, "pvh: magic %#x, not %#x", read32(start), PVH_MAGIC);
    if (read32(start + PVH_VERSION) < 1)
        return refuse(&reader, "pvh: version 0 has no memory map, 1 or later is needed");
    info->start = (uintptr_t)data;
    info->end = info->start + PVH_SIZE;
    return read_pvh_command_line(&reader, read64(start + PVH_COMMAND_LINE), to_pointer) &&
           read_pvh_rsdp(&reader, read64(start + PVH_RSDP), to_pointer) &&
           read_pvh_memory_map(&reader, read64(start + PVH_MEMORY_MAP),
                               read32(start + PVH_MEMORY_MAP_ENTRIES), to_pointer) &&
           check_memory(&reader);
}
