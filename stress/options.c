/*
 * Invariant: struct options is only ever replaced as a whole, by one in which every value keeps to
 * its row of the table. So what the rest reads from it needs no checking again.
 *
 * Which allocators, phases and failures there are is known to those who have them; here their
 * names are text of permitted characters.
 */
#include <lib/printf.h>
#include <lib/sizes.h>
#include <lib/string.h>
#include <stdarg.h>
#include <stress/options.h>

enum option_kind {
    OPTION_NUMBER,  /* uint64_t, min .. max */
    OPTION_HEX,     /* uint64_t, always hex */
    OPTION_TEXT,    /* characters of `allowed`, min .. max of them */
    OPTION_CHOICE,  /* one of the words in `allowed` */
    OPTION_WEIGHTS, /* uint32_t each, min .. max */
};

struct option {
    const char *name;
    enum option_kind kind;
    size_t offset;
    uint64_t min, max;
    const char
        *preset; /* the default, written as on the command line; NULL: see default_weights() */
    const char *allowed;
    const char *help;
};

#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789-"
#define FIELD(member)   offsetof(struct options, member)
#define TEXT_MAX        (OPTION_TEXT_SIZE - 1)

static const struct option table[] = {
    {"seed", OPTION_NUMBER, FIELD(seed), 0, UINT64_MAX, "0", NULL,
     "of all random choices; 0: from the cycle counter"},
    {"nonce", OPTION_HEX, FIELD(nonce), 0, UINT64_MAX, "0", NULL,
     "printed in the first and the last line, to tell this run from others"},
    {"seconds", OPTION_NUMBER, FIELD(seconds), 1, 604800, "15", NULL,
     "how long all phases take together"},
    {"ops", OPTION_NUMBER, FIELD(ops), 0, 1000000000000, "0", NULL,
     "operations of each core in each phase; 0: as many as the time allows"},
    {"cpus", OPTION_NUMBER, FIELD(cpus), 0, CPU_LIMIT - 1, "0", NULL, "cores to use; 0: all"},
    {"sample", OPTION_NUMBER, FIELD(sample), 1, 65536, "16", NULL,
     "one block in so many has all its contents checked"},
    {"yield", OPTION_NUMBER, FIELD(yield), 0, 1000000, "0", NULL,
     "one lock operation in so many gives way to other cores; 0: none"},
    {"preempt", OPTION_NUMBER, FIELD(preempt), 0, 1000000, "0", NULL,
     "microseconds, on average, between a core's interrupts that make it give way; 0: none"},
    {"watchdog", OPTION_NUMBER, FIELD(watchdog), 0, 3600, "2", NULL,
     "seconds without progress before a core is asked after by NMI; 0: never"},
    {"floor", OPTION_NUMBER, FIELD(floor), 0, 1000, "100", NULL,
     "percent of the usual floor of interleaving that a phase must see"},
    {"allocator", OPTION_TEXT, FIELD(allocator), 0, TEXT_MAX, "", NAME_CHARACTERS,
     "name of the allocator to test; empty: the first there is"},
    {"phases", OPTION_TEXT, FIELD(phases), 1, 2 * OPTION_TEXT_SIZE - 1, "all", NAME_CHARACTERS ",",
     "names of the phases to run, separated by commas, or all"},
    {"exit", OPTION_CHOICE, FIELD(exit), 0, 0, "auto", "auto halt power-off",
     "what to do in the end"},
    {"on-fail", OPTION_CHOICE, FIELD(on_fail), 0, 0, "exit", "exit hold",
     "after a failure: end as exit= says, or stay for a debugger"},
    {"provoke", OPTION_TEXT, FIELD(provoke), 0, TEXT_MAX, "", NAME_CHARACTERS "@",
     "a failure to make happen, to try the harness"},
    {"memory", OPTION_CHOICE, FIELD(memory), 0, 0, "all", "all none",
     "none: the allocator is given no memory, so that selftest can run where that fails"},
    {"orders", OPTION_WEIGHTS, FIELD(orders), 0, 1000000, NULL, NULL,
     "weights of orders 0, 1, ... in the random draw, separated by commas"},
    {"program-seed", OPTION_NUMBER, FIELD(program_seed), 0, UINT64_MAX, "0", NULL,
     "the program of the one trial to repeat"},
    {"schedule-seed", OPTION_NUMBER, FIELD(schedule_seed), 0, UINT64_MAX, "0", NULL,
     "the schedule of the one trial to repeat; 0: the usual one"},
    {"schedules", OPTION_NUMBER, FIELD(schedules), 0, 1000000000000, "0", NULL,
     "how many schedules to try; 0: as many as the time allows"},
    {"strategy", OPTION_CHOICE, FIELD(strategy), 0, 0, "portfolio",
     "portfolio walk sparse pct2 pct3 pct4 sweep given", "who decides who goes on"},
    {"preemptions", OPTION_NUMBER, FIELD(preemptions), 0, 8, "2", NULL,
     "of one schedule in a sweep, at most"},
    {"cores", OPTION_NUMBER, FIELD(cores), 1, 4, "4", NULL, "virtual cores, at most"},
    {"operations", OPTION_NUMBER, FIELD(operations), 2, 8, "6", NULL,
     "of one core in a program, at most"},
    {"pages", OPTION_NUMBER, FIELD(pages), 0, 64, "0", NULL, "of the arena; 0: 8 to 64, drawn"},
    {"interrupts", OPTION_NUMBER, FIELD(interrupts), 0, 1, "1", NULL,
     "whether handlers allocate and free"},
    {"points", OPTION_CHOICE, FIELD(points), 0, 0, "all", "all coarse",
     "where cores may change: at every access, or at atomics and writes"},
    {"races", OPTION_NUMBER, FIELD(races), 0, 1, "1", NULL, "whether races are reported"},
    {"minimise", OPTION_NUMBER, FIELD(minimise), 0, 1, "1", NULL,
     "whether a failure is made small"},
    {"keep-going", OPTION_NUMBER, FIELD(keep_going), 0, 1, "0", NULL,
     "count failures instead of ending at the first"},
    {"rule", OPTION_TEXT, FIELD(rule), 0, TEXT_MAX, "", NAME_CHARACTERS,
     "whose failure is looked for: others are only counted; empty: any"},
    {"program", OPTION_TEXT, FIELD(program), 0, 8 * OPTION_TEXT_SIZE - 1, "",
     "0123456789abcdefgimpx/:,.-", "the program to explore, as text"},
    {"switches", OPTION_TEXT, FIELD(switches), 0, 16 * OPTION_TEXT_SIZE - 1, "", "0123456789i.@:,",
     "the schedule to repeat, as text"},
};

enum { OPTION_COUNT = sizeof table / sizeof table[0] };

/* The explorer's own options are the last, here and in struct options. */
static bool is_for_explorer(const struct option *option)
{
    return option->offset >= FIELD(program_seed);
}

static size_t known_count(void)
{
    size_t count = OPTION_COUNT;

    while (!options_explore && is_for_explorer(&table[count - 1]))
        count--;
    return count;
}

/* A piece of the command line. */
struct word {
    const char *text;
    size_t length;
};

/* Room for text still to be written; what is written before it ends in NUL, cut off if need be. */
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

/* Where the message goes and what it is about. */
struct complaint {
    struct output message;
    struct word word;
};

/* The user's text, of which a message repeats no more than this. */
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

/* Cut off what stands before the next `separator`, and step over that. */
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
    if (result == NUMBER_MALFORMED || result == NUMBER_TOO_LARGE || number < option->min ||
        number > option->max)
        return refuse(complaint, "%s; allowed %llu to %llu",
                      result == NUMBER_MALFORMED ? "not a number" : "out of range",
                      (unsigned long long)option->min, (unsigned long long)option->max);
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
    if (value.length < option->min || value.length > option->max)
        return refuse(complaint, "%zu characters; allowed %llu to %llu", value.length,
                      (unsigned long long)option->min, (unsigned long long)option->max);
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

static bool parse_weights(const struct option *option, struct word value, uint32_t *weights,
                          struct complaint *complaint)
{
    uint64_t sum = 0;
    size_t count = 0;
    bool more = true;
    memset(weights, 0, sizeof(uint32_t) * (ORDER_LIMIT + 1));
    while (more && count <= ORDER_LIMIT) {
        uint64_t weight;
        size_t before = value.length;
        struct word piece = next_piece(&value, ',');
        if (read_number(piece, 10, &weight) != NUMBER_GOOD || weight > option->max)
            break;
        weights[count++] = (uint32_t)weight;
        sum += weight;
        more = before > piece.length; /* a comma came behind it */
    }
    if (!more && sum > 0)
        return true;
    return refuse(complaint,
                  "no list of weights; allowed 1 to %d numbers from 0 to %llu, not all 0",
                  ORDER_LIMIT + 1, (unsigned long long)option->max);
}

static bool parse_value(const struct option *option, struct word value, struct options *options,
                        struct complaint *complaint)
{
    void *field = (char *)options + option->offset;
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

/* Each order half as often as the one before, so that small ones dominate, but none never. */
static void default_weights(uint32_t *weights)
{
    for (unsigned order = 0; order <= ORDER_LIMIT; order++)
        weights[order] = order < 10 ? 1000u >> order : 1;
}

void options_default(struct options *options)
{
    char ignored[1];
    struct complaint nowhere = {.message = {ignored, sizeof ignored}};
    memset(options, 0, sizeof *options);
    default_weights(options->orders);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (table[i].preset != NULL) {
            struct word preset = {table[i].preset, strlen(table[i].preset)};
            parse_value(&table[i], preset, options, &nowhere);
        }
    }
}

/* ---- the command line ---- */

static bool refuse_unknown(struct complaint *complaint)
{
    append(&complaint->message, "unknown option ");
    append_word(&complaint->message, complaint->word);
    append(&complaint->message, "; known:");
    for (size_t i = 0; i < known_count(); i++)
        append(&complaint->message, " %s", table[i].name);
    return false;
}

/* Each bit of *seen is one row of the table. */
static bool parse_word(struct word word, struct options *options, uint64_t *seen,
                       struct complaint *complaint)
{
    struct word value = word;
    struct word name = next_piece(&value, '=');
    complaint->word = word;
    size_t index = 0;
    while (index < OPTION_COUNT && !equals(name, table[index].name))
        index++;
    if (index == OPTION_COUNT)
        return refuse_unknown(complaint);
    if (name.length == word.length)
        return refuse(complaint, "no value; write %s=VALUE", table[index].name);
    if (is_for_explorer(&table[index]) && !options_explore)
        return refuse(complaint, "is the explorer's: make explore, ci/stampede explore");
    if (*seen & (uint64_t)1 << index) {
        complaint->word = name;
        return refuse(complaint, "given twice");
    }
    *seen |= (uint64_t)1 << index;
    return parse_value(&table[index], value, options, complaint);
}
_Static_assert(OPTION_COUNT <= 64, "parse_word() has a bit for each option");

/* A message repeats what was given, and goes to the log: nothing else but printable ASCII. */
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

bool options_parse(struct options *options, const char *command_line, char *message,
                   size_t message_size)
{
    struct complaint complaint = {.message = {message, message_size}};
    struct options parsed = *options;
    struct word rest = {command_line, strlen(command_line)};
    uint64_t seen = 0;
    if (!check_printable(command_line, &complaint))
        return false;
    while (rest.length > 0) {
        struct word word = next_piece(&rest, ' ');
        if (word.length > 0 && !parse_word(word, &parsed, &seen, &complaint)) {
            options->nonce = parsed.nonce;
            return false;
        }
    }
    *options = parsed;
    return true;
}

/* ---- output ---- */

static void print_weights(struct output *output, const uint32_t *weights)
{
    unsigned last = ORDER_LIMIT;
    while (last > 0 && weights[last] == 0)
        last--;
    for (unsigned order = 0; order <= last; order++)
        append(output, "%s%u", order > 0 ? "," : "", weights[order]);
}

bool options_print(const struct options *options, size_t index, char *text, size_t size)
{
    if (index >= known_count())
        return false;
    const struct option *option = &table[index];
    const void *field = (const char *)options + option->offset;
    struct output output = {text, size};
    append(&output, "%s=", option->name);
    if (option->kind == OPTION_WEIGHTS)
        print_weights(&output, field);
    else if (option->kind == OPTION_HEX)
        append(&output, "%016llx", (unsigned long long)*(const uint64_t *)field);
    else if (option->kind == OPTION_NUMBER)
        append(&output, "%llu", (unsigned long long)*(const uint64_t *)field);
    else
        append(&output, "%s", (const char *)field);
    return true;
}

bool options_describe(size_t index, char *text, size_t size)
{
    struct options preset;
    char value[OPTION_TEXT_SIZE * 2 + 16];
    if (index >= known_count())
        return false;
    options_default(&preset);
    options_print(&preset, index, value, sizeof value);
    format_text(text, size, "%s: %s", value, table[index].help);
    return true;
}
