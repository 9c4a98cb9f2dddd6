/*
 * Failures made on purpose, to show what a user would see: provoke=NAME or NAME@CORE. Everything
 * else runs as usual. The failure comes some steps into the first phase that runs on all cores.
 */
#pragma once

#include <stddef.h>
#include <stress/run.h>

/*
 * Read the option; "" for none. Returns false if it is wrong: `message` says why, and the log lists
 * the names if the name is unknown.
 */
bool provoke_choose(const char *text, uint32_t cores, char *message, size_t size);

/* Whether a core must never be started (provoke=bringup); its number is stored in *core. */
bool provoke_skips_core(uint32_t *core);

/* Each core calls this once per step. It causes the failure if it is time. */
void provoke_step(struct run *run, struct core *core);
