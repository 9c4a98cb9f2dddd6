/*
 * The names of the program's functions, for backtraces. ci/symbols makes the table from the linked
 * program.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * The name of the function that contains `address`, or NULL. *offset is set to the distance from
 * the function's start, in bytes. Any context.
 */
const char *symbol_find(uint64_t address, uint64_t *offset);

/* Write "name+0x12", or "0x1234" where there is no name. Returns `text`. */
char *symbol_format(char *text, size_t size, uint64_t address);

/*
 * The same for a return address, resolved by the call before it: after a call that never returns,
 * the return address may already lie in the next function.
 */
char *symbol_format_return(char *text, size_t size, uint64_t address);
