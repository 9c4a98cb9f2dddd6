/* COM1, 115200 baud 8N1, FIFO on. No lock of its own: stress/report writes whole lines. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Set the port up. Returns false if there is none; serial_write() then does nothing. */
bool serial_init(void);

/*
 * Write `size` bytes. Every wait is bounded: a port that takes nothing for about a second is given
 * up for good. Any context.
 */
void serial_write(const char *bytes, size_t size);
