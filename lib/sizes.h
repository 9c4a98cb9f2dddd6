/* Sizes that several modules have to agree on. */
#pragma once

enum {
    CPU_LIMIT = 256, /* processors a machine may have, at most: cpu_number() is below */
};
