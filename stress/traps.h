/* What the stress and the explorer do on an exception and on an NMI. */
#pragma once

#include <arch/trap.h>

/* No exception is expected: reports a failure with the registers. Does not return. */
void traps_exception(struct trap_frame *frame);

/*
 * While a failure is reported, an NMI stops this core. If the NMI is a question of the watchdog, it
 * is answered. Any other NMI comes from the host, which has noticed silence: reports a failure.
 */
void traps_nmi(struct trap_frame *frame);
