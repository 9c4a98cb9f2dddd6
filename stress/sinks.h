/* What a failure, a line for the log, an exception and an NMI mean to the programs made of stress/.
 */
#pragma once

#include <lib/sinks.h>

/* Register that (lib/sinks.h). The first thing that a program does. */
void stress_set_sinks(void);
