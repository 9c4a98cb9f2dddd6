/*
 * The names of the image's functions, for backtraces. ci/symbols makes the table from the linked
 * image.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * The function that `address` lies in, with *offset how far into it; NULL if it is in none. Any
 * context.
 */
const char *symbol_find(uint64_t address, uint64_t *offset);

/* Write "name+0x12", or "0x1234" where there is no name. Returns `text`. */
char *symbol_format(char *text, size_t size, uint64_t address);

/*
 * The same for a return address, which belongs to the call before it: behind a call that never
 * returns the next function may begin.
 */
char *symbol_format_return(char *text, size_t size, uint64_t address);
