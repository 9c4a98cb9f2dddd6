/*
 * lib/string.c and arch/x86_64/memory.c, which the build renames, compared with the C library's
 * functions.
 */
#include <lib/prng.h>
#include <string.h>
#include <tests/unit/unit.h>

void *own_memset(void *destination, int value, size_t count);
void *own_memcpy(void *restrict destination, const void *restrict source, size_t count);
void *own_memmove(void *destination, const void *source, size_t count);
int own_memcmp(const void *left, const void *right, size_t count);
size_t own_strlen(const char *text);
int own_strcmp(const char *left, const char *right);
int own_strncmp(const char *left, const char *right, size_t count);
char *own_strchr(const char *text, int character);

enum { SIZE = 200 };

static void fill_random(struct prng *prng, unsigned char *bytes)
{
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (unsigned char)prng_next(prng);
}

static int sign(int value)
{
    return (value > 0) - (value < 0);
}

TEST(fill_and_copy)
{
    struct prng prng;
    unsigned char own[SIZE], theirs[SIZE], source[SIZE];
    prng_seed(&prng, 3, 0);
    for (int turn = 0; turn < 100000; turn++) {
        size_t from = prng_below(&prng, SIZE), to = prng_below(&prng, SIZE);
        size_t count = prng_below(&prng, SIZE - (from > to ? from : to) + 1);
        int value = (int)prng_next(&prng);
        if (turn % 64 == 0) {
            fill_random(&prng, own);
            fill_random(&prng, source);
            memcpy(theirs, own, SIZE);
        }
        switch (prng_below(&prng, 3)) {
        case 0:
            CHECK(own_memset(own + to, value, count) == own + to);
            memset(theirs + to, value, count);
            break;
        case 1:
            CHECK(own_memcpy(own + to, source + from, count) == own + to);
            memcpy(theirs + to, source + from, count);
            break;
        default:
            CHECK(own_memmove(own + to, own + from, count) == own + to);
            memmove(theirs + to, theirs + from, count);
            break;
        }
        CHECK(memcmp(own, theirs, SIZE) == 0);
    }
}

TEST(compare)
{
    struct prng prng;
    prng_seed(&prng, 4, 0);
    for (int turn = 0; turn < 100000; turn++) {
        char left[12], right[12];
        size_t count = prng_below(&prng, 12);
        for (size_t i = 0; i < 11; i++) {
            left[i] = (char)("ab\x80"[prng_below(&prng, 3)]);
            right[i] = prng_below(&prng, 8) == 0 ? '\0' : left[i];
        }
        left[prng_below(&prng, 12)] = '\0';
        left[11] = right[11] = '\0';
        CHECK_EQUAL(sign(own_memcmp(left, right, count)), sign(memcmp(left, right, count)));
        CHECK_EQUAL(sign(own_strcmp(left, right)), sign(strcmp(left, right)));
        CHECK_EQUAL(sign(own_strncmp(left, right, count)), sign(strncmp(left, right, count)));
        CHECK_EQUAL(own_strlen(left), strlen(left));
        CHECK(own_strchr(left, 'b') == strchr(left, 'b'));
        CHECK(own_strchr(left, '\0') == strchr(left, '\0'));
        CHECK(own_strchr(left, 'z') == NULL);
    }
}

TEST(no_read_beyond)
{
    char *text = host_guarded_copy(0, "text", 5);
    CHECK_EQUAL(own_strlen(text), 4);
    CHECK_EQUAL(own_strcmp(text, text), 0);
    CHECK(own_strchr(text, 'q') == NULL);
    CHECK_EQUAL(own_strncmp(text + 1, "ext!", 3), 0);
    CHECK_EQUAL(own_memcmp(text, "text", 5), 0);
}
