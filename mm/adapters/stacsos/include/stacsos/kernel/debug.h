/* Stand-in for StACSOS's kernel/debug.h. */
#pragma once

namespace stacsos::kernel
{
/*
 * Debugging output. The first lines are printed; under stress the rest would be most of what the
 * machine does, and is kept in memory instead. See docs/STACSOS.md.
 */
void dprintf(const char *format, ...);
} // namespace stacsos::kernel
