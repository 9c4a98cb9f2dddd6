/* Stand-in for StACSOS's kernel/debug.h. */
#pragma once

namespace stacsos::kernel
{
/*
 * Debugging output. The first lines are printed. The rest is only kept in memory, because printing
 * it would take most of the run's time. See docs/STACSOS.md.
 */
void dprintf(const char *format, ...);
} // namespace stacsos::kernel
