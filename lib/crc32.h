/* CRC-32 (IEEE 802.3: reflected, polynomial 0xedb88320, as zlib's crc32), for the serial log. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Extend `crc` (0 for the first piece) by `size` bytes; the result is the CRC of everything so far.
 */
uint32_t crc32_extend(uint32_t crc, const void *data, size_t size);
