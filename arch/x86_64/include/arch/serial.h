/* COM1, 115200 baud 8N1, FIFO on. No lock of its own: stress/report writes whole lines. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Set the port up. Returns false if there is none; serial_write() then does nothing. */
bool serial_init(void);

/*
 * Write `size` bytes. Every wait is bounded: what a port does not take within about ten seconds is
 * dropped, and from then on, until it takes something again, without any wait. Any context.
 */
void serial_write(const char *bytes, size_t size);

/* Wait, bounded likewise, until all that was written has left the port. */
void serial_flush(void);
