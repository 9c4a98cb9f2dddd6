/* COM1, 115200 baud 8N1, FIFO on. It has no lock: stress/report.c writes whole lines. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Set the port up. Returns false if there is none; then serial_write() does nothing. */
bool serial_init(void);

/*
 * Write `size` bytes. Every wait is bounded: if the port takes nothing for about ten seconds, the
 * rest is dropped. From then on, until the port takes something again, there is no wait. Any
 * context.
 */
void serial_write(const char *bytes, size_t size);

/* Wait, bounded likewise, until the port has sent everything. */
void serial_flush(void);
