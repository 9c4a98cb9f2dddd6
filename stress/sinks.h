/* What the programs made of stress/ do on a failure, a log line, an exception and an NMI. */
#pragma once

#include <lib/sinks.h>

/* Register this (lib/sinks.h). A program calls it first of all. */
void stress_set_sinks(void);
