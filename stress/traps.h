/* What an exception and an NMI mean to the stress and the explorer. */
#pragma once

#include <arch/trap.h>

/* None is expected: a failure, with the registers. */
void traps_exception(struct trap_frame *frame);

/*
 * While a failure is reported an NMI says "stop"; a question of the watchdog is answered; any other
 * comes from somebody outside who wonders at the silence.
 */
void traps_nmi(struct trap_frame *frame);
