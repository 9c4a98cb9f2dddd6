/*
 * Options as name=value words, read over a struct that a table describes: a row has an option's
 * name, kind, range, default and help, and says where in the struct its value is.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_kind {
    OPTION_NUMBER,  /* uint64_t, least .. most. Decimal, or hex after 0x */
    OPTION_HEX,     /* uint64_t, always hex */
    OPTION_TEXT,    /* char[]: characters of `allowed`, at least `least` of them, as many as fit */
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
    const char *program; /* whose options these are, for messages */
    const struct option *rows;
    size_t count;
    const struct option_table *other; /* of the other program; an option of it alone is refused */
};

/* Fill in the defaults. `values` is the struct that the table describes, here and below. */
void options_default(const struct option_table *table, void *values);

/*
 * Read "name=value name=value ...", separated by spaces. Returns true, or false with a message that
 * names the option and says what is allowed. Then the words before that one have been read. A value
 * that is there is always one that its row allows.
 */
bool options_parse(const struct option_table *table, void *values, const char *command_line,
                   char *message, size_t message_size);

/*
 * Option number `index` (0, 1, ...) as "name=value", as options_parse() reads it back; false when
 * there is no such index.
 */
bool options_print(const struct option_table *table, const void *values, size_t index, char *text,
                   size_t size);

/* Its line in the help text: "name=default: what it means"; false when there is no such index. */
bool options_describe(const struct option_table *table, size_t index, char *text, size_t size);
