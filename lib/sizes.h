/* Sizes that several modules have to agree on. Python reads them, too
 * (ci/stampedelib/vocabulary.py). */
#pragma once

enum {
    CORE_LIMIT = 256, /* processors a machine may have, at most: cpu_number() is below */
    LINE_LIMIT = 240, /* characters of a line of the log, at most (docs/LOG.md) */
};
