#include <lib/crc32.h>
#include <lib/prng.h>
#include <string.h>
#include <tests/unit/unit.h>

/* The check value from the CRC catalogue for CRC-32/ISO-HDLC, and other values computed by zlib. */
TEST(vectors)
{
    unsigned char zeros[32] = {0};
    CHECK_EQUAL(crc32_extend(0, "123456789", 9), 0xcbf43926);
    CHECK_EQUAL(crc32_extend(0, "", 0), 0);
    CHECK_EQUAL(crc32_extend(0, "a", 1), 0xe8b7be43);
    CHECK_EQUAL(crc32_extend(0, "The quick brown fox jumps over the lazy dog", 43), 0x414fa339);
    CHECK_EQUAL(crc32_extend(0, zeros, 32), 0x190a55ad);
}

/* The definition: one bit in a step. */
static uint32_t bit_by_bit(const unsigned char *bytes, size_t size)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

TEST(pieces)
{
    struct prng prng;
    unsigned char bytes[256];
    prng_seed(&prng, 5, 0);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)prng_next(&prng);
    for (size_t cut = 0; cut <= sizeof bytes; cut++) {
        uint32_t crc = crc32_extend(0, bytes, cut);
        CHECK_EQUAL(crc, bit_by_bit(bytes, cut));
        crc = crc32_extend(crc, bytes + cut, sizeof bytes - cut);
        CHECK_EQUAL(crc, bit_by_bit(bytes, sizeof bytes));
    }
}
