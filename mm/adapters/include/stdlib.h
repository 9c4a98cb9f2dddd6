/* For allocators under test. There is no heap, so malloc() and its relatives are missing. */
#pragma once

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Each ends the run as "panic". */
__attribute__((noreturn)) void abort(void);
__attribute__((noreturn)) void exit(int status);

int abs(int value);
long labs(long value);
long long llabs(long long value);

#ifdef __cplusplus
}
#endif
