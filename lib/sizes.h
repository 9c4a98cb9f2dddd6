/* Sizes that several modules have to agree on. Python reads them, too
 * (ci/stampedelib/vocabulary.py). */
#pragma once

enum {
    CORE_LIMIT = 256, /* most cores of a machine: cpu_number() is below */
    LINE_LIMIT = 240, /* most characters of a line of the log (docs/LOG.md) */
};
