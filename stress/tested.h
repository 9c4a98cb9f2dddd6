/*
 * What a run that broke nothing has shown: of each promise whether it was kept, and of each promise
 * and rule that was not tested why. Docs: docs/LOG.md.
 */
#pragma once

#include <stress/run.h>

/* Write a line for each promise there is, and one for each rule that was not tested. Core 0. */
void tested_report(const struct run *run);
