/* Stand-in for StACSOS's kernel/debug.h. */
#pragma once

namespace stacsos::kernel
{
/*
 * Debugging output. Under stress it would be most of what the machine does, so it is not printed:
 * the last of it is kept in memory (stacsos_debug_text, for gdb). See docs/STACSOS.md.
 */
void dprintf(const char *format, ...);
} // namespace stacsos::kernel
