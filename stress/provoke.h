/*
 * Failures made on purpose, to try what a user would see: provoke=NAME or NAME@CORE. All
 * else is as it always is; the failure comes some steps into the first phase that runs on all
 * cores.
 */
#pragma once

#include <stddef.h>
#include <stress/run.h>

/* Read the option, "" for none. Returns false with a message that says what there is. */
bool provoke_choose(const char *text, uint32_t cores, char *message, size_t size);

/* Whether a core is never to be woken (provoke=bringup), and which. */
bool provoke_skips_core(uint32_t *core);

/* Called by each core once a step: fails if it is time. */
void provoke_step(struct run *run, struct core *core);
