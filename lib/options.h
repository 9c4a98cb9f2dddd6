/*
 * Options as name=value words. A table describes the struct of their values: each row has an
 * option's name, kind, range, default and help, and the place of its value in the struct.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_kind {
    OPTION_NUMBER,  /* uint64_t, least .. most. Decimal, or hex after 0x */
    OPTION_HEX,     /* uint64_t, always hex */
    OPTION_TEXT,    /* char[]: at least `least` characters of `allowed`, at most size - 1 */
    OPTION_CHOICE,  /* char[]: one of the words in `allowed` */
    OPTION_WEIGHTS, /* uint32_t[]: numbers separated by commas, 0 .. most; missing ones are 0, at
                       least one is not */
};

struct option {
    const char *name;
    size_t offset, size; /* of the value in the struct, in bytes */
    enum option_kind kind;
    uint64_t least, most;
    const char *preset; /* the default, written as on the command line */
    const char *allowed;
    const char *help;
};

enum { OPTION_ROWS_MAX = 64 }; /* options_parse() has a bit for each */

struct option_table {
    const char *program; /* the program that has these options, for messages */
    const struct option *rows;
    size_t count;
    const struct option_table *other; /* the other program's options, for a message that names it */
};

/* Fill in the defaults. `values` is the struct that the table describes, here and below. */
void options_default(const struct option_table *table, void *values);

/*
 * Read "name=value name=value ...", separated by spaces. Returns true, or false with a message that
 * names the option and says what is allowed. The words before a wrong one are stored even then. The
 * struct only ever holds values that its rows allow.
 */
bool options_parse(const struct option_table *table, void *values, const char *command_line,
                   char *message, size_t message_size);

/*
 * Option number `index` (0, 1, ...) as "name=value", as options_parse() reads it back; false when
 * there is no such index.
 */
bool options_print(const struct option_table *table, const void *values, size_t index, char *text,
                   size_t size);

/* The help line of option number `index`: "name=default: what it means"; false when there is no
 * such index. */
bool options_describe(const struct option_table *table, size_t index, char *text, size_t size);
