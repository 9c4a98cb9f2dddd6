/*
 * Invariant of struct sink: `length` characters have been put so far. The first size - 1 of them
 * are in the buffer, the others were dropped.
 */
#include <lib/printf.h>
#include <stdbool.h>
#include <stdint.h>

struct sink {
    char *buffer;
    size_t size;
    size_t length;
};

/* The text between '%' and the conversion's letter, decoded. */
struct spec {
    bool left, zero, alternate;
    int width;     /* 0: none */
    int precision; /* -1: none */
    char length;   /* 'H' for hh, 'h', 'l', 'q' for ll, 'z', 'j', 't', or 0 */
};

/* Limit of width and precision: a broken format must not keep a core busy for long. */
#define MAX_FIELD 4096

static void put(struct sink *sink, char character)
{
    if (sink->length + 1 < sink->size)
        sink->buffer[sink->length] = character;
    sink->length++;
}

static void put_repeated(struct sink *sink, char character, int count)
{
    while (count-- > 0)
        put(sink, character);
}

static void put_bytes(struct sink *sink, const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        put(sink, bytes[i]);
}

/* `count` bytes in a field of the spec's width, padded by spaces. */
static void put_padded(struct sink *sink, const struct spec *spec, const char *bytes, size_t count)
{
    int padding = spec->width - (int)count;
    if (!spec->left)
        put_repeated(sink, ' ', padding);
    put_bytes(sink, bytes, count);
    if (spec->left)
        put_repeated(sink, ' ', padding);
}

/* Write the digits of `value` so that they end at `end`. Returns how many; none for 0. */
static int digits_before(char *end, uint64_t value, unsigned base, bool capital)
{
    const char *digits = capital ? "0123456789ABCDEF" : "0123456789abcdef";
    int count = 0;
    for (; value != 0; value /= base)
        *(end - ++count) = digits[value % base];
    return count;
}

/* How many zeros go before `count` digits (C11 7.21.6.1): as the precision demands, or without a
 * precision as the flag 0 demands. */
static int leading_zeros(const struct spec *spec, int count, int prefix_length)
{
    int wanted = spec->precision >= 0 ? spec->precision : 1;
    if (spec->precision < 0 && spec->zero && !spec->left && spec->width - prefix_length > wanted)
        wanted = spec->width - prefix_length;
    return wanted > count ? wanted - count : 0;
}

static void put_number(struct sink *sink, const struct spec *spec, const char *prefix,
                       uint64_t value, unsigned base, bool capital)
{
    char digits[20]; /* 2^64 - 1 in decimal */
    int prefix_length = 0;
    while (prefix[prefix_length] != '\0')
        prefix_length++;
    int count = digits_before(digits + sizeof digits, value, base, capital);
    int zeros = leading_zeros(spec, count, prefix_length);
    int padding = spec->width - prefix_length - zeros - count;
    if (!spec->left)
        put_repeated(sink, ' ', padding);
    put_bytes(sink, prefix, (size_t)prefix_length);
    put_repeated(sink, '0', zeros);
    put_bytes(sink, digits + sizeof digits - count, (size_t)count);
    if (spec->left)
        put_repeated(sink, ' ', padding);
}

/* va_list may be an array type, which functions cannot take by reference. The struct can be. */
struct arguments {
    va_list list;
};

static int64_t next_signed(struct arguments *arguments, char length)
{
    switch (length) {
    case 'H':
        return (signed char)va_arg(arguments->list, int);
    case 'h':
        return (short)va_arg(arguments->list, int);
    case 0:
        return va_arg(arguments->list, int);
    default: /* l, ll, z, j, t: all 64 bits (psABI, LP64) */
        return va_arg(arguments->list, int64_t);
    }
}

static uint64_t next_unsigned(struct arguments *arguments, char length)
{
    switch (length) {
    case 'H':
        return (unsigned char)va_arg(arguments->list, int);
    case 'h':
        return (unsigned short)va_arg(arguments->list, int);
    case 0:
        return va_arg(arguments->list, unsigned);
    default:
        return va_arg(arguments->list, uint64_t);
    }
}

static void put_signed(struct sink *sink, const struct spec *spec, int64_t value)
{
    if (value < 0)
        put_number(sink, spec, "-", -(uint64_t)value, 10, false);
    else
        put_number(sink, spec, "", (uint64_t)value, 10, false);
}

static void put_hex(struct sink *sink, const struct spec *spec, uint64_t value, bool capital)
{
    const char *prefix = capital ? "0X" : "0x";
    put_number(sink, spec, spec->alternate && value != 0 ? prefix : "", value, 16, capital);
}

static void put_string(struct sink *sink, const struct spec *spec, const char *text)
{
    if (text == NULL)
        text = "(null)";
    size_t count = 0; /* with a precision the text may have no NUL: read no further */
    while ((spec->precision < 0 || count < (size_t)spec->precision) && text[count] != '\0')
        count++;
    put_padded(sink, spec, text, count);
}

/* Print one conversion. Returns false if there is no such conversion. */
static bool put_conversion(struct sink *sink, const struct spec *spec, char conversion,
                           struct arguments *arguments)
{
    char character;
    switch (conversion) {
    case 'd':
    case 'i':
        put_signed(sink, spec, next_signed(arguments, spec->length));
        return true;
    case 'u':
        put_number(sink, spec, "", next_unsigned(arguments, spec->length), 10, false);
        return true;
    case 'x':
    case 'X':
        put_hex(sink, spec, next_unsigned(arguments, spec->length), conversion == 'X');
        return true;
    case 'c':
        character = (char)va_arg(arguments->list, int);
        put_padded(sink, spec, &character, 1);
        return true;
    case 's':
        put_string(sink, spec, va_arg(arguments->list, const char *));
        return true;
    case 'p':
        put_number(sink, spec, "0x", (uintptr_t)va_arg(arguments->list, void *), 16, false);
        return true;
    case '%':
        put(sink, '%');
        return true;
    default:
        return false;
    }
}

static const char *read_flags(const char *at, struct spec *spec)
{
    for (;; at++) {
        if (*at == '-')
            spec->left = true;
        else if (*at == '0')
            spec->zero = true;
        else if (*at == '#')
            spec->alternate = true;
        else
            return at;
    }
}

/* Read a number or '*', and limit it to -MAX_FIELD .. MAX_FIELD. */
static const char *read_field(const char *at, int *field, struct arguments *arguments)
{
    *field = 0;
    if (*at == '*') {
        *field = va_arg(arguments->list, int);
        at++;
    }
    for (; *at >= '0' && *at <= '9'; at++)
        *field = *field < MAX_FIELD ? *field * 10 + (*at - '0') : MAX_FIELD;
    *field = *field > MAX_FIELD ? MAX_FIELD : *field < -MAX_FIELD ? -MAX_FIELD : *field;
    return at;
}

static const char *read_length(const char *at, struct spec *spec)
{
    if (at[0] == 'h' && at[1] == 'h')
        spec->length = 'H';
    else if (at[0] == 'l' && at[1] == 'l')
        spec->length = 'q';
    else if (*at == 'h' || *at == 'l' || *at == 'z' || *at == 'j' || *at == 't')
        spec->length = *at;
    else
        return at;
    return spec->length == 'H' || spec->length == 'q' ? at + 2 : at + 1;
}

/* Read the text after a '%' up to the conversion's letter. Returns a pointer to the letter. */
static const char *read_spec(const char *at, struct spec *spec, struct arguments *arguments)
{
    *spec = (struct spec){.precision = -1};
    at = read_flags(at, spec);
    at = read_field(at, &spec->width, arguments);
    if (spec->width < 0) { /* C11 7.21.6.1: a negative '*' is the flag '-' and a width */
        spec->left = true;
        spec->width = -spec->width;
    }
    if (*at == '.')
        at = read_field(at + 1, &spec->precision, arguments);
    return read_length(at, spec);
}

static void put_format(struct sink *sink, const char *format, struct arguments *arguments)
{
    while (*format != '\0') {
        if (*format != '%') {
            put(sink, *format++);
            continue;
        }
        struct spec spec;
        const char *conversion = read_spec(format + 1, &spec, arguments);
        if (put_conversion(sink, &spec, *conversion, arguments))
            format = conversion + 1;
        else
            put(sink, *format++); /* its rest is then printed as plain text */
    }
}

int format_text_va(char *buffer, size_t size, const char *format, va_list list)
{
    struct sink sink = {.buffer = buffer, .size = size};
    struct arguments arguments;
    va_copy(arguments.list, list);
    put_format(&sink, format, &arguments);
    va_end(arguments.list);
    if (size > 0)
        buffer[sink.length < size ? sink.length : size - 1] = '\0';
    return (int)sink.length;
}

int format_text(char *buffer, size_t size, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int length = format_text_va(buffer, size, format, list);
    va_end(list);
    return length;
}

static bool wants_quotes(const char *value)
{
    const char *at = value;

    while (*at && *at != ' ' && *at != '"')
        at++;
    return *at || at == value;
}

char *format_value(char *buffer, size_t size, const char *value)
{
    size_t used = 0, end = size - 2; /* for the closing quote and the NUL */

    if (!wants_quotes(value)) {
        format_text(buffer, size, "%s", value);
        return buffer;
    }
    buffer[used++] = '"';
    for (; *value; value++) {
        bool escaped = *value == '"' || *value == '\\';
        if (used + 1 + escaped > end)
            break;
        if (escaped)
            buffer[used++] = '\\';
        buffer[used++] = *value;
    }
    buffer[used++] = '"';
    buffer[used] = '\0';
    return buffer;
}
