/*
 * The watchdog: each core watches the next, by its timer's interrupts, and no core is called stuck
 * on the evidence of time alone.
 *
 * A core counts its progress (watch_progress) and says when it is at work (watch_busy). One that is
 * at work and has made none for `watchdog` seconds is asked by NMI, which it takes with interrupts
 * off too. Only a core that answers WATCH_ANSWERS times, spread over further time, with its count
 * still where it was is stuck: a virtual CPU that its host does not run answers nothing, and one
 * that runs a little moves on. A core that waits for a lock is judged by the lock's owner: around
 * in a circle it is "deadlock"; otherwise the owner is who is stuck, "stall". A core may also wait
 * for a lock that is not the harness's: so the others must have got on far enough meanwhile for a
 * queue to have let it through. Where all that are at work have answered and none of them gets on,
 * waiting is no excuse: "stall" too.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { WATCH_ANSWERS = 4 };

/* Start watching, on every core once it is up, interrupts on. seconds 0: never. */
void watch_start_core(void);

/*
 * Watch core 0 from now on while it makes the run ready and the others sleep, taking interrupts.
 * Core 0, once they are up. Alone it watches itself, with interrupts on from now on.
 */
void watch_before_run(void);

/* What the timer calls; for those who use the timer for more. */
void watch_tick(void);
void watch_set_limit(uint64_t seconds);

/* On each tick of core 0, unless a failure is being told, `tell(context)` is called, interrupts
 * off. */
void watch_set_teller(void (*tell)(void *context), void *context);

/* The progress of the first `cores` cores together: unchanged only if none of them made any. */
uint64_t watch_progress_of(uint32_t cores);

/* This core is at work from now on / waits for others. Returns what was. */
bool watch_busy(bool busy);

/* This core got something done. watch_own_progress() is how often it did. */
void watch_progress(void);
uint64_t watch_own_progress(void);

/* Whether `core` is at work. A snapshot. */
bool watch_is_busy(uint32_t core);

/*
 * Ask after `core` by NMI. Returns how often it has been asked; *watch_answers(core), which is
 * atomic, comes up to that.
 */
uint32_t watch_ask(uint32_t core);
const uint32_t *watch_answers(uint32_t core);

/* Called in an NMI: true if it was a question and has been answered. */
bool watch_answer(void);

/*
 * With the others stopped: the title of what holds the machine up, for when the host asked (an NMI
 * from outside because of silence). Rule and text as failure_begin() wants them.
 */
enum rule watch_diagnose(char *text, uint32_t size);
