/* format_text(), compared with the C library's snprintf(). */
#include <lib/printf.h>
#include <lib/prng.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <tests/unit/unit.h>

#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
#pragma GCC diagnostic ignored "-Wformat-security"

#define BOTH(...)                                                  \
    do {                                                           \
        char own[256], theirs[256];                                \
        CHECK_EQUAL(format_text(own, sizeof own, __VA_ARGS__),     \
                    snprintf(theirs, sizeof theirs, __VA_ARGS__)); \
        CHECK_TEXT(own, theirs);                                   \
    } while (0)

TEST(examples)
{
    BOTH("plain");
    BOTH("%s is %d%% of %s", "one", 10, "ten");
    BOTH("[%5d|%-5d|%05d|%.3d|%8.3d|%-8.3d|]", 42, 42, 42, 42, 42, 42);
    BOTH("[%d %d %ld]", INT_MIN, INT_MAX, LONG_MIN);
    BOTH("[%x %X %#x %#X %#x %#010x %-#10x|]", 255, 255, 255, 255, 0, 255, 255);
    BOTH("[%.0d|%5.0d|%.0x|%#.0x]", 0, 0, 0, 0);
    BOTH("[%hhd %hd %hhu %hu]", 300, 70000, 300, 70000);
    BOTH("[%c%c|%5c|%-5c|]", 'a', 'b', 'c', 'd');
    BOTH("[%.2s|%5.1s|%-5s|%.0s|]", "abc", "def", "ghi", "jkl");
    BOTH("[%*d|%-*d|%*d|%.*d|%.*d]", 6, 1, 6, 2, -6, 3, 4, 5, -1, 6);
    BOTH("[%p %20p %-20p|]", (void *)0x1234, (void *)0x5678, (void *)0x9abc);
    BOTH("[%zu %jd %td %llu]", (size_t)-1, (intmax_t)-2, (ptrdiff_t)-3, -4ULL);
}

TEST(own_ways)
{
    char text[64];
    format_text(text, sizeof text, "%p", NULL);
    CHECK_TEXT(text, "0x0");
    const char *volatile none = NULL;
    format_text(text, sizeof text, "[%s]", none);
    CHECK_TEXT(text, "[(null)]");
    const char *volatile odd = "%q %+d %";
    format_text(text, sizeof text, odd);
    CHECK_TEXT(text, "%q %+d %");
    odd = "%5";
    format_text(text, sizeof text, odd);
    CHECK_TEXT(text, "%5");
}

TEST(no_read_beyond_precision)
{
    char own[16];
    const char *unterminated = host_guarded_copy(0, "abcd", 4);
    CHECK_EQUAL(format_text(own, sizeof own, "%.4s", unterminated), 4);
    CHECK_TEXT(own, "abcd");
}

TEST(cut_off)
{
    char own[32], theirs[32];
    for (size_t size = 0; size < sizeof own; size++) {
        memset(own, '~', sizeof own);
        memset(theirs, '~', sizeof theirs);
        int length = format_text(own, size, "%s-%08x-%d", "sometext", 0xabcdu, -12345);
        CHECK_EQUAL(length, snprintf(theirs, size, "%s-%08x-%d", "sometext", 0xabcdu, -12345));
        CHECK(memcmp(own, theirs, sizeof own) == 0);
    }
    CHECK_EQUAL(format_text(NULL, 0, "%d", 1000), 4);
}

static void append(char *text, const char *more)
{
    strcat(text, more);
}

/* A random specification for this conversion, with flags only that C11 defines for it. */
static void random_spec(struct prng *prng, char *format, char conversion, const char *length)
{
    char number[16];
    bool integer = strchr("diuxX", conversion) != NULL;
    format[0] = '\0';
    append(format, "<%");
    if (prng_below(prng, 3) == 0)
        append(format, "-");
    if (integer && prng_below(prng, 3) == 0)
        append(format, "0");
    if ((conversion == 'x' || conversion == 'X') && prng_below(prng, 3) == 0)
        append(format, "#");
    if (prng_below(prng, 2) == 0) {
        snprintf(number, sizeof number, "%d", 1 + (int)prng_below(prng, 40));
        append(format, number);
    }
    if (conversion != 'c' && conversion != 'p' && prng_below(prng, 3) == 0) {
        snprintf(number, sizeof number, ".%d", (int)prng_below(prng, 30));
        append(format, prng_below(prng, 8) == 0 ? "." : number);
    }
    append(format, length);
    size_t end = strlen(format);
    format[end] = conversion;
    format[end + 1] = '\0';
    append(format, ">");
}

static uint64_t random_value(struct prng *prng)
{
    uint64_t value = prng_next(prng) >> prng_below(prng, 64);
    return prng_below(prng, 2) == 0 ? value : -value;
}

TEST(random_integers)
{
    static const char *const lengths[] = {"", "hh", "h", "l", "ll", "z", "j", "t"};
    struct prng prng;
    prng_seed(&prng, 1, 0);
    for (int turn = 0; turn < 200000; turn++) {
        char format[64];
        unsigned length = (unsigned)prng_below(&prng, 8);
        random_spec(&prng, format, "diuxX"[prng_below(&prng, 5)], lengths[length]);
        uint64_t value = random_value(&prng);
        if (length < 3)
            BOTH(format, (int)value);
        else
            BOTH(format, (long)value);
    }
}

TEST(random_texts)
{
    struct prng prng;
    prng_seed(&prng, 2, 0);
    for (int turn = 0; turn < 50000; turn++) {
        char format[64], text[40];
        size_t length = prng_below(&prng, sizeof text);
        for (size_t i = 0; i < length; i++)
            text[i] = (char)('!' + prng_below(&prng, 90));
        text[length] = '\0';
        random_spec(&prng, format, 's', "");
        BOTH(format, text);
        random_spec(&prng, format, 'c', "");
        int character = ' ' + (int)prng_below(&prng, 90);
        BOTH(format, character);
        random_spec(&prng, format, 'p', "");
        void *pointer = (void *)(uintptr_t)(prng_next(&prng) | 1);
        BOTH(format, pointer);
    }
}

static const char *value_of(const char *value)
{
    static char text[16];

    return format_value(text, sizeof(text), value);
}

TEST(values)
{
    CHECK_TEXT(value_of("one"), "one");
    CHECK_TEXT(value_of("a=b\\c"), "a=b\\c");
    CHECK_TEXT(value_of(""), "\"\"");
    CHECK_TEXT(value_of("two words"), "\"two words\"");
    CHECK_TEXT(value_of("a \"b\" \\"), "\"a \\\"b\\\" \\\\\"");
}

TEST(values_that_are_cut_keep_their_quotes)
{
    CHECK_TEXT(value_of("1234567890 1234567890"), "\"1234567890 12\"");
    CHECK_TEXT(value_of("1234567890 1\"4567890"), "\"1234567890 1\"");
    CHECK_TEXT(value_of("12345678901234567890"), "123456789012345");
}
