/* Log lines "# log: ..." for layers below stress/report.h, by lib/sinks.h. */
#pragma once

/* Any context but an NMI handler; any core. Slow (a serial port): do not log every operation. */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
