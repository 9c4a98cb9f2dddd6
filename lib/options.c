/*
 * Invariant: each value in the struct is always valid for its row of the table, since a word is
 * checked completely before its value is stored. So readers of the struct need no checks.
 */
#include <lib/options.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <stdarg.h>

/* A piece of the command line. */
struct word {
    const char *text;
    size_t length;
};

/* The rest of a buffer. The text before it ends in NUL; text that does not fit is cut off. */
struct output {
    char *text;
    size_t size;
};

static void append_va(struct output *output, const char *format, va_list list)
{
    int length = format_text_va(output->text, output->size, format, list);
    size_t used = (size_t)length < output->size ? (size_t)length : output->size;
    output->text += used;
    output->size -= used;
}

__attribute__((format(printf, 2, 3))) static void append(struct output *output, const char *format,
                                                         ...)
{
    va_list list;
    va_start(list, format);
    append_va(output, format, list);
    va_end(list);
}

/* A message, and the word that it is about. */
struct complaint {
    struct output message;
    struct word word;
};

/* Quote the user's word, at most `most` characters of it. */
static void append_word(struct output *output, struct word word)
{
    const int most = 48;
    bool cut = word.length > (size_t)most;
    append(output, "%.*s%s", cut ? most : (int)word.length, word.text, cut ? "..." : "");
}

/* "option WORD: FORMAT..."; returns false. */
__attribute__((format(printf, 2, 3))) static bool refuse(struct complaint *complaint,
                                                         const char *format, ...)
{
    va_list list;
    append(&complaint->message, "option ");
    append_word(&complaint->message, complaint->word);
    append(&complaint->message, ": ");
    va_start(list, format);
    append_va(&complaint->message, format, list);
    va_end(list);
    return false;
}

static bool equals(struct word word, const char *text)
{
    return strlen(text) == word.length && memcmp(word.text, text, word.length) == 0;
}

/* Cut off and return the text before the next `separator`; skip the separator. */
static struct word next_piece(struct word *rest, char separator)
{
    struct word piece = {.text = rest->text};
    while (piece.length < rest->length && rest->text[piece.length] != separator)
        piece.length++;
    size_t step = piece.length < rest->length ? piece.length + 1 : piece.length;
    rest->text += step;
    rest->length -= step;
    return piece;
}

/* ---- values ---- */

static unsigned digit_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return (unsigned)(digit - '0');
    if (digit >= 'a' && digit <= 'f')
        return (unsigned)(digit - 'a') + 10;
    if (digit >= 'A' && digit <= 'F')
        return (unsigned)(digit - 'A') + 10;
    return 16;
}

enum number_result { NUMBER_GOOD, NUMBER_MALFORMED, NUMBER_TOO_LARGE };

static enum number_result read_digits(struct word word, unsigned base, uint64_t *value)
{
    enum number_result result = word.length == 0 ? NUMBER_MALFORMED : NUMBER_GOOD;
    *value = 0;
    for (size_t i = 0; i < word.length; i++) {
        unsigned digit = digit_value(word.text[i]);
        if (digit >= base)
            return NUMBER_MALFORMED;
        if (__builtin_mul_overflow(*value, base, value) ||
            __builtin_add_overflow(*value, digit, value))
            result = NUMBER_TOO_LARGE;
    }
    return result;
}

static enum number_result read_number(struct word word, unsigned base, uint64_t *value)
{
    if (word.length >= 2 && word.text[0] == '0' && word.text[1] == 'x')
        return read_digits((struct word){word.text + 2, word.length - 2}, 16, value);
    return read_digits(word, base, value);
}

static bool parse_number(const struct option *option, struct word value, void *field,
                         struct complaint *complaint)
{
    uint64_t number;
    bool hex = option->kind == OPTION_HEX;
    enum number_result result = read_number(value, hex ? 16 : 10, &number);
    if (result == NUMBER_MALFORMED && hex)
        return refuse(complaint, "not a hex number; allowed 1 to 16 hex digits");
    if (result == NUMBER_TOO_LARGE && hex)
        return refuse(complaint, "out of range; allowed 1 to 16 hex digits");
    if (result == NUMBER_MALFORMED || result == NUMBER_TOO_LARGE || number < option->least ||
        number > option->most)
        return refuse(complaint, "%s; allowed %lu to %lu",
                      result == NUMBER_MALFORMED ? "not a number" : "out of range", option->least,
                      option->most);
    *(uint64_t *)field = number;
    return true;
}

static void store_text(struct word value, char *field)
{
    memcpy(field, value.text, value.length);
    field[value.length] = '\0';
}

static bool parse_text(const struct option *option, struct word value, char *field,
                       struct complaint *complaint)
{
    for (size_t i = 0; i < value.length; i++) {
        if (strchr(option->allowed, value.text[i]) == NULL)
            return refuse(complaint, "character '%c'; allowed %s", value.text[i], option->allowed);
    }
    if (value.length < option->least || value.length >= option->size)
        return refuse(complaint, "%zu characters; allowed %lu to %zu", value.length, option->least,
                      option->size - 1);
    store_text(value, field);
    return true;
}

static bool parse_choice(const struct option *option, struct word value, char *field,
                         struct complaint *complaint)
{
    struct word words = {option->allowed, strlen(option->allowed)};
    while (words.length > 0) {
        struct word word = next_piece(&words, ' ');
        if (word.length == value.length && memcmp(word.text, value.text, word.length) == 0) {
            store_text(value, field);
            return true;
        }
    }
    return refuse(complaint, "no such choice; allowed %s", option->allowed);
}

/* Read numbers from 0 to `most`, separated by commas: at most `limit` of them, not all 0. Returns
   how many there are, or 0 if `value` is no such list. `weights` may be NULL. */
static size_t read_weights(struct word value, uint64_t most, size_t limit, uint32_t *weights)
{
    uint64_t sum = 0;
    size_t count = 0;
    bool more = true;
    while (more && count < limit) {
        uint64_t weight;
        size_t before = value.length;
        struct word piece = next_piece(&value, ',');
        if (read_number(piece, 10, &weight) != NUMBER_GOOD || weight > most)
            return 0;
        if (weights)
            weights[count] = (uint32_t)weight;
        count++;
        sum += weight;
        more = before > piece.length; /* a comma followed */
    }
    return !more && sum > 0 ? count : 0;
}

static bool parse_weights(const struct option *option, struct word value, uint32_t *weights,
                          struct complaint *complaint)
{
    size_t limit = option->size / sizeof(weights[0]);
    if (read_weights(value, option->most, limit, NULL) == 0)
        return refuse(complaint,
                      "no list of weights; allowed 1 to %zu numbers from 0 to %lu, not all 0",
                      limit, option->most);
    memset(weights, 0, option->size);
    read_weights(value, option->most, limit, weights);
    return true;
}

static bool parse_value(const struct option *option, struct word value, void *values,
                        struct complaint *complaint)
{
    void *field = (char *)values + option->offset;
    switch (option->kind) {
    case OPTION_TEXT:
        return parse_text(option, value, field, complaint);
    case OPTION_CHOICE:
        return parse_choice(option, value, field, complaint);
    case OPTION_WEIGHTS:
        return parse_weights(option, value, field, complaint);
    default:
        return parse_number(option, value, field, complaint);
    }
}

/* ---- defaults ---- */

void options_default(const struct option_table *table, void *values)
{
    char ignored[1];
    struct complaint nowhere = {.message = {ignored, sizeof ignored}};
    for (size_t i = 0; i < table->count; i++) {
        struct word preset = {table->rows[i].preset, strlen(table->rows[i].preset)};
        parse_value(&table->rows[i], preset, values, &nowhere);
    }
}

/* ---- the command line ---- */

/* The index of the row with this name, or the table's count if there is none. */
static size_t find_option(const struct option_table *table, struct word name)
{
    size_t index = 0;
    while (index < table->count && !equals(name, table->rows[index].name))
        index++;
    return index;
}

static bool refuse_unknown(const struct option_table *table, struct word name,
                           struct complaint *complaint)
{
    if (find_option(table->other, name) < table->other->count)
        return refuse(complaint, "is for %s", table->other->program);
    append(&complaint->message, "unknown option ");
    append_word(&complaint->message, complaint->word);
    append(&complaint->message, "; known:");
    for (size_t i = 0; i < table->count; i++)
        append(&complaint->message, " %s", table->rows[i].name);
    return false;
}

/* Bit i of *seen: the option of row i was given already. */
static bool parse_word(const struct option_table *table, struct word word, void *values,
                       uint64_t *seen, struct complaint *complaint)
{
    struct word value = word;
    struct word name = next_piece(&value, '=');
    size_t index = find_option(table, name);
    complaint->word = word;
    if (index == table->count)
        return refuse_unknown(table, name, complaint);
    if (name.length == word.length)
        return refuse(complaint, "no value; write %s=VALUE", table->rows[index].name);
    if (*seen & (uint64_t)1 << index) {
        complaint->word = name;
        return refuse(complaint, "given twice");
    }
    *seen |= (uint64_t)1 << index;
    return parse_value(&table->rows[index], value, values, complaint);
}

/* Allow only printable ASCII: messages quote the command line and go to the log. */
static bool check_printable(const char *line, struct complaint *complaint)
{
    for (size_t i = 0; line[i] != '\0'; i++) {
        if (line[i] < ' ' || line[i] > '~') {
            append(&complaint->message,
                   "command line: character %#x at position %zu; allowed printable ASCII",
                   (unsigned char)line[i], i);
            return false;
        }
    }
    return true;
}

bool options_parse(const struct option_table *table, void *values, const char *command_line,
                   char *message, size_t message_size)
{
    struct complaint complaint = {.message = {message, message_size}};
    struct word rest = {command_line, strlen(command_line)};
    uint64_t seen = 0;
    if (!check_printable(command_line, &complaint))
        return false;
    while (rest.length > 0) {
        struct word word = next_piece(&rest, ' ');
        if (word.length > 0 && !parse_word(table, word, values, &seen, &complaint))
            return false;
    }
    return true;
}

/* ---- output ---- */

static void print_weights(struct output *output, const uint32_t *weights, size_t count)
{
    while (count > 1 && weights[count - 1] == 0)
        count--;
    for (size_t order = 0; order < count; order++)
        append(output, "%s%u", order > 0 ? "," : "", weights[order]);
}

bool options_print(const struct option_table *table, const void *values, size_t index, char *text,
                   size_t size)
{
    if (index >= table->count)
        return false;
    const struct option *option = &table->rows[index];
    const void *field = (const char *)values + option->offset;
    struct output output = {text, size};
    append(&output, "%s=", option->name);
    if (option->kind == OPTION_WEIGHTS)
        print_weights(&output, field, option->size / sizeof(uint32_t));
    else if (option->kind == OPTION_HEX)
        append(&output, "%016lx", *(const uint64_t *)field);
    else if (option->kind == OPTION_NUMBER)
        append(&output, "%lu", *(const uint64_t *)field);
    else
        append(&output, "%s", (const char *)field);
    return true;
}

bool options_describe(const struct option_table *table, size_t index, char *text, size_t size)
{
    if (index >= table->count)
        return false;
    const struct option *option = &table->rows[index];
    format_text(text, size, "%s=%s: %s", option->name, option->preset, option->help);
    return true;
}
