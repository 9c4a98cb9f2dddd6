/*
 * What a run without a failure has shown: for each promise, whether it was kept; for each promise
 * and rule that was not tested, why. docs/LOG.md has the format.
 */
#pragma once

#include <stress/run.h>

/* Write a line for each promise there is, and one for each rule that was not tested. Core 0. */
void tested_report(const struct run *run);
