/* A line in the log, for those below the report: "# log: ...". (lib/sinks.h) */
#pragma once

/* Any context but an NMI handler; any core. Slow (a serial port): not in every operation. */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
