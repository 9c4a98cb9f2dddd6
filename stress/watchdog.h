/*
 * The watchdog: each core watches the next one, in its timer interrupts. No core is called stuck on
 * the evidence of time alone.
 *
 * A core counts its progress (watchdog_progress()) and says when it is at work (watchdog_busy()).
 * If a core at work makes no progress for `watchdog` seconds (the option), it is asked by NMI,
 * which it takes with interrupts off, too. It is stuck only if it answers WATCHDOG_ANSWERS times,
 * spread over as much time again, and has still made no progress. A virtual CPU that its host does
 * not run answers nothing; one that runs a little makes progress.
 *
 * A core that waits for a lock is judged by the lock's owner. If the cores wait in a circle, the
 * rule is deadlock; otherwise the owner is stuck, rule stall. A core may also wait for a lock that
 * is not the harness's. So the others must have made enough progress meanwhile for any queue to
 * move on. If all cores at work have answered and none of them makes progress, waiting is no
 * excuse: rule stall, too.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { WATCHDOG_ANSWERS = 4 };

/* Start watching on this core. Every core calls it once it is up, interrupts on. */
void watchdog_start_core(void);

/*
 * Have core 0 watched from now on, while it makes the run ready and the others sleep, taking
 * interrupts. Core 0 calls it once the other cores are up. A single core watches itself; this turns
 * its interrupts on.
 */
void watchdog_before_run(void);

/* What the timer calls. A timer handler of a phase calls it, too. */
void watchdog_tick(void);

/* Set how long a core may be without progress before it is asked, in seconds; 0: for ever. */
void watchdog_set_limit(uint64_t seconds);

/* On each tick of core 0 call tell(context), interrupts off, unless a failure is being reported. */
void watchdog_set_teller(void (*tell)(void *context), void *context);

/* The progress of the first `cores` cores together: unchanged only if none of them made any. */
uint64_t watchdog_progress_of(uint32_t cores);

/*
 * Set whether this core is at work (true) or waits for others. Counts as progress. Returns the
 * previous state.
 */
bool watchdog_busy(bool busy);

/* Count progress of this core. watch_own_progress() returns the count. */
void watchdog_progress(void);
uint64_t watch_own_progress(void);

/* Whether `core` is at work. A snapshot. */
bool watch_is_busy(uint32_t core);

/*
 * Ask `core` by NMI. Returns how often it has been asked. *watch_answers(core), which is atomic,
 * reaches that number when it has answered.
 */
uint32_t watch_ask(uint32_t core);
const uint32_t *watch_answers(uint32_t core);

/* Called in an NMI. Returns true if the NMI was a question, which is now answered. */
bool watchdog_answer(void);

/*
 * The rule and the title for what holds the machine up. Called when the host asks by an NMI because
 * the guest is silent; the other cores still run. Stores the title in `text`.
 */
enum rule watchdog_diagnose(char *text, uint32_t size);
